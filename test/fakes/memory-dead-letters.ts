import type { DeadLetter, DeadLetters } from '../../src/pipeline/ports.ts';

export interface MemoryDeadLetters extends DeadLetters {
  readonly letters: readonly DeadLetter[];
}

/** Keeps letters in memory; the first `failures` requests fail. */
export function createMemoryDeadLetters(failures = 0): MemoryDeadLetters {
  const letters: DeadLetter[] = [];
  let left = failures;
  return {
    letters,
    write: (added) => {
      if (left > 0) {
        left -= 1;
        return Promise.reject(new Error('scripted'));
      }
      // What is durable has left the memory that it came from.
      letters.push(...added.map((letter) => ({ ...letter, record: { ...letter.record } })));
      return Promise.resolve();
    },
  };
}
