/** Tables with names that Elasticsearch refuses, on a real server: each has an index, and every column is found in it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldName } from '../../src/model/field-name.ts';
import { startStack } from '../stack/stack.ts';
import { openEngine } from './engines.ts';
import { openTable } from './table.ts';

const stack = await startStack({ servers: ['elasticsearch'] });
test.after(() => stack.stop());

const engine = openEngine('elasticsearch', stack.addresses.elasticsearch);
const applied = { status: 'applied' };

/** What is refused or breaks an index where it keeps its name, and others that do neither. */
const columns = [
  ...['_id', '_index', '_source', '_version', '_routing', '_field_names', '_ignored', '_doc_count', '_seq_no'],
  ...['_primary_term', '_nested_path', '_tier', '__soft_deletes', '_tombstone', '_data_stream_timestamp', '_id.a'],
  ...['.', '..', '', ' ', '\t', '\u001c', '\u2003', 'a.', '.a', 'a..b', 'a. .b', Array(30).fill('d').join('.')],
  ...['b', 'b.c', 'b.c.d', 'x.y', 'x.z', '100%', ' lead', '\u00a0'],
];

for (const hasSchema of [true, false]) {
  test(`every column of any name is searchable ${hasSchema ? 'with' : 'without'} a schema, and none costs the table its index`, async () => {
    const { put, found, alias, definition } = openTable(engine);
    // Twice: Lucene checks the second document's fields against what it keeps itself.
    for (const round of ['1', '2']) {
      const row = JSON.stringify(Object.fromEntries(columns.map((name, at) => [name, `v${at}-${round}`])));
      assert.deepEqual((await put(row, hasSchema)).outcome, applied);
    }
    const { renamed = {} } = definition();
    for (const [at, name] of columns.entries()) {
      const field = `${renamed[name] ?? name}.keyword`;
      assert.equal(await found({ term: { [field]: `v${at}-2` } }), 1, JSON.stringify(name));
    }
    const mapping = await engine.client.indices.getMapping({ index: alias });
    const meta = mapping[`${alias}-000001`]?.mappings._meta as { sluice: { renamed: Record<string, string> } };
    assert.equal(meta.sluice.renamed['_id'], fieldName('_id'), 'the index notes it');
  });
}

test('a table of 600 text columns has an index, and gets more columns, beyond the limit that it began with', async () => {
  const rowOf = (count: number) =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, n) => [`c${n}`, `v${n}`])));
  const { put, found } = openTable(engine);
  assert.deepEqual((await put(rowOf(600), true)).outcome, applied);
  const { ensured, outcome } = await put(rowOf(1001), true);
  assert.deepEqual(outcome, applied);
  assert.ok(ensured.state === 'present' && ensured.added.length > 0);
  assert.equal(await found({ term: { 'c1000.keyword': 'v1000' } }), 1);
  const schemaless = openTable(engine);
  assert.deepEqual((await schemaless.put(rowOf(600), false)).outcome, applied);
  assert.equal(await schemaless.found({ term: { 'c599.keyword': 'v599' } }), 1);
});
