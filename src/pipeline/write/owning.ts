/**
 * Whether writes may be sent now; while they may not, it is looked at again and again, visibly.
 */
import type { Failure } from '../../model/outcome.ts';
import type { Clock, Observer } from '../ports.ts';

export interface OwningOptions {
  /** The signal under which writes may be sent now, aborted when that ends; or why nothing may be sent. */
  readonly ownership: () => AbortSignal | Failure;
  readonly clock: Clock;
  readonly observer: Observer;
  /** Called when it is time to ask again. */
  readonly again: () => void;
  readonly signal: AbortSignal;
}

export interface Owning {
  /** To be asked only when something would be sent; undefined if nothing may be. */
  ask(): AbortSignal | undefined;
  /** There is nothing to send any more. */
  end(): void;
  /** Why nothing may be sent, as of the last time that it was asked. */
  failure(): Failure | undefined;
}

/** Each later look waits longer. */
const pollMs = { initial: 100, max: 1000 };

export function createOwning({ ownership, clock, observer, again, signal }: OwningOptions): Owning {
  let held: { failure: Failure; readonly sinceMs: number; attempts: number; waiting: boolean } | undefined;

  const wait = (failure: Failure): void => {
    held ??= { failure, sinceMs: clock.nowMs(), attempts: 0, waiting: false };
    held.failure = failure;
    if (held.waiting) return;
    const current = held;
    current.attempts += 1;
    current.waiting = true;
    const delayMs = Math.min(pollMs.max, pollMs.initial * current.attempts);
    observer.waiting(failure, current.attempts, delayMs, 'membership');
    void clock.sleep(delayMs, signal).then(() => {
      current.waiting = false;
      again();
    });
  };

  const end = (): void => {
    if (held !== undefined) observer.recovered(held.failure.code, clock.nowMs() - held.sinceMs, 'membership');
    held = undefined;
  };

  return {
    ask: () => {
      if (signal.aborted) return undefined;
      const owned = ownership();
      if ('code' in owned) {
        wait(owned);
        return undefined;
      }
      end();
      return owned;
    },
    end,
    failure: () => held?.failure,
  };
}
