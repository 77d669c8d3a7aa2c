import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { plainJson } from '../../src/envelope/extended-json.ts';
import { budget } from './budget.ts';

/** A value as extended JSON writes it, and what it means. */
type Pair = readonly [extended: string, plain: string];

const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
const text = fc.string({ unit: 'binary' }).map((value) => JSON.stringify(value));
const digits = fc.tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.nat(1e9)).map(([a, b]) => `${a}.${b}`);
const moment = fc.integer({ min: -62_167_219_200_000, max: 253_402_300_799_999 });

const leaf: fc.Arbitrary<Pair> = fc.oneof(
  fc.constantFrom<Pair>(['null', 'null'], ['true', 'true'], ['{}', '{}'], ['[]', '[]'], ['NaN', 'null']),
  text.map((value): Pair => [value, value]),
  digits.map((value): Pair => [value, value]),
  digits.map((value): Pair => [`{"$numberDecimal": "${value}"}`, `"${value}"`]),
  long.map((value): Pair => [`{"$numberLong": "${value}"}`, value]),
  moment.map((value): Pair => [`{"$date": ${value}}`, JSON.stringify(new Date(value))]),
  moment.map((value): Pair => [`{ "$date" : { "$numberLong" : "${value}" } }`, JSON.stringify(new Date(value))]),
  text.map((value): Pair => [`{"$symbol": ${value}}`, value]),
);

const name = fc.string({ unit: 'binary' }).filter((value) => !value.startsWith('$'));
const spaces = fc.constantFrom('', '', ' ', '\t');

const { pair } = fc.letrec<{ pair: Pair }>((tie) => ({
  pair: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    leaf,
    fc
      .tuple(spaces, fc.array(tie('pair'), { maxLength: 4 }))
      .map(([space, all]): Pair => [
        `[${space}${all.map(([extended]) => extended).join(`${space},${space}`)}${space}]`,
        `[${all.map(([, plain]) => plain).join(',')}]`,
      ]),
    fc
      .tuple(spaces, fc.array(fc.tuple(name, tie('pair')), { maxLength: 4 }))
      .map(([space, all]): Pair => [
        `{${space}${all.map(([key, [extended]]) => `${JSON.stringify(key)}${space}:${space}${extended}`).join(`,${space}`)}${space}}`,
        `{${all.map(([key, [, plain]]) => `${JSON.stringify(key)}:${plain}`).join(',')}}`,
      ]),
  ),
}));

test('G9: a document of any depth means what its values mean, digit for digit, and has no white space between its tokens', () => {
  fc.assert(
    fc.property(pair, ([extended, plain]) => {
      assert.equal(plainJson(extended), plain);
      assert.equal(plainJson(plain), plain, 'what is plain stays as it is');
    }),
    budget(2000),
  );
});
