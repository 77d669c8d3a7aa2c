import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'lossless-json';
import protobuf from 'protobufjs';
import { createProtobufReader } from '../../src/schema-registry/protobuf.ts';
import { budget } from './budget.ts';

/** A field's type, a value as protobufjs' encoder takes it, and the JSON text that is right for it. */
interface Sample {
  readonly type: string;
  /** Messages and enums that the type needs. */
  readonly declarations: string;
  readonly value: unknown;
  readonly text: string;
}

const sample = <T>(type: string, values: fc.Arbitrary<T>, textOf: (value: T) => string): fc.Arbitrary<Sample> =>
  values.map((value) => ({
    type,
    declarations: '',
    value: typeof value === 'bigint' ? String(value) : value,
    text: textOf(value),
  }));

const edges = [2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 48n, 2n ** 49n, 2n ** 49n - 1n, 127n, 128n, 0n];
const signed = fc.oneof(
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  fc.bigInt(-300n, 300n),
  fc.constantFrom(...edges, ...edges.map((edge) => -edge), -(2n ** 63n), 2n ** 63n - 1n),
);
const unsigned = fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.constantFrom(...edges, 2n ** 64n - 1n, 2n ** 63n));
const numberText = (value: number): string =>
  Number.isFinite(value) ? (Object.is(value, -0) ? '-0.0' : String(value)) : `"${value}"`;
const strings = fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => text.isWellFormed());
const int32 = fc.integer();
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });

const scalars: readonly fc.Arbitrary<Sample>[] = [
  ...['int32', 'sint32', 'sfixed32'].map((type) => sample(type, int32, String)),
  ...['uint32', 'fixed32'].map((type) => sample(type, uint32, String)),
  ...['int64', 'sint64', 'sfixed64'].map((type) => sample(type, signed, String)),
  ...['uint64', 'fixed64'].map((type) => sample(type, unsigned, String)),
  sample('double', fc.double(), numberText),
  sample('bool', fc.boolean(), String),
  sample('string', strings, (text) => JSON.stringify(text)),
  sample(
    'bytes',
    fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
    (value) => `"${value.toString('base64')}"`,
  ),
];

/** What a field of a message is. */
interface FieldSample extends Sample {
  readonly absent: string;
  readonly isThere: boolean;
}

let names = 0;
const newName = (): string => `N${(names += 1)}`;

const zeros: Readonly<Record<string, string>> = { bool: 'false', string: '""', bytes: '""' };

function plainField(given: Sample, kind: 'plain' | 'optional' | 'repeated' | 'unpacked', count: number): FieldSample {
  const isMessage = given.declarations !== '';
  const label = kind === 'repeated' || kind === 'unpacked' ? 'repeated ' : kind === 'optional' ? 'optional ' : '';
  if (label === 'repeated ') {
    const items = Array.from({ length: count }, () => given);
    const text = `[${items.map((item) => item.text).join(',')}]`;
    const value = items.map((item) => item.value);
    return { ...given, type: `repeated ${given.type}`, value, text, absent: '[]', isThere: count > 0 };
  }
  const absent = isMessage || kind === 'optional' ? 'null' : (zeros[given.type] ?? '0');
  return { ...given, type: `${label}${given.type}`, absent, isThere: count > 0 };
}

function mapField(key: Sample, value: Sample, isThere: boolean): FieldSample {
  const isText = key.type === 'string';
  const entry = isText ? `{${key.text}:${value.text}}` : `[[${key.text},${value.text}]]`;
  return {
    type: `map<${key.type}, ${value.type}>`,
    declarations: value.declarations,
    value: { [String(key.value)]: value.value },
    text: entry,
    absent: isText ? '{}' : '[]',
    isThere,
  };
}

/** Declared in one order, numbered in another. */
function messageOf(fields: readonly FieldSample[], rotation: number): Sample {
  const name = newName();
  const number = (at: number): number => 1 + 37 * ((at + rotation) % fields.length);
  const lines = fields.map(({ type }, at) => `${type} f${at} = ${number(at)};`);
  const there = fields.flatMap(({ isThere, value }, at) => (isThere ? [[`f${at}`, value] as const] : []));
  const texts = fields.map(({ isThere, text, absent }, at) => `"f${at}":${isThere ? text : absent}`);
  return {
    type: name,
    declarations: [
      ...new Set(fields.map(({ declarations }) => declarations)),
      `message ${name} { ${lines.join(' ')} }`,
    ].join('\n'),
    value: Object.fromEntries(there),
    text: `{${texts.join(',')}}`,
  };
}

const samples = fc.letrec<{ leaf: Sample; message: Sample; field: FieldSample }>((tie) => ({
  leaf: fc.oneof(...scalars),
  field: fc.oneof(
    { maxDepth: 2, depthSize: 'small' },
    fc
      .tuple(tie('leaf'), fc.constantFrom('plain', 'optional', 'repeated', 'unpacked'), fc.nat(3))
      .map(([given, kind, count]) => plainField(given, kind as 'plain', count)),
    fc
      .tuple(tie('message'), fc.constantFrom('plain', 'repeated'), fc.nat(2))
      .map(([given, kind, count]) => plainField(given, kind as 'plain', count)),
    fc
      .tuple(
        sample(
          'string',
          fc.string({ maxLength: 5 }).filter((key) => !(key in {})),
          JSON.stringify,
        ),
        tie('leaf'),
        fc.boolean(),
      )
      .map(([key, value, isThere]) => mapField(key, value, isThere)),
    fc
      .tuple(sample('int32', int32, String), tie('leaf'), fc.boolean())
      .map(([key, value, isThere]) => mapField(key, value, isThere)),
  ),
  message: fc
    .tuple(fc.array(tie('field'), { maxLength: 6 }), fc.nat(5))
    .map(([fields, rotation]) => messageOf(fields, rotation)),
}));

/** The file, with the message that is asked for in the first place. */
const fileOf = ({ declarations, type }: Sample): string => {
  const lines = declarations.split('\n').filter((line, at, all) => all.indexOf(line) === at);
  const main = lines.filter((line) => line.startsWith(`message ${type} `));
  return ['syntax = "proto3";', ...main, ...lines.filter((line) => !main.includes(line))].join('\n');
};

function encode(given: Sample): Buffer {
  const { root } = protobuf.parse(fileOf(given), { keepCase: true });
  const type = root.lookupType(given.type);
  const object = type.fromObject(given.value as Record<string, unknown>);
  return Buffer.concat([Buffer.of(0), type.encode(object).finish()]);
}

function readerOf(given: Sample) {
  const reader = createProtobufReader(fileOf(given));
  assert.ok(typeof reader !== 'string', 'the schema can be used');
  return reader;
}

test('G9: what protobufjs writes is read to the last digit, as JSON on one line, in the order of the schema', () => {
  fc.assert(
    fc.property(samples.message, fc.nat(3), (given, before) => {
      const written = Buffer.concat([Buffer.alloc(before), encode(given)]);
      const text = readerOf(given).read(written, before)?.text;
      assert.equal(text, given.text);
      parse(text);
      assert.ok(!text.includes('\n'));
    }),
    budget(2000),
  );
});

test('bytes that are cut off or damaged never throw and never hang, and what is read is JSON', () => {
  fc.assert(
    fc.property(samples.message, fc.nat(), fc.nat(255), fc.boolean(), (given, where, byte, cut) => {
      const whole = encode(given);
      const at = where % whole.length;
      const damaged = cut ? whole.subarray(0, at) : Buffer.from(whole);
      if (!cut) damaged[at] = byte;
      const text = readerOf(given).read(damaged, 0)?.text;
      if (text !== undefined) parse(text);
    }),
    budget(2000),
  );
});

test('bytes of chance never throw and never hang, and what is read is JSON', () => {
  const file = `syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/type/date.proto";
    import "google/type/timeofday.proto"; import "confluent/type/decimal.proto";
    message M { int32 a = 1; M m = 2; repeated sint64 r = 3; map<string, M> s = 4; oneof o { string t = 5; M u = 6; }
      google.protobuf.Timestamp at = 7; google.type.Date d = 8; google.type.TimeOfDay c = 9;
      confluent.type.Decimal n = 10; confluent.type.Decimal p = 11 [(confluent.field_meta).params = { key: "scale", value: "2" }]; }`;
  const reader = createProtobufReader(file);
  assert.ok(typeof reader !== 'string');
  const likely = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 8, 10, 18, 26, 34, 42, 50, 58, 66, 74, 82, 90));
  fc.assert(
    fc.property(fc.array(likely, { maxLength: 60 }), (bytes) => {
      const text = reader.read(Buffer.from([0, ...bytes]), 0)?.text;
      if (text !== undefined) parse(text);
    }),
    budget(20_000),
  );
});
