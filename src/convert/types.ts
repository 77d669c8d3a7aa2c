/**
 * The one table of column types: what becomes of a value, and which field it needs (docs/decisions/0003-values.md).
 */
import type { ColumnSchema, Convert } from '../model/change-event.ts';
import { canBeMembers } from '../model/field-name.ts';
import { bitsAsNumber, bitsAsText } from './binary.ts';
import * as field from './fields.ts';
import type { Conversion, FieldMapping } from './fields.ts';
import { cidr, inet } from './network.ts';
import {
  booleanFromNumber,
  decimalFromBase64,
  decimalFromText,
  finiteNumber,
  unsigned64,
  variableScaleDecimal,
} from './numeric.ts';
import { dateRange, doubleRange, integerRange, longRange } from './ranges.ts';
import { geographic, planar } from './spatial.ts';
import { structuredDate, structuredDuration, structuredTime, structuredTimestamp } from './structured-time.ts';
import {
  arrayOf,
  enumSet,
  jsonInString,
  mapOf,
  mostDimensions,
  sparseVector,
  structOf,
  vectorOf,
} from './structured.ts';
import { dateFromDays, isoDate, isoText, timeFrom, timestampFrom } from './temporal.ts';
import { trimEnd } from './text.ts';

export type { Conversion, FieldMapping } from './fields.ts';

type Entry = Conversion | ((column: ColumnSchema) => Conversion);

const { keyword, date } = field;
const timestamp = { millis: timestampFrom(3), micros: timestampFrom(6), nanos: timestampFrom(9) };
const time = { millis: timeFrom(3), micros: timeFrom(6), nanos: timeFrom(9) };

const json: Conversion = { convert: jsonInString, field: field.flattened };
const uuid: Conversion = { field: keyword };
const unsignedLong: Conversion = { convert: unsigned64, field: field.unsignedLong };
const isoTimestamp: Conversion = { convert: isoText, field: date };
const duration: Entry = ({ type }) => ({ field: type === 'double' ? field.double : field.long });

const vector: Entry = (column) => {
  const { length = 0 } = sourceOf(column);
  const dims = length > 0 && length <= mostDimensions ? length : undefined;
  return { convert: vectorOf(dims), field: field.denseVector(dims) };
};

/** By logical name. Names that are not here are converted as their base type. */
const semanticTypes: Readonly<Record<string, Entry>> = {
  'io.debezium.time.Date': { convert: dateFromDays, field: date },
  'io.debezium.time.Time': { convert: time.millis, field: keyword },
  'io.debezium.time.MicroTime': { convert: time.micros, field: keyword },
  'io.debezium.time.NanoTime': { convert: time.nanos, field: keyword },
  'io.debezium.time.Timestamp': { convert: timestamp.millis, field: date },
  'io.debezium.time.MicroTimestamp': { convert: timestamp.micros, field: date },
  'io.debezium.time.NanoTimestamp': { convert: timestamp.nanos, field: field.dateNanos },
  'io.debezium.time.ZonedTimestamp': isoTimestamp,
  'io.debezium.time.ZonedTime': { field: keyword },
  'io.debezium.time.Year': { field: field.integer },
  'io.debezium.time.Interval': { field: keyword },
  'io.debezium.time.MicroDuration': duration,
  'io.debezium.time.NanoDuration': duration,
  'io.debezium.time.IsoDate': { convert: isoDate, field: date },
  'io.debezium.time.IsoTime': { field: keyword },
  'io.debezium.time.IsoTimestamp': isoTimestamp,
  'io.debezium.time.StructuredDate': { convert: structuredDate, field: date },
  'io.debezium.time.StructuredTime': { convert: structuredTime, field: keyword },
  'io.debezium.time.StructuredZonedTime': { convert: structuredTime, field: keyword },
  'io.debezium.time.StructuredTimestamp': { convert: structuredTimestamp, field: date },
  'io.debezium.time.StructuredZonedTimestamp': { convert: structuredTimestamp, field: date },
  'io.debezium.time.StructuredDuration': { convert: structuredDuration, field: keyword },
  'org.apache.kafka.connect.data.Date': { convert: dateFromDays, field: date },
  'org.apache.kafka.connect.data.Time': { convert: time.millis, field: keyword },
  'org.apache.kafka.connect.data.Timestamp': { convert: timestamp.millis, field: date },
  'org.apache.kafka.connect.data.Decimal': (column) => {
    const scale = Number(column.parameters?.['scale'] ?? 0);
    const precision = Number(column.parameters?.['connect.decimal.precision'] ?? Infinity);
    const form = decimalForm(precision, scale, isUnsigned(column) || sourceOf(column).type === undefined);
    return { convert: decimalFromBase64(scale, form.quoted), field: form.field };
  },
  'io.debezium.data.VariableScaleDecimal': { convert: variableScaleDecimal, field: field.exactDecimal },
  'io.debezium.data.Bits': (column) => {
    const length = Number(column.parameters?.['length'] ?? Infinity);
    if (length > 64) return { convert: bitsAsText(length), field: keyword };
    return { convert: bitsAsNumber, field: length === 64 ? field.unsignedLong : field.long };
  },
  'io.debezium.data.Uuid': uuid,
  'io.debezium.data.Enum': { field: keyword },
  'io.debezium.data.EnumSet': { convert: enumSet, field: keyword },
  'io.debezium.data.Json': json,
  'io.debezium.data.Xml': { field: field.text },
  'io.debezium.data.Ltree': { field: keyword },
  'io.debezium.data.Tsvector': { field: field.words },
  'io.debezium.data.DoubleVector': vector,
  'io.debezium.data.FloatVector': vector,
  'io.debezium.data.SparseDoubleVector': { convert: sparseVector, field: field.rankFeatures },
  'io.debezium.data.geometry.Point': { convert: planar, field: field.point },
  'io.debezium.data.geometry.Geometry': { convert: geographic, field: field.geoShape },
  'io.debezium.data.geometry.Geography': { convert: geographic, field: field.geoShape },
};

const integers: Conversion = { convert: integerRange, field: field.integerRange };
const longs: Conversion = { convert: longRange, field: field.longRange };
const decimals: Conversion = { convert: doubleRange, field: field.doubleRange };
const dates: Conversion = { convert: dateRange, field: field.dateRange };
const padded: Conversion = { convert: trimEnd, field: keyword };

/** A decimal that came as a string (`decimal.handling.mode=string`). */
const decimalString: Entry = (column) => {
  const { length, scale } = sourceOf(column);
  // A column of no declared precision has 0 or a number beyond all others.
  const form = decimalForm(length || Infinity, scale ?? Infinity, false);
  return { convert: decimalFromText(form.quoted), field: form.field };
};

/**
 * By the database's own type, for strings without a logical name: known where the connector propagates it
 * (`column.propagate.source.type`).
 */
const stringTypes: Readonly<Record<string, Entry>> = {
  INT4RANGE: integers,
  INT4MULTIRANGE: integers,
  INT8RANGE: longs,
  INT8MULTIRANGE: longs,
  NUMRANGE: decimals,
  NUMMULTIRANGE: decimals,
  DATERANGE: dates,
  DATEMULTIRANGE: dates,
  TSRANGE: dates,
  TSMULTIRANGE: dates,
  TSTZRANGE: dates,
  TSTZMULTIRANGE: dates,
  INET: { convert: inet, field: field.ip },
  CIDR: { convert: cidr, field: field.ipRange },
  MACADDR: { field: keyword },
  MACADDR8: { field: keyword },
  UUID: uuid,
  UNIQUEIDENTIFIER: uuid,
  ROWID: { field: keyword },
  CITEXT: { field: field.caseInsensitiveText },
  BPCHAR: padded,
  CHAR: padded,
  NCHAR: padded,
  CHARACTER: padded,
  JSON: json,
  JSONB: json,
  XML: { field: field.text },
  XMLTYPE: { field: field.text },
  LTREE: { field: keyword },
  TSVECTOR: { field: field.words },
  NUMERIC: decimalString,
  DECIMAL: decimalString,
  NUMBER: decimalString,
  MONEY: decimalString,
  DATE: { convert: isoDate, field: date },
  TIMESTAMP: isoTimestamp,
  TIMESTAMPTZ: isoTimestamp,
  TIME: { field: keyword },
  TIMETZ: { field: keyword },
  INTERVAL: { field: keyword },
};

/** By Connect's base type. */
const baseTypes: Readonly<Record<string, Entry>> = {
  int8: { field: field.byte },
  int16: { field: field.short },
  int32: { field: field.integer },
  int64: { field: field.long },
  float: { convert: finiteNumber, field: field.float },
  float32: { convert: finiteNumber, field: field.float },
  double: { convert: finiteNumber, field: field.double },
  float64: { convert: finiteNumber, field: field.double },
  boolean: { field: field.boolean },
  string: { field: field.text },
  bytes: { field: field.binary },
  array,
  struct,
  map: ({ items }) => ({ convert: mapOf(items && conversionOf(items).convert), field: field.flattened }),
};

/** What becomes of a column, and the field that it needs. Types that are not known pass through and are not searched. */
export function conversionOf(column: ColumnSchema): Conversion {
  const entry =
    (column.semantic === undefined ? undefined : semanticTypes[column.semantic]) ??
    bySourceType(column) ??
    baseTypes[column.type];
  return (typeof entry === 'function' ? entry(column) : entry) ?? { field: field.opaque };
}

function bySourceType(column: ColumnSchema): Entry | undefined {
  const { type, length } = sourceOf(column);
  if (type === undefined || column.semantic !== undefined) return undefined;
  if (column.type === 'string') return stringTypes[type.replace(/(?: (?:UNSIGNED|ZEROFILL|WITH)\b|\().*$/, '')];
  if (column.type === 'int64' && isUnsigned(column)) return unsignedLong;
  const isFlag = type === 'TINYINT' && length === 1 && (column.type === 'int16' || column.type === 'int8');
  return isFlag ? { convert: booleanFromNumber, field: field.boolean } : undefined;
}

/** What the connector says of the column in the database: `BIGINT UNSIGNED`, 20, 0. */
function sourceOf({ parameters }: ColumnSchema) {
  const numberOf = (key: string): number | undefined => {
    const text = parameters?.[`__debezium.source.column.${key}`];
    return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
  };
  const type = parameters?.['__debezium.source.column.type']?.toUpperCase();
  return { type, length: numberOf('length'), scale: numberOf('scale') };
}

const isUnsigned = (column: ColumnSchema): boolean =>
  /^(?:BIGINT|INT8) UNSIGNED|^SERIAL$/.test(sourceOf(column).type ?? '') && column.type !== 'string';

/** As many decimal digits as every double keeps. */
const digitsOfDouble = 15;

/**
 * How a decimal of so many digits is written and searched. Debezium's precise mode writes MySQL's BIGINT UNSIGNED as one of 20
 * digits, which another column may be too.
 */
function decimalForm(
  precision: number,
  scale: number,
  mayBeUnsigned: boolean,
): { readonly quoted: boolean; readonly field: FieldMapping } {
  if (scale === 0 && precision <= 18) return { quoted: false, field: field.long };
  if (scale === 0 && precision === 20 && mayBeUnsigned) return { quoted: false, field: field.unsignedLong };
  if (precision <= digitsOfDouble) return { quoted: false, field: field.double };
  return { quoted: true, field: field.exactDecimal };
}

/** A field holds one value or many, so an array needs its elements' field. */
function array(column: ColumnSchema): Conversion {
  if (column.items === undefined) return { field: field.opaque };
  const element = conversionOf(elementOf(column, column.items));
  // Except that a vector is many values already.
  const isVector = ['dense_vector', 'rank_features'].includes(String(element.field['type']));
  return {
    ...(element.convert && { convert: arrayOf(element.convert) }),
    field: isVector ? field.opaque : element.field,
  };
}

/** The database's type is told of the array: `_INET`, `INET[]`. */
export function elementOf({ parameters }: ColumnSchema, items: ColumnSchema): ColumnSchema {
  const type = parameters?.['__debezium.source.column.type'];
  if (type === undefined || items.semantic !== undefined) return items;
  const element = { '__debezium.source.column.type': type.replace(/^_|\[\]$/g, '') };
  return { ...items, parameters: { ...parameters, ...element, ...items.parameters } };
}

/** Field by field. A struct of which nothing is known may be anything. */
function struct({ fields }: ColumnSchema): Conversion {
  if (fields === undefined) return { field: field.opaque };
  const members = fields.map((member) => [member.name, conversionOf(member)] as const);
  const converts = members.flatMap(([name, { convert }]): [string, Convert][] => (convert ? [[name, convert]] : []));
  const properties = Object.fromEntries(members.map(([name, conversion]) => [name, conversion.field]));
  // Members whose names are no fields are searched as a JSON column's are: all of them in one field.
  const isObject = canBeMembers(fields.map(({ name }) => name));
  return {
    ...(converts.length > 0 && { convert: structOf(new Map(converts)) }),
    field: isObject ? { type: 'object', properties } : field.flattened,
  };
}
