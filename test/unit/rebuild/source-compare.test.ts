/** Documents are compared field by field: by value, not by spelling. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differingFields } from '../../../src/rebuild/source-compare.ts';

const rules = [
  { path: ['id'], precision: undefined },
  { path: ['inner', 'ratio'], precision: 'double' },
  { path: ['small'], precision: 'single' },
] as const;
const differing = (expected: string, found: string): readonly string[] =>
  differingFields(expected, found, rules, [['out']]);

test('floats are the numbers that they are, all else is digits', () => {
  assert.deepEqual(differing('{"inner":{"ratio":8.41e+21}}', '{"inner":{"ratio":8.409999999999999E21}}'), []);
  assert.deepEqual(differing('{"inner":{"ratio":0.1}}', '{"inner":{"ratio":0.10000000000000002}}'), ['inner.ratio']);
  assert.deepEqual(differing('{"small":1.4e-45}', '{"small":1.401298464324817E-45}'), []);
  assert.deepEqual(differing('{"id":9007199254740993}', '{"id":9007199254740992}'), ['id']);
  assert.deepEqual(differing('{"id":1.10}', '{"id":11e-1}'), []);
});

test('null is as absent, at any depth that a field has, and an object of nothing is none', () => {
  assert.deepEqual(differing('{"id":1,"inner":{"ratio":null}}', '{"id":1}'), []);
  assert.deepEqual(differing('{"id":1}', '{"id":1,"more":null,"inner":{}}'), []);
  assert.deepEqual(differing('{"id":1,"inner":{"ratio":1}}', '{"id":1}'), ['inner.ratio']);
});

test('what is left out is not seen, and what no rule names is told by its first name', () => {
  assert.deepEqual(differing('{"out":1,"a":{"b":1}}', '{"out":2,"a":{"b":2},"c":[]}'), ['a', 'c']);
});
