/**
 * What became of a write, as a value: one per write, never one for a batch, never a boolean.
 */

/** Every way in which something can fail; `errors.ts` says for each what it means and what to do. */
export type FailureCode =
  // records
  | 'RECORD_NOT_JSON'
  | 'RECORD_FORM_UNKNOWN'
  | 'SCHEMA_UNKNOWN'
  | 'SCHEMA_UNUSABLE'
  | 'SCHEMA_IN_HEADER'
  | 'RECORD_KEY_MISSING'
  | 'KEY_TYPES_MIXED'
  | 'FORMER_PLACE_UNKNOWN'
  | 'VALUE_NOT_CONVERTIBLE'
  | 'VALUE_WITHHELD'
  | 'NULL_IN_DOUBT'
  | 'COLUMN_GENERATED'
  | 'FILTER_UNDECIDED'
  | 'TRANSFORM_FAILED'
  | 'RECORD_NOT_HANDLED'
  | 'ID_TOO_LONG'
  | 'TRUNCATE_REFUSED'
  | 'TRUNCATE_WAITS'
  | 'RANGE_DELETE_REFUSED'
  // documents that Elasticsearch refuses
  | 'DOCUMENT_REJECTED'
  | 'DOCUMENT_TOO_LARGE'
  // the cluster
  | 'ELASTICSEARCH_OVERLOADED'
  | 'ELASTICSEARCH_UNAVAILABLE'
  | 'ELASTICSEARCH_UNREACHABLE'
  | 'ELASTICSEARCH_UNAUTHORIZED'
  | 'ELASTICSEARCH_FORBIDDEN'
  | 'ELASTICSEARCH_ANSWER_UNEXPECTED'
  | 'ELASTICSEARCH_ENGINE_WRONG'
  | 'REQUEST_TOO_LARGE'
  | 'INDEX_MISSING'
  | 'INDEX_BLOCKED'
  | 'INDEX_FOREIGN'
  | 'ALIAS_UNUSABLE'
  | 'ALIAS_LOST'
  | 'INDEX_NOT_ADOPTED'
  | 'INDEX_INCOMPATIBLE'
  | 'EPOCH_LOWERED'
  | 'GC_DELETES_SHORT'
  | 'COLUMN_RETYPED'
  | 'VALUES_IGNORED'
  | 'ADOPTION_REFUSED'
  | 'INDEX_REFUSED'
  | 'FIELDS_COLLIDE'
  | 'INDEX_INCOMPLETE'
  | 'INDEX_OUTDATED'
  | 'INDEX_RESTORED'
  | 'INDEX_LOADING'
  // rebuilds
  | 'HANDOVER_CHANGED'
  | 'GENERATION_REFUSED'
  | 'REBUILD_RUNNING'
  | 'REBUILD_IMPOSSIBLE'
  | 'REBUILD_UNVERIFIED'
  // the schema registry
  | 'SCHEMA_REGISTRY_UNREACHABLE'
  | 'SCHEMA_REGISTRY_UNAUTHORIZED'
  // Kafka
  | 'KAFKA_UNREACHABLE'
  | 'KAFKA_UNAUTHORIZED'
  | 'MEMBERSHIP_STALE'
  | 'TOPIC_MISSING'
  | 'TOPICS_MIXED'
  | 'TOPIC_UNREAD'
  | 'OFFSET_OUT_OF_RANGE'
  | 'TOPIC_RECREATED'
  | 'PARTITIONS_CHANGED'
  | 'OFFSETS_MOVED'
  | 'WRITES_SUPERSEDED'
  | 'DEAD_LETTERS_UNAVAILABLE'
  | 'DEAD_LETTERS_SMALL'
  | 'SNAPSHOT_UNKNOWN'
  // the database that an index is compared with
  | 'SOURCE_READ_FAILED'
  | 'SOURCE_UNREACHABLE'
  | 'SOURCE_UNAUTHORIZED'
  | 'SOURCE_FORBIDDEN'
  | 'SOURCE_TABLE_MISSING'
  | 'SOURCE_UNUSABLE'
  // what the user wrote
  | 'CONFIGURATION_INVALID'
  | 'MAPPING_INVALID'
  | 'COLUMN_UNKNOWN'
  | 'COLUMN_UNSEEN'
  | 'COLUMN_DROPPED'
  | 'DEFINITIONS_DIFFER';

export interface Failure {
  readonly code: FailureCode;
  /** One sentence: what was seen. Never holds row values. */
  readonly message: string;
  /** HTTP status, where one was answered. */
  readonly status?: number;
  /** Elasticsearch's own error type, matched by field and never by substring. */
  readonly type?: string;
}

/** Whether an answer is the reason why there is none. */
export function isFailure(value: unknown): value is Failure {
  return typeof value === 'object' && value !== null && 'code' in value && 'message' in value;
}

export type WriteOutcome =
  | { readonly status: 'applied' }
  /** A newer version is there already: success. */
  | { readonly status: 'superseded' }
  /** This document can never be written: dead letter. */
  | { readonly status: 'rejected'; readonly failure: Failure }
  /** The cluster, not the document. */
  | { readonly status: 'retryable'; readonly failure: Failure };

export const applied: WriteOutcome = { status: 'applied' };
export const superseded: WriteOutcome = { status: 'superseded' };
