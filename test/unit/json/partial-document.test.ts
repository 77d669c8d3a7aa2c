import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Step } from '../../../src/model/partial-change.ts';
import { completed } from '../../../src/json/partial-document.ts';

const step = (source: string, rest: Partial<Step> = {}): Step => ({
  source: Buffer.from(source),
  withheld: [],
  ...rest,
});
const text = (...args: Parameters<typeof completed>): string => completed(...args).source.toString();
const noPatch = { set: [], removed: [], truncated: [] };

test('G9: a withheld value is taken with all its digits, also from below', () => {
  const base = '{"id":1,"big":9007199254740993,"deep":{"exact":0.10,"other":1}}';
  const withheld = [['big'], ['deep', 'exact']];
  assert.equal(text(base, [step('{"id":1}', { withheld })]), '{"id":1,"big":9007199254740993,"deep":{"exact":0.10}}');
});

test('null is a value; what nobody has is left out and told', () => {
  const one = step('{"id":1}', { withheld: [['a'], ['b']] });
  const { source, kept, omitted } = completed('{"a":null}', [one]);
  assert.equal(source.toString(), '{"id":1,"a":null}');
  assert.deepEqual({ kept, omitted }, { kept: 1, omitted: [['b']] });
  assert.deepEqual(completed(undefined, [one]).omitted, [['a'], ['b']]);
});

test('steps are taken in their order, and a whole one forgets what was before it', () => {
  const lacks = { withheld: [['a']] };
  assert.equal(text('{"a":1}', [step('{"n":1}', lacks), step('{"n":2}', lacks)]), '{"n":2,"a":1}');
  assert.equal(text('{"a":1}', [step('{"a":2,"n":1}'), step('{"n":2}', lacks)]), '{"n":2,"a":2}');
  assert.equal(text('{"a":1}', [step('{}'), step('{"n":2}', lacks)]), '{"n":2}');
});

test('the document of the old key is asked before the one that has the new key by now', () => {
  const one = step('{"id":2}', { withheld: [['a'], ['b']], formerId: '1' });
  assert.equal(
    text('{"a":"other","b":"other"}', [one], (id) => (id === '1' ? '{"a":"own"}' : undefined)),
    '{"id":2,"a":"own","b":"other"}',
  );
});

test('a patch changes what it names, at any depth, and nothing else', () => {
  const patch = {
    set: [
      { path: ['a', 'b'], text: '9007199254740993' },
      { path: ['list', '1'], text: '"second"' },
      { path: ['new', 'x', '0'], text: 'true' },
    ],
    removed: [['gone'], ['a', 'gone'], ['never', 'there']],
    truncated: [{ path: ['short'], size: 1 }],
  };
  const base = '{"a":{"b":1,"c":1.50,"gone":2},"gone":3,"list":["first","?"],"short":[1,2,3],"top":1}';
  assert.equal(
    text(base, [step('{"top":2}', { patch })]),
    '{"a":{"b":9007199254740993,"c":1.50},"list":["first","second"],"short":[1],"top":2,"new":{"x":{"0":true}}}',
  );
});

test('a patch of a document that is not there says that the rest is missing', () => {
  const { source, omitted } = completed(undefined, [step('{"top":2}', { patch: noPatch })]);
  assert.equal(source.toString(), '{"top":2}');
  assert.deepEqual(omitted, [[]]);
  assert.deepEqual(completed(undefined, [step('{"top":2}', { patch: noPatch, mayBeFirst: true })]).omitted, []);
});

test('a field may have any name', () => {
  const base = '{"__proto__":{"x":1},"constructor":2,"rawJSON":"3"}';
  const withheld = [['__proto__'], ['constructor'], ['rawJSON'], ['toString']];
  const { source, omitted } = completed(base, [step('{}', { withheld })]);
  assert.equal(source.toString(), base);
  assert.deepEqual(omitted, [['toString']]);
});

test('a step that is no JSON throughout is passed by, as if the server had refused it', () => {
  const lacks = step('{"n":2}', { withheld: [['a']] });
  assert.equal(text('{"a":1}', [step('{"a":{"b":"\\q"}}'), lacks]), '{"n":2,"a":1}');
});
