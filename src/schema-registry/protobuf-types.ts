/**
 * Messages that are one value: what becomes of each, so that the value comes out as if Connect's JsonConverter had written the
 * column that a converter made it of, but with all its digits (docs/decisions/0008-schema-registry.md).
 */
import type { ColumnSchema } from '../model/change-event.ts';
import { fail } from './cursor.ts';

/** A message that is one value. */
export interface ValueType {
  readonly column: Omit<ColumnSchema, 'name' | 'optional'>;
  /** Its fields that matter. */
  readonly fields: readonly string[];
  /** The value's JSON text, made of the texts of those fields. */
  render(...texts: readonly string[]): string;
}

type Params = Readonly<Record<string, string>>;

const wrapped = (type: string): ValueType => ({
  column: { type },
  fields: ['value'],
  render: (value = fail()) => value,
});

/** ISO text and no count: a count of milliseconds would lose the digits that only producers other than Connect write. */
const timestamp: ValueType = {
  column: { type: 'string', semantic: 'io.debezium.time.ZonedTimestamp' },
  fields: ['seconds', 'nanos'],
  render: (seconds, nanos) => {
    const millis = Number(seconds) * 1000;
    // Years 0001 … 9999, as the type promises.
    if (!(millis >= -62_135_596_800_000 && millis < 253_402_300_800_000)) fail();
    return `"${new Date(millis).toISOString().slice(0, 19)}.${fraction(Number(nanos))}Z"`;
  },
};

const timeOfDay: ValueType = {
  column: { type: 'string', semantic: 'io.debezium.time.IsoTime' },
  fields: ['hours', 'minutes', 'seconds', 'nanos'],
  render: (hours, minutes, seconds, nanos) =>
    `"${upTo(24, hours)}:${upTo(59, minutes)}:${upTo(60, seconds)}.${fraction(Number(nanos))}"`,
};

const date: ValueType = {
  column: { type: 'int32', semantic: 'org.apache.kafka.connect.data.Date' },
  fields: ['year', 'month', 'day'],
  render: (year, month, day) => String(daysOf(Number(year), Number(month), Number(day))),
};

const wellKnown: Readonly<Record<string, ValueType | ((params: Params) => ValueType)>> = {
  'google.protobuf.Timestamp': timestamp,
  'google.type.Date': date,
  'google.type.TimeOfDay': timeOfDay,
  'confluent.type.Decimal': decimalOf,
  'google.protobuf.DoubleValue': wrapped('double'),
  'google.protobuf.FloatValue': wrapped('float'),
  'google.protobuf.Int64Value': wrapped('int64'),
  'google.protobuf.UInt64Value': wrapped('int64'),
  'google.protobuf.Int32Value': wrapped('int32'),
  'google.protobuf.UInt32Value': wrapped('int64'),
  'google.protobuf.BoolValue': wrapped('boolean'),
  'google.protobuf.StringValue': wrapped('string'),
  'google.protobuf.BytesValue': wrapped('bytes'),
};

/** What the message of that name is, if it is one value. `params` are those of the field that it is in. */
export function valueTypeOf(name: string, params: Params): ValueType | undefined {
  const found = Object.hasOwn(wellKnown, name) ? wellKnown[name] : undefined;
  return typeof found === 'function' ? found(params) : found;
}

/** Three digits, as Connect's own types have; nine if three do not tell it. */
function fraction(nanos: number): string {
  if (!(nanos >= 0 && nanos < 1e9)) fail();
  const digits = String(nanos).padStart(9, '0');
  return digits.endsWith('000000') ? digits.slice(0, 3) : digits;
}

function upTo(max: number, text: string | undefined): string {
  const value = Number(text);
  if (!(value >= 0 && value <= max)) fail();
  return String(value).padStart(2, '0');
}

const millisPerDay = 86_400_000;
/** 15 October 1582: the first day of the Gregorian calendar. */
const gregorian = -141_427;

/**
 * Days since 1970-01-01. Confluent's converter takes dates apart by Java's calendar, which is the Julian one before 15 October
 * 1582; so they are put together again by it, and days come out as the connector had them.
 */
function daysOf(year: number, month: number, day: number): number {
  const days = new Date(0).setUTCFullYear(year, month - 1, day) / millisPerDay;
  const isJulian = days < gregorian;
  const isJulianLeapDay = isJulian && month === 2 && day === 29 && year % 4 === 0;
  const back = new Date(days * millisPerDay);
  const isDay = back.getUTCMonth() === month - 1 && back.getUTCDate() === day;
  if (!(year >= 1 && (isDay || isJulianLeapDay))) fail();
  if (!isJulian) return days;
  // Centuries that are leap years in the Julian calendar only, counted up to the February before the day.
  const years = month > 2 ? year : year - 1;
  return days + Math.floor(years / 100) - Math.floor(years / 400) - 2;
}

/** With its scale in the schema it is Connect's Decimal; without, each value has its own. */
function decimalOf({ scale, precision, ...others }: Params): ValueType {
  const fields = ['value', 'scale'];
  if (scale === undefined || !/^-?\d{1,4}$/.test(scale)) {
    return {
      column: { type: 'struct', semantic: 'io.debezium.data.VariableScaleDecimal' },
      fields,
      render: (value = fail(), own = '0') => `{"scale":${own},"value":${value === '""' ? '"AA=="' : value}}`,
    };
  }
  const parameters = { ...others, scale, ...(precision !== undefined && { 'connect.decimal.precision': precision }) };
  return {
    column: { type: 'bytes', semantic: 'org.apache.kafka.connect.data.Decimal', parameters },
    fields,
    render: (value = fail(), own = '0') => {
      if (value === '""') return '"AA=="';
      return own === scale ? value : rescaled(value, Number(scale) - Number(own));
    },
  };
}

/** Base64 of an integer → base64 of it with so many zeros more; fails where digits would be lost. */
function rescaled(value: string, zeros: number): string {
  const bytes = Buffer.from(value, 'base64');
  if (Math.abs(zeros) > 1000) fail();
  let integer = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
  const factor = 10n ** BigInt(Math.abs(zeros));
  if (zeros < 0 && integer % factor !== 0n) fail();
  integer = zeros < 0 ? integer / factor : integer * factor;
  let length = 1;
  while (BigInt.asIntN(length * 8, integer) !== integer) length += 1;
  const hex = BigInt.asUintN(length * 8, integer)
    .toString(16)
    .padStart(length * 2, '0');
  return `"${Buffer.from(hex, 'hex').toString('base64')}"`;
}
