/**
 * The one table of column types: what becomes of a value, and which field it needs (docs/decisions/0003-values.md).
 */
import type { ColumnSchema, Convert } from '../model/change-event.ts';
import { decimalFromBase64, finiteNumber, variableScaleDecimal } from './numeric.ts';
import { dateFromDays, isoDate, isoText, timeFrom, timestampFrom } from './temporal.ts';

/** A field of an index, as Elasticsearch takes it. */
export type FieldMapping = Readonly<Record<string, unknown>>;

export interface Conversion {
  /** Absent: the text is copied as it is. */
  readonly convert?: Convert;
  readonly field: FieldMapping;
}

const keyword: FieldMapping = { type: 'keyword', ignore_above: 8191 };
/** What Elasticsearch itself makes of a string: searched by its words, sorted and counted by its first 256 characters. */
const text: FieldMapping = { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: 256 } } };
/** Years beyond 9999 stay in `_source`; without this they would cost the document. */
const date: FieldMapping = { type: 'date', ignore_malformed: true };
/** Holds 1970 … 2262 only. */
const dateNanos: FieldMapping = { type: 'date_nanos', ignore_malformed: true };
/** Exact as a term, about right for ranges and sorting. */
const exactDecimal: FieldMapping = { type: 'keyword', fields: { number: { type: 'double' } } };

/** As many decimal digits as every double keeps. */
const digitsOfDouble = 15;

function decimal(column: ColumnSchema): Conversion {
  const scale = Number(column.parameters?.['scale'] ?? 0);
  const precision = Number(column.parameters?.['connect.decimal.precision'] ?? Infinity);
  if (scale === 0 && precision <= 18) return { convert: decimalFromBase64(0, false), field: { type: 'long' } };
  if (precision <= digitsOfDouble) return { convert: decimalFromBase64(scale, false), field: { type: 'double' } };
  return { convert: decimalFromBase64(scale, true), field: exactDecimal };
}

const timestamp = { millis: timestampFrom(3), micros: timestampFrom(6), nanos: timestampFrom(9) };
const time = { millis: timeFrom(3), micros: timeFrom(6), nanos: timeFrom(9) };

/** By logical name. Names that are not here are converted as their base type. */
const semanticTypes: Readonly<Record<string, Conversion | ((column: ColumnSchema) => Conversion)>> = {
  'io.debezium.time.Date': { convert: dateFromDays, field: date },
  'io.debezium.time.Time': { convert: time.millis, field: keyword },
  'io.debezium.time.MicroTime': { convert: time.micros, field: keyword },
  'io.debezium.time.NanoTime': { convert: time.nanos, field: keyword },
  'io.debezium.time.Timestamp': { convert: timestamp.millis, field: date },
  'io.debezium.time.MicroTimestamp': { convert: timestamp.micros, field: date },
  'io.debezium.time.NanoTimestamp': { convert: timestamp.nanos, field: dateNanos },
  'io.debezium.time.ZonedTimestamp': { convert: isoText, field: date },
  'io.debezium.time.ZonedTime': { field: keyword },
  'io.debezium.time.Year': { field: { type: 'integer' } },
  'io.debezium.time.Interval': { field: keyword },
  'io.debezium.time.IsoDate': { convert: isoDate, field: date },
  'io.debezium.time.IsoTime': { field: keyword },
  'io.debezium.time.IsoTimestamp': { convert: isoText, field: date },
  'org.apache.kafka.connect.data.Date': { convert: dateFromDays, field: date },
  'org.apache.kafka.connect.data.Time': { convert: time.millis, field: keyword },
  'org.apache.kafka.connect.data.Timestamp': { convert: timestamp.millis, field: date },
  'org.apache.kafka.connect.data.Decimal': decimal,
  'io.debezium.data.VariableScaleDecimal': { convert: variableScaleDecimal, field: exactDecimal },
  'io.debezium.data.Uuid': { field: keyword },
  'io.debezium.data.Enum': { field: keyword },
};

/** By Connect's base type. */
const baseTypes: Readonly<Record<string, Conversion>> = {
  int8: { field: { type: 'byte' } },
  int16: { field: { type: 'short' } },
  int32: { field: { type: 'integer' } },
  int64: { field: { type: 'long' } },
  float: { convert: finiteNumber, field: { type: 'float' } },
  float32: { convert: finiteNumber, field: { type: 'float' } },
  double: { convert: finiteNumber, field: { type: 'double' } },
  float64: { convert: finiteNumber, field: { type: 'double' } },
  boolean: { field: { type: 'boolean' } },
  string: { field: text },
  bytes: { field: { type: 'binary' } },
  struct: { field: { type: 'object' } },
  map: { field: { type: 'object' } },
};

/** What becomes of a column. Types that are not known pass through, and Elasticsearch maps what it meets. */
export function conversionOf(column: ColumnSchema): Conversion {
  const semantic = column.semantic === undefined ? undefined : semanticTypes[column.semantic];
  if (semantic !== undefined) return typeof semantic === 'function' ? semantic(column) : semantic;
  // A field holds one value or many; elements pass through as the source wrote them.
  if (column.type === 'array' && column.items) return { field: baseTypes[column.items.type]?.field ?? text };
  return baseTypes[column.type] ?? { field: { type: 'object' } };
}
