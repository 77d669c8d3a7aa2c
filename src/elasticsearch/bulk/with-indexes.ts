/**
 * A sink that sees to it that an index is there before its first write.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { DocumentWrite } from '../../model/document.ts';
import type { Failure, WriteOutcome } from '../../model/outcome.ts';
import type { Sink } from '../../pipeline/ports.ts';

/** Makes the index of an alias if it is not there, and gives it what it lacks; undefined when it is as it should be. */
export type EnsureIndex = (alias: string) => Promise<Failure | undefined>;

/** The writes of other indexes wait no longer for one that is being made. */
const notReadyAfterMs = 2000;

/**
 * Each alias is ensured before its first write, and again when `revisionOf` tells that more is known of its index (a schema
 * with new columns has come); while that fails, or takes longer than `waitMs`, writes to it are `retryable` and writes to others
 * go on. An alias that vanishes later is not made again: an empty index would answer searches as if it were whole.
 */
export function withIndexes(
  sink: Sink,
  ensureIndex: EnsureIndex,
  revisionOf: (alias: string) => number = () => 0,
  waitMs = notReadyAfterMs,
): Sink {
  const ensured = new Map<string, number>();
  const ensuring = new Map<string, Promise<Failure | undefined>>();
  /** Why the last attempt failed, which is more than that the next one takes its time. */
  const lastFailures = new Map<string, Failure>();

  const attemptOf = (alias: string): Promise<Failure | undefined> => {
    let attempt = ensuring.get(alias);
    if (attempt === undefined) {
      const revision = revisionOf(alias);
      attempt = ensureIndex(alias).then((failure) => {
        ensuring.delete(alias);
        if (failure === undefined) ensured.set(alias, revision);
        if (failure === undefined) lastFailures.delete(alias);
        else lastFailures.set(alias, failure);
        return failure;
      });
      ensuring.set(alias, attempt);
    }
    return attempt;
  };

  const ensure = async (alias: string): Promise<Failure | undefined> => {
    const needed = revisionOf(alias);
    // An attempt that is under way may have begun before the newest schema was known.
    for (;;) {
      const failure = await attemptOf(alias);
      if (failure !== undefined || (ensured.get(alias) ?? -1) >= needed) return failure;
    }
  };

  /** Why those of the aliases are not ready which are not in time. */
  const failuresOf = async (aliases: ReadonlySet<string>): Promise<ReadonlyMap<string, Failure>> => {
    const failures = new Map<string, Failure>();
    if (aliases.size === 0) return failures;
    const over = new AbortController();
    const late = delay(waitMs, 'late' as const, { signal: over.signal }).catch(() => 'late' as const);
    const waiting = [...aliases].map(async (alias) => {
      const found = await Promise.race([ensure(alias), late]);
      const failure = found === 'late' ? (lastFailures.get(alias) ?? notReady(alias, waitMs)) : found;
      if (failure !== undefined) failures.set(alias, failure);
    });
    try {
      await Promise.all(waiting);
    } finally {
      over.abort();
    }
    return failures;
  };

  /** Aliases of these writes that are not ensured as they are known now. */
  const notEnsured = (writes: readonly DocumentWrite[]): ReadonlySet<string> => {
    let found = none;
    let last: string | undefined;
    for (const { index } of writes) {
      if (index === last) continue;
      last = index;
      if ((ensured.get(index) ?? -1) < revisionOf(index)) found = new Set([...found, index]);
    }
    return found;
  };

  const writeWithout = async (
    failures: ReadonlyMap<string, Failure>,
    writes: readonly DocumentWrite[],
    signal: AbortSignal,
  ): Promise<readonly WriteOutcome[]> => {
    const possible = writes.filter(({ index }) => !failures.has(index));
    const outcomes = possible.length === 0 ? [] : await sink.write(possible, signal);
    let next = 0;
    return writes.map(({ index }): WriteOutcome => {
      const failure = failures.get(index);
      if (failure !== undefined) return { status: 'retryable', failure };
      next += 1;
      return outcomes[next - 1] ?? missingOutcome;
    });
  };

  return {
    write: async (writes, signal) => {
      const unready = notEnsured(writes);
      if (unready.size === 0) return sink.write(writes, signal);
      const failures = await failuresOf(unready);
      return failures.size === 0 ? sink.write(writes, signal) : writeWithout(failures, writes, signal);
    },
  };
}

const none: ReadonlySet<string> = new Set();

function notReady(alias: string, waitMs: number): Failure {
  const message = `The index of "${alias}" is not ready after ${waitMs} ms: it is still being looked at, or made.`;
  return { code: 'INDEX_MISSING', message };
}

const missingOutcome: WriteOutcome = {
  status: 'retryable',
  failure: { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message: 'The sink answered fewer outcomes than writes.' },
};
