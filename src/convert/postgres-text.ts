/**
 * PostgreSQL's text of a value → the JSON text that its connector writes of it, by the schema that the connector's records carry
 * (docs/decisions/0031-verify-source.md). So a row read with SQL takes the same way into a document as a record does.
 *
 * Only what a test on real servers has seen to be equal is here. The session writes as `postgres/client.ts` sets it: dates in ISO,
 * times in UTC, intervals in ISO 8601, bytes in hexadecimal.
 */
import type { ColumnSchema } from '../model/change-event.ts';
import { arrayElements, hstoreMembers, intervalParts } from './postgres-literals.ts';
import { timestampFrom } from './temporal.ts';
import { microsecondsOf } from './timestamp-text.ts';

/** What the database says of a column's type. */
export interface SqlType {
  /** As `pg_type` names it, of a domain that of what it is made of: `int4`, `timestamptz`; of an array that of its elements. */
  readonly name: string;
  readonly isArray: boolean;
  readonly isEnum: boolean;
  /** Digits of a second that the column declares. */
  readonly digits: number | undefined;
}

/** JSON text of a value that is not NULL; undefined where it cannot be told what the connector makes of it. */
export type FromSql = (text: string) => string | undefined;

const asIs: FromSql = (text) => text;
const asString: FromSql = (text) => JSON.stringify(text);

const notFinite: Readonly<Record<string, string>> = {
  NaN: 'NAN',
  Infinity: 'POSITIVE_INFINITY',
  '-Infinity': 'NEGATIVE_INFINITY',
};

const float: FromSql = (text) => (text in notFinite ? JSON.stringify(text) : text);
const numericAsDouble: FromSql = (text) => (text in notFinite ? JSON.stringify(text) : JSON.stringify(Number(text)));
const numericAsString: FromSql = (text) => JSON.stringify(notFinite[text] ?? text);
const boolean: FromSql = (text) => (text === 't' || text === '1' ? 'true' : 'false');
const bytes: FromSql = (text) =>
  text.startsWith(String.raw`\x`) ? JSON.stringify(Buffer.from(text.slice(2), 'hex').toString('base64')) : undefined;

/** Little-endian, as Debezium writes bits. */
export const bits: FromSql = (text) => {
  const value = Buffer.from(
    BigInt(`0b0${text}`)
      .toString(16)
      .padStart(2 * Math.ceil(text.length / 8), '0'),
    'hex',
  );
  return JSON.stringify(value.reverse().toString('base64'));
};

/** Big-endian two's complement in base64, in as few bytes as it needs. */
function unscaledBase64(value: bigint): string {
  let length = 1;
  while (BigInt.asIntN(length * 8, value) !== value) length += 1;
  const digits = BigInt.asUintN(length * 8, value).toString(16);
  return Buffer.from(digits.padStart(length * 2, '0'), 'hex').toString('base64');
}

const decimal = /^(-?\d+)(?:\.(\d+))?$/;

export const decimalOf =
  (scale: number): FromSql =>
  (text) => {
    if (text in notFinite) return 'null';
    const [, whole, fraction = ''] = decimal.exec(text) ?? [];
    // What the column held before it was altered, or is about to.
    if (whole === undefined || fraction.length > scale) return undefined;
    return JSON.stringify(unscaledBase64(BigInt(whole + fraction.padEnd(scale, '0'))));
  };

/** The connector takes the zeros at the end of the fraction away. */
const variableDecimal: FromSql = (text) => {
  if (text in notFinite) return 'null';
  const [, whole, fraction = ''] = decimal.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const kept = fraction.replace(/0+$/, '');
  return `{"scale":${kept.length},"value":${JSON.stringify(unscaledBase64(BigInt(whole + kept)))}}`;
};

const infinite = /^-?infinity$/;

/** A moment or a day, in units of so many microseconds, rounded down; infinities are null in the end, so they are at once. */
export const countOf =
  (microsPerUnit: bigint): FromSql =>
  (text) => {
    if (infinite.test(text)) return 'null';
    const micros = microsecondsOf(text);
    return micros === undefined ? undefined : String(floorDivided(micros, microsPerUnit));
  };

const floorDivided = (value: bigint, by: bigint): bigint => (value - (((value % by) + by) % by)) / by;

export const nanosecondsOf: FromSql = (text) => {
  if (infinite.test(text)) return 'null';
  const micros = microsecondsOf(text);
  if (micros === undefined) return undefined;
  const nanos = micros * 1000n;
  return BigInt.asIntN(64, nanos) === nanos ? String(nanos) : undefined;
};

const clock = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?$/;

/** Microseconds since midnight, and those of the zone's offset. */
function clockMicros(text: string): readonly [time: number, offset: number] | undefined {
  const parts = clock.exec(text);
  if (parts === null) return undefined;
  const [, hours, minutes, seconds, fraction = '', sign, ...zone] = parts;
  const micros = (h = '0', m = '0', s = '0'): number => (Number(h) * 3600 + Number(m) * 60 + Number(s)) * 1_000_000;
  const offset = micros(...zone) * (sign === '-' ? -1 : 1);
  return [micros(hours, minutes, seconds) + Number(fraction.padEnd(6, '0')), offset];
}

const timeOf =
  (scaled: (micros: number) => string): FromSql =>
  (text) => {
    const micros = clockMicros(text);
    return micros && scaled(micros[0]);
  };

const dayMicros = 86_400_000_000;

/** In UTC, without zeros at the end of the fraction. A day's end, 24:00, was never seen. */
const zonedTime: FromSql = (text) => {
  const micros = clockMicros(text);
  if (micros === undefined || micros[0] === dayMicros) return undefined;
  const moment = timestampFrom(6)(String((micros[0] - micros[1] + dayMicros) % dayMicros));
  return (
    moment &&
    `"${moment
      .slice(12, -2)
      .replace(/(\.\d*?)0+$/, '$1')
      .replace(/\.$/, '')}Z"`
  );
};

export const zonedTimestamp =
  (digits: number): FromSql =>
  (text) => {
    if (infinite.test(text)) return JSON.stringify(text);
    const micros = microsecondsOf(text);
    const written = micros === undefined ? undefined : timestampFrom(6)(String(micros));
    if (written === undefined) return undefined;
    const cut = digits === 0 ? 7 : 6 - digits;
    return `${written.slice(0, written.length - 2 - cut)}Z"`;
  };

/** A month is 365.25 / 12 days. Beyond what a double counts, the connector rounds. */
const durationOf =
  (nanosPerMicro: bigint): FromSql =>
  (text) => {
    const parts = intervalParts(text);
    if (parts === undefined) return undefined;
    const micros = parts.months * 2_629_800_000_000n + parts.days * 86_400_000_000n + parts.micros;
    return micros > -(2n ** 53n) && micros < 2n ** 53n ? String(micros * nanosPerMicro) : undefined;
  };

const json: FromSql = asString;

const hstoreObject: FromSql = (text) => {
  const members = hstoreMembers(text);
  return members && JSON.stringify(Object.fromEntries(members));
};

const hstoreAsJson: FromSql = (text) => {
  const object = hstoreObject(text);
  return object && JSON.stringify(object);
};

/** `(4.5,-2)`. */
const point: FromSql = (text) => {
  const [, x, y] = /^\(([^,]+),([^,]+)\)$/.exec(text) ?? [];
  return x === undefined || y === undefined ? undefined : `{"x":${float(x) ?? ''},"y":${float(y) ?? ''}}`;
};

type ByType = Readonly<Record<string, FromSql>>;

const only = (name: string, value: FromSql): ByType => ({ [name]: value });

/** By the schema's logical name, and by the column's type. */
function semanticValues({ semantic = '', parameters }: ColumnSchema, digits: number): ByType {
  switch (semantic) {
    case 'io.debezium.time.Date':
    case 'org.apache.kafka.connect.data.Date':
      return only('date', countOf(86_400_000_000n));
    case 'io.debezium.time.Time':
    case 'org.apache.kafka.connect.data.Time':
      return only(
        'time',
        timeOf((micros) => String(Math.floor(micros / 1000))),
      );
    case 'io.debezium.time.MicroTime':
      return only('time', timeOf(String));
    case 'io.debezium.time.NanoTime':
      return only(
        'time',
        timeOf((micros) => String(micros * 1000)),
      );
    case 'io.debezium.time.Timestamp':
    case 'org.apache.kafka.connect.data.Timestamp':
      return only('timestamp', countOf(1000n));
    case 'io.debezium.time.MicroTimestamp':
      return only('timestamp', countOf(1n));
    case 'io.debezium.time.NanoTimestamp':
      return only('timestamp', nanosecondsOf);
    case 'io.debezium.time.ZonedTimestamp':
      return only('timestamptz', zonedTimestamp(digits));
    case 'io.debezium.time.ZonedTime':
      return only('timetz', zonedTime);
    case 'io.debezium.time.MicroDuration':
      return only('interval', durationOf(1n));
    case 'org.apache.kafka.connect.data.Decimal': {
      const exact = decimalOf(Number(parameters?.['scale'] ?? 0));
      return { numeric: exact, money: exact };
    }
    case 'io.debezium.data.VariableScaleDecimal':
      return only('numeric', variableDecimal);
    case 'io.debezium.data.Bits':
      return { bit: bits, varbit: bits };
    case 'io.debezium.data.Uuid':
      return only('uuid', asString);
    case 'io.debezium.data.Json':
      return { json, jsonb: json, hstore: hstoreAsJson };
    case 'io.debezium.data.Xml':
      return only('xml', asString);
    case 'io.debezium.data.Ltree':
      return only('ltree', asString);
    case 'io.debezium.data.Tsvector':
      return only('tsvector', asString);
    case 'io.debezium.data.geometry.Point':
      return only('point', point);
    default:
      return {};
  }
}

const integer: ByType = { int2: asIs, int4: asIs, int8: asIs, oid: asIs };
const texts = ['text', 'varchar', 'bpchar', 'citext', 'uuid', 'xml', 'ltree', 'tsvector', 'inet', 'cidr'];
const ranges = ['int4range', 'int8range', 'numrange', 'daterange', 'tsrange'];
const strings = [...texts, 'macaddr', 'macaddr8', ...ranges];

/** By Connect's base type, of columns without a logical name. */
const baseValues: Readonly<Record<string, ByType>> = {
  int8: integer,
  int16: integer,
  int32: integer,
  int64: integer,
  float: only('float4', float),
  float32: only('float4', float),
  double: { float8: float, numeric: numericAsDouble, money: numericAsDouble },
  float64: { float8: float, numeric: numericAsDouble, money: numericAsDouble },
  boolean: { bool: boolean, bit: boolean },
  string: {
    ...Object.fromEntries(strings.map((name) => [name, asString])),
    numeric: numericAsString,
    money: asString,
  },
  bytes: only('bytea', bytes),
  map: only('hstore', hstoreObject),
};

/** How the values of a column are told from their SQL text; undefined where they are not. */
export function fromSql(column: ColumnSchema, type: SqlType): FromSql | undefined {
  if (!type.isArray) return scalarFromSql(column, type);
  if (column.type !== 'array' || column.items === undefined || column.semantic !== undefined) return undefined;
  const element = scalarFromSql(column.items, type);
  return element && arrayFrom(element);
}

function scalarFromSql(column: ColumnSchema, { name, isEnum, digits }: SqlType): FromSql | undefined {
  const { semantic, type, parameters } = column;
  if (isEnum) {
    return type === 'string' && (semantic ?? 'io.debezium.data.Enum') === 'io.debezium.data.Enum'
      ? asString
      : undefined;
  }
  if (semantic !== undefined) return semanticValues(column, digits ?? 6)[name];
  // The connector writes their times in its own zone, which only a conversion levels out.
  const isPropagated = parameters?.['__debezium.source.column.type'] !== undefined;
  if (name === 'tstzrange') return type === 'string' && isPropagated ? asString : undefined;
  return baseValues[type]?.[name];
}

const arrayFrom =
  (element: FromSql): FromSql =>
  (text) => {
    const elements = arrayElements(text)?.map((one) => (one === null ? 'null' : element(one)));
    return elements === undefined || elements.includes(undefined) ? undefined : `[${elements.join(',')}]`;
  };
