/** Keys that differ have ids that differ, for every type that Sluice converts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createDecoder } from '../../src/envelope/decoder.ts';
import { compileDocument } from '../../src/mapping/compile.ts';
import { documentDefinitionSchema } from '../../src/mapping/definition.ts';
import { offset } from '../../src/model/position.ts';
import { budget } from './budget.ts';

/** A type, and the JSON texts of its values: no two of them are the same value. */
interface Keyed {
  readonly name: string;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly values: fc.Arbitrary<string>;
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: fc.constantFrom('\\', 'E', 'N', ':', '"', '\ud800', '\udfff', '\ufffd', ' '), maxLength: 6 }),
);
const texts = text.map((value) => JSON.stringify(value));
const from = (...values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...values);
const quoted = (...values: readonly string[]): fc.Arbitrary<string> =>
  from(...values.map((value) => JSON.stringify(value)));
const integers = (bits: number): fc.Arbitrary<string> =>
  fc.bigInt({ min: -(2n ** BigInt(bits - 1)), max: 2n ** BigInt(bits - 1) - 1n }).map(String);
const semantic = (name: string, type: string, more = {}) => ({ type, name, ...more });
const source = (type: string, base: string, length?: string) => ({
  type: base,
  parameters: {
    '__debezium.source.column.type': type,
    ...(length !== undefined && { '__debezium.source.column.length': length }),
  },
});
const base64 = fc
  .uint8Array({ minLength: 1, maxLength: 9 })
  .map((bytes) => JSON.stringify(Buffer.from(bytes).toString('base64')));
/** Two's complement has one shortest form. */
const shortest = (quotedBytes: string): boolean => {
  const [first = 0, second] = Buffer.from(JSON.parse(quotedBytes) as string, 'base64');
  return second === undefined || !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
};
const floats = fc.oneof(
  quoted('NaN', 'Infinity', '-Infinity'),
  fc
    .double({ noNaN: true, noDefaultInfinity: true })
    .filter((value) => !Object.is(value, -0))
    .map(String),
);
const days = fc.oneof(
  // Of a snapshot, of the stream, as other readers write them: an infinity is one value.
  fc.constantFrom('-622191234', '-625821272'),
  fc.integer({ min: -1_000_000, max: 4_000_000 }).map(String),
);
const counts = (...infinities: readonly string[]): fc.Arbitrary<string> => fc.oneof(from(...infinities), integers(55));
const zoned = fc.oneof(
  quoted('infinity', '-infinity'),
  fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31T23:59:59Z') })
    .map((at) => JSON.stringify(at.toISOString())),
);
const bounds = fc.constantFrom('', 'infinity', '-infinity', '1', '2', '9');
const ranges = fc.oneof(
  quoted('empty', '{}', '{[1,3),[5,7)}', '{[1,3),[5,8)}'),
  fc
    .tuple(fc.constantFrom('[', '('), bounds, bounds, fc.constantFrom(']', ')'))
    .map(([open, a, b, close]) => JSON.stringify(`${open}${a},${b}${close}`)),
);
const instants = fc.constantFrom(
  '',
  'infinity',
  '"2019-03-31 15:30:00"',
  '"2019-03-31 15:30:00.0005"',
  '"2019-03-31 15:30:00.0006"',
  '"12019-03-31 00:00:00.0001"',
  '"12019-03-31 00:00:00.0002"',
);
const timeRanges = fc
  .tuple(fc.constantFrom('[', '('), instants, instants, fc.constantFrom(']', ')'))
  .map(([open, a, b, close]) => JSON.stringify(`${open}${a},${b}${close}`));

const types: readonly Keyed[] = [
  { name: 'text', schema: { type: 'string' }, values: texts },
  { name: 'int64', schema: { type: 'int64' }, values: integers(64) },
  { name: 'boolean', schema: { type: 'boolean' }, values: from('true', 'false') },
  { name: 'double', schema: { type: 'double' }, values: floats },
  { name: 'float', schema: { type: 'float' }, values: floats },
  { name: 'bytes', schema: { type: 'bytes' }, values: base64 },
  { name: 'date', schema: semantic('io.debezium.time.Date', 'int32'), values: days },
  {
    name: 'iso date',
    schema: semantic('io.debezium.time.IsoDate', 'string'),
    values: quoted('2020-01-01Z', '+292278994-08-16Z', '+292269055-12-02Z'),
  },
  {
    name: 'millis',
    schema: semantic('io.debezium.time.Timestamp', 'int64'),
    values: counts('9223372036825200', '-9223372036832400'),
  },
  {
    name: 'micros',
    schema: semantic('io.debezium.time.MicroTimestamp', 'int64'),
    values: counts('9223372036825200000', '-9223372036832400000'),
  },
  {
    name: 'nanos',
    schema: semantic('io.debezium.time.NanoTimestamp', 'int64'),
    values: counts('9223372036854775807', '-9223372036854775808'),
  },
  { name: 'zoned', schema: semantic('io.debezium.time.ZonedTimestamp', 'string'), values: zoned },
  {
    name: 'iso',
    schema: semantic('io.debezium.time.IsoTimestamp', 'string'),
    values: quoted('+294247-01-10T04:00:25.2Z', '-290308-12-21T19:59:27.6Z', '2020-01-01T00:00:00Z'),
  },
  { name: 'time', schema: semantic('io.debezium.time.MicroTime', 'int64'), values: integers(48) },
  {
    name: 'structured',
    schema: semantic('io.debezium.time.StructuredTimestamp', 'struct'),
    values: from(
      '{"specialValue":"POSITIVE_INFINITY"}',
      '{"specialValue":"NEGATIVE_INFINITY"}',
      '{"year":2020,"month":1,"day":1,"hour":0,"minute":0,"second":0}',
    ),
  },
  {
    name: 'decimal',
    schema: semantic('org.apache.kafka.connect.data.Decimal', 'bytes', { parameters: { scale: '2' } }),
    values: base64.filter(shortest),
  },
  {
    name: 'decimal text',
    schema: source('NUMERIC', 'string'),
    values: quoted('NAN', 'POSITIVE_INFINITY', 'NEGATIVE_INFINITY', '1', '10', '-1', '0.1'),
  },
  {
    name: 'json',
    schema: semantic('io.debezium.data.Json', 'string'),
    values: quoted('null', '"null"', '1', '{"value":1}', '{"a":1}', '{"a":1,"a":2}', '{"a":2}', '[]', '{}'),
  },
  { name: 'flag', schema: source('TINYINT', 'int16', '1'), values: integers(8) },
  { name: 'unsigned', schema: source('BIGINT UNSIGNED', 'int64'), values: integers(64) },
  {
    name: 'inet',
    schema: source('INET', 'string'),
    values: quoted('10.0.0.7', '10.0.0.7/24', '10.0.0.7/25', '::1', '::1/64'),
  },
  {
    name: 'cidr',
    schema: source('CIDR', 'string'),
    values: quoted('10.0.0.0/24', '10.0.0.0/25', '::ffff:10.0.0.0/120', '::/0'),
  },
  { name: 'int range', schema: source('INT8RANGE', 'string'), values: ranges },
  { name: 'num range', schema: source('NUMRANGE', 'string'), values: ranges },
  { name: 'time range', schema: source('TSRANGE', 'string'), values: timeRanges },
  { name: 'set', schema: semantic('io.debezium.data.EnumSet', 'string'), values: quoted('', 'a', 'b', 'a,b') },
  {
    name: 'bits',
    schema: semantic('io.debezium.data.Bits', 'bytes', { parameters: { length: '72' } }),
    values: fc
      .uint8Array({ minLength: 9, maxLength: 9 })
      .map((bytes) => JSON.stringify(Buffer.from(bytes).toString('base64'))),
  },
  {
    name: 'array of timestamps',
    schema: { type: 'array', items: semantic('io.debezium.time.MicroTimestamp', 'int64') },
    values: fc
      .array(fc.oneof(from('null'), counts('9223372036825200000', '-9223372036832400000')), { maxLength: 3 })
      .map((items) => `[${items.join(',')}]`),
  },
  {
    name: 'struct',
    schema: { type: 'struct', fields: [{ ...semantic('io.debezium.time.Date', 'int32'), field: 'a' }] },
    values: days.map((day) => `{"a":${day}}`),
  },
  {
    name: 'vector',
    schema: semantic('io.debezium.data.DoubleVector', 'array', { items: { type: 'double' } }),
    values: from('[]', '[1.0]', '[1e300]', '[1e301]'),
  },
  {
    name: 'sparse',
    schema: semantic('io.debezium.data.SparseDoubleVector', 'struct'),
    values: from(
      '{"dimensions":9,"vector":[[1,0.5]]}',
      '{"dimensions":8,"vector":[[1,0.5]]}',
      '{"dimensions":9,"vector":[[1,-0.5]]}',
      '{"dimensions":9,"vector":[[2,-0.5]]}',
    ),
  },
];

const decode = createDecoder();

/** The id of a key of columns of one type; undefined if the record is refused. */
function idOf(
  map: ReturnType<ReturnType<typeof compileDocument>['createMapper']>,
  type: Keyed,
  values: readonly string[],
): string | undefined {
  const names = values.map((_, at) => `c${at}`);
  const fields = names.map((field) => ({ ...type.schema, field, optional: true }));
  const key = `{"schema":${JSON.stringify({ type: 'struct', fields })},"payload":{${values.map((value, at) => `"c${at}":${value}`).join(',')}}}`;
  const event = decode({
    topic: 't',
    partition: 0,
    offset: offset(1),
    timestampMs: 0,
    headers: undefined,
    key: Buffer.from(key),
    value: Buffer.from('{"before":null,"after":{"id":1},"source":{"connector":"x"},"op":"c"}'),
  });
  assert.ok(event.op === 'create', JSON.stringify(event));
  const mapped = map(event);
  return mapped.kind === 'write' ? mapped.write.id : undefined;
}

for (const overlong of ['reject', 'hash'] as const) {
  for (const type of types) {
    test(`keys of ${type.name} that differ have ids that differ, or none (overlong: ${overlong})`, () => {
      const map = compileDocument(
        documentDefinitionSchema.parse({ document: 'd', from: 't', id: { overlong } }),
      ).createMapper();
      let ids = 0;
      const keys = fc.integer({ min: 1, max: 3 }).chain((columns) => {
        const key = fc.tuple(
          ...Array.from({ length: columns }, () => fc.oneof({ weight: 9, arbitrary: type.values }, from('null'))),
        );
        return fc.tuple(key, key);
      });
      fc.assert(
        fc.property(keys, ([a, b]) => {
          const [left, right] = [idOf(map, type, a), idOf(map, type, b)];
          if (left !== undefined) {
            ids += 1;
            assert.ok(Buffer.from(left).toString() === left && left !== '', 'an id is what its bytes are');
          }
          if (left === undefined || right === undefined) return;
          assert.equal(left === right, a.join() === b.join(), `${a.join()} is ${left}, ${b.join()} is ${right}`);
        }),
        budget(300),
      );
      assert.ok(ids > 50, `only ${ids} keys had an id`);
    });
  }
}
