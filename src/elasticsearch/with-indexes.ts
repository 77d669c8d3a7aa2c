/**
 * A sink that sees to it that an index is there before its first write.
 */
import type { DocumentWrite } from '../model/document.ts';
import type { Failure, WriteOutcome } from '../model/outcome.ts';
import type { Sink } from '../pipeline/ports.ts';

/** Makes the index of an alias if it is not there, and gives it what it lacks; undefined when it is as it should be. */
export type EnsureIndex = (alias: string) => Promise<Failure | undefined>;

/**
 * Each alias is ensured before its first write, and again when `revisionOf` tells that more is known of its index (a schema
 * with new columns has come); while that fails, writes to it are `retryable` and writes to others go on. An alias that
 * vanishes later is not made again: an empty index would answer searches as if it were whole.
 */
export function withIndexes(
  sink: Sink,
  ensureIndex: EnsureIndex,
  revisionOf: (alias: string) => number = () => 0,
): Sink {
  const ensured = new Map<string, number>();
  const ensuring = new Map<string, Promise<Failure | undefined>>();

  const attemptOf = (alias: string): Promise<Failure | undefined> => {
    let attempt = ensuring.get(alias);
    if (attempt === undefined) {
      const revision = revisionOf(alias);
      attempt = ensureIndex(alias).then((failure) => {
        ensuring.delete(alias);
        if (failure === undefined) ensured.set(alias, revision);
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
      const failures = new Map<string, Failure>();
      for (const alias of notEnsured(writes)) {
        const failure = await ensure(alias);
        if (failure !== undefined) failures.set(alias, failure);
      }
      return failures.size === 0 ? sink.write(writes, signal) : writeWithout(failures, writes, signal);
    },
  };
}

const none: ReadonlySet<string> = new Set();

const missingOutcome: WriteOutcome = {
  status: 'retryable',
  failure: { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message: 'The sink answered fewer outcomes than writes.' },
};
