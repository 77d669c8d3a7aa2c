/**
 * One catalogue of everything that can go wrong: what it means, what Sluice does about it (the directive) and what the
 * operator can do next. `docs/errors.md` is generated from it.
 */
import type { Failure, FailureCode } from './model/outcome.ts';

/**
 * - `retry`: the same write again, soon, with exponential back-off and full jitter, for ever.
 * - `pause`: again, but slowly: nothing heals by itself, someone must act; nothing is dropped meanwhile.
 * - `dead-letter`: this record can never be written; it is kept aside and the others go on.
 * - `go-on`: nothing waits and nothing is kept aside, but someone should look.
 * - `stop`: going on would be wrong; the process ends with a sentence.
 */
export type Directive = 'retry' | 'pause' | 'dead-letter' | 'go-on' | 'stop';

export interface ErrorEntry {
  readonly meaning: string;
  readonly directive: Directive;
  readonly nextStep: string;
}

export const catalogue: Readonly<Record<FailureCode, ErrorEntry>> = {
  RECORD_NOT_JSON: {
    meaning: 'The bytes of a record are not the JSON that its topic promises.',
    directive: 'dead-letter',
    nextStep: 'Look at the record in the dead-letter topic; check the converter of the connector that wrote it.',
  },
  RECORD_FORM_UNKNOWN: {
    meaning: 'The record is JSON, but neither a Debezium envelope nor any other known form.',
    directive: 'dead-letter',
    nextStep: 'Check what writes to the topic, or leave the topic out of `from`.',
  },
  SCHEMA_UNKNOWN: {
    meaning: 'The record names a schema that the registry does not know.',
    directive: 'dead-letter',
    nextStep:
      'Check that `schemaRegistry.urls` is the registry of the connector that wrote the record; then replay it.',
  },
  SCHEMA_UNUSABLE: {
    meaning: 'The schema that the record names cannot be used to read it.',
    directive: 'dead-letter',
    nextStep: 'Look at the schema in the registry; please report it if it is one that a converter registered.',
  },
  RECORD_KEY_MISSING: {
    meaning: 'The record has no key, so no document can be named by it.',
    directive: 'dead-letter',
    nextStep: 'Give the table a primary key, or set `message.key.columns` in the connector.',
  },
  VALUE_NOT_CONVERTIBLE: {
    meaning: 'A column does not hold what its declared type promises.',
    directive: 'dead-letter',
    nextStep: 'Check `as` of that field in the mapping file, or the converter settings of the connector.',
  },
  VALUE_WITHHELD: {
    meaning: 'The database did not send a large value that did not change, and the index does not have it either.',
    directive: 'go-on',
    nextStep:
      'The field comes with the next change of that value. To have all at once, take a snapshot anew; REPLICA IDENTITY FULL sends every value always.',
  },
  FILTER_UNDECIDED: {
    meaning: 'The record does not tell whether its row is one of those that become documents.',
    directive: 'dead-letter',
    nextStep: 'Use columns in `where` that are always sent; REPLICA IDENTITY FULL sends every value always.',
  },
  TRANSFORM_FAILED: {
    meaning: 'The `transform` of the mapping file threw, or gave something that is no document.',
    directive: 'dead-letter',
    nextStep: 'Correct the named line, restart, and replay the dead letter.',
  },
  RECORD_NOT_HANDLED: {
    meaning: 'Handling the record threw an exception: a defect of Sluice.',
    directive: 'dead-letter',
    nextStep: 'Please report it with the record from the dead-letter topic.',
  },
  ID_TOO_LONG: {
    meaning: 'The key makes a document id of more than 512 bytes, which Elasticsearch refuses.',
    directive: 'dead-letter',
    nextStep: 'Set `id: { overlong: hash }` in the mapping file to name such documents by a digest of their key.',
  },
  TRUNCATE_REFUSED: {
    meaning: 'The table was truncated; the documents of its rows are still in the index.',
    directive: 'go-on',
    nextStep: 'Rebuild the index, or delete its documents by hand.',
  },
  RANGE_DELETE_REFUSED: {
    meaning: 'Many rows were deleted at once, by a range or a whole partition of Cassandra, and the record names none.',
    directive: 'dead-letter',
    nextStep:
      'Delete the documents of the range that the dead letter tells of by hand (`_delete_by_query`), or rebuild the index.',
  },
  DOCUMENT_REJECTED: {
    meaning: 'Elasticsearch can never accept this document, mostly because a value does not fit the mapping.',
    directive: 'dead-letter',
    nextStep: 'Change the mapping (or the value at the source) and replay the dead letter.',
  },
  DOCUMENT_TOO_LARGE: {
    meaning: "The document alone is larger than the server's `http.max_content_length`.",
    directive: 'dead-letter',
    nextStep: 'Exclude the large field in the mapping file, or raise the limit of the server.',
  },
  ELASTICSEARCH_OVERLOADED: {
    meaning: 'Elasticsearch has more work than it takes (429).',
    directive: 'retry',
    nextStep: 'Nothing if it passes; else give the cluster more capacity or lower `elasticsearch.maxRequests`.',
  },
  ELASTICSEARCH_UNAVAILABLE: {
    meaning: 'Elasticsearch, a shard or a proxy before it does not serve for the moment (5xx).',
    directive: 'retry',
    nextStep: 'Look at the health of the cluster.',
  },
  ELASTICSEARCH_UNREACHABLE: {
    meaning: 'No connection to Elasticsearch, or it broke before the answer was complete.',
    directive: 'retry',
    nextStep: 'Check that the nodes of `elasticsearch.nodes` run and can be reached from here.',
  },
  ELASTICSEARCH_UNAUTHORIZED: {
    meaning: 'Elasticsearch does not know these credentials (401).',
    directive: 'pause',
    nextStep:
      'Check `elasticsearch.username` and `password`, `apiKey` or `bearer`; a secret file is read at the start.',
  },
  ELASTICSEARCH_FORBIDDEN: {
    meaning: 'The credentials are known but may not do this (403).',
    directive: 'pause',
    nextStep: 'Grant the privileges listed in docs/operations.md.',
  },
  ELASTICSEARCH_ANSWER_UNEXPECTED: {
    meaning: 'The answer of Elasticsearch is not what its protocol promises, so nothing can be concluded from it.',
    directive: 'retry',
    nextStep: 'Look for a proxy between Sluice and Elasticsearch that changes answers.',
  },
  ELASTICSEARCH_ENGINE_WRONG: {
    meaning: 'The server is OpenSearch where Elasticsearch is configured, or the reverse.',
    directive: 'stop',
    nextStep: 'Set `elasticsearch.engine` (or SLUICE_ELASTICSEARCH_ENGINE) to the engine that answers.',
  },
  INDEX_MISSING: {
    meaning: 'The alias or index is not there (any more).',
    directive: 'pause',
    nextStep: 'Restore the alias, or restart Sluice to have the index created again.',
  },
  INDEX_BLOCKED: {
    meaning: 'The index refuses writes (a block, often set when a disk is nearly full).',
    directive: 'pause',
    nextStep: 'Free disk space and remove the block from the index.',
  },
  INDEX_FOREIGN: {
    meaning: 'An index, not an alias, stands where the alias should be; Sluice did not make it.',
    directive: 'pause',
    nextStep: 'Rename the document in the mapping file, or remove that index if it is not needed.',
  },
  ALIAS_UNUSABLE: {
    meaning: 'The alias names several indexes, only a part of one, or another than it should.',
    directive: 'pause',
    nextStep: 'Make the alias name one index, without a filter or a routing (docs/operations.md, «Aliases»).',
  },
  INDEX_REFUSED: {
    meaning: 'Elasticsearch refuses to create or extend the index as the mapping file describes it.',
    directive: 'pause',
    nextStep: 'Correct `index` in the mapping file; `sluice check` tries it.',
  },
  HANDOVER_CHANGED: {
    meaning: 'A rebuild or a rollback changed which generations are written while a write was sent; it is sent again.',
    directive: 'retry',
    nextStep: 'Nothing.',
  },
  GENERATION_REFUSED: {
    meaning: 'Of two generations that are written, the one that is not live refuses what the live one takes.',
    directive: 'go-on',
    nextStep:
      'The alias is not given to that generation. Correct its mapping and begin with `sluice rebuild DOCUMENT --restart`.',
  },
  REBUILD_RUNNING: {
    meaning: 'Another process rebuilds this document.',
    directive: 'stop',
    nextStep: 'Let it end, or end it first; a rebuild that was killed can be gone on with after a few seconds.',
  },
  REBUILD_IMPOSSIBLE: {
    meaning: 'A rebuild or a rollback cannot be begun or gone on with as things are; nothing was changed.',
    directive: 'stop',
    nextStep: 'docs/operations.md, «Rebuild an index», says what can be done.',
  },
  REBUILD_UNVERIFIED: {
    meaning: 'The new generation does not hold what the old one holds, so the alias was left where it is.',
    directive: 'stop',
    nextStep:
      'If the differences are meant, run it again with `--accept-differences`; else correct the mapping file and begin with `--restart`, or give up with `--abort`.',
  },
  SCHEMA_REGISTRY_UNREACHABLE: {
    meaning: 'The schema registry does not answer; records that need it wait.',
    directive: 'retry',
    nextStep: 'Check that the registry of `schemaRegistry.urls` runs and can be reached from here.',
  },
  SCHEMA_REGISTRY_UNAUTHORIZED: {
    meaning: 'The schema registry refuses these credentials; records that need it wait.',
    directive: 'pause',
    nextStep: 'Check `schemaRegistry.username` and `password`, or `bearer`; a secret file is read at the start.',
  },
  KAFKA_UNREACHABLE: {
    meaning: 'No connection to Kafka.',
    directive: 'retry',
    nextStep:
      'Check that the brokers of `kafka.brokers` run and that their advertised addresses can be reached from here.',
  },
  KAFKA_UNAUTHORIZED: {
    meaning: 'Kafka refuses these credentials or does not allow this group or topic.',
    directive: 'stop',
    nextStep: 'Check `kafka.sasl` and the ACLs of the group, its topics and the dead-letter topic.',
  },
  TOPIC_MISSING: {
    meaning: 'No topic of that name exists.',
    directive: 'stop',
    nextStep: 'Check `from` in the mapping file and `topic.prefix` of the connector; start the connector first.',
  },
  OFFSET_OUT_OF_RANGE: {
    meaning: 'The committed offset is not in the topic any more: the topic was re-created, or records expired unread.',
    directive: 'stop',
    nextStep:
      'If the topic was re-created, raise `epoch` in the mapping file; then read docs/operations.md, «A topic was re-created».',
  },
  DEAD_LETTERS_UNAVAILABLE: {
    meaning: 'The dead-letter topic does not take letters, so the records they keep cannot be settled.',
    directive: 'retry',
    nextStep: 'Check that the topic of `deadLetters.topic` exists and may be written.',
  },
  CONFIGURATION_INVALID: {
    meaning: 'The configuration cannot work.',
    directive: 'stop',
    nextStep: 'Correct the named key; `sluice check` shows all mistakes at once.',
  },
  MAPPING_INVALID: {
    meaning: 'A mapping file cannot work.',
    directive: 'stop',
    nextStep: 'Correct the named line; `sluice check` shows all mistakes at once.',
  },
};

export function directiveOf(failure: Failure): Directive {
  return catalogue[failure.code].directive;
}

/** What, why and the next step, as one line for a person. */
export function explain(failure: Failure): string {
  return `${failure.message} ${catalogue[failure.code].nextStep}`;
}

/** Ends a command with a sentence instead of a stack: thrown only by the edges, caught only by the command line. */
export class SluiceError extends Error {
  readonly failures: readonly Failure[];

  constructor(failures: readonly Failure[]) {
    super(failures.map((failure) => explain(failure)).join('\n'));
    this.name = 'SluiceError';
    this.failures = failures;
  }
}
