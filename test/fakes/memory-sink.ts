import { applied, superseded } from '../../src/model/outcome.ts';
import type { Failure, WriteOutcome } from '../../src/model/outcome.ts';
import type { DocumentWrite } from '../../src/model/document.ts';
import type { ExternalVersion } from '../../src/model/position.ts';
import type { DocumentScan, Sink } from '../../src/pipeline/ports.ts';

/** What is done to one write of one request instead of applying it (or, for `lost`, after applying it). */
export type Fault =
  | { readonly kind: 'reject' }
  | { readonly kind: 'retry'; readonly failure: Failure }
  /** Applied, but the answer says that it may not have been. */
  | { readonly kind: 'lost'; readonly failure: Failure };

export interface MemorySink extends Sink, DocumentScan {
  /** Documents as `index/id` → source; what a search would find. */
  sources(): ReadonlyMap<string, string>;
  /** Requests so far, each with its writes, in the order in which they came. */
  readonly requests: readonly (readonly DocumentWrite[])[];
  /** Requests that wait for `answer`, when the sink holds its answers. */
  readonly held: readonly HeldRequest[];
  /** As a shard does that was flushed, killed and restarted: it knows of no deleted document that it was deleted. */
  forgetDeletes(): void;
}

export interface HeldRequest {
  readonly writes: readonly DocumentWrite[];
  answer(faultOf?: (write: DocumentWrite) => Fault | undefined): void;
}

const key = (write: DocumentWrite): string => `${write.index}/${write.id}`;

/**
 * An index with external versions in memory. Deleted versions are remembered until it is told to forget them. With `hold`, requests wait until
 * the test answers them, in any order; `faultOf` scripts faults otherwise.
 */
export function createMemorySink(options: {
  readonly hold?: boolean;
  readonly faultOf?: (write: DocumentWrite) => Fault | undefined;
}): MemorySink {
  const sources = new Map<string, string>();
  const versions = new Map<string, bigint>();
  const requests: (readonly DocumentWrite[])[] = [];
  const held: HeldRequest[] = [];

  const apply = (write: DocumentWrite): WriteOutcome => {
    const current = versions.get(key(write));
    const version = BigInt(write.version);
    if (current !== undefined && version <= current) return superseded;
    versions.set(key(write), version);
    if (write.action === 'index') sources.set(key(write), write.source.toString());
    else sources.delete(key(write));
    return applied;
  };

  const outcomeOf = (write: DocumentWrite, fault: Fault | undefined): WriteOutcome => {
    switch (fault?.kind) {
      case undefined:
        return apply(write);
      case 'reject':
        return { status: 'rejected', failure: { code: 'DOCUMENT_REJECTED', message: 'scripted' } };
      case 'retry':
        return { status: 'retryable', failure: fault.failure };
      case 'lost':
        apply(write);
        return { status: 'retryable', failure: fault.failure };
    }
  };

  return {
    requests,
    held,
    sources: () => sources,
    forgetDeletes: () => {
      for (const place of versions.keys()) if (!sources.has(place)) versions.delete(place);
    },
    documents: async function* (index) {
      // As they are now, two a page; the pages are handed over when the caller asks for them.
      const found = [...sources.keys()]
        .filter((place) => place.startsWith(`${index}/`))
        .map((place) => ({
          id: place.slice(index.length + 1),
          version: String(versions.get(place)) as ExternalVersion,
        }));
      for (let at = 0; at < found.length; at += 2) yield await Promise.resolve(found.slice(at, at + 2));
    },
    write: (writes, signal) => {
      requests.push(writes);
      if (options.hold !== true) {
        return Promise.resolve(writes.map((write) => outcomeOf(write, options.faultOf?.(write))));
      }
      return new Promise((resolve, reject) => {
        const request: HeldRequest = {
          writes,
          answer: (faultOf) => {
            held.splice(held.indexOf(request), 1);
            resolve(writes.map((write) => outcomeOf(write, faultOf?.(write))));
          },
        };
        held.push(request);
        signal.addEventListener('abort', () => {
          reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        });
      });
    },
  };
}
