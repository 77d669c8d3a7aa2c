/**
 * Mends what a proof found, and nothing else: what should be there is written as its newest record makes it, what should not be
 * there is deleted; each under a version that the document's next record passes.
 */
import type { DocumentWrite, StoredDocument } from '../model/document.ts';
import type { Failure, WriteOutcome } from '../model/outcome.ts';
import { applied } from '../model/outcome.ts';
import { completed } from '../json/partial-document.ts';
import type { ExternalVersion, Offset } from '../model/position.ts';
import { backoffMs } from '../model/retrying.ts';
import type { Clock, Sink } from '../pipeline/ports.ts';
import { pathsIn } from './fold.ts';
import type { Expectation, ProofIndex, ProofStore, Suspect } from './verify-ports.ts';
import { sights } from './verify.ts';

export interface RepairOptions {
  readonly store: ProofStore;
  readonly index: ProofIndex;
  /** Accepts a version that is there already (`external_gte`). */
  readonly sink: Sink;
  /** What the writes name. */
  readonly alias: string;
  /** Of each partition, as in `TopicReader`. */
  readonly positions: readonly Offset[];
  readonly clock: Clock;
}

/** Documents, by what became of them. */
export interface Repaired {
  readonly written: number;
  readonly deleted: number;
  /** Left as they are, each kind with why: Elasticsearch refuses them, or the topics do not have their text. */
  readonly left: readonly { readonly id: string; readonly why: string }[];
}

const batchSize = 500;
const attempts = 5;
const backoff = { initialMs: 500, maxMs: 4000 };

/** A write, and the highest version that the document's next record passes. */
interface Rewrite {
  readonly write: DocumentWrite;
  readonly highest: ExternalVersion;
}

type Mend =
  | { readonly kind: 'writes'; readonly deletes: readonly DocumentWrite[]; readonly index: Rewrite | undefined }
  | { readonly kind: 'left'; readonly why: string };

export async function repair(
  options: RepairOptions,
  suspects: readonly Suspect[],
  signal: AbortSignal,
): Promise<Repaired | Failure> {
  const { store, index } = options;
  const tally = { written: 0, deleted: 0, left: [] as { readonly id: string; readonly why: string }[] };
  const refuse = ({ id }: DocumentWrite, outcome: WriteOutcome): boolean => {
    if (outcome.status === 'rejected') tally.left.push({ id, why: outcome.failure.message });
    return outcome.status === 'rejected';
  };
  for (let at = 0; at < suspects.length; at += batchSize) {
    const batch = oncePerDocument(suspects.slice(at, at + batchSize));
    const expectations = batch.map(({ id }) => store.expectationOf(id));
    const found = await sights(index, batch, expectations, signal);
    if ('code' in found) return found;
    const deletes: DocumentWrite[] = [];
    const rewrites: Rewrite[] = [];
    for (const [position, { id }] of batch.entries()) {
      const mend = mendOf(options, expectations[position], found[position] ?? []);
      if (mend.kind === 'left') tally.left.push({ id, why: mend.why });
      else {
        deletes.push(...mend.deletes);
        if (mend.index !== undefined) rewrites.push(mend.index);
      }
    }
    // A document may be written and, under another routing, deleted: never in one request.
    const gone = await send(options, deletes, signal);
    if ('code' in gone) return gone;
    tally.deleted += deletes.filter((write, position) => !refuse(write, gone[position] ?? applied)).length;
    const written = await rewrite(options, rewrites, refuse, signal);
    if (typeof written !== 'number') return written;
    tally.written += written;
  }
  return tally;
}

/** Answers how many are there now, by us or by something newer. */
async function rewrite(
  options: RepairOptions,
  rewrites: readonly Rewrite[],
  refuse: (write: DocumentWrite, outcome: WriteOutcome) => boolean,
  signal: AbortSignal,
): Promise<number | Failure> {
  const writes = rewrites.map(({ write }) => write);
  const outcomes = await send(options, writes, signal);
  if ('code' in outcomes) return outcomes;
  const done = writes.filter((write, position) => !refuse(write, outcomes[position] ?? applied)).length;
  // Elasticsearch remembers a delete by hand, under a version of its own, which is above that of the newest record.
  const beaten = rewrites
    .filter((_, position) => outcomes[position]?.status === 'superseded')
    .map(({ write, highest }): DocumentWrite => ({ ...write, version: highest }));
  const again = await send(options, beaten, signal);
  return 'code' in again ? again : done;
}

function oncePerDocument(suspects: readonly Suspect[]): readonly Suspect[] {
  return [...new Map(suspects.map((suspect) => [`${suspect.routing ?? ''}/${suspect.id}`, suspect])).values()];
}

function mendOf(
  { store, alias, positions }: RepairOptions,
  expected: Expectation | undefined,
  found: readonly StoredDocument[],
): Mend {
  const removal = ({ id, version, routing }: StoredDocument): DocumentWrite => ({
    ...{ action: 'delete', index: alias, id, version },
    ...(routing !== undefined && { routing }),
  });
  if (expected === undefined || expected.isDeleted) {
    return { kind: 'writes', deletes: found.map(removal), index: undefined };
  }
  const { id, routing, omitted, source: partition } = expected;
  const own = found.find((document) => document.routing === routing);
  const text = store.textOf(id);
  if (text === undefined || expected.digest === null) return { kind: 'left', why: 'the topics do not have all of it' };
  // Of what the topics do not have, the index keeps what it has.
  const withheld = omitted === undefined ? [] : pathsIn(omitted);
  const { source } = withheld.length === 0 ? { source: text } : completed(own?.source, [{ source: text, withheld }]);
  const read = Math.max((positions[partition] ?? 0) - 1, expected.offset);
  const highest = String(BigInt(expected.version) + BigInt(read - expected.offset)) as ExternalVersion;
  const version = own !== undefined && BigInt(own.version) > BigInt(expected.version) ? own.version : expected.version;
  const write: DocumentWrite = {
    ...{ action: 'index', index: alias, id, version, source },
    ...(routing !== undefined && { routing }),
  };
  return {
    kind: 'writes',
    deletes: found.filter((document) => document !== own).map(removal),
    index: { write, highest },
  };
}

/** What is not answered for the cluster's sake is sent again, some times. */
export async function send(
  { sink, clock }: Pick<RepairOptions, 'sink' | 'clock'>,
  writes: readonly DocumentWrite[],
  signal: AbortSignal,
): Promise<readonly WriteOutcome[] | Failure> {
  const outcomes = new Map<DocumentWrite, WriteOutcome>();
  let left = writes;
  for (let attempt = 1; left.length > 0; attempt += 1) {
    const answers = await sink.write(left, signal);
    for (const [position, write] of left.entries()) {
      const answer = answers[position];
      if (answer !== undefined) outcomes.set(write, answer);
    }
    const failed = left.filter((write) => outcomes.get(write)?.status === 'retryable');
    const [first] = failed.map((write) => outcomes.get(write));
    if (attempt === attempts && first?.status === 'retryable') return first.failure;
    left = failed;
    if (left.length > 0) await clock.sleep(backoffMs(backoff, attempt), signal);
  }
  return writes.flatMap((write) => outcomes.get(write) ?? []);
}
