/**
 * Debezium's temporal types → ISO 8601 text, by integers alone: no value passes a float or a Date.
 *
 * Elasticsearch's `date` takes the years −9999 … 9999. Years beyond are written with their sign (`+12024-01-01`), which it
 * refuses or, with `ignore_malformed`, keeps in `_source` only. PostgreSQL's infinities become null.
 */
import type { Convert } from '../model/change-event.ts';

const null_ = 'null';
const integer = /^-?\d+$/;
const minutesPerDay = 1440;

/**
 * What PostgreSQL's connector writes for ±infinity, as recorded from 3.6.1 (test/fixtures): of a date, days that are others in a
 * snapshot than in the stream; of a timestamp, a count in the unit of the mode. A set for each, for one's infinity may be
 * another's usual value: 2147483647 s is a moment of 2038.
 */
const infiniteDays: ReadonlySet<string> = new Set([
  '-622191234',
  '-625821272',
  '-2147472692',
  '-2147472691',
  '2147483647',
  '-2147483648',
]);
const infiniteCounts: Readonly<Record<number, ReadonlySet<string>>> = {
  3: new Set(['9223372036825200', '-9223372036832400']),
  6: new Set(['9223372036825200000', '-9223372036832400000', '9223372036854775807', '-9223372036854775808']),
  9: new Set(['9223372036854775807', '-9223372036854775808']),
};
const infiniteTexts: ReadonlySet<string> = new Set([
  '"infinity"',
  '"-infinity"',
  '"+294247-01-10T04:00:25.2Z"',
  '"-290308-12-21T19:59:27.6Z"',
  '"+292278994-08-16Z"',
  '"+292269055-12-02Z"',
  '"-5877611-06-21Z"',
  '"-5877611-06-22Z"',
]);

/**
 * Year, month and day of a day number since 1970-01-01, in the proleptic Gregorian calendar: days are counted from the
 * first of March of year 0, so that leap days end their year, and in eras of 400 years, which are all of one length.
 */
function dateText(days: number): string {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${yearText(year)}-${twoDigits(month)}-${twoDigits(day)}`;
}

/** The number of a day since 1970-01-01: the reverse of `dateText`, by the same eras. */
export function dayNumber(year: number, month: number, day: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(shiftedYear / 400);
  const yearOfEra = shiftedYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

export function yearText(year: number): string {
  const digits = String(Math.abs(year)).padStart(4, '0');
  if (year < 0) return `-${digits}`;
  return year > 9999 ? `+${digits}` : digits;
}

export const twoDigits = (value: number): string => (value < 10 ? `0${value}` : String(value));

function clockText(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  return `${twoDigits(hours)}:${twoDigits(Math.floor(seconds / 60) % 60)}:${twoDigits(seconds % 60)}`;
}

/** The dates of a table are mostly days of a few years, again and again: of eleven years each day has a place of its own. */
const cachedDays = 4096;
const dayAt = new Float64Array(cachedDays).fill(Number.NaN);
const dateAt = new Array<string>(cachedDays).fill('');

function cachedDateText(day: number): string {
  const place = day & (cachedDays - 1);
  if (dayAt[place] !== day) {
    dayAt[place] = day;
    dateAt[place] = dateText(day);
  }
  return dateAt[place] ?? '';
}

/** Rows that follow each other are often of the same minute. */
let lastMinute = Number.NaN;
let lastMinuteText = '';

/** The quoted beginning of a timestamp, up to its seconds. */
function minuteText(minute: number): string {
  if (minute !== lastMinute) {
    lastMinute = minute;
    const day = Math.floor(minute / minutesPerDay);
    const ofDay = minute - day * minutesPerDay;
    const hours = Math.floor(ofDay / 60);
    lastMinuteText = `"${cachedDateText(day)}T${twoDigits(hours)}:${twoDigits(ofDay - hours * 60)}:`;
  }
  return lastMinuteText;
}

/** Splits a count of 10^−digits seconds into whole seconds, rounded down, and the digits after the point. */
function splitCount(text: string, digits: number): readonly [seconds: number, fraction: string] {
  if (digits === 0) return [Number(text), ''];
  if (text.charCodeAt(0) !== 0x2d) {
    const point = text.length - digits;
    return point > 0 ? [Number(text.slice(0, point)), text.slice(point)] : [0, text.padStart(digits, '0')];
  }
  const unit = 10n ** BigInt(digits);
  const count = BigInt(text);
  const fraction = ((count % unit) + unit) % unit;
  return [Number((count - fraction) / unit), String(fraction).padStart(digits, '0')];
}

/** Days since 1970-01-01 → `"2016-01-16"`. */
export const dateFromDays: Convert = (text) => {
  if (text === null_ || infiniteDays.has(text)) return null_;
  if (!integer.test(text)) return undefined;
  return `"${cachedDateText(Number(text))}"`;
};

/** A count of 10^−`digits` seconds since 1970-01-01T00:00Z → `"2018-06-20T15:13:16.945104Z"`, with `digits` digits. */
export function timestampFrom(digits: number): Convert {
  const infinities = infiniteCounts[digits];
  return (text) => {
    if (text === null_ || infinities?.has(text) === true) return null_;
    if (!integer.test(text)) return undefined;
    const [seconds, fraction] = splitCount(text, digits);
    const minute = Math.floor(seconds / 60);
    const second = twoDigits(seconds - minute * 60);
    return minuteText(minute) + (fraction === '' ? `${second}Z"` : `${second}.${fraction}Z"`);
  };
}

/** A count of 10^−`digits` seconds → `"10:13:23.000"`; MySQL's may be negative or longer than a day. */
export function timeFrom(digits: number): Convert {
  return (text) => {
    if (text === null_) return null_;
    if (!integer.test(text)) return undefined;
    const negative = text.startsWith('-');
    const [seconds, fraction] = splitCount(negative ? text.slice(1) : text, digits);
    return `"${negative ? '-' : ''}${clockText(seconds)}.${fraction}"`;
  };
}

/** Beyond every date that a database has. */
const infiniteYear = /^"[+-]?\d{8,}-/;

/** ISO text as it is, but for infinities. */
export const isoText: Convert = (text) => {
  if (infiniteTexts.has(text) || infiniteYear.test(text)) return null_;
  return text === null_ || text.startsWith('"') ? text : undefined;
};

/** `"2017-09-15Z"` → `"2017-09-15"`: Elasticsearch takes no zone on a date. */
export const isoDate: Convert = (text) => {
  const checked = isoText(text);
  return checked?.endsWith('Z"') === true ? `${checked.slice(0, -2)}"` : checked;
};
