/** Rows without a schema, on a real server: what is found of a column does not depend on which of its values came first. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { createIndexMaker } from '../../src/elasticsearch/index/index-maker.ts';
import { createTryIndex } from '../../src/elasticsearch/index/index-trial.ts';
import { readIgnoredValues } from '../../src/elasticsearch/read/ignored-values.ts';
import { openEngine, requestTimeoutMs } from './engines.ts';
import { openTable } from './table.ts';

const stack = await startStack({ servers: ['elasticsearch'] });
test.after(() => stack.stop());

const engine = openEngine('elasticsearch', stack.addresses.elasticsearch);
const applied = { status: 'applied' };

/** Values of one column, as JSON texts, and the term of each in `.keyword`: each comes first once. */
const mixed: Readonly<Record<string, readonly (readonly [json: string, term: string])[]>> = {
  number: [
    ...(['1', '1.5', '-9223372036854775809', '16777217.5', '16777218.5', '1e400'] as const).map((n) => [n, n] as const),
    ['"NaN"', 'NaN'],
    ['[1,"x"]', 'x'],
    ['"Infinity"', 'Infinity'],
  ],
  text: [
    ['"2020-01-01"', '2020-01-01'],
    ['"a"', 'a'],
    ['"12"', '12'],
  ],
  flag: [
    ['true', 'true'],
    ['"x"', 'x'],
    ['7', '7'],
  ],
};

test('every value of a column is found with all its digits, whichever came first, and numbers are numbers', async () => {
  const { put, found } = openTable(engine);
  // In one index, each column begins with another of the values.
  const columns = Object.entries(mixed).flatMap(([kind, values]) =>
    values.map((_, at) => ({ name: `${kind}${at}`, values: [...values.slice(at), ...values.slice(0, at)] })),
  );
  for (let round = 0; round < 9; round += 1) {
    const row = columns.map(({ name, values }) => `"${name}":${values[round % values.length]?.[0]}`);
    assert.deepEqual((await put(`{${row.join(',')}}`, false)).outcome, applied);
  }
  for (const { name, values } of columns) {
    for (const [json, term] of values) {
      assert.ok((await found({ term: { [`${name}.keyword`]: term } })) > 0, `${json} of ${name}`);
    }
    if (!name.startsWith('number')) continue;
    const range = (gte: number) => found({ range: { [name]: { gte } } });
    assert.deepEqual([await range(1.2), await range(16777218)], [3, 1], `beginning with ${values[0]?.[0]}`);
  }
});

test('documents whose values a field ignored are counted, and those of long texts are not', async () => {
  const { put, found, alias } = openTable(engine);
  const long = 'x'.repeat(300);
  for (const row of ['{"n":1,"s":"a"}', `{"n":"x","s":"${long}"}`, `{"n":2,"s":"${long}"}`]) {
    assert.deepEqual((await put(row, false)).outcome, applied);
  }
  assert.equal(await found({ exists: { field: '_ignored' } }), 2, 'the server notes both');
  const server = { client: engine.client, requestTimeoutMs };
  assert.deepEqual(await readIgnoredValues(server, alias), { documents: 1, fields: ['n'] });
  assert.deepEqual(await readIgnoredValues(server, `${alias}-gone`), { documents: 0, fields: [] });
});

test('an index is tried without being made: what the server would refuse is named', async () => {
  const { definition, alias } = openTable(engine);
  const server = { client: engine.client, requestTimeoutMs };
  const tryIndex = createTryIndex(server, createIndexMaker({ ...server, createdBy: 'test' }));
  assert.deepEqual(await tryIndex(definition()), { kind: 'accepted' });
  const mistakes: readonly (readonly [object, RegExp])[] = [
    [{ properties: { a: { type: 'text', analyzer: 'nope' } } }, /analyzer \[nope\]/],
    [{ properties: { a: { type: 'nope' } } }, /\[nope\] declared on field \[a\]/],
  ];
  for (const [mappings, reason] of mistakes) {
    const trial = await tryIndex({ ...definition(), mappings: { ...mappings } });
    assert.ok(trial.kind === 'refused' && trial.failure.code === 'INDEX_REFUSED');
    assert.match(trial.failure.message, reason);
  }
  assert.equal(await engine.client.indices.exists({ index: `${alias}*`, allow_no_indices: false }), false);
});

test('an object where a value was, and the reverse, is refused with the name of the field', async () => {
  const { put } = openTable(engine);
  assert.deepEqual((await put('{"n":1,"s":"x","b":true,"o":{"a":1}}', false)).outcome, applied);
  for (const name of ['n', 's', 'b']) {
    const { outcome } = await put(`{"${name}":{"a":1}}`, false);
    assert.ok(outcome.status === 'rejected');
    assert.match(outcome.failure.message, new RegExp(`\\[${name}\\]`));
  }
  const { outcome } = await put('{"o":1}', false);
  assert.ok(outcome.status === 'rejected' && outcome.failure.message.includes('[o]'));
});

test('an index of an earlier version is taken over, and its next columns are made by the rules', async () => {
  const { put, found, alias, definition } = openTable(engine);
  const _meta = {
    sluice: { document: alias, definition: '', createdBy: 'sluice 0.1.0', epoch: 0, versions: 'offset' },
  };
  await engine.client.indices.create({
    index: `${alias}-000001`,
    aliases: { [alias]: { is_write_index: true } },
    settings: { 'index.gc_deletes': '1h' },
    mappings: { date_detection: false, properties: { old: { type: 'float' } }, _meta },
  });
  assert.deepEqual((await put('{"old":1.5,"next":16777217.5}', false)).outcome, applied);
  assert.deepEqual((await put('{"old":2.5,"next":16777218.5}', false)).outcome, applied);
  assert.equal(await found({ term: { next: 16777217.5 } }), 1);
  const again = await engine.admin.align(definition());
  assert.ok(again.state === 'present');
  assert.deepEqual([again.added, again.pending, again.warnings], [[], [], []], 'it is done once');
});
