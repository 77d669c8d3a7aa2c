/**
 * The one table: what Elasticsearch answers → what became of the write, or why nothing can be said yet (docs/decisions/0000, "Failures").
 *
 * Errors are told apart by status and by the field `type`, never by what a message says. Messages are made anew from what
 * is known to be no value of a row: Elasticsearch quotes values in its own.
 */
import type { FailureCode, WriteOutcome } from '../../model/outcome.ts';
import { applied, superseded } from '../../model/outcome.ts';

/** What is asked of each item of an answer (`filter_path`): one entry an item stays, so that positions are kept. */
export const itemFields = 'errors,items.*.status,items.*.error.type,items.*.error.reason';

export interface ErrorCause {
  readonly type?: string | undefined;
  readonly reason?: string | undefined;
}

type Kind = 'rejected' | 'retryable';

/** By type: types that say more than their status does. */
const byType: Readonly<Record<string, readonly [Kind, FailureCode]>> = {
  index_not_found_exception: ['retryable', 'INDEX_MISSING'],
  alias_missing_exception: ['retryable', 'INDEX_MISSING'],
  index_closed_exception: ['retryable', 'INDEX_BLOCKED'],
  cluster_block_exception: ['retryable', 'INDEX_BLOCKED'],
  es_rejected_execution_exception: ['retryable', 'ELASTICSEARCH_OVERLOADED'],
  // OpenSearch's name for it.
  rejected_execution_exception: ['retryable', 'ELASTICSEARCH_OVERLOADED'],
  circuit_breaking_exception: ['retryable', 'ELASTICSEARCH_OVERLOADED'],
  unavailable_shards_exception: ['retryable', 'ELASTICSEARCH_UNAVAILABLE'],
  no_shard_available_action_exception: ['retryable', 'ELASTICSEARCH_UNAVAILABLE'],
  process_cluster_event_timeout_exception: ['retryable', 'ELASTICSEARCH_UNAVAILABLE'],
};

/** By status, for all other types. */
const byStatus: Readonly<Record<number, readonly [Kind, FailureCode]>> = {
  400: ['rejected', 'DOCUMENT_REJECTED'],
  401: ['retryable', 'ELASTICSEARCH_UNAUTHORIZED'],
  403: ['retryable', 'ELASTICSEARCH_FORBIDDEN'],
  404: ['retryable', 'INDEX_MISSING'],
  408: ['retryable', 'ELASTICSEARCH_UNAVAILABLE'],
  413: ['rejected', 'DOCUMENT_TOO_LARGE'],
  429: ['retryable', 'ELASTICSEARCH_OVERLOADED'],
  500: ['retryable', 'ELASTICSEARCH_UNAVAILABLE'],
  502: ['retryable', 'ELASTICSEARCH_UNAVAILABLE'],
  503: ['retryable', 'ELASTICSEARCH_UNAVAILABLE'],
  504: ['retryable', 'ELASTICSEARCH_UNAVAILABLE'],
};

const unexpected: readonly [Kind, FailureCode] = ['retryable', 'ELASTICSEARCH_ANSWER_UNEXPECTED'];

/** What an answer of this status and cause says about a write, or about all writes of a request. */
export function outcomeOf(status: number, cause: ErrorCause | undefined): WriteOutcome {
  if (cause === undefined) {
    if (status >= 200 && status < 300) return applied;
    // A delete of what is not there: it is not there.
    if (status === 404) return applied;
  }
  const type = cause?.type;
  // Every write is versioned: something newer is there already.
  if (status === 409 && type === 'version_conflict_engine_exception') return superseded;
  const known = (type === undefined ? undefined : byType[type]) ?? byStatus[status];
  // Elasticsearch says why it refuses a document. Only a body that is too large is refused before it is read.
  const isReasonless = known?.[0] === 'rejected' && type === undefined && status !== 413;
  const [kind, code] = known === undefined || isReasonless ? unexpected : known;
  return {
    status: kind,
    failure: { code, message: messageOf(status, cause), status, ...(type !== undefined && { type }) },
  };
}

/** Parts of reasons that name fields and types, which are no values. */
const harmlessReasons: readonly RegExp[] = [
  /failed to parse field \[[^\]]*\] of type \[[^\]]*\]/,
  /object mapping for \[[^\]]*\] tried to parse field \[[^\]]*\] as object, but found a concrete value/,
  /mapping set to strict, dynamic introduction of \[[^\]]*\] within \[[^\]]*\] is not allowed/,
  /Limit of total fields \[\d+\] has been exceeded/,
  /Limit of mapping depth \[\d+\] has been exceeded due to object field \[[^\]]*\]/,
  // Names inside of values, which no mapping can hold.
  /[Ff]ield name (?:cannot be an empty string|cannot contain only \w+)/,
  /field name starting or ending with a \[\.\] makes object resolution ambiguous/,
  // What follows in that reason is the request, with its documents.
  /\[[^\]]*\]\[\d+\] primary shard is not active/,
  /no such index \[[^\]]*\]/,
  /index \[[^\]]*\] blocked by: \[[^\]]*\]/,
  /Document contains at least one immense term in field="[^"]*"/,
  /action \[[^\]]*\] is unauthorized for user \[[^\]]*\]/,
];

function messageOf(status: number, cause: ErrorCause | undefined): string {
  const { type, reason = '' } = cause ?? {};
  const said = harmlessReasons.map((pattern) => pattern.exec(reason)?.[0]).find((part) => part !== undefined);
  const what = type === undefined ? `status ${status}` : `${type} (status ${status})`;
  return said === undefined ? `Elasticsearch answered ${what}.` : `Elasticsearch answered ${what}: ${said}.`;
}
