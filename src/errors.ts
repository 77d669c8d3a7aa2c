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
  SCHEMA_IN_HEADER: {
    meaning:
      'A header names the schema of the record, and Sluice cannot follow it: the registry that knows the id is not configured, two headers name different schemas, the header holds no id, or the value is Avro in its JSON encoding.',
    directive: 'dead-letter',
    nextStep:
      'Do what the message says: set `schemaRegistry.apicurioUrls` for ids of Apicurio, `schemaRegistry.urls` for those of Confluent, or `apicurio.registry.avro.encoding=BINARY` in the connector. Then replay the record.',
  },
  RECORD_KEY_MISSING: {
    meaning: 'The record has no key that names its document, or one whose values the connector invented.',
    directive: 'dead-letter',
    nextStep:
      'Give the table a primary key. If the key comes from `message.key.columns` or the columns of `id`, set REPLICA IDENTITY FULL on the table: without it, PostgreSQL does not send those columns with a delete. If the table has it and a delete is refused all the same, set `id: { deletesCarryKey: true }` in the mapping file. `sluice verify DOCUMENT --source` finds the documents that stayed, and `sluice repair DOCUMENT --source` removes them.',
  },
  KEY_TYPES_MIXED: {
    meaning:
      'A MongoDB collection has values of `_id` of different types that are one text as a name (the number 1004 and the text "1004"), so two documents would get one name.',
    directive: 'dead-letter',
    nextStep:
      'Give the documents of the collection an `_id` of one type; or name documents by another field (`id: { from: [...] }` in the mapping file) and rebuild the index. Then replay the dead letters. If documents of both types were written before, `sluice rebuild` the index.',
  },
  FORMER_PLACE_UNKNOWN: {
    meaning:
      'A document is named or routed by a column that is not in the primary key, and an update does not carry the row as it was. If the column changed, the old document stays beside the new one. An update to null is a dead letter, for the document most likely moved; so is an update that moves the document and holds only a part of the row (MongoDB without the full document), for the rest of the fields is at the old place. Other updates are applied, with this warning once.',
    directive: 'dead-letter',
    nextStep:
      'Let the connector send the row as it was (PostgreSQL: `ALTER TABLE … REPLICA IDENTITY FULL`; no ExtractNewRecordState), or choose columns of the primary key, or columns that never change. Then replay the dead letters; `sluice verify` finds documents that stayed.',
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
  NULL_IN_DOUBT: {
    meaning:
      'PostgreSQL does not log a large value that an update left as it was, and for this type of column the connector sends null instead. Nothing tells that null from a real one.',
    directive: 'go-on',
    nextStep:
      'Set REPLICA IDENTITY FULL for the table; or set `source` and `readDoubtfulNulls: true`, so that Sluice reads such columns from the database; or find and mend such documents with `sluice verify DOCUMENT --source` and `sluice repair DOCUMENT --source`.',
  },
  COLUMN_GENERATED: {
    meaning: 'The database generates a column, and the connector does not send it with changes.',
    directive: 'go-on',
    nextStep:
      'Set `exclude: true` for it in the mapping file; or let PostgreSQL 18 send STORED columns (`ALTER PUBLICATION … SET (publish_generated_columns = stored)`), if that is not done already.',
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
    directive: 'dead-letter',
    nextStep:
      'Delete the documents that were written before it by hand. `onTruncate: delete` in the mapping file does it the next time (docs/operations.md, "A table is truncated").',
  },
  TRUNCATE_WAITS: {
    meaning: 'The index cannot be scanned for the documents of a truncated table.',
    directive: 'retry',
    nextStep:
      'Check that Elasticsearch runs, and that Sluice may `read` and `maintenance` the index (docs/operations.md).',
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
    nextStep:
      'Look at the health of the cluster: `GET _cluster/health`, and `GET _cluster/allocation/explain` for a shard that is away.',
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
    nextStep: 'Grant the privileges listed in docs/operations.md, "Privileges"; `sluice check` names those that lack.',
  },
  ELASTICSEARCH_ANSWER_UNEXPECTED: {
    meaning:
      'The answer is not what the protocol of Elasticsearch promises, or something else gave it, so nothing can be concluded from it.',
    directive: 'retry',
    nextStep:
      'Look for a proxy or load balancer between Sluice and Elasticsearch that answers itself or changes answers.',
  },
  REQUEST_TOO_LARGE: {
    meaning: 'Something before Elasticsearch refuses a request of one document for its size (413); the document waits.',
    directive: 'pause',
    nextStep:
      'Raise the limit of the proxy or load balancer (`client_max_body_size` of nginx), or exclude the large field in the mapping file. If there is none, grant `monitor` on the cluster, so that Elasticsearch tells its limit.',
  },
  ELASTICSEARCH_ENGINE_WRONG: {
    meaning: 'The server is OpenSearch where Elasticsearch is configured, or the reverse.',
    directive: 'stop',
    nextStep: 'Set `elasticsearch.engine` (or SLUICE_ELASTICSEARCH_ENGINE) to the engine that answers.',
  },
  INDEX_MISSING: {
    meaning: 'The alias or index is not there (any more).',
    directive: 'pause',
    nextStep:
      'If only the alias was removed, give it back: `sluice adopt DOCUMENT`. If the index is gone, make it from its topics: `sluice rebuild DOCUMENT`.',
  },
  INDEX_BLOCKED: {
    meaning: 'The index refuses writes (a block, often set when a disk is nearly full).',
    directive: 'pause',
    nextStep: 'Free disk space and remove the block from the index.',
  },
  INDEX_FOREIGN: {
    meaning: 'An index that Sluice did not make has a name that Sluice needs.',
    directive: 'pause',
    nextStep: 'Rename the document in the mapping file, or see docs/operations.md, "An index that is there already".',
  },
  ALIAS_UNUSABLE: {
    meaning: 'The alias names several indexes, only a part of one, or another than it should.',
    directive: 'pause',
    nextStep: 'Make the alias name one index, without a filter or a routing (docs/operations.md, "Aliases").',
  },
  ALIAS_LOST: {
    meaning: 'Generations of the document are there, but the alias that should name one of them is not.',
    directive: 'pause',
    nextStep: 'Give the alias back: `sluice adopt DOCUMENT --index INDEX`.',
  },
  INDEX_NOT_ADOPTED: {
    meaning: 'The alias names an index that Sluice did not make for this document.',
    directive: 'pause',
    nextStep: 'If Sluice is to write into it, take it over: `sluice adopt DOCUMENT`.',
  },
  INDEX_INCOMPATIBLE: {
    meaning: 'The index is not as the mapping file and the schemas have it, and cannot be made so.',
    directive: 'pause',
    nextStep:
      'Write the fields in the mapping file as the index has them, or make the index anew with `sluice rebuild` (docs/operations.md, "Rebuild an index").',
  },
  EPOCH_LOWERED: {
    meaning:
      'The mapping file has a lower `epoch` than what was written before, so that all its writes would be superseded.',
    directive: 'pause',
    nextStep: 'Set `epoch` in the mapping file to that of the index, or higher.',
  },
  VALUES_IGNORED: {
    meaning:
      'A field of the index could not take some values (`ignore_malformed`): they are in `_source`, and their documents are not found by that field.',
    directive: 'go-on',
    nextStep:
      'Search them by `<field>.keyword` where the index has it, or give the field another type in `index.mappings.properties` and rebuild the index. `GET <index>/_search?q=_ignored:<field>` names the documents.',
  },
  COLUMN_RETYPED: {
    meaning:
      'A column got a type that its field in the index does not have; documents whose values do not fit are dead letters.',
    directive: 'go-on',
    nextStep:
      'Make the index anew with the new type (docs/operations.md, "Indexes"), then replay the dead letters; or write the field in the mapping file as it is to be.',
  },
  GC_DELETES_SHORT: {
    meaning: 'The index forgets deleted documents so soon that a delayed write could bring one back.',
    directive: 'go-on',
    nextStep: 'Set `index.gc_deletes` of the index to 1h (`PUT INDEX/_settings`), or write it in the mapping file.',
  },
  ADOPTION_REFUSED: {
    meaning: 'The index cannot be taken over as it is; nothing was changed.',
    directive: 'stop',
    nextStep: 'See docs/operations.md, "An index that is there already", and run `sluice adopt` again.',
  },
  INDEX_REFUSED: {
    meaning: 'Elasticsearch refuses to create or extend the index as the mapping file or the table describes it.',
    directive: 'pause',
    nextStep:
      'Correct `index` in the mapping file, or leave the column out that the message names. If the table has no mapping file, write one in the folder `documents`: `document: <index>`, `from: <topic>`, `fields: { <column>: { exclude: true } }` (docs/mapping-files.md). `sluice check` tries it.',
  },
  FIELDS_COLLIDE: {
    meaning:
      'Two columns, or two fields of a mapping file, would have the same place in a document: an index cannot hold the name of one of them, and the name that stands for it is taken.',
    directive: 'pause',
    nextStep:
      'Give one of them another name in the mapping file (`fields: { <name>: { from: <column> } }`), or leave it out (`<column>: { exclude: true }`). If the table has no mapping file, write one in the folder `documents` with `document: <index>` and `from: <topic>` (docs/mapping-files.md).',
  },
  INDEX_INCOMPLETE: {
    meaning: 'The index lacks documents of records that the consumer group has read already, and will not read again.',
    directive: 'go-on',
    nextStep:
      'The warning stays until the index is whole; with `index.onChange: rebuild` the service rebuilds it (docs/operations.md, "An index that is not whole").',
  },
  INDEX_OUTDATED: {
    meaning: 'The index has documents that another definition of the document made.',
    directive: 'go-on',
    nextStep:
      'The warning stays until one definition made all documents; with `index.onChange: rebuild` the service rebuilds the index (docs/operations.md, "An index that is not whole").',
  },
  INDEX_RESTORED: {
    meaning:
      'The index was restored from a snapshot, or copied, and may be older than the offsets of the consumer group.',
    directive: 'go-on',
    nextStep:
      'The warning stays until then; with `index.onChange: rebuild` the service rebuilds the index (docs/operations.md, "An index that is not whole").',
  },
  INDEX_LOADING: {
    meaning: 'The first index of the document is being loaded by a rebuild; its records wait until it is whole.',
    directive: 'pause',
    nextStep: 'Nothing, while `sluice rebuild` runs. If it does not run any more, run it again, or with `--abort`.',
  },
  HANDOVER_CHANGED: {
    meaning: 'A rebuild or a rollback changed which generations are written while a write was sent; it is sent again.',
    directive: 'retry',
    nextStep: 'Nothing needs to be done: Sluice sends the write again.',
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
    nextStep: 'docs/operations.md, "Rebuild an index", says what can be done.',
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
  MEMBERSHIP_STALE: {
    meaning:
      'Kafka has not confirmed for too long that this instance is a member of its group, so another may own its partitions: nothing is written meanwhile.',
    directive: 'retry',
    nextStep:
      'Check that the coordinator of the group can be reached from here, and that the process and its machine are not frozen for seconds; raise `kafka.sessionTimeoutMs` if they are. If it passes, nothing is to be done.',
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
  TOPICS_MIXED: {
    meaning:
      'Several topics, or several mapping files, would write into one index and overwrite the documents of each other.',
    directive: 'stop',
    nextStep: 'docs/mapping-files.md, "Several topics, one index", compares the remedies.',
  },
  TOPIC_UNREAD: {
    meaning: 'A topic that belongs to a document was created after Sluice started, and is not read yet.',
    directive: 'go-on',
    nextStep: 'Run `sluice check`, then restart the instances.',
  },
  OFFSET_OUT_OF_RANGE: {
    meaning: 'The committed offset is not in the topic any more: the topic was re-created, or records expired unread.',
    directive: 'stop',
    nextStep:
      'If the topic was re-created, raise `epoch` in the mapping file; then read docs/operations.md, "A topic was re-created".',
  },
  TOPIC_RECREATED: {
    meaning: 'The topic was deleted and made anew: its offsets, and so the versions of its writes, began again.',
    directive: 'stop',
    nextStep:
      'Raise `epoch` by one in the mapping file of every document made of it, and restart: docs/operations.md, "A topic was re-created".',
  },
  PARTITIONS_CHANGED: {
    meaning: 'The topic has more partitions than before, so keys move to partitions whose offsets are lower.',
    directive: 'stop',
    nextStep:
      'Give the new partitions a higher `epoch` in the mapping file of every document made of it, and restart: docs/operations.md, "The number of partitions was raised".',
  },
  OFFSETS_MOVED: {
    meaning:
      'The group does not stand where Sluice left it, so that records are read again; deleted documents may be back until their deletes are.',
    directive: 'go-on',
    nextStep:
      'If that was meant, let it run to the end and then run `sluice verify`: docs/operations.md, "Offsets were reset".',
  },
  WRITES_SUPERSEDED: {
    meaning:
      'The index has newer versions than what is written, although no partition was read anew: versions went backwards.',
    directive: 'go-on',
    nextStep:
      'Look for another writer of the index, a topic that was re-created or whose keys moved: docs/operations.md, "Writes are superseded".',
  },
  DEAD_LETTERS_UNAVAILABLE: {
    meaning: 'The dead-letter topic does not take letters, so the records they keep cannot be settled.',
    directive: 'retry',
    nextStep: 'Check that the topic of `deadLetters.topic` exists and may be written.',
  },
  DEAD_LETTERS_SMALL: {
    meaning: 'The dead-letter topic takes smaller messages than the topics whose records it keeps.',
    directive: 'go-on',
    nextStep:
      'Raise `max.message.bytes` of the dead-letter topic to at least that of the largest topic that is read (kafka-configs.sh --alter --add-config max.message.bytes=BYTES).',
  },
  SNAPSHOT_UNKNOWN: {
    meaning: 'Which documents the last snapshot confirmed cannot be told, so none may be swept.',
    directive: 'stop',
    nextStep: 'Let a snapshot that is not filtered come to its end, or name offsets with `--since`.',
  },
  SOURCE_READ_FAILED: {
    meaning: 'A column whose null is in doubt cannot be read from the database.',
    directive: 'retry',
    nextStep:
      'Check that the database of `source` (SLUICE_SOURCE) is reachable, is no standby, and lets its user read the table. The writes that need it wait; to write them with null instead, set `readDoubtfulNulls: false` and restart.',
  },
  SOURCE_UNREACHABLE: {
    meaning: 'The database that the index is to be compared with does not answer.',
    directive: 'stop',
    nextStep:
      'Check host, port, database and TLS of `--source` (SLUICE_SOURCE), and that the server takes connections.',
  },
  SOURCE_UNAUTHORIZED: {
    meaning: 'The database that the index is to be compared with refuses these credentials.',
    directive: 'stop',
    nextStep:
      'Check the user of `--source` and its password, which SLUICE_SOURCE_FILE, PGPASSWORD or (MySQL, MariaDB) MYSQL_PWD may hold as well.',
  },
  SOURCE_FORBIDDEN: {
    meaning: 'The user of the database may not read the table.',
    directive: 'stop',
    nextStep: 'GRANT SELECT on the table and, in PostgreSQL, USAGE on its schema.',
  },
  SOURCE_TABLE_MISSING: {
    meaning: 'The database has no table for a topic of the document.',
    directive: 'stop',
    nextStep: 'Name the table with `--table schema.table`, once for each topic, in the order of their names.',
  },
  SOURCE_UNUSABLE: {
    meaning: 'The index cannot be compared with the rows in SQL.',
    directive: 'stop',
    nextStep:
      'See docs/operations.md, "Verify against the database"; `sluice verify` without `--source` compares with the topics.',
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
  COLUMN_UNKNOWN: {
    meaning:
      'A mapping file names a column that no row of its topic has, so the document would be wrong, or show what the file hides.',
    directive: 'pause',
    nextStep:
      'Correct the name, or remove it from the file; if rows may lack the column, write `optional: true` at the field. Then restart. If the column is added to the table, Sluice continues by itself with the first row that has it.',
  },
  COLUMN_UNSEEN: {
    meaning: 'A mapping file names a column that no row so far has, of a topic whose rows need not have all columns.',
    directive: 'go-on',
    nextStep: 'Check the name; write `optional: true` at the field if rows may lack the column.',
  },
  COLUMN_DROPPED: {
    meaning: 'Rows do not have a column any more that a mapping file names.',
    directive: 'go-on',
    nextStep:
      'Remove the column from the mapping file before the next restart: then no row with the column may be left, and the document would be held.',
  },
  DEFINITIONS_DIFFER: {
    meaning: 'Instances of one consumer group run with different definitions of documents.',
    directive: 'go-on',
    nextStep:
      'During a rolling change this ends with the last restart. Otherwise give all instances the same mapping files and configuration; `sluice status` names the instances.',
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

/** The failure that was thrown, the first of several; undefined if something else was. */
export function failureIn(error: unknown): Failure | undefined {
  return error instanceof SluiceError ? error.failures[0] : undefined;
}
