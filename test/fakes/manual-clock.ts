import type { Clock } from '../../src/pipeline/ports.ts';

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Lets time pass and wakes the sleepers whose time has come, earliest first. */
  advance(ms: number): void;
  /** Lets time pass until the earliest sleeper wakes; false when nobody sleeps. */
  advanceToNext(): boolean;
  sleepers(): number;
}

export function createManualClock(): ManualClock {
  let nowMs = 0;
  let sleepers: { readonly atMs: number; readonly wake: () => void }[] = [];

  const advanceTo = (atMs: number): void => {
    nowMs = atMs;
    const due = sleepers.filter((sleeper) => sleeper.atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
    sleepers = sleepers.filter((sleeper) => sleeper.atMs > nowMs);
    for (const { wake } of due) wake();
  };

  return {
    nowMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) {
          resolve();
          return;
        }
        const sleeper = { atMs: nowMs + ms, wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          resolve();
        });
      }),
    advance: (ms) => {
      advanceTo(nowMs + ms);
    },
    advanceToNext: () => {
      if (sleepers.length === 0) return false;
      advanceTo(Math.min(...sleepers.map((sleeper) => sleeper.atMs)));
      return true;
    },
    sleepers: () => sleepers.length,
  };
}
