/**
 * The conversions that a mapping file may name (`as: lowercase`): for topics without schemas, and by choice.
 */
import type { Convert } from '../model/change-event.ts';
import { bitsAsNumber, bitsAsText, bytesFromBase64, bytesFromBase64url, bytesFromHex } from './binary.ts';
import * as field from './fields.ts';
import type { Conversion } from './fields.ts';
import { cidr, inet } from './network.ts';
import { decimalFromBase64, decimalFromText, finiteNumber, unsigned64, variableScaleDecimal } from './numeric.ts';
import { dateRange, doubleRange, integerRange, longRange } from './ranges.ts';
import { geographic, planar } from './spatial.ts';
import { structuredDate, structuredDuration, structuredTime, structuredTimestamp } from './structured-time.ts';
import { arrayOf, enumSet, jsonInString, mapOf, sparseVector, vectorOf } from './structured.ts';
import { dateFromDays, isoDate, isoText, timeFrom, timestampFrom } from './temporal.ts';
import { asString, lowercase, trim, trimEnd, uppercase } from './text.ts';

const asNumber: Convert = (text) => {
  if (!text.startsWith('"')) return text;
  const inner = text.slice(1, -1).trim();
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(inner) ? inner : finiteNumber(text);
};

const booleans: Readonly<Record<string, string>> = {
  null: 'null',
  true: 'true',
  false: 'false',
  '1': 'true',
  '0': 'false',
  '"true"': 'true',
  '"false"': 'false',
};

const { keyword, date } = field;

/** Of one value; of an array, each of its elements is made so. */
const ofElements = {
  lowercase: { convert: lowercase, field: keyword },
  uppercase: { convert: uppercase, field: keyword },
  trim: { convert: trim, field: keyword },
  'trim-end': { convert: trimEnd, field: keyword },
  number: { convert: asNumber, field: field.double },
  boolean: { convert: (text) => booleans[text], field: field.boolean },
  decimal: { convert: decimalFromText(true), field: field.exactDecimal },
  'variable-scale-decimal': { convert: variableScaleDecimal, field: field.exactDecimal },
  'unsigned-long': { convert: unsigned64, field: field.unsignedLong },
  'date-from-days': { convert: dateFromDays, field: date },
  'time-from-millis': { convert: timeFrom(3), field: keyword },
  'time-from-micros': { convert: timeFrom(6), field: keyword },
  'time-from-nanos': { convert: timeFrom(9), field: keyword },
  'timestamp-from-seconds': { convert: timestampFrom(0), field: date },
  'timestamp-from-millis': { convert: timestampFrom(3), field: date },
  'timestamp-from-micros': { convert: timestampFrom(6), field: date },
  'timestamp-from-nanos': { convert: timestampFrom(9), field: field.dateNanos },
  'iso-date': { convert: isoDate, field: date },
  'iso-timestamp': { convert: isoText, field: date },
  'date-from-struct': { convert: structuredDate, field: date },
  'time-from-struct': { convert: structuredTime, field: keyword },
  'timestamp-from-struct': { convert: structuredTimestamp, field: date },
  'duration-from-struct': { convert: structuredDuration, field: keyword },
  bits: { convert: bitsAsNumber, field: field.unsignedLong },
  'bit-string': { convert: bitsAsText(), field: keyword },
  bytes: { convert: bytesFromBase64, field: field.binary },
  'bytes-from-base64url': { convert: bytesFromBase64url, field: field.binary },
  'bytes-from-hex': { convert: bytesFromHex, field: field.binary },
  'enum-set': { convert: enumSet, field: keyword },
  json: { convert: jsonInString, field: field.flattened },
  'integer-range': { convert: integerRange, field: field.integerRange },
  'long-range': { convert: longRange, field: field.longRange },
  'double-range': { convert: doubleRange, field: field.doubleRange },
  'date-range': { convert: dateRange, field: field.dateRange },
  inet: { convert: inet, field: field.ip },
  cidr: { convert: cidr, field: field.ipRange },
  point: { convert: planar, field: field.point },
  shape: { convert: planar, field: field.shape },
  'geo-point': { convert: geographic, field: field.geoPoint },
  'geo-shape': { convert: geographic, field: field.geoShape },
} as const satisfies Readonly<Record<string, Required<Conversion>>>;

/** Of a value as a whole, also if it is an array. */
const ofValues = {
  string: { convert: asString, field: keyword },
  map: { convert: mapOf(undefined), field: field.flattened },
  vector: { convert: vectorOf(), field: field.denseVector() },
  'sparse-vector': { convert: sparseVector, field: field.rankFeatures },
} as const satisfies Readonly<Record<string, Conversion>>;

const conversions: ReadonlyMap<string, Conversion> = new Map<string, Conversion>([
  ...Object.entries(ofValues),
  ...Object.entries(ofElements).map(([name, one]): [string, Conversion] => [name, ofEach(one)]),
]);

/** Names of conversions, for messages and documentation. */
export const conversionNames: readonly string[] = [...conversions.keys(), 'decimal(SCALE)'];

const decimal = /^decimal\((\d{1,3})\)$/;

/** The conversion of that name; undefined if there is none. */
export function namedConversion(name: string): Conversion | undefined {
  const scale = decimal.exec(name)?.[1];
  if (scale === undefined) return conversions.get(name);
  return ofEach({ convert: decimalFromBase64(Number(scale), false), field: field.double });
}

function ofEach({ convert, field: needed }: Required<Conversion>): Conversion {
  const each = arrayOf(convert);
  return { convert: (text) => (text.startsWith('[') ? each(text) : convert(text)), field: needed };
}
