/**
 * The back-off of the whole cluster: after a request that failed as a whole, for a reason that concerns the cluster, everybody waits, and
 * then one request tries.
 *
 * Invariants:
 *  1. While it lasts, the slots are paused for a time that grows with each attempt, and one request at a time tries then.
 *  2. Requests that fail while it is waited for begin no second wait.
 *  3. It ends when a request that was sent since it began is answered otherwise, or when nothing is left to send; not by one that was
 *     under way before.
 *  4. Each wait that was told is told to be over, under its own name.
 */
import type { Failure } from '../../model/outcome.ts';
import type { Clock, Observer } from '../ports.ts';
import type { RetryPolicy } from '../retry.ts';
import { retryDelayMs } from '../retry.ts';
import type { Slots } from './slots.ts';
import type { Trouble } from './troubles.ts';

export interface ClusterTroubleOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  readonly retry: RetryPolicy;
  readonly slots: Pick<Slots, 'pause' | 'tryAgain' | 'recover'>;
  /** Called when the wait is over. */
  readonly again: () => void;
  readonly signal: AbortSignal;
}

export interface ClusterTrouble {
  /** A request failed as a whole; `of` names what waits. */
  failed(failure: Failure, of: string): void;
  /** A request that was sent then was answered, and did not fail as a whole. */
  answered(sentAtMs: number): void;
  /** There is nothing to send any more. */
  end(): void;
  current(): Trouble | undefined;
}

export function createClusterTrouble(options: ClusterTroubleOptions): ClusterTrouble {
  const { clock, observer, retry, slots, again, signal } = options;
  let trouble: { failure: Failure; of: string; sinceMs: number; attempts: number; isWaiting: boolean } | undefined;

  const end = (): void => {
    if (trouble === undefined) return;
    observer.recovered(trouble.failure.code, clock.nowMs() - trouble.sinceMs, trouble.of);
    trouble = undefined;
    slots.recover();
  };

  return {
    failed: (failure, of) => {
      trouble ??= { failure, of, sinceMs: clock.nowMs(), attempts: 0, isWaiting: false };
      if (trouble.isWaiting) return;
      const held = trouble;
      if (held.of !== of) observer.recovered(held.failure.code, clock.nowMs() - held.sinceMs, held.of);
      held.of = of;
      held.failure = failure;
      held.attempts += 1;
      held.isWaiting = true;
      slots.pause();
      const delayMs = retryDelayMs(retry, failure, held.attempts);
      observer.waiting(failure, held.attempts, delayMs, of);
      void clock.sleep(delayMs, signal).then(() => {
        held.isWaiting = false;
        if (trouble === held) slots.tryAgain();
        again();
      });
    },
    answered: (sentAtMs) => {
      if (trouble !== undefined && !trouble.isWaiting && sentAtMs >= trouble.sinceMs) end();
    },
    end,
    current: () => trouble,
  };
}
