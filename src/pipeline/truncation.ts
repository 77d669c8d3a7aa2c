/**
 * What becomes of the documents of a table that was truncated: each document of the topic has its own policy.
 *
 * To delete, in this order:
 *  1. Everything of the partition before the truncate is settled: a write that is still under way could come after its delete.
 *     Records after the truncate go on meanwhile; their versions are higher.
 *  2. The index is scanned, page by page, and what has a lower version than the truncate is deleted with the truncate's version:
 *     so a later write always wins, whichever comes first, and a replay changes nothing.
 *  3. The truncate is settled when all deletes are: until then its offset is not committed, and a crash begins it anew.
 *     When the tenure of its partition ends, it stops: the new owner begins it anew.
 *
 * The record has no key, so it is ordered only against the records of its own partition: the topic must have one (`routes.ts`).
 */
import { failureIn } from '../errors.ts';
import type { Truncate } from '../model/change-event.ts';
import type { DeleteWrite, TruncatedDocument } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import { placeText } from '../model/record.ts';
import { isNewer } from './write/lane.ts';
import type { Clock, DocumentScan, Observer } from './ports.ts';
import { retryDelayMs } from './retry.ts';
import type { RetryPolicy } from './retry.ts';
import type { Ticket } from './settle/ticket.ts';
import type { Writer } from './write/writer.ts';

export interface TruncationOptions {
  /** Without it, nothing can be deleted. */
  readonly scan: DocumentScan | undefined;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly retry: RetryPolicy;
  /** Resolves when something was settled. */
  readonly progress: () => Promise<void>;
  readonly progressed: () => void;
  readonly signal: AbortSignal;
}

export interface Truncations {
  /** Ends the ticket's part. Synchronous; deletes go on in the background. */
  take(event: Truncate, documents: readonly TruncatedDocument[], ticket: Ticket): void;
}

export function createTruncations(options: TruncationOptions): Truncations {
  const { scan, writer, clock, observer, retry, progress, progressed, signal } = options;
  /** Deletes one page of documents; resolves when every delete is settled, or the tenure is over. */
  const deletePage = (writes: readonly DeleteWrite[], ticket: Ticket): Promise<void> =>
    new Promise((resolve) => {
      const { signal: lost } = ticket.tenure();
      const done = (): void => {
        lost.removeEventListener('abort', done);
        resolve();
      };
      lost.addEventListener('abort', done);
      const page = ticket.child(done);
      page.expect(writes.length - 1);
      for (const write of writes) writer.submit(write, page);
      writer.flush();
    });

  const deleteOlder = async (
    scanned: DocumentScan,
    { index, versionOf }: TruncatedDocument,
    { record }: Truncate,
    ticket: Ticket,
    ended: AbortSignal,
  ): Promise<void> => {
    const version = versionOf(record);
    for await (const page of scanned.documents(index, ended)) {
      if (ended.aborted) break;
      const writes = page
        .filter((found) => isNewer(version, found.version))
        .map(({ id, routing }): DeleteWrite => ({
          action: 'delete',
          index,
          id,
          version,
          ...(routing !== undefined && { routing }),
        }));
      if (writes.length > 0) await deletePage(writes, ticket);
    }
  };

  /** Tries for ever, loudly. A page that was deleted already costs nothing when it is met again: it is not found any more. */
  const empty = async (
    scanned: DocumentScan,
    document: TruncatedDocument,
    event: Truncate,
    ticket: Ticket,
  ): Promise<void> => {
    const ended = AbortSignal.any([signal, ticket.tenure().signal]);
    const isOver = (): boolean => ended.aborted;
    const waiting = waitOf(document, event);
    while (!isOver() && !ticket.isOldest()) await progress();
    const sinceMs = clock.nowMs();
    for (let attempt = 1; !isOver(); attempt += 1) {
      try {
        await deleteOlder(scanned, document, event, ticket, ended);
        if (isOver()) return;
        if (attempt > 1) observer.recovered('TRUNCATE_WAITS', clock.nowMs() - sinceMs, waiting);
        ticket.settle('superseded');
        progressed();
        return;
      } catch (error) {
        if (isOver()) return;
        const failure = waits(document, error);
        const delayMs = retryDelayMs(retry, failure, attempt);
        observer.waiting(failure, attempt, delayMs, waiting);
        await clock.sleep(delayMs, ended);
      }
    }
  };

  const refuseFor = ({ index }: TruncatedDocument, { record, origin }: Truncate, ticket: Ticket): void => {
    const message = `${origin.collection} was truncated at ${placeText(record)}; the documents of ${index} were left as they are.`;
    observer.warned({ code: 'TRUNCATE_REFUSED', message });
    ticket.refuse({ code: 'TRUNCATE_REFUSED', message });
  };

  return {
    take: (event, documents, ticket) => {
      const active = documents.filter(({ policy }) => policy !== 'ignore');
      if (active.length === 0) {
        ticket.ignore(documents.length === 0 ? 'not-mapped' : 'truncate');
        return;
      }
      ticket.expect(active.length - 1);
      for (const document of active) {
        if (document.policy === 'refuse' || scan === undefined) refuseFor(document, event, ticket);
        else void empty(scan, document, event, ticket);
      }
    },
  };
}

/** Truncates of several partitions may wait for one index. */
function waitOf({ index }: TruncatedDocument, { record }: Truncate): string {
  return `truncate of ${index} by ${placeText(record)}`;
}

function waits({ index }: TruncatedDocument, error: unknown): Failure {
  const cause = failureIn(error);
  const reason = cause?.message ?? (error instanceof Error ? error.name : typeof error);
  const message = `The documents of ${index}, whose table was truncated, cannot be deleted yet: ${reason}`;
  return { code: 'TRUNCATE_WAITS', message };
}
