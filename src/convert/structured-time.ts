/**
 * Debezium 3.7's `time.precision.mode=structured`: structs of year, month, day, hour, … → ISO 8601 text.
 *
 * Fields: `io.debezium.time.StructuredTemporal`. Fractions of a second are picoseconds (nanoseconds in the first alphas);
 * `specialValue` is an infinity, which becomes null.
 */
import type { Convert } from '../model/change-event.ts';
import { fieldsOf } from '../json/text.ts';
import { dayNumber, timestampFrom, twoDigits, yearText } from './temporal.ts';

type Fields = ReadonlyMap<string, string>;

/** Writes what the fields say; undefined if they are not what is promised. */
function struct(write: (fields: Fields) => string | undefined): Convert {
  return (text) => {
    if (text === 'null') return text;
    const fields = fieldsOf(text);
    if (fields === undefined) return undefined;
    if (fields.has('specialValue')) return 'null';
    const written = write(fields);
    return written && `"${written}"`;
  };
}

const integer = /^-?\d{1,18}$/;

/** The numbers of fields that must be there. */
function numbers<Name extends string>(fields: Fields, names: readonly Name[]): Record<Name, number> | undefined {
  const found: Partial<Record<Name, number>> = {};
  for (const name of names) {
    const text = fields.get(name) ?? '';
    if (!integer.test(text)) return undefined;
    found[name] = Number(text);
  }
  return found as Record<Name, number>;
}

/** Picoseconds, from either form. */
function picoseconds(fields: Fields): bigint {
  const whole = fields.get('picoseconds') ?? `${fields.get('nanos') ?? '0'}000`;
  return integer.test(whole) ? BigInt(whole) : 0n;
}

/** The fraction with its point: as many digits as the column has, or as it needs if that is more or not known. */
function fractionText(fields: Fields): string {
  const digits = String(picoseconds(fields)).padStart(12, '0');
  const needed = digits.replace(/0+$/, '').length;
  const precision = Number(fields.get('precision') ?? Math.ceil(needed / 3) * 3);
  const shown = digits.slice(0, Math.max(needed, Math.min(precision, 12)));
  return shown === '' ? '' : `.${shown}`;
}

function dateText(fields: Fields): string | undefined {
  const date = numbers(fields, ['year', 'month', 'day']);
  return date && `${yearText(date.year)}-${twoDigits(date.month)}-${twoDigits(date.day)}`;
}

function timeText(fields: Fields): string | undefined {
  const time = numbers(fields, ['hour', 'minute', 'second']);
  return time && `${twoDigits(time.hour)}:${twoDigits(time.minute)}:${twoDigits(time.second)}${fractionText(fields)}`;
}

/** `+09:00`, `Z`; with seconds where there are any, which only times of day keep. */
function offsetText(seconds: number): string {
  if (seconds === 0) return 'Z';
  const size = Math.abs(seconds);
  const rest = size % 60 === 0 ? '' : `:${twoDigits(size % 60)}`;
  return `${seconds < 0 ? '-' : '+'}${twoDigits(Math.floor(size / 3600))}:${twoDigits(Math.floor(size / 60) % 60)}${rest}`;
}

const offsetOf = (fields: Fields): number => numbers(fields, ['offsetSeconds'])?.offsetSeconds ?? 0;

/** `StructuredDate` → `"2016-01-16"`. */
export const structuredDate = struct(dateText);

/** `StructuredTime`, `StructuredZonedTime` → `"10:13:23.123456"`, with its offset if it has one. */
export const structuredTime = struct((fields) => {
  const time = timeText(fields);
  return time && time + (fields.has('offsetSeconds') ? offsetText(offsetOf(fields)) : '');
});

/**
 * `StructuredTimestamp` (taken as UTC, as Debezium takes it), `StructuredZonedTimestamp` → `"2018-06-20T15:13:16.945104+09:00"`.
 * The zone's name goes; Elasticsearch reads offsets of whole minutes only, so others are reckoned in.
 */
export const structuredTimestamp = struct((fields) => {
  const offset = offsetOf(fields);
  if (offset % 60 !== 0) return inUtc(fields, offset);
  const date = dateText(fields);
  const time = timeText(fields);
  return date && time && `${date}T${time}${offsetText(offset)}`;
});

const wholeSeconds = timestampFrom(0);

function inUtc(fields: Fields, offset: number): string | undefined {
  const at = numbers(fields, ['year', 'month', 'day', 'hour', 'minute', 'second']);
  if (at === undefined) return undefined;
  const clock = at.hour * 3600 + at.minute * 60 + at.second;
  const seconds = dayNumber(at.year, at.month, at.day) * 86_400 + clock - offset;
  return wholeSeconds(String(seconds))
    ?.replaceAll('"', '')
    .replace('Z', `${fractionText(fields)}Z`);
}

const durationUnits = [
  ['years', 'Y'],
  ['months', 'M'],
  ['days', 'D'],
  ['hours', 'H'],
  ['minutes', 'M'],
] as const;

/** `StructuredDuration` → `"P1Y2M3DT4H5M6.78S"`; each part has its own sign, and those that are zero are left out. */
export const structuredDuration = struct((fields) => {
  let text = 'P';
  for (const [name, letter] of durationUnits) {
    if (name === 'hours') text += 'T';
    const value = Number(fields.get(name) ?? 0);
    if (!Number.isSafeInteger(value)) return undefined;
    if (value !== 0) text += `${value}${letter}`;
  }
  const whole = fields.get('seconds') ?? '0';
  if (!integer.test(whole)) return undefined;
  const count = BigInt(whole) * 10n ** 12n + picoseconds(fields);
  if (count !== 0n) text += `${secondsText(count)}S`;
  if (text.endsWith('T')) text = text.slice(0, -1);
  return text === 'P' ? 'PT0S' : text;
});

function secondsText(picosecondCount: bigint): string {
  const size = picosecondCount < 0n ? -picosecondCount : picosecondCount;
  const fraction = String(size % 10n ** 12n)
    .padStart(12, '0')
    .replace(/0+$/, '');
  return `${picosecondCount < 0n ? '-' : ''}${size / 10n ** 12n}${fraction === '' ? '' : `.${fraction}`}`;
}
