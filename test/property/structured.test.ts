import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'lossless-json';
import { dateFromDays } from '../../src/convert/temporal.ts';
import {
  arrayOf,
  enumSet,
  jsonInString,
  mapOf,
  sparseVector,
  structOf,
  vectorOf,
} from '../../src/convert/structured.ts';
import { budget } from './budget.ts';

/** JSON with numbers of any length, and white space as people write it. */
const digits = fc.bigInt(-(10n ** 40n), 10n ** 40n).map(String);
const numberText = fc.oneof(
  digits,
  fc.tuple(digits, fc.nat()).map(([whole, part]) => `${whole}.${part}0`),
  digits.map((text) => `${text}e7`),
);
const jsonText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => {
  const space = fc.constantFrom('', ' ', '\n', '\r\n\t');
  const separated = (parts: readonly string[], open: string, close: string, gap: string): string =>
    `${open}${gap}${parts.join(`${gap},${gap}`)}${gap}${close}`;
  const array = fc
    .tuple(fc.array(tie('value'), { maxLength: 4 }), space)
    .map(([parts, gap]) => separated(parts, '[', ']', gap));
  const member = fc.tuple(
    fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('a', '__proto__', '1')),
    tie('value'),
  );
  const object = fc
    .tuple(fc.uniqueArray(member, { maxLength: 4, selector: ([name]) => name }), space)
    .map(([members, gap]) =>
      separated(
        members.map(([name, text]) => `${JSON.stringify(name)}${gap}:${gap}${text}`),
        '{',
        '}',
        gap,
      ),
    );
  const leaf = fc.oneof(
    numberText,
    fc.string().map((text) => JSON.stringify(text)),
    fc.constantFrom('true', 'false', 'null'),
  );
  return { value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, array, object) };
}).value;

test('G9: JSON in a string is that JSON, digit for digit and on one line, as an object whatever it was', () => {
  fc.assert(
    fc.property(jsonText, (json) => {
      const made = jsonInString(JSON.stringify(json)) ?? '';
      assert.ok(!/[\n\r]/.test(made));
      const isObject = json.startsWith('{') || json === 'null';
      // Names such as `__proto__` are what lossless-json cannot hold.
      if (json.includes('__proto__')) JSON.parse(made);
      else assert.deepEqual(parse(made), parse(isObject ? json : `{"value":${json}}`));
    }),
    budget(2000),
  );
});

test('of names that come twice the last is kept, at any depth; strings that look like members are none', () => {
  const made = (json: string): string | undefined => jsonInString(JSON.stringify(json));
  assert.equal(made('{"a":1,"b":{"c":1.0,"c":2.00},"a":3}'), '{"a":3,"b":{"c":2.00}}');
  assert.equal(made(String.raw`{"a":1,"\u0061":2}`), '{"a":2}');
  assert.equal(made('[{"a":1,"a":2}]'), '{"value":[{"a":2}]}');
  assert.equal(made(String.raw`{"a":"b\":\"c:"}`), String.raw`{"a":"b\":\"c:"}`);
  assert.equal(made(' \n5 '), '{"value":5}');
  for (const wrong of ['', '{', '{"a":}', "{'a':1}", '1 2', 'nul']) assert.equal(made(wrong), undefined, wrong);
  assert.equal(jsonInString('{"a":1}'), undefined);
  assert.equal(made(`${'['.repeat(5000)}${']'.repeat(5000)}`), undefined);
  assert.equal(made(`${'['.repeat(900)}${']'.repeat(900)}`), `{"value":${'['.repeat(900)}${']'.repeat(900)}}`);
});

test('elements, members and map values are converted, and nothing else; nulls stay', () => {
  const days = fc.array(fc.option(fc.integer({ min: -99_999, max: 99_999 })));
  fc.assert(
    fc.property(days, (values) => {
      const expected = values.map((value) =>
        value === null ? null : new Date(value * 86_400_000).toISOString().slice(0, 10),
      );
      assert.deepEqual(JSON.parse(arrayOf(dateFromDays)(JSON.stringify(values)) ?? ''), expected);
      const entries = values.map((value, at) => [at, value] as const);
      const map = mapOf(dateFromDays);
      const object = Object.fromEntries(expected.map((value, at) => [String(at), value]));
      assert.deepEqual(JSON.parse(map(JSON.stringify(entries)) ?? ''), object);
      assert.deepEqual(JSON.parse(map(JSON.stringify(Object.fromEntries(entries))) ?? ''), object);
    }),
    budget(500),
  );
  const struct = structOf(new Map([['day', dateFromDays]]));
  assert.equal(struct('{"n":1.0,"day":0,"x":{"day":0}}'), '{"n":1.0,"day":"1970-01-01","x":{"day":0}}');
  assert.equal(struct('{"day":"x"}'), undefined);
  assert.equal(struct('[]'), undefined);
  assert.equal(arrayOf(dateFromDays)('[1,"x"]'), undefined);
  assert.equal(arrayOf(dateFromDays)(' [1]'), undefined);
  assert.equal(mapOf(undefined)('[]'), '{}');
  assert.equal(mapOf(undefined)('[["a",1],[null,2],[{"k":"v"},3]]'), String.raw`{"a":1,"null":2,"{\"k\":\"v\"}":3}`);
  assert.equal(mapOf(undefined)('[[1]]'), undefined);
});

test('a set is the list of its members', () => {
  const member = fc.stringMatching(/^[^,]+$/);
  fc.assert(
    fc.property(fc.array(member), (members) => {
      assert.deepEqual(JSON.parse(enumSet(JSON.stringify(members.join(','))) ?? ''), members);
    }),
    budget(500),
  );
});

test('vectors keep their digits; what no field takes becomes nothing', () => {
  assert.equal(vectorOf()('[1.10, -2.0E-7]'), '[1.10,-2.0E-7]');
  for (const none of ['[]', '[1.0,"NaN"]', '[1e20]', `[${'1,'.repeat(4096)}1]`])
    assert.equal(vectorOf()(none), 'null', none);
  assert.equal(vectorOf(2)('[1,2,3]'), 'null');
  assert.equal(vectorOf()('"[1,2]"'), undefined);
  const weights = fc.uniqueArray(fc.tuple(fc.nat({ max: 30_000 }), fc.constantFrom(0, 0.5, 1.25, 3e30)), {
    selector: ([at]) => at,
  });
  fc.assert(
    fc.property(weights, (entries) => {
      const expected = Object.fromEntries(entries.filter(([, weight]) => weight !== 0));
      assert.deepEqual(
        JSON.parse(sparseVector(JSON.stringify({ dimensions: 30_000, vector: entries })) ?? ''),
        expected,
      );
    }),
    budget(500),
  );
  assert.equal(sparseVector('{"dimensions":3,"vector":[[1,0.5],[2,-0.5]]}'), '{}');
  assert.equal(sparseVector('{"dimensions":3,"vector":{"1":0.5}}'), '{"1":0.5}');
  assert.equal(sparseVector('{"dimensions":3}'), undefined);
});
