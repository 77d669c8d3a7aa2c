/**
 * Indexes that take nothing while the cluster takes others (G6): blocked, missing, refused, or without their shards.
 *
 * Invariants:
 *  1. The writes of a held index are in its own queue and in no other, so they take no place in a request of others.
 *  2. After each pause a few of them are sent in a request of their own, beside the limit of requests: Elasticsearch may let a
 *     request wait for a shard that is away, and others must not wait with it.
 *  3. When one of those is taken or refused for itself, the hold is over and its writes go to the front, in their order.
 */
import { directiveOf } from '../../errors.ts';
import type { Failure, WriteOutcome } from '../../model/outcome.ts';
import { failureOfAll, isClusterWide, unanswered } from './answer.ts';
import type { Lane } from './lane.ts';
import type { LaneQueue } from './lane-queue.ts';
import { createLaneQueue } from './lane-queue.ts';
import type { Clock, Observer } from '../ports.ts';
import type { RetryPolicy } from '../retry.ts';
import { retryDelayMs } from '../retry.ts';

/** So many writes are sent to see whether a held index takes them again. */
export const probeWrites = 10;

export interface IndexHold {
  readonly index: string;
  readonly queue: LaneQueue;
  readonly failure: Failure;
  readonly sinceMs: number;
}

export interface IndexHolds {
  of(index: string): IndexHold | undefined;
  /** The index refused a request, or does so still. */
  refused(index: string, failure: Failure): IndexHold;
  /** Those whose pause is over and of which no request is under way. */
  due(): readonly IndexHold[];
  /** A request of it is under way, or was answered. */
  probing(hold: IndexHold, isUnderWay: boolean): void;
  /** What waited for it, which is held no more. */
  end(hold: IndexHold): readonly Lane[];
  /** Keeps only these; ends holds of which nothing is left. */
  retain(isKept: (lane: Lane) => boolean): void;
  /** The one that began last. */
  newest(): IndexHold | undefined;
  /** Requests under way. */
  probes(): number;
}

export interface IndexHoldsOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  readonly retry: RetryPolicy;
  /** Called when the pause of an index is over. */
  readonly again: () => void;
  readonly signal: AbortSignal;
}

interface Held extends IndexHold {
  failure: Failure;
  attempts: number;
  isWaiting: boolean;
  isProbing: boolean;
}

export function createIndexHolds({ clock, observer, retry, again, signal }: IndexHoldsOptions): IndexHolds {
  const holds = new Map<string, Held>();

  const pause = (hold: Held): void => {
    hold.attempts += 1;
    hold.isWaiting = true;
    const delayMs = retryDelayMs(retry, hold.failure, hold.attempts);
    observer.waiting(hold.failure, hold.attempts, delayMs, hold.index);
    void clock.sleep(delayMs, signal).then(() => {
      hold.isWaiting = false;
      again();
    });
  };

  const end = (hold: IndexHold): readonly Lane[] => {
    holds.delete(hold.index);
    observer.recovered(hold.failure.code, clock.nowMs() - hold.sinceMs, hold.index);
    return hold.queue.retain(() => false);
  };

  return {
    of: (index) => holds.get(index),
    refused: (index, failure) => {
      let hold = holds.get(index);
      if (hold === undefined) {
        hold = {
          ...{ index, queue: createLaneQueue(), failure, sinceMs: clock.nowMs() },
          ...{ attempts: 0, isWaiting: false, isProbing: false },
        };
        holds.set(index, hold);
      }
      hold.failure = failure;
      // Requests that were under way when the first was refused say nothing new.
      if (!hold.isWaiting) pause(hold);
      return hold;
    },
    due: () => (holds.size === 0 ? [] : [...holds.values()].filter((hold) => !hold.isWaiting && !hold.isProbing)),
    probing: ({ index }, isUnderWay) => {
      const hold = holds.get(index);
      if (hold !== undefined) hold.isProbing = isUnderWay;
    },
    end,
    retain: (isKept) => {
      for (const hold of holds.values()) {
        hold.queue.retain(isKept);
        if (hold.queue.length() === 0 && !hold.isProbing) end(hold);
      }
    },
    newest: () => [...holds.values()].at(-1),
    probes: () => [...holds.values()].filter(({ isProbing }) => isProbing).length,
  };
}

/** What a whole index refuses: nothing that a document, or the size of a request, is to blame for. */
function concernsIndex(failure: Failure): boolean {
  // Elasticsearch names the error of each write; what refuses a request as a whole, a load balancer for instance, does not.
  if (failure.code === 'ELASTICSEARCH_UNAVAILABLE') return failure.type !== undefined;
  return directiveOf(failure) === 'pause' && failure.code !== 'REQUEST_TOO_LARGE' && !isClusterWide(failure);
}

/**
 * The indexes that took none of their writes in one request, and why. Of a held index that is tried again, any reason counts. If
 * all writes of several indexes found them unavailable, the cluster is, and not they.
 */
export function refusedIndexes(
  sent: readonly { readonly lane: Pick<Lane, 'index'> }[],
  outcomes: readonly WriteOutcome[],
  isProbe: boolean,
): ReadonlyMap<string, Failure> {
  if (!outcomes.some(({ status }) => status === 'retryable')) return none;
  const refused = new Map<string, Failure>();
  const taking = new Set<string>();
  sent.forEach(({ lane: { index } }, position) => {
    const outcome = outcomes[position] ?? unanswered;
    if (outcome.status === 'retryable' && (isProbe || concernsIndex(outcome.failure))) {
      refused.set(index, outcome.failure);
    } else {
      taking.add(index);
    }
  });
  for (const index of taking) refused.delete(index);
  return refused.size > 1 && failureOfAll(outcomes) !== undefined ? none : refused;
}

const none: ReadonlyMap<string, Failure> = new Map();
