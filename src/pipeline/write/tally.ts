import type { WriteOutcome } from '../../model/outcome.ts';
import type { Observer } from '../ports.ts';

type Counted = WriteOutcome['status'] | 'coalesced';

/** Counts the outcomes of one request per index, so that the observer is told once per request and not per write. */
export interface Tally {
  add(index: string, outcome: Counted, writes: number): void;
  report(): void;
}

export function createTally(observer: Observer): Tally {
  const counts = new Map<string, Map<Counted, number>>();
  return {
    add: (index, outcome, writes) => {
      if (writes === 0) return;
      let ofIndex = counts.get(index);
      if (ofIndex === undefined) counts.set(index, (ofIndex = new Map<Counted, number>()));
      ofIndex.set(outcome, (ofIndex.get(outcome) ?? 0) + writes);
    },
    report: () => {
      for (const [index, ofIndex] of counts) {
        for (const [outcome, writes] of ofIndex) observer.wrote(index, outcome, writes);
      }
    },
  };
}
