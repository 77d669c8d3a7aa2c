/**
 * What the answer to one request says as a whole.
 */
import type { Failure, FailureCode, WriteOutcome } from '../../model/outcome.ts';

/** Failures that concern the cluster as a whole: when a whole request fails so, everybody waits, and one tries. */
const clusterWide: ReadonlySet<FailureCode> = new Set<FailureCode>([
  'ELASTICSEARCH_OVERLOADED',
  'ELASTICSEARCH_UNAVAILABLE',
  'ELASTICSEARCH_UNREACHABLE',
  'ELASTICSEARCH_UNAUTHORIZED',
  'ELASTICSEARCH_ANSWER_UNEXPECTED',
  'MEMBERSHIP_STALE',
]);

export function isClusterWide({ code }: Failure): boolean {
  return clusterWide.has(code);
}

/** Of a write that the sink did not answer. */
export const unanswered: WriteOutcome = {
  status: 'retryable',
  failure: {
    code: 'ELASTICSEARCH_ANSWER_UNEXPECTED',
    message: 'The sink answered fewer outcomes than it was given writes.',
  },
};

/** Of every write of a request for which the sink threw. */
export function thrown(error: unknown): WriteOutcome {
  const message = `The sink failed: ${error instanceof Error ? error.message : String(error)}.`;
  return { status: 'retryable', failure: { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message } };
}

/** The failure of a request that failed as a whole, for a reason that concerns the cluster as a whole. */
export function failureOfAll(outcomes: readonly WriteOutcome[]): Failure | undefined {
  let failure: Failure | undefined;
  for (const outcome of outcomes) {
    if (outcome.status !== 'retryable' || !clusterWide.has(outcome.failure.code)) return undefined;
    failure = outcome.failure;
  }
  return failure;
}
