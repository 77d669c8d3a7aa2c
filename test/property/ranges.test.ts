import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Temporal } from '@js-temporal/polyfill';
import fc from 'fast-check';
import { dateRange, doubleRange, integerRange, longRange } from '../../src/convert/ranges.ts';
import { microsecondsOf } from '../../src/convert/timestamp-text.ts';
import { jsonValue } from '../../src/json/value.ts';
import { budget } from './budget.ts';

interface Bounds {
  readonly gt?: unknown;
  readonly gte?: unknown;
  readonly lt?: unknown;
  readonly lte?: unknown;
}

const read = (text: string | undefined): Bounds => jsonValue(text ?? '"not convertible"') as Bounds;
const integer = (value: unknown): bigint => BigInt(value as number | bigint);
const brackets = fc.tuple(fc.constantFrom('[', '('), fc.constantFrom(']', ')'));

/** The first and the last integer in a range, as its text says. */
const inside = (from: bigint, to: bigint, [open, close]: readonly [string, string]) =>
  [from + (open === '(' ? 1n : 0n), to - (close === ')' ? 1n : 0n)] as const;

test('G9: a range of integers holds the same integers, to the ends of 64 bits', () => {
  const edge = fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 0n, 2n ** 53n + 1n);
  const long = fc.oneof(edge, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-5n, 5n));
  fc.assert(
    fc.property(long, long, brackets, (a, b, marks) => {
      const [from, to] = a < b ? [a, b] : [b, a];
      const [first, last] = inside(from, to, marks);
      // PostgreSQL writes such a range as `empty`.
      fc.pre(first <= last && to - from > 2n ** 12n);
      const { gt, gte, lt, lte } = read(longRange(`"${marks[0]}${from},${to}${marks[1]}"`));
      assert.equal(gte === undefined ? integer(gt) + 1n : integer(gte), first);
      assert.equal(lte === undefined ? integer(lt) - 1n : integer(lte), last);
    }),
    budget(2000),
  );
});

test('a bound that is missing or infinite is no bound; what is no range is refused', () => {
  assert.equal(integerRange('"(,5]"'), '{"lte":5}');
  assert.equal(integerRange('"[-2147483648,2147483647]"'), '{"gte":-2147483648,"lte":2147483647}');
  assert.equal(integerRange('"(,)"'), '{}');
  assert.equal(integerRange('"empty"'), 'null');
  assert.equal(integerRange('"{}"'), '[]');
  assert.equal(integerRange('"{[1,3),[5,)}"'), '[{"gte":1,"lt":3},{"gte":5}]');
  assert.equal(doubleRange('"[1.5,Infinity)"'), '{"gte":1.5}');
  assert.equal(doubleRange('"(-Infinity,NaN]"'), '{}');
  assert.equal(doubleRange(`"[1,1${'0'.repeat(400)})"`), '{"gte":1}');
  assert.equal(dateRange('"[-infinity,\\"2020-01-01 00:00:00\\"]"'), '{"lte":"2020-01-01T00:00:00.000000Z"}');
  for (const wrong of [
    '""',
    '"[1,2"',
    '"1,2"',
    '"[1,2,3]"',
    '"[a,2]"',
    '"{[1,3),}"',
    '"[3,1]"',
    '7',
    '"[2147483648,]"',
  ])
    assert.equal(integerRange(wrong), undefined, wrong);
});

/** The doubles around a value: what Elasticsearch makes of an exclusive bound. */
function next(value: number, step: 1n | -1n): number {
  const view = new Float64Array([value === 0 ? 0 : value]);
  const bits = new BigInt64Array(view.buffer);
  if (value === 0) return step === 1n ? Number.MIN_VALUE : -Number.MIN_VALUE;
  bits[0] = (bits[0] ?? 0n) + (value < 0 ? -step : step);
  return view[0] ?? 0;
}

test('a range of decimals keeps its digits, and never ends before it begins once its bounds are doubles', () => {
  const decimal = fc.tuple(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.integer({ min: 1, max: 40 }));
  const written = ([digits, scale]: [bigint, number]): string => {
    const padded = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
    return `${digits < 0n ? '-' : ''}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
  };
  fc.assert(
    fc.property(decimal, fc.bigInt(1n, 1000n), brackets, ([digits, scale], width, [open, close]) => {
      const [from, to] = [written([digits, scale]), written([digits + width, scale])];
      const text = doubleRange(`"${open}${from},${to}${close}"`) ?? '';
      const { gt, gte, lt, lte } = JSON.parse(text) as Readonly<Record<string, number>>;
      const first = gte ?? next(gt ?? NaN, 1n);
      const last = lte ?? next(lt ?? NaN, -1n);
      assert.ok(first <= last, text);
      assert.ok(text.includes(`:${from},`) && text.endsWith(`:${to}}`), text);
    }),
    budget(5000),
  );
});

const start = Temporal.Instant.from('0001-01-01T00:00Z').epochNanoseconds / 1000n;
const end = Temporal.Instant.from('9999-12-30T00:00Z').epochNanoseconds / 1000n;

/** As PostgreSQL writes it. */
function pgText(at: Temporal.ZonedDateTime): string {
  const { hour, minute, second } = at;
  const fraction = String(at.millisecond * 1000 + at.microsecond)
    .padStart(6, '0')
    .replace(/0+$/, '');
  const two = (number: number): string => String(number).padStart(2, '0');
  const offset = at.offset.replace(/:00$/, '');
  return `${String(at.year).padStart(4, '0')}-${two(at.month)}-${two(at.day)} ${two(hour)}:${two(minute)}:${two(second)}${fraction === '' ? '' : `.${fraction}`}${offset}`;
}

test('G9: PostgreSQL’s text of a timestamp is the instant that Temporal has, in any zone', () => {
  const zones = fc.constantFrom('UTC', '+05:30', '-03:00', '+14:00', '-09:30');
  fc.assert(
    fc.property(fc.bigInt(start + 86_400_000_000n, end), zones, (microseconds, zone) => {
      const at = new Temporal.ZonedDateTime(microseconds * 1000n, zone);
      assert.equal(microsecondsOf(pgText(at)), microseconds, pgText(at));
    }),
    budget(2000),
  );
  assert.equal(microsecondsOf('0001-12-31 BC'), Temporal.Instant.from('0000-12-31T00:00Z').epochNanoseconds / 1000n);
  assert.equal(microsecondsOf('1970-01-01 00:00:00+00:00:30'), -30_000_000n);
  assert.equal(microsecondsOf('yesterday'), undefined);
});

test('a range of timestamps keeps its microseconds, and never ends before it begins once they are milliseconds', () => {
  const milliseconds = (text: unknown): number => Temporal.Instant.from(String(text)).epochMilliseconds;
  fc.assert(
    fc.property(
      fc.bigInt(start + 86_400_000_000n, end),
      fc.bigInt(1n, 5000n),
      brackets,
      (from, width, [open, close]) => {
        const [a, b] = [from, from + width].map((count) => pgText(new Temporal.ZonedDateTime(count * 1000n, 'UTC')));
        const { gt, gte, lt, lte } = read(dateRange(JSON.stringify(`${open}"${a ?? ''}","${b ?? ''}"${close}`)));
        const first = gte === undefined ? milliseconds(gt) + 1 : milliseconds(gte);
        const last = lte === undefined ? milliseconds(lt) - 1 : milliseconds(lte);
        assert.ok(first <= last, `${String(a)} ${String(b)}`);
        assert.equal(Temporal.Instant.from(String(gte ?? gt)).epochNanoseconds / 1000n, from);
        assert.equal(Temporal.Instant.from(String(lte ?? lt)).epochNanoseconds / 1000n, from + width);
      },
    ),
    budget(2000),
  );
});
