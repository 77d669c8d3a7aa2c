/**
 * What an answer other than the awaited one says.
 */
import type { Failure } from '../model/outcome.ts';
import { outcomeOf } from './bulk-outcome.ts';
import type { Answer } from './request.ts';

export function failureOf(answer: Answer): Failure {
  if (answer.kind === 'failed') return answer.failure;
  const cause = answer.kind === 'refused' ? (answer.cause ?? {}) : {};
  const outcome = outcomeOf(answer.status, cause);
  if (outcome.status === 'retryable') return outcome.failure;
  const type = cause.type === undefined ? '' : `, ${cause.type}`;
  return { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message: `Elasticsearch answered status ${answer.status}${type}.` };
}
