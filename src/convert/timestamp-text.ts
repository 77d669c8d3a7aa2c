/**
 * PostgreSQL's text of a date or timestamp, as it stands in ranges: `2019-03-31`, `2019-03-31 15:30:00.5+05:30`, `0044-03-15 BC`.
 */
import { dayNumber, timestampFrom } from './temporal.ts';

const written =
  /^(\d{4,7})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(?:Z|([+-])(\d{2})(?::?(\d{2}))?(?::?(\d{2}))?)?)?( BC)?$/;

/** Microseconds since 1970-01-01T00:00Z; without a zone the text is taken as UTC. Undefined if it is neither date nor timestamp. */
export function microsecondsOf(text: string): bigint | undefined {
  const parts = written.exec(text);
  if (parts === null) return undefined;
  const [
    ,
    year,
    month,
    day,
    hour,
    minute,
    second,
    fraction = '',
    sign,
    offsetHours,
    offsetMinutes,
    offsetSeconds,
    era,
  ] = parts;
  // The year before 1 is 1 BC: astronomers call it 0.
  const days = dayNumber(era === undefined ? Number(year) : 1 - Number(year), Number(month), Number(day));
  const offset = seconds(offsetHours, offsetMinutes, offsetSeconds) * (sign === '-' ? -1 : 1);
  const whole = days * 86_400 + seconds(hour, minute, second) - offset;
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
}

const seconds = (hours = '0', minutes = '0', rest = '0'): number =>
  Number(hours) * 3600 + Number(minutes) * 60 + Number(rest);

const least = BigInt(dayNumber(-9999, 1, 1)) * 86_400_000_000n;
const beyond = BigInt(dayNumber(10_000, 1, 1)) * 86_400_000_000n;
const fromMicroseconds = timestampFrom(6);

/** JSON text that a range field takes: ISO, or milliseconds where the year has more digits than it reads. */
export function instantText(microseconds: bigint): string {
  if (microseconds >= least && microseconds < beyond) return fromMicroseconds(String(microseconds)) ?? '';
  const fraction = ((microseconds % 1000n) + 1000n) % 1000n;
  return String((microseconds - fraction) / 1000n);
}
