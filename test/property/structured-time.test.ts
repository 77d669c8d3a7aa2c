import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Temporal } from '@js-temporal/polyfill';
import fc from 'fast-check';
import {
  structuredDate,
  structuredDuration,
  structuredTime,
  structuredTimestamp,
} from '../../src/convert/structured-time.ts';
import { dayNumber } from '../../src/convert/temporal.ts';
import { budget } from './budget.ts';

const days = fc.integer({ min: -4_000_000, max: 4_000_000 });
const epoch = Temporal.PlainDate.from('1970-01-01');

test('the number of a day is the one that Temporal counts', () => {
  fc.assert(
    fc.property(days, (count) => {
      const { year, month, day } = epoch.add({ days: count });
      assert.equal(dayNumber(year, month, day), count);
    }),
    budget(2000),
  );
});

const dateTime = fc
  .tuple(
    fc.integer({ min: dayNumber(1, 1, 1), max: dayNumber(9999, 12, 31) }),
    fc.integer({ min: 0, max: 86_399 }),
    fc.oneof(fc.constantFrom(0, 1, 999_999_999, 123_000_000), fc.integer({ min: 0, max: 999_999_999 })),
  )
  .map(([day, second, nanosecond]) =>
    epoch.add({ days: day }).toPlainDateTime().add({ seconds: second, nanoseconds: nanosecond }),
  );

function struct(at: Temporal.PlainDateTime, more: Readonly<Record<string, unknown>> = {}): string {
  const { year, month, day, hour, minute, second } = at;
  const nanoseconds = (at.millisecond * 1000 + at.microsecond) * 1000 + at.nanosecond;
  const picoseconds = nanoseconds * 1000;
  return JSON.stringify({ year, month, day, hour, minute, second, picoseconds, specialValue: null, ...more });
}

const value = (text: string | undefined): string => JSON.parse(text ?? 'null') as string;

test('G9: structured dates and timestamps are what Temporal reads out of their text', () => {
  fc.assert(
    fc.property(dateTime, fc.constantFrom(null, 0, 3, 6, 9), (at, precision) => {
      assert.ok(Temporal.PlainDate.from(value(structuredDate(struct(at)))).equals(at.toPlainDate()));
      const written = value(structuredTimestamp(struct(at, { precision })));
      assert.ok(Temporal.Instant.from(written).equals(at.toZonedDateTime('UTC').toInstant()), written);
      const digits = /\.(\d+)Z$/.exec(written)?.[1]?.length ?? 0;
      assert.ok(digits >= (precision ?? 0), written);
      assert.ok(Temporal.PlainTime.from(value(structuredTime(struct(at)))).equals(at.toPlainTime()));
    }),
    budget(2000),
  );
});

test('G9: a structured timestamp with an offset is the same instant, also where the offset has seconds', () => {
  const offsets = fc.oneof(
    fc.integer({ min: -14 * 60, max: 14 * 60 }).map((minutes) => minutes * 60),
    fc.integer({ min: -50_400, max: 50_400 }),
  );
  fc.assert(
    fc.property(dateTime, offsets, (at, offsetSeconds) => {
      const written = value(structuredTimestamp(struct(at, { offsetSeconds, zoneId: 'Asia/Seoul' })));
      const expected = at.toZonedDateTime('UTC').toInstant().subtract({ seconds: offsetSeconds });
      const instant = Temporal.Instant.from(
        written
          .replace(/^(\d{4})-/, '$1-')
          .replace(/^-(\d{4})-/, '-00$1-')
          .replace(/^\+(\d{5})-/, '+0$1-'),
      );
      assert.ok(instant.equals(expected), `${written} is not ${expected.toString()}`);
      assert.match(written, /(?:Z|[+-]\d\d:\d\d)$/);
    }),
    budget(2000),
  );
});

test('G9: a structured duration is what Temporal reads out of its text', () => {
  const count = fc.integer({ min: 0, max: 2_000_000 });
  const parts = fc.record({ years: count, months: count, days: count, hours: count, minutes: count, seconds: count });
  fc.assert(
    fc.property(parts, fc.integer({ min: 0, max: 999_999_999 }), fc.boolean(), (size, nanoseconds, isNegative) => {
      const sign = isNegative ? -1 : 1;
      const signed = Object.fromEntries(Object.entries(size).map(([name, number]) => [name, sign * number]));
      const text = value(structuredDuration(JSON.stringify({ ...signed, picoseconds: sign * nanoseconds * 1000 })));
      // ISO 8601 has one sign; Java's and PostgreSQL's text has one for each part.
      const read = Temporal.Duration.from(isNegative && text.includes('-') ? `-${text.replaceAll('-', '')}` : text);
      const expected = Temporal.Duration.from({
        ...size,
        milliseconds: Math.floor(nanoseconds / 1e6),
        microseconds: Math.floor(nanoseconds / 1000) % 1000,
        nanoseconds: nanoseconds % 1000,
      });
      assert.equal(read.abs().toString(), expected.toString());
      assert.ok(!isNegative || text === 'PT0S' || text.includes('-'), text);
    }),
    budget(2000),
  );
});

test('special values, single parts and edges', () => {
  assert.equal(structuredDate('{"year":null,"specialValue":"NEGATIVE_INFINITY"}'), 'null');
  assert.equal(structuredDate('{"year":12024,"month":2,"day":29}'), '"+12024-02-29"');
  assert.equal(structuredDate('{"year":-43,"month":3,"day":15}'), '"-0043-03-15"');
  assert.equal(structuredDate('{"year":2024,"month":2}'), undefined);
  assert.equal(
    structuredTime('{"hour":24,"minute":0,"second":0,"picoseconds":0,"offsetSeconds":-12600}'),
    '"24:00:00-03:30"',
  );
  assert.equal(structuredTime('{"hour":1,"minute":2,"second":3,"nanos":4000,"precision":6}'), '"01:02:03.000004"');
  assert.equal(structuredTime('{"hour":1,"minute":2,"second":3,"picoseconds":1}'), '"01:02:03.000000000001"');
  assert.equal(
    structuredDuration('{"years":1,"months":-2,"seconds":-3,"picoseconds":-500000000000}'),
    '"P1Y-2MT-3.5S"',
  );
  assert.equal(structuredDuration('{"years":0}'), '"PT0S"');
});
