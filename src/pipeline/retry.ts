/**
 * How long to wait before the next attempt: exponential with full jitter, so that many writers that failed together do
 * not come back together; slowly where someone must act first (`pause`).
 */
import { directiveOf } from '../errors.ts';
import type { Failure } from '../model/outcome.ts';
import type { Backoff } from '../model/retrying.ts';
import { backoffMs } from '../model/retrying.ts';

export interface RetryPolicy extends Backoff {
  /** Between attempts at what does not heal by itself. */
  readonly pauseMs: number;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
}

/** `attempt` counts from 1. */
export function retryDelayMs(policy: RetryPolicy, failure: Failure, attempt: number): number {
  if (directiveOf(failure) === 'pause') return policy.pauseMs;
  return Math.ceil(backoffMs(policy, attempt) * policy.random());
}
