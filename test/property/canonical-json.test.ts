import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { canonicalJson, canonicalNumber } from '../../src/json/canonical.ts';
import { budget } from './budget.ts';

Decimal.set({ precision: 200, toExpNeg: -9e15, toExpPos: 9e15 });

const digits = fc.bigInt(-(10n ** 40n), 10n ** 40n).map(String);
const numberText = fc.oneof(
  digits,
  fc.tuple(digits, fc.bigInt(0n, 10n ** 20n)).map(([whole, fraction]) => `${whole}.${fraction}`),
  fc
    .tuple(digits, fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), fc.nat(60))
    .map(([whole, e, sign, power]) => `${whole}${e}${sign}${power}`),
  fc.constantFrom(
    '-0',
    '0',
    '0.0',
    '-0.00',
    '0e5',
    '1.10',
    '11e-1',
    '9007199254740993',
    '9007199254740992',
    '1e999',
    '100',
    '1e2',
  ),
);

test('two numbers have one canonical text if and only if decimal.js finds them equal', () => {
  fc.assert(
    fc.property(numberText, numberText, (left, right) => {
      const equal = new Decimal(left).equals(new Decimal(right));
      assert.equal(canonicalNumber(left) === canonicalNumber(right), equal);
      // In a document, too, whichever way it was read.
      assert.equal(canonicalJson(`{"a":[${left}]}`) === canonicalJson(`{ "a" : [ ${right} ] }`), equal);
      assert.ok(new Decimal(canonicalNumber(left)).equals(new Decimal(left)), left);
    }),
    budget(2000),
  );
});

/** The same value, its names in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([name, inner]) => [name, shuffled(inner)]));
}

test('a document has the canonical text of its value, whatever the order of names, the space between and the escapes', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 4 })), (document) => {
      const text = canonicalJson(JSON.stringify(document));
      assert.equal(canonicalJson(JSON.stringify(shuffled(document), null, 2)), text);
      assert.equal(canonicalJson(text), text);
      const escaped = JSON.stringify(document).replaceAll(/[a-z](?=[^"\\]*")/g, (letter) => letter);
      assert.equal(canonicalJson(escaped), text);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(document).replaceAll('-0,', '0,')) ?? {});
    }),
    budget(500),
  );
});

test('what is left out does not count, and all else does', () => {
  assert.equal(canonicalJson('{"a":{"b":1,"c":2},"d":3}', [['a', 'b'], ['x'], ['d', 'e']]), '{"a":{"c":2},"d":3}');
  assert.notEqual(canonicalJson('{"a":1}'), canonicalJson('{"a":"1"}'));
  assert.notEqual(canonicalJson('{"a":null}'), canonicalJson('{}'));
});
