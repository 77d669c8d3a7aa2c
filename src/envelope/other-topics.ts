/**
 * What shares a connector's prefix and is no row: recognised, counted, never indexed.
 */
import type { ConnectSchema, IgnoredReason, Row } from '../model/change-event.ts';

/** By the name of the record's schema, where it carries one. */
const schemaNames: readonly (readonly [RegExp, IgnoredReason])[] = [
  [/^io\.debezium\.connector\.common\.Heartbeat$/, 'heartbeat'],
  [/^io\.debezium\.connector\.common\.TransactionMetadataValue$/, 'transaction-metadata'],
  [/^io\.debezium\.connector\.common\.Notification$/, 'notification'],
  [/^io\.debezium\.connector\.\w+\.SchemaChangeValue$/, 'schema-change'],
  [/^io\.debezium\.connector\.postgresql\.MessageValue$/, 'logical-message'],
];

/** By the columns of the record, where it carries no schema: all must be there, and nothing but the optional ones beside. */
const columnSets: readonly {
  readonly all: readonly string[];
  readonly others: readonly string[];
  readonly reason: IgnoredReason;
}[] = [
  { all: ['ts_ms'], others: ['ts_us', 'ts_ns'], reason: 'heartbeat' },
  {
    all: ['status', 'id', 'event_count', 'data_collections'],
    others: ['ts_ms', 'ts_us', 'ts_ns'],
    reason: 'transaction-metadata',
  },
  { all: ['id', 'type', 'aggregate_type', 'additional_data'], others: ['timestamp'], reason: 'notification' },
  {
    all: ['source', 'ddl', 'tableChanges'],
    others: ['ts_ms', 'ts_us', 'ts_ns', 'databaseName', 'schemaName'],
    reason: 'schema-change',
  },
];

/** As `ignoredReason`, by the name of the schema alone. */
export function ignoredSchema(schema: ConnectSchema | undefined): IgnoredReason | undefined {
  const name = schema?.name;
  return name === undefined ? undefined : schemaNames.find(([pattern]) => pattern.test(name))?.[1];
}

/** By the name of the key's schema, for records without a value. */
const keySchemaNames: readonly (readonly [RegExp, IgnoredReason])[] = [
  [/^io\.debezium\.connector\.common\.ServerNameKey$/, 'heartbeat'],
  [/^io\.debezium\.connector\.common\.TransactionMetadataKey$/, 'transaction-metadata'],
  [/^io\.debezium\.connector\.common\.NotificationKey$/, 'notification'],
  [/^io\.debezium\.connector\.\w+\.SchemaChangeKey$/, 'schema-change'],
  [/^io\.debezium\.connector\.postgresql\.MessageKey$/, 'logical-message'],
];

/** Why a record that has nothing but a key is to be ignored; undefined if the key may be a row's. */
export function ignoredKey(topic: string, key: Row): IgnoredReason | undefined {
  const name = key.schema?.name;
  if (name !== undefined) return keySchemaNames.find(([pattern]) => pattern.test(name))?.[1];
  // Without a schema: by a name that the connector gives to its own topics, and the one column that their keys have.
  const only = key.columns.length === 1 ? key.columns[0] : undefined;
  if (only === 'prefix' && topic.endsWith('.message')) return 'logical-message';
  return only === 'serverName' && topic.startsWith('__debezium-heartbeat.') ? 'heartbeat' : undefined;
}

/** Why a record that is no envelope is to be ignored; undefined if it is nothing that Debezium writes. */
export function ignoredReason(
  columns: readonly string[],
  schema: ConnectSchema | undefined,
): IgnoredReason | undefined {
  const named = ignoredSchema(schema);
  if (named !== undefined) return named;
  return columnSets.find(
    ({ all, others }) =>
      all.every((column) => columns.includes(column)) &&
      columns.every((column) => all.includes(column) || others.includes(column)),
  )?.reason;
}
