import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { decimalFromBase64, finiteNumber, variableScaleDecimal } from '../../src/convert/numeric.ts';
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

test('NaN and the infinities become null, numbers stay as they are written', () => {
  for (const text of ['"NaN"', '"Infinity"', '"-Infinity"']) assert.equal(finiteNumber(text), 'null');
  assert.equal(finiteNumber('3.140'), '3.140');
  assert.equal(finiteNumber('"3.14"'), undefined);
});
