/**
 * Documents that a completed snapshot did not confirm: no record at or after its beginning is about them, so their rows were
 * deleted when nobody looked. They are found as `verify` finds what is surplus, and deleted as `repair` does.
 */
import type { Failure } from '../model/outcome.ts';
import type { Verdict } from './verify-ports.ts';
import type { Sight, Verified, VerifyOptions } from './verify.ts';
import { lookAgain } from './verify.ts';

/** The store holds what was read since the snapshot's beginning, and nothing of before. */
export async function findUnconfirmed(options: VerifyOptions, signal: AbortSignal): Promise<Verified | Failure> {
  const { store, index, progress } = options;
  const expected = store.expectedDocuments();
  await index.refresh(signal);
  let documents = 0;
  for await (const page of index.scan(false, signal)) {
    if ('code' in page) return page;
    for (const { id, routing, version } of page) {
      if (store.expectationOf(id) === undefined) store.suspect(id, routing, version);
    }
    documents += page.length;
    progress(documents, expected);
  }
  const failure = await lookAgain(options, judgeUnconfirmed, signal);
  return failure ?? { documents, expected };
}

/** A record that came while it was looked at confirms a document as well as one of the snapshot. */
export function judgeUnconfirmed({ suspect, expected, own, strays }: Sight): Verdict | undefined {
  const [found] = own === undefined ? strays : [own];
  if (expected !== undefined || found === undefined) return undefined;
  const isRead = suspect.seen !== undefined && BigInt(found.version) <= BigInt(suspect.seen);
  return isRead ? 'surplus' : 'moving';
}
