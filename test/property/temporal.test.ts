import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Temporal } from '@js-temporal/polyfill';
import fc from 'fast-check';
import { dateFromDays, isoDate, isoText, timeFrom, timestampFrom } from '../../src/convert/temporal.ts';
import { budget } from './budget.ts';

const epoch = Temporal.PlainDate.from('1970-01-01');
const day = (date: string): number => epoch.until(Temporal.PlainDate.from(date), { largestUnit: 'days' }).days;

/** Elasticsearch wants years of four digits; Temporal writes others with six. */
const shortYear = (text: string): string =>
  text
    .replace(/^([+-])00(\d{4})/, (_, sign: string, year: string) => `${sign === '-' ? '-' : ''}${year}`)
    .replace(/^([+-])0(\d{5})/, '$1$2');

const days = fc.oneof(
  fc.integer({ min: day('0001-01-01'), max: day('9999-12-31') }),
  fc.constantFrom(...['0001-01-01', '1582-10-15', '1969-12-31', '2000-02-29', '2100-02-28', '9999-12-31'].map(day)),
  fc.integer({ min: -3_000_000, max: 30_000_000 }),
);

test('G9: days become dates as Temporal has them, before and after 1970 and beyond the year 9999', () => {
  fc.assert(
    fc.property(days, (value) => {
      assert.equal(dateFromDays(String(value)), JSON.stringify(shortYear(epoch.add({ days: value }).toString())));
    }),
    budget(5000),
  );
});

/** As Temporal writes an instant, with this many digits. */
function instant(count: bigint, digits: 3 | 6 | 9): string {
  const nanoseconds = count * 10n ** BigInt(9 - digits);
  return shortYear(Temporal.Instant.fromEpochNanoseconds(nanoseconds).toString({ fractionalSecondDigits: digits }));
}

const from = BigInt(day('0001-01-01')) * 86_400n;
const to = (BigInt(day('9999-12-31')) + 1n) * 86_400n - 1n;

for (const digits of [3, 6, 9] as const) {
  test(`G9: counts of 10^-${digits} seconds become instants without losing a digit`, () => {
    const unit = 10n ** BigInt(digits);
    fc.assert(
      fc.property(fc.oneof(fc.bigInt(from * unit, to * unit), fc.bigInt(-10n * unit, 10n * unit)), (count) => {
        assert.equal(timestampFrom(digits)(String(count)), JSON.stringify(instant(count, digits)));
      }),
      budget(2000),
    );
  });

  test(`times of 10^-${digits} seconds are times of day, and MySQL's beyond a day or below zero keep their size`, () => {
    const unit = 10n ** BigInt(digits);
    fc.assert(
      fc.property(fc.bigInt(-839n * 3600n * unit, 839n * 3600n * unit), (count) => {
        const text = timeFrom(digits)(String(count)) ?? '';
        const [, sign, hours, minutes, seconds, fraction] =
          /^"(-?)(\d{2,3}):([0-5]\d):([0-5]\d)\.(\d+)"$/.exec(text) ?? [];
        const whole = BigInt(hours ?? 0) * 3600n + BigInt(minutes ?? 0) * 60n + BigInt(seconds ?? 0);
        const back = whole * unit + BigInt(fraction ?? 0);
        assert.equal(sign === '-' ? -back : back, count);
        assert.equal(fraction?.length, digits);
      }),
      budget(2000),
    );
  });
}

test('infinities are null, as is null; what is no number is refused', () => {
  for (const infinity of ['9223372036825200000', '-9223372036832400000'])
    assert.equal(timestampFrom(6)(infinity), 'null');
  assert.equal(dateFromDays('-622191234'), 'null');
  assert.equal(isoText('"infinity"'), 'null');
  assert.equal(timestampFrom(3)('null'), 'null');
  assert.equal(dateFromDays('"2020-01-01"'), undefined);
  assert.equal(timestampFrom(6)('1.5'), undefined);
  assert.equal(isoDate('"2017-09-15Z"'), '"2017-09-15"');
  for (const infinity of [
    '"+292278994-08-16Z"',
    '"-292275055-05-16Z"',
    '"+292278994-08-17T07:12:55.807Z"',
    '"-infinity"',
  ])
    assert.equal(isoDate(infinity), 'null', infinity);
  assert.equal(isoText('"+5874897-12-31"'), '"+5874897-12-31"');
  assert.equal(timeFrom(6)('-3020399000000'), '"-838:59:59.000000"');
});

test('a usual moment is not taken for an infinity: what one type writes for it is another’s value', () => {
  assert.equal(timestampFrom(0)('2147483647'), '"2038-01-19T03:14:07Z"');
  assert.equal(timestampFrom(6)('-625821272'), '"1969-12-31T23:49:34.178728Z"');
  assert.equal(timestampFrom(6)('9223372036825200'), '"2262-04-11T23:47:16.825200Z"');
  for (const days of ['-622191234', '-625821272', '-2147472692', '-2147472691'])
    assert.equal(dateFromDays(days), 'null');
  assert.equal(timestampFrom(3)('9223372036825200'), 'null');
  assert.equal(isoDate('"-5877611-06-21Z"'), 'null');
});
