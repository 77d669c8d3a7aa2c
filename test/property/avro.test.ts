import assert from 'node:assert/strict';
import { test } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import { parse } from 'lossless-json';
import { createAvroReader } from '../../src/schema-registry/avro.ts';
import { budget } from './budget.ts';

// avsc's own way to keep 64-bit integers whole.
const longType = avsc.types.LongType.__with(
  {
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(value);
      return buffer;
    },
    fromJSON: BigInt,
    toJSON: Number,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
  },
  false,
);

/** A schema, a value as avsc takes it, and the JSON text that is right for it. */
interface Sample {
  readonly schema: unknown;
  readonly value: unknown;
  readonly text: string;
}

const sample = <T>(values: fc.Arbitrary<T>, schema: unknown, textOf: (value: T) => string): fc.Arbitrary<Sample> =>
  values.map((value) => ({ schema, value, text: textOf(value) }));

const edges = [
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
  2n ** 48n,
  -(2n ** 49n),
  64n,
  -65n,
  // Where the number of digits changes.
  ...Array.from({ length: 19 }, (_, power) => [
    10n ** BigInt(power) - 1n,
    10n ** BigInt(power),
    -(10n ** BigInt(power)),
  ]).flat(),
];
const long = fc.oneof(
  fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  fc.bigInt(-300n, 300n),
  fc.bigInt(-(10n ** 17n), 10n ** 17n),
  fc.constantFrom(...edges),
);
const numberText = (value: number): string =>
  Number.isFinite(value) ? (Object.is(value, -0) ? '-0.0' : String(value)) : `"${value}"`;
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));

const primitives: readonly fc.Arbitrary<Sample>[] = [
  sample(fc.constant(null), 'null', () => 'null'),
  sample(fc.boolean(), 'boolean', String),
  sample(fc.integer(), 'int', String),
  sample(long, 'long', String),
  sample(fc.double(), 'double', numberText),
  sample(
    fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => text.isWellFormed()),
    'string',
    (text) => JSON.stringify(text),
  ),
  sample(bytes, 'bytes', (value) => `"${value.toString('base64')}"`),
];

let names = 0;
const newName = (): string => `N${(names += 1)}`;

const anySample = fc.letrec<{ any: Sample; leaf: Sample }>((tie) => ({
  leaf: fc.oneof(...primitives),
  any: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('any'), { maxLength: 5 }).map((fields) => ({
      schema: {
        type: 'record',
        name: newName(),
        fields: fields.map(({ schema }, at) => ({ name: `f${at}`, type: schema })),
      },
      value: Object.fromEntries(fields.map(({ value }, at) => [`f${at}`, value])),
      text: `{${fields.map(({ text }, at) => `"f${at}":${text}`).join(',')}}`,
    })),
    tie('leaf').chain((item) =>
      fc.nat(4).map((count) => ({
        schema: { type: 'array', items: item.schema },
        value: Array.from({ length: count }, () => item.value),
        text: `[${Array.from({ length: count }, () => item.text).join(',')}]`,
      })),
    ),
    fc
      .tuple(
        tie('leaf'),
        fc.uniqueArray(
          fc.string({ maxLength: 5 }).filter((key) => !(key in {})),
          { maxLength: 3 },
        ),
      )
      .map(([item, keys]) => ({
        schema: { type: 'map', values: item.schema },
        value: Object.fromEntries(keys.map((key) => [key, item.value])),
        text: `{${Object.keys(Object.fromEntries(keys.map((key) => [key, 0])))
          .map((key) => `${JSON.stringify(key)}:${item.text}`)
          .join(',')}}`,
      })),
    fc.tuple(tie('leaf'), fc.boolean()).map(([{ schema, value, text }, isNull]) => ({
      schema: schema === 'null' ? ['null'] : ['null', schema],
      value: isNull || schema === 'null' ? null : value,
      text: isNull ? 'null' : text,
    })),
  ),
}));

const encode = ({ schema, value }: Sample): Buffer =>
  avsc.Type.forSchema(schema as avsc.Schema, { registry: { long: longType }, wrapUnions: false }).toBuffer(value);

function readerOf({ schema }: Sample) {
  const reader = createAvroReader(JSON.stringify(schema));
  assert.ok(typeof reader !== 'string');
  return reader;
}

test('G9: what avsc writes is read to the last digit, as JSON on one line', () => {
  fc.assert(
    fc.property(anySample.any, fc.nat(3), (given, before) => {
      const written = Buffer.concat([Buffer.alloc(before), encode(given)]);
      const text = readerOf(given).read(written, before)?.text;
      assert.equal(text, given.text);
      parse(text);
      assert.ok(!text.includes('\n'));
    }),
    budget(3000),
  );
});

test('a 32-bit number is the shortest text that is it', () => {
  fc.assert(
    fc.property(fc.float(), (value) => {
      const text =
        readerOf({ schema: 'float', value, text: '' }).read(avsc.Type.forSchema('float').toBuffer(value), 0)?.text ??
        '';
      const back: unknown = JSON.parse(text);
      assert.ok(Object.is(Math.fround(Number(back)), value), text);
      for (let digits = 1; digits < text.replace(/[^\d]/g, '').length && Number.isFinite(value); digits += 1) {
        const shorter = value.toPrecision(digits);
        // `-0.0` has a digit for its sign's sake.
        if (value !== 0 && Math.fround(Number(shorter)) === value)
          assert.ok(text.length <= String(Number(shorter)).length, text);
      }
    }),
    budget(2000),
  );
});

test('bytes that are cut off or damaged never throw and never hang, and what is read is JSON', () => {
  fc.assert(
    fc.property(anySample.any, fc.nat(), fc.nat(255), fc.boolean(), (given, where, byte, cut) => {
      const whole = encode(given);
      const at = whole.length === 0 ? 0 : where % whole.length;
      const damaged = cut ? whole.subarray(0, at) : Buffer.from(whole);
      if (!cut && whole.length > 0) damaged[at] = byte;
      const text = readerOf(given).read(damaged, 0)?.text;
      if (text !== undefined) parse(text);
    }),
    budget(3000),
  );
});
