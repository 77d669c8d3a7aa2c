/**
 * What answers to questions about indexes say, where they say no.
 */
import type { Failure } from '../model/outcome.ts';
import type { ErrorCause } from './bulk/bulk-outcome.ts';
import { outcomeOf } from './bulk/bulk-outcome.ts';
import type { Answer } from './request.ts';

/** What is asked for is not there. */
export function isAbsent(answer: Answer): boolean {
  return (answer.kind === 'answered' || answer.kind === 'refused') && answer.status === 404;
}

/** Settings and mappings hold no row values, so Elasticsearch's own words may be told. */
export function refusal(alias: string, cause: ErrorCause | undefined): Failure {
  const reason = cause?.reason ?? 'it did not say why';
  return { code: 'INDEX_REFUSED', message: `Elasticsearch refuses the index of "${alias}": ${reason}.` };
}

/** Of an answer that was not to be expected. */
export function failureOf(answer: Answer): Failure {
  if (answer.kind === 'failed') return answer.failure;
  const outcome = outcomeOf(answer.status, answer.kind === 'refused' ? (answer.cause ?? {}) : {});
  if (outcome.status === 'retryable') return outcome.failure;
  return { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message: `Elasticsearch answered status ${answer.status}.` };
}
