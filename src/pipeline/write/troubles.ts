/**
 * Which indexes have writes that wait for another attempt while the cluster takes others: since when, and why. The wait of an index
 * is over when no document of it waits any more.
 */
import type { Failure, FailureCode } from '../../model/outcome.ts';
import type { Lane } from './lane.ts';
import type { Clock, Observer } from '../ports.ts';

export interface Trouble {
  readonly failure: Failure;
  readonly sinceMs: number;
}

export interface Troubles {
  /** These documents of one index wait after a failed attempt. */
  parked(lanes: readonly Lane[], failure: Failure, attempts: number, delayMs: number): void;
  /** The document waits no more: its write was answered, or given up. Call it for lanes with attempts only. */
  healed(lane: Lane): void;
  /** The index as a whole is held, which says more. */
  forget(index: string): void;
  of(index: string): Trouble | undefined;
  /** The one that began last. */
  newest(): Trouble | undefined;
}

interface Held extends Trouble {
  failure: Failure;
  readonly lanes: Set<Lane>;
}

export function createTroubles(clock: Clock, observer: Observer): Troubles {
  const troubles = new Map<string, Held>();
  return {
    parked: (lanes, failure, attempts, delayMs) => {
      const index = lanes[0]?.index ?? '';
      let held = troubles.get(index);
      if (held === undefined) troubles.set(index, (held = { failure, sinceMs: clock.nowMs(), lanes: new Set() }));
      held.failure = failure;
      for (const lane of lanes) held.lanes.add(lane);
      observer.waiting(failure, attempts, delayMs, index);
    },
    healed: (lane) => {
      lane.attempts = 0;
      const held = troubles.get(lane.index);
      if (held === undefined || !held.lanes.delete(lane) || held.lanes.size > 0) return;
      troubles.delete(lane.index);
      observer.recovered(held.failure.code, clock.nowMs() - held.sinceMs, lane.index);
    },
    forget: (index) => troubles.delete(index),
    of: (index) => troubles.get(index),
    newest: () => [...troubles.values()].at(-1),
  };
}

/** Failures that say nothing about the index that was written. */
const ofCluster: ReadonlySet<FailureCode> = new Set<FailureCode>([
  'ELASTICSEARCH_UNREACHABLE',
  'ELASTICSEARCH_UNAUTHORIZED',
  'ELASTICSEARCH_ANSWER_UNEXPECTED',
  'ELASTICSEARCH_ENGINE_WRONG',
]);

/** What waits when a request failed as a whole: the index, if it is all about one, else Elasticsearch. */
export function waitingParty(indexes: Iterable<string>, { code }: Failure): string {
  const [index, other] = new Set(indexes);
  return index === undefined || other !== undefined || ofCluster.has(code) ? 'Elasticsearch' : index;
}
