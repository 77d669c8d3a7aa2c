/**
 * Notices when most writes of an index are superseded for minutes on end (docs/decisions/0000, "Versions"). A rebalance or a crash replays what was
 * written within the commit interval, so it is over at once; what lasts is a replay on purpose, or versions that went backwards.
 */
import type { Failure } from '../model/outcome.ts';

export interface SupersededOptions {
  readonly nowMs: () => number;
  readonly warned: (failure: Failure) => void;
}

interface Watched {
  sinceMs: number;
  applied: number;
  superseded: number;
  /** Windows in a row in which most writes were superseded. */
  streak: number;
}

const windowMs = 60_000;
/** In a window with fewer writes, nothing is concluded. */
const fewest = 100;
const sustained = 3;

/** Counts writes; warns once per index when it has lasted, and again only after it was over. */
export function createSupersededWatch({ nowMs, warned }: SupersededOptions) {
  const indexes = new Map<string, Watched>();

  const close = (index: string, watched: Watched): void => {
    const writes = watched.applied + watched.superseded;
    if (writes >= fewest) {
      watched.streak = watched.superseded * 2 > writes ? watched.streak + 1 : 0;
      if (watched.streak === sustained) warned(failureOf(index, watched.superseded, writes));
    }
    watched.applied = 0;
    watched.superseded = 0;
  };

  return (index: string, outcome: string, writes: number): void => {
    if (outcome !== 'applied' && outcome !== 'superseded') return;
    let watched = indexes.get(index);
    if (watched === undefined) {
      watched = { sinceMs: nowMs(), applied: 0, superseded: 0, streak: 0 };
      indexes.set(index, watched);
    }
    if (nowMs() - watched.sinceMs >= windowMs) {
      close(index, watched);
      watched.sinceMs = nowMs();
    }
    watched[outcome] += writes;
  };
}

function failureOf(index: string, superseded: number, writes: number): Failure {
  const message = `For ${(sustained * windowMs) / 60_000} minutes most writes to ${index} were superseded, ${superseded} of ${writes} in the last.`;
  return { code: 'WRITES_SUPERSEDED', message };
}
