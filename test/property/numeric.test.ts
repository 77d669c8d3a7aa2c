import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import {
  booleanFromNumber,
  decimalFromBase64,
  decimalFromText,
  finiteNumber,
  unsigned64,
  variableScaleDecimal,
} from '../../src/convert/numeric.ts';
import { budget } from './budget.ts';

Decimal.set({ precision: 100, toExpNeg: -9e15, toExpPos: 9e15 });

/** As Java's BigInteger.toByteArray writes it: two's complement, as few bytes as can be. */
function bytesOf(value: bigint): Buffer {
  let length = 1;
  while (value < -(2n ** BigInt(8 * length - 1)) || value >= 2n ** BigInt(8 * length - 1)) length += 1;
  return Buffer.from(
    BigInt.asUintN(8 * length, value)
      .toString(16)
      .padStart(2 * length, '0'),
    'hex',
  );
}

const unscaled = fc.oneof(
  fc.bigInt(-(10n ** 38n), 10n ** 38n),
  fc.bigInt(-300n, 300n),
  fc.constantFrom(0n, 2n ** 47n, -(2n ** 47n), 2n ** 47n - 1n, 2n ** 63n, -(2n ** 63n), 2n ** 64n - 1n, 10n ** 38n),
);
const scale = fc.integer({ min: 0, max: 40 });

test('G9: a decimal in base64 becomes exactly the number that decimal.js makes of it', () => {
  fc.assert(
    fc.property(unscaled, scale, (value, digits) => {
      const text = JSON.stringify(bytesOf(value).toString('base64'));
      const expected = new Decimal(value.toString()).div(new Decimal(10).pow(digits)).toFixed(digits);
      const written = decimalFromBase64(digits, false)(text);
      assert.equal(written, value === 0n ? expected.replace('-', '') : expected);
      assert.equal(decimalFromBase64(digits, true)(text), `"${written}"`);
    }),
    budget(5000),
  );
});

test('G9: a decimal that carries its own scale is exact, with a scale below zero too', () => {
  fc.assert(
    fc.property(unscaled, fc.integer({ min: -10, max: 40 }), (value, digits) => {
      const text = JSON.stringify({ scale: digits, value: bytesOf(value).toString('base64') });
      const written = variableScaleDecimal(text) ?? '';
      const expected = new Decimal(value.toString()).times(new Decimal(10).pow(-digits));
      assert.ok(new Decimal(JSON.parse(written) as string).eq(expected), `${written} is not ${expected.toString()}`);
    }),
    budget(2000),
  );
});

test('a decimal that is a number already is kept as it is written; what is neither is refused', () => {
  assert.equal(decimalFromBase64(2, false)('12.50'), '12.50');
  assert.equal(decimalFromBase64(2, true)('12.50'), '"12.50"');
  assert.equal(decimalFromBase64(2, false)('null'), 'null');
  for (const wrong of ['"not base64!"', '""', 'true', '{}', '[1]'])
    assert.equal(decimalFromBase64(2, false)(wrong), undefined, wrong);
});

test('a decimal without a scale or a value of its own is refused', () => {
  for (const wrong of [
    '{}',
    '{"scale":2}',
    '{"scale":"2","value":"AQ=="}',
    '{"scale":2,"value":7}',
    '"AQ=="',
    '{"scale":',
  ])
    assert.equal(variableScaleDecimal(wrong), undefined, wrong);
});

test('G9: a decimal in text is the same number without its exponent, as decimal.js writes it', () => {
  const exponent = fc.oneof(
    fc.constant(''),
    fc.integer({ min: -60, max: 60 }).map((power) => `E${power > 0 ? '+' : ''}${power}`),
  );
  fc.assert(
    fc.property(unscaled, fc.stringMatching(/^\d{0,20}$/), exponent, (whole, fraction, power) => {
      const text = `${whole}${fraction === '' ? '' : `.${fraction}`}${power}`;
      const written = decimalFromText(false)(JSON.stringify(text)) ?? '';
      const expected = new Decimal(text);
      assert.ok(new Decimal(written).eq(expected), `${text} became ${written}`);
      assert.match(written, /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/);
      assert.equal(decimalFromText(true)(text), `"${written}"`);
    }),
    budget(2000),
  );
  for (const special of ['NAN', 'POSITIVE_INFINITY', 'NEGATIVE_INFINITY', 'NaN', 'Infinity', '-Infinity'])
    assert.equal(decimalFromText(true)(JSON.stringify(special)), 'null', special);
  assert.equal(decimalFromText(false)('"1E+2000000"'), '1E+2000000');
  for (const wrong of ['"twelve"', '""', 'true', '{}', '"0x10"'])
    assert.equal(decimalFromText(false)(wrong), undefined, wrong);
});

test('an unsigned number that came as a signed one is itself again', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.constantFrom(0n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n)),
      (value) => {
        const wire = new BigInt64Array(new BigUint64Array([value]).buffer)[0] ?? 0n;
        assert.equal(unsigned64(String(wire)), String(value));
        assert.equal(unsigned64(String(value)), String(value));
      },
    ),
    budget(1000),
  );
  assert.equal(unsigned64('1.5'), undefined);
});

test('a number of one bit is whether it is not zero', () => {
  const made = ['0', '1', '-1', '7', 'null', 'true', '"1"'].map(booleanFromNumber);
  assert.deepEqual(made, ['false', 'true', 'true', 'true', 'null', 'true', undefined]);
});

test('NaN and the infinities become null, numbers stay as they are written', () => {
  for (const text of ['"NaN"', '"Infinity"', '"-Infinity"']) assert.equal(finiteNumber(text), 'null');
  assert.equal(finiteNumber('3.140'), '3.140');
  assert.equal(finiteNumber('"3.14"'), undefined);
});

test('a scale that is no number, or that would write millions of zeros, converts nothing', () => {
  for (const scale of [Number.NaN, 0.5, 2 ** 31, -(2 ** 31)])
    assert.equal(decimalFromBase64(scale, true)('"DQ=="'), undefined);
});
