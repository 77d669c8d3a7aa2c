import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createRowReader } from '../../src/envelope/json-row.ts';
import { documentId, maxIdBytes } from '../../src/mapping/document-id.ts';
import type { Row } from '../../src/model/change-event.ts';
import { budget } from './budget.ts';

function keyOf(values: readonly (string | number | boolean | null)[]): Row {
  const text = JSON.stringify(Object.fromEntries(values.map((value, column) => [`c${column}`, value])));
  const read = createRowReader().read(text, 0, undefined);
  assert.ok(read);
  return read.row;
}

const idOf = (values: readonly (string | number | boolean | null)[]) =>
  documentId(keyOf(values), [], { overlong: 'reject' });

/** Columns have one type each: texts with all that the encoding uses itself, and numbers. */
const text = fc.oneof(fc.string({ unit: fc.constantFrom(':', '\\', 'N', 'a', '"') }), fc.string({ unit: 'binary' }));
const composite = fc.integer({ min: 2, max: 4 }).chain((columns) => {
  const key = fc.tuple(...Array.from({ length: columns }, () => fc.option(text)));
  return fc.tuple(key, key);
});

test('keys of several columns that differ have ids that differ', () => {
  fc.assert(
    fc.property(composite, ([a, b]) => {
      const same = JSON.stringify(a) === JSON.stringify(b);
      const [left, right] = [idOf(a), idOf(b)];
      if (typeof left === 'string' && typeof right === 'string') assert.equal(left === right, same);
    }),
    budget(5000),
  );
});

test('of all keys of two or three short columns no two have one id', () => {
  const letters = ['', ':', '\\', 'N'];
  const texts = [null, ...letters.flatMap((first) => letters.map((second) => first + second))];
  const keys = [...new Set(texts)].flatMap((a) => [...new Set(texts)].map((b) => [a, b]));
  const three = ['', ':', '\\', null].flatMap((a) =>
    ['', ':', '\\', null].flatMap((b) => keys.slice(0, 40).map((key) => [a, b, ...key].slice(0, 3))),
  );
  const seen = new Map<string, string>();
  for (const key of [...keys, ...three]) {
    const id = idOf(key);
    if (typeof id !== 'string') continue;
    const name = JSON.stringify([key.length, key]);
    const other = seen.get(`${key.length}/${id}`);
    assert.ok(other === undefined || other === name, `${name} and ${String(other)} have the id ${id}`);
    seen.set(`${key.length}/${id}`, name);
  }
});

test('a key of one column is its text', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 100 }), fc.integer()), (value) => {
      assert.equal(idOf([value]), String(value));
    }),
    budget(1000),
  );
});

test('an id is never longer than Elasticsearch takes: it is refused, or replaced by a digest that is its own', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 700 }), (value) => {
      const fits = Buffer.byteLength(value) <= maxIdBytes;
      const rejected = idOf([value]);
      assert.equal(typeof rejected === 'string' ? 'an id' : rejected.code, fits ? 'an id' : 'ID_TOO_LONG');
      const [hashed, other] = [value, `${value}x`].map((key) => documentId(keyOf([key]), [], { overlong: 'hash' }));
      assert.ok(typeof hashed === 'string' && Buffer.byteLength(hashed) <= maxIdBytes);
      assert.notEqual(hashed, other);
    }),
    budget(1000),
  );
});

test('a key that is null names no document', () => {
  for (const value of [null]) {
    const refused = idOf([value]);
    assert.equal(typeof refused === 'string' ? refused : refused.code, 'RECORD_KEY_MISSING');
  }
});
