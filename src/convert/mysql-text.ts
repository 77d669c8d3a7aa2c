/**
 * MySQL's and MariaDB's text of a value → the JSON text that their connectors write of it, as `postgres-text.ts` has it for
 * PostgreSQL. Only what a test on a real MariaDB has seen to be equal is here. Bytes come in hexadecimal, bits as digits, a
 * `float` as the double that it is equal to, times in UTC (`mysql/table.ts`).
 */
import type { ColumnSchema } from '../model/change-event.ts';
import type { FromSql, SqlType } from './postgres-text.ts';
import { bits, countOf, decimalOf, nanosecondsOf, zonedTimestamp } from './postgres-text.ts';

const asString: FromSql = (text) => JSON.stringify(text);
const asNumber: FromSql = (text) => text;
/** ZEROFILL puts zeros before it. */
const integer: FromSql = (text) => String(BigInt(text));
/** In the mode `long`, it passes the end of 64 bits. */
const wrapped: FromSql = (text) => String(BigInt.asIntN(64, BigInt(text)));
const boolean: FromSql = (text) => (/^0+$/.test(text) ? 'false' : 'true');
const bytes: FromSql = (text) => JSON.stringify(Buffer.from(text, 'hex').toString('base64'));
const asDouble: FromSql = (text) => JSON.stringify(Number(text));

/** A day that is none becomes null, or 1970 where the column takes no null; the schema does not tell which. */
const real =
  (convert: FromSql): FromSql =>
  (text) =>
    /^0000|-00/.test(text) ? undefined : convert(text);

const clock = /^(-?)(\d{2,3}):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;

function clockMicros(text: string): bigint | undefined {
  const parts = clock.exec(text);
  if (parts === null) return undefined;
  const [, sign, hours = '0', minutes = '0', seconds = '0', fraction = ''] = parts;
  const whole = BigInt(hours) * 3600n + BigInt(minutes) * 60n + BigInt(seconds);
  const micros = whole * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  return sign === '-' ? -micros : micros;
}

const dayMicros = 86_400_000_000n;

const timeOf =
  (scaled: (micros: bigint) => bigint | undefined): FromSql =>
  (text) => {
    const micros = clockMicros(text);
    const value = micros === undefined ? undefined : scaled(micros);
    return value === undefined ? undefined : String(value);
  };

/** What a time of the day cannot hold, the connector makes null of. */
const millisOfDay = (micros: bigint): bigint | undefined =>
  micros < 0n || micros >= dayMicros ? undefined : micros / 1000n;

/** Zeros at the end of the fraction are there after a change, and not after a snapshot. */
const zoned = (digits: number): FromSql => {
  const written = zonedTimestamp(digits);
  return (text) => (/\.\d*0$/.test(text) ? undefined : written(text));
};

const integers = ['tinyint', 'smallint', 'mediumint', 'int'].flatMap((name) => [name, `${name} unsigned`]);
const texts = [
  'char',
  'varchar',
  'tinytext',
  'text',
  'mediumtext',
  'longtext',
  'uuid',
  'inet4',
  'inet6',
  'enum',
  'set',
];
const binaries = ['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob'];

const all = (names: readonly string[], value: FromSql): Readonly<Record<string, FromSql>> =>
  Object.fromEntries(names.map((name) => [name, value]));

/** By Connect's base type, of columns without a logical name. */
const byBase: Readonly<Record<string, Readonly<Record<string, FromSql>>>> = {
  ...Object.fromEntries(
    ['int8', 'int16', 'int32', 'int64'].map((base) => [
      base,
      { ...all([...integers, 'bigint', 'year'], integer), 'bigint unsigned': wrapped },
    ]),
  ),
  boolean: all(['tinyint', 'bit'], boolean),
  float: { float: asNumber },
  float32: { float: asNumber },
  double: { double: asNumber, float: asNumber, ...all(['decimal', 'decimal unsigned'], asDouble) },
  float64: { double: asNumber, float: asNumber, ...all(['decimal', 'decimal unsigned'], asDouble) },
  string: { ...all(texts, asString), ...all(['decimal', 'decimal unsigned'], asString) },
  bytes: all(binaries, bytes),
};

function bySemantic({ semantic = '', parameters }: ColumnSchema, digits: number): Readonly<Record<string, FromSql>> {
  switch (semantic) {
    case 'io.debezium.time.Date':
    case 'org.apache.kafka.connect.data.Date':
      return { date: real(countOf(86_400_000_000n)) };
    case 'io.debezium.time.Timestamp':
    case 'org.apache.kafka.connect.data.Timestamp':
      return { datetime: real(countOf(1000n)) };
    case 'io.debezium.time.MicroTimestamp':
      return { datetime: real(countOf(1n)) };
    case 'io.debezium.time.NanoTimestamp':
      return { datetime: real(nanosecondsOf) };
    case 'io.debezium.time.ZonedTimestamp':
      return { timestamp: real(zoned(digits)) };
    case 'io.debezium.data.Uuid':
      return { uuid: asString };
    case 'io.debezium.time.MicroTime':
      return { time: timeOf((micros) => micros) };
    case 'io.debezium.time.NanoTime':
      return { time: timeOf((micros) => micros * 1000n) };
    case 'io.debezium.time.Time':
    case 'org.apache.kafka.connect.data.Time':
      return { time: timeOf(millisOfDay) };
    case 'io.debezium.time.Year':
      return { year: integer };
    case 'io.debezium.data.Bits':
      return { bit: bits };
    case 'io.debezium.data.Enum':
      return { enum: asString };
    case 'io.debezium.data.EnumSet':
      return { set: asString };
    case 'org.apache.kafka.connect.data.Decimal': {
      const exact = decimalOf(Number(parameters?.['scale'] ?? 0));
      return all(['decimal', 'decimal unsigned', 'bigint unsigned'], exact);
    }
    default:
      return {};
  }
}

/** How the values of a column are told from their SQL text; undefined where they are not. */
export function fromMysql(column: ColumnSchema, { name, digits }: SqlType): FromSql | undefined {
  if (column.semantic !== undefined) return bySemantic(column, digits ?? 0)[name];
  return byBase[column.type]?.[name];
}
