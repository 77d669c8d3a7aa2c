/**
 * Proves an index equal to the fold of its topics, while both go on (docs/decisions/0030-verify.md).
 *
 * What the scan finds exactly as expected is right, once and for all. All else is suspect, and looked at again by id, in rounds:
 * the topics are read up to their ends as they are then, then the group's committed offsets, then the documents in real time. A
 * suspect is guilty only if no order of events explains it: an older version counts only once the service has settled the record
 * of the newer, and a newer one, or none at all, only once the topics were read beyond the moment at which that was seen.
 */
import type { StoredDocument } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { ExternalVersion } from '../model/position.ts';
import type { VectorField } from '../model/vector-field.ts';
import type { Clock } from '../pipeline/ports.ts';
import { digestOf, pathsIn } from './fold.ts';
import type { Expectation, ProofIndex, ProofStore, Suspect, TopicReader, Verdict } from './verify-ports.ts';

export interface VerifyOptions {
  readonly store: ProofStore;
  /** Whose records go into `store`. */
  readonly reader: TopicReader;
  readonly index: ProofIndex;
  /** Of the index, as the fold has them. */
  readonly vectors?: readonly VectorField[] | undefined;
  readonly clock: Clock;
  /** How long suspects that nothing can be said of yet are waited for while none of them is cleared up. */
  readonly patienceMs: number;
  readonly progress: (documents: number, expected: number) => void;
}

export interface Verified {
  /** Documents of the index that were looked at. */
  readonly documents: number;
  /** Documents that should be there. */
  readonly expected: number;
}

/** Documents that are looked at again in one request. */
const pageSize = 500;

/** What was found is in the store. Resolves with a failure if the index could not be read to its end. */
export async function verify(options: VerifyOptions, signal: AbortSignal): Promise<Verified | Failure> {
  const { store, reader, index, vectors, progress } = options;
  await reader.catchUp();
  const expected = store.expectedDocuments();
  // Without the privilege, what was written last is found by the second look.
  await index.refresh(signal);
  let documents = 0;
  for await (const page of index.scan(true, signal)) {
    if ('code' in page) return page;
    for (const found of page) {
      const digest = digestOf(found.source ?? '{}', [], vectors);
      if (!store.confirm(found, digest)) store.suspect(found.id, found.routing, found.version);
    }
    documents += page.length;
    progress(documents, expected);
  }
  store.suspectUnconfirmed();
  const failure = await lookAgain(options, judgeDocument, signal);
  return failure ?? { documents, expected };
}

/** What was seen of a suspect, and what was known when it was seen. */
export interface Sight {
  readonly suspect: Suspect;
  readonly expected: Expectation | undefined;
  /** Under the routing it should have, and under others. */
  readonly own: StoredDocument | undefined;
  readonly strays: readonly StoredDocument[];
  /** Whether the service has settled the record of what is expected. */
  readonly isSettled: boolean;
  /** The version below which all versions of the document's partition were read; undefined if no record of it was. */
  readonly reachedVersion: bigint | undefined;
  readonly holdsHistory: boolean;
  readonly vectors: readonly VectorField[] | undefined;
}

/** `undefined` acquits. */
export type Judge = (sight: Sight) => Verdict | undefined;

/** Looks at suspects until each is judged, or until patience ends. */
export async function lookAgain(
  options: VerifyOptions,
  judge: Judge,
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const { reader, clock, patienceMs } = options;
  let left = Number.POSITIVE_INFINITY;
  let since = clock.nowMs();
  for (;;) {
    await reader.catchUp();
    const settled = await reader.settled();
    const open = await round(options, settled, judge, signal);
    if (typeof open !== 'number') return open;
    if (open === 0) return undefined;
    if (open < left) since = clock.nowMs();
    else if (clock.nowMs() - since > patienceMs) return undefined;
    left = Math.min(left, open);
    await clock.sleep(200, signal);
    signal.throwIfAborted();
  }
}

/** One look at every open suspect; answers how many are open still. */
async function round(
  { store, reader, index, vectors }: VerifyOptions,
  settled: readonly number[],
  judge: Judge,
  signal: AbortSignal,
): Promise<number | Failure> {
  const positions = reader.positions();
  let open = 0;
  for (let after = -1; ;) {
    const suspects = store.openSuspects(after, pageSize);
    const last = suspects.at(-1);
    if (last === undefined) return open;
    after = last.number;
    const expectations = suspects.map(({ id }) => store.expectationOf(id));
    const found = await sights(index, suspects, expectations, signal);
    if ('code' in found) return found;
    for (const [position, suspect] of suspects.entries()) {
      const expected = expectations[position];
      const documents = found[position] ?? [];
      const routing = expected?.isDeleted === false ? expected.routing : suspect.routing;
      const own = documents.find((document) => document.routing === routing);
      const sight: Sight = {
        suspect,
        expected,
        own,
        strays: documents.filter((document) => document !== own),
        isSettled: expected === undefined || (settled[expected.source] ?? 0) > expected.offset,
        reachedVersion:
          expected && BigInt(expected.version) - BigInt(expected.offset) + BigInt(positions[expected.source] ?? 0),
        holdsHistory: reader.holdsHistory,
        vectors,
      };
      const verdict = judge(sight);
      if (verdict === undefined) store.acquit(suspect.number);
      else {
        const absentUnder = own === undefined && sight.isSettled ? expected?.version : undefined;
        store.judge(suspect.number, verdict, { seen: highest(documents), absentUnder });
      }
      if (verdict === 'pending' || verdict === 'moving') open += 1;
    }
  }
}

/** Each suspect's documents, under the routing that they should have and under that of the suspect. */
export async function sights(
  index: ProofIndex,
  suspects: readonly Suspect[],
  expectations: readonly (Expectation | undefined)[],
  signal: AbortSignal,
): Promise<readonly (readonly StoredDocument[])[] | Failure> {
  const places = suspects.flatMap(({ id, routing }, position) =>
    [...new Set([routing, expectations[position]?.routing])].map((one) => ({ position, id, routing: one })),
  );
  const read = await index.read(
    places.map(({ id, routing }) => (routing === undefined ? { id } : { id, routing })),
    signal,
  );
  if ('code' in read) return read;
  const found = suspects.map((): StoredDocument[] => []);
  for (const [at, { position }] of places.entries()) {
    const document = read[at];
    const own = found[position];
    // Two routings may lead to one shard, and then to one document.
    if (document == null || own === undefined || own.some(({ routing }) => routing === document.routing)) continue;
    own.push(document);
  }
  return found;
}

/** Of documents of one id. */
export function highest(documents: readonly StoredDocument[]): ExternalVersion | undefined {
  let version: ExternalVersion | undefined;
  for (const document of documents) {
    if (version === undefined || BigInt(document.version) > BigInt(version)) ({ version } = document);
  }
  return version;
}

/** Whether a document has the content that is expected of it; undefined if that cannot be told. */
function hasContent(
  { source = '{}' }: StoredDocument,
  { digest, omitted }: Expectation,
  vectors: readonly VectorField[] | undefined,
): boolean | undefined {
  if (digest === null) return undefined;
  return digestOf(source, omitted === undefined ? [] : pathsIn(omitted), vectors).equals(digest);
}

/** What is wrong with a document, by the fold of its topics. */
export function judgeDocument(sight: Sight): Verdict | undefined {
  const { suspect, expected, own, strays, isSettled } = sight;
  // Seen before the topics were read: whatever record it may have come from was read since.
  const isRead = ({ version }: StoredDocument): boolean =>
    suspect.seen !== undefined && BigInt(version) <= BigInt(suspect.seen);
  const shouldBe = expected?.isDeleted === false;
  if (!shouldBe) {
    const [any] = own === undefined ? strays : [own];
    if (any === undefined) return undefined;
    if (expected === undefined) return !isRead(any) ? 'moving' : sight.holdsHistory ? 'surplus' : 'unproven';
    if (BigInt(any.version) > BigInt(expected.version)) return isRead(any) ? 'surplus' : 'moving';
    return isSettled ? 'surplus' : 'pending';
  }
  const [stray] = strays;
  if (stray !== undefined) {
    if (BigInt(stray.version) > BigInt(expected.version) && !isRead(stray)) return 'moving';
    return isSettled ? 'misrouted' : 'pending';
  }
  if (own === undefined) {
    // It may be gone by a record that was not read yet; not if none has come since it was last seen to be absent.
    if (isSettled) return suspect.absentUnder === expected.version ? 'missing' : 'moving';
    return 'pending';
  }
  const [found, wanted] = [BigInt(own.version), BigInt(expected.version)];
  if (found < wanted) return isSettled ? 'stale' : 'pending';
  const content = hasContent(own, expected, sight.vectors);
  if (found === wanted) return content === undefined ? 'unproven' : content ? undefined : 'differing';
  // The content of its newest record, under a version that its next record passes, whatever made it so.
  const isPassed = sight.reachedVersion !== undefined && found < sight.reachedVersion;
  if (content === true && isPassed) return undefined;
  if (!isRead(own)) return 'moving';
  return content === undefined ? 'unproven' : content ? 'ahead' : 'differing';
}
