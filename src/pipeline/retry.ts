/**
 * How long to wait before the next attempt: exponential with full jitter, so that many writers that failed together do
 * not come back together; slowly where someone must act first (`pause`).
 */
import { directiveOf } from '../errors.ts';
import type { Failure } from '../model/outcome.ts';

export interface RetryPolicy {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Between attempts at what does not heal by itself. */
  readonly pauseMs: number;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
}

/** `attempt` counts from 1. */
export function retryDelayMs(policy: RetryPolicy, failure: Failure, attempt: number): number {
  if (directiveOf(failure) === 'pause') return policy.pauseMs;
  const ceilingMs = Math.min(policy.maxMs, policy.initialMs * 2 ** Math.min(attempt - 1, 30));
  return Math.ceil(ceilingMs * policy.random());
}
