/**
 * Attempts that are repeated: with waits that double, until one succeeds, fails for good, or nobody needs it any more.
 */
import type { Failure } from './outcome.ts';
import { isFailure } from './outcome.ts';

export interface Backoff {
  /** Before the second attempt. */
  readonly initialMs: number;
  readonly maxMs: number;
}

/** The wait after an attempt that failed; `attempt` counts from 1. */
export function backoffMs({ initialMs, maxMs }: Backoff, attempt: number): number {
  return Math.min(maxMs, initialMs * 2 ** Math.min(attempt - 1, 30));
}

export interface Retrying {
  readonly clock: { sleep(ms: number, signal?: AbortSignal): Promise<void> };
  readonly backoff: Backoff;
  /** Whether the failure of this attempt may be gone at the next; all are, if absent. */
  readonly isPassing?: (failure: Failure, attempt: number) => boolean;
  /** Called before each wait, to report it. */
  readonly waiting?: (failure: Failure, attempt: number, delayMs: number) => void;
  /** Ends the waits: nothing is attempted after it. */
  readonly signal: AbortSignal;
}

/** What the first attempt that did not fail brought; a failure that does not pass; undefined if the signal ended the waits. */
export async function retrying<T>(
  attempt: () => Promise<T | Failure>,
  { clock, backoff, isPassing = () => true, waiting, signal }: Retrying,
): Promise<T | Failure | undefined> {
  for (let attempts = 1; !signal.aborted; attempts += 1) {
    const found = await attempt();
    if (!isFailure(found) || !isPassing(found, attempts)) return found;
    const delayMs = backoffMs(backoff, attempts);
    waiting?.(found, attempts, delayMs);
    await clock.sleep(delayMs, signal);
  }
  return undefined;
}
