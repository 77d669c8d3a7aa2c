/**
 * A sink that sees to it that an index is there before its first write.
 */
import type { DocumentWrite } from '../model/document.ts';
import type { Failure, WriteOutcome } from '../model/outcome.ts';
import type { Sink } from '../pipeline/ports.ts';

/** Makes the index of an alias if it is not there; undefined when it is. */
export type EnsureIndex = (alias: string) => Promise<Failure | undefined>;

/**
 * Each alias is ensured once, before its first write; while that fails, writes to it are `retryable` and writes to others go
 * on. An alias that vanishes later is not made again: an empty index would answer searches as if it were whole.
 */
export function withIndexes(sink: Sink, ensureIndex: EnsureIndex): Sink {
  const ensured = new Set<string>();
  const ensuring = new Map<string, Promise<Failure | undefined>>();

  const ensure = (alias: string): Promise<Failure | undefined> => {
    let attempt = ensuring.get(alias);
    if (attempt === undefined) {
      attempt = ensureIndex(alias).then((failure) => {
        ensuring.delete(alias);
        if (failure === undefined) ensured.add(alias);
        return failure;
      });
      ensuring.set(alias, attempt);
    }
    return attempt;
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
      if (writes.every(({ index }) => ensured.has(index))) return sink.write(writes, signal);
      const failures = new Map<string, Failure>();
      for (const alias of new Set(writes.map(({ index }) => index))) {
        const failure = ensured.has(alias) ? undefined : await ensure(alias);
        if (failure !== undefined) failures.set(alias, failure);
      }
      if (failures.size === 0) return sink.write(writes, signal);
      return writeWithout(failures, writes, signal);
    },
  };
}

const missingOutcome: WriteOutcome = {
  status: 'retryable',
  failure: { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message: 'The sink answered fewer outcomes than writes.' },
};
