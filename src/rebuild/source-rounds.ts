/**
 * The second look of a comparison with SQL: which of the suspects are guilty.
 *
 * A round reads the rows that were written since the last one (where documents without a row are suspected), then, for each
 * suspect, its row by the key, then its document in real time. What is wrong counts only once it was the same row and the same
 * document for as long as a change may take: `patienceMs` into the topics, and until the service has settled what was there then.
 * That is counted from the round after the one in which it was seen first: a row that came and went in between changed its
 * document, or will have by then.
 */
import type { Failure } from '../model/outcome.ts';
import { externalVersion, offset } from '../model/position.ts';
import type { ExternalVersion } from '../model/position.ts';
import type { Reached, VerifySourceOptions } from './source-expectation.ts';
import type { Looks } from './source-looks.ts';
import { highest, sights } from './verify.ts';

export interface RoundsOptions extends VerifySourceOptions {
  readonly looks: Looks;
}

/** The fields by which documents differ: how many by each, and of some documents by which. */
export interface Differences {
  readonly fields: ReadonlyMap<string, number>;
  readonly fieldsOf: ReadonlyMap<string, readonly string[]>;
}

const pageSize = 500;
/** Documents of which it is remembered by which fields they differ. */
const mostRemembered = 1000;
const [shortestPauseMs, longestPauseMs] = [200, 5000];
/** The number of a round is an epoch where suspects are kept. */
const mostRounds = 2 ** 15 - 1;

export async function lookAgainAtRows(options: RoundsOptions, signal: AbortSignal): Promise<Differences | Failure> {
  const { clock, patienceMs } = options;
  const pauseMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, patienceMs / 4));
  const rounds = createRounds(options);
  let left = Number.POSITIVE_INFINITY;
  let sinceMs = clock.nowMs();
  let sinceRound = 1;
  for (let round = 1; round < mostRounds; round += 1) {
    const open = await rounds.next(signal);
    if (typeof open !== 'number') return open;
    if (open === 0) break;
    if (open < left) [sinceMs, sinceRound] = [clock.nowMs(), round];
    // Long enough for one that has just come to rest, also where a round takes longer than that.
    else if (clock.nowMs() - sinceMs > 2 * (patienceMs + pauseMs) && round > sinceRound + 2) break;
    left = Math.min(left, open);
    await clock.sleep(pauseMs, signal);
    signal.throwIfAborted();
  }
  return rounds;
}

interface Rounds extends Differences {
  /** One look at every open suspect; answers how many are open still. */
  next(signal: AbortSignal): Promise<number | Failure>;
}

function createRounds(options: RoundsOptions): Rounds {
  const { store, index, clock, reached, patienceMs } = options;
  const { readWritten, readRows, wrongWith } = options.looks;
  const fields = new Map<string, number>();
  const fieldsOf = new Map<string, readonly string[]>();
  /** When each round began. */
  const beganAtMs: number[] = [];
  const waits: { readonly atMs: number; readonly ends: readonly number[] }[] = [];
  /** All that was in the topics then is settled. */
  let settledAtMs = Number.NEGATIVE_INFINITY;
  let hasRowless = true;

  const next = async (signal: AbortSignal): Promise<number | Failure> => {
    const nowMs = clock.nowMs();
    const round = beganAtMs.push(nowMs);
    if (hasRowless) await readWritten(signal);
    const { ends, settled } = await reached();
    waits.push({ atMs: nowMs, ends });
    while (waits[0] !== undefined && isReached(waits[0].ends, settled))
      settledAtMs = waits.shift()?.atMs ?? settledAtMs;
    hasRowless = false;
    let open = 0;
    for (let after = -1; ;) {
      const suspects = store.openSuspects(after, pageSize);
      const last = suspects.at(-1);
      if (last === undefined) return open;
      after = last.number;
      const rows = await readRows(suspects);
      const expectations = suspects.map(({ id }) => store.expectationOf(id));
      const found = await sights(index, suspects, expectations, signal);
      if ('code' in found) return found;
      for (const [position, suspect] of suspects.entries()) {
        const expected = expectations[position];
        const documents = found[position] ?? [];
        const [wrong, names = []] = wrongWith(expected, rows.get(suspect.id), documents) ?? [];
        if (wrong === undefined) {
          store.acquit(suspect.number);
          continue;
        }
        const version = expected === undefined ? 0 : Number(expected.version);
        const seen = highest(documents);
        const before = suspect.absentUnder === undefined ? undefined : unpacked(suspect.absentUnder);
        const isSame = before?.version === version && suspect.seen === seen;
        const first = isSame ? before.round : round;
        // Of the round after the first.
        const restedAtMs = (beganAtMs[first] ?? Number.POSITIVE_INFINITY) + patienceMs;
        const verdict =
          wrong === 'unproven' ? wrong : nowMs < restedAtMs ? 'moving' : settledAtMs < restedAtMs ? 'pending' : wrong;
        store.judge(suspect.number, verdict, { seen, absentUnder: externalVersion(first, offset(version)) });
        if (verdict === 'moving' || verdict === 'pending') {
          open += 1;
          if (wrong === 'surplus') hasRowless = true;
        }
        if (verdict === 'differing') {
          for (const name of names) fields.set(name, (fields.get(name) ?? 0) + 1);
          if (fieldsOf.size < mostRemembered) fieldsOf.set(suspect.id, names);
        }
      }
    }
  };

  return { next, fields, fieldsOf };
}

/** The round in which a suspect was seen first as it is, and the version of what was expected then. */
function unpacked(both: ExternalVersion): { readonly round: number; readonly version: number } {
  return { round: Number(BigInt(both) >> 48n), version: Number(BigInt.asUintN(48, BigInt(both))) };
}

function isReached(ends: Reached['ends'], settled: Reached['settled']): boolean {
  return ends.every((end, partition) => end === 0 || (settled[partition] ?? 0) >= end);
}
