/**
 * Types whose value the PostgreSQL connector sends as null if an update left it as it was and PostgreSQL did not log it (TOAST):
 * there is no placeholder for them, so nothing tells such a null from a real one (docs/operations.md, "What no record can tell").
 */
import type { ColumnSchema } from '../model/change-event.ts';

/** Of arrays, by the elements' logical name; all else of a name has a placeholder or is too small to be stored apart. */
const semantics: ReadonlySet<string> = new Set([
  'org.apache.kafka.connect.data.Decimal',
  'io.debezium.data.VariableScaleDecimal',
  'io.debezium.data.Enum',
  'io.debezium.time.Time',
  'io.debezium.time.MicroTime',
  'io.debezium.time.NanoTime',
  'io.debezium.time.ZonedTime',
  'io.debezium.time.Timestamp',
  'io.debezium.time.MicroTimestamp',
  'io.debezium.time.NanoTimestamp',
  'org.apache.kafka.connect.data.Time',
  'org.apache.kafka.connect.data.Timestamp',
]);
const bases: ReadonlySet<string> = new Set(['int16', 'float', 'float32', 'double', 'float64', 'boolean']);
/** The types whose schema is that of a text, by the name that `column.propagate.source.type` adds. */
const sources = /^(?:_inet|_cidr|_macaddr8?|inet\[\]|cidr\[\]|macaddr8?\[\]|varbit|bit varying)$/i;

/** Whether a null in this column may be a value that the database did not send. */
export function mayBeWithheldAsNull({ optional, type, items, parameters }: ColumnSchema): boolean {
  if (!optional) return false;
  if (sources.test(parameters?.['__debezium.source.column.type'] ?? '')) return true;
  if (type !== 'array' || items === undefined) return false;
  return items.semantic === undefined ? bases.has(items.type) : semantics.has(items.semantic);
}
