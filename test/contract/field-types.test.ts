/** Inferred fields on real servers: whatever type is asked for, the index is made, takes the values, and says what stands in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replaceableTypes } from '../../src/elasticsearch/index/field-types.ts';
import { startStack } from '../stack/stack.ts';
import type { OpenEngine } from './engines.ts';
import { openEngine, write } from './engines.ts';

const stack = await startStack({ servers: ['elasticsearch', 'opensearch'] });
test.after(() => stack.stop());
const elasticsearch = openEngine('elasticsearch', stack.addresses.elasticsearch);
const opensearch = openEngine('opensearch', stack.addresses.opensearch);

interface Sample {
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly value: string;
}

const polygon = '{"type":"Polygon","coordinates":[[[0,0],[10,0],[10,10],[0,10],[0,0]]]}';
const biggest = '18446744073709551615';

/** What a field of each type holds, as JSON text. */
const samples: Readonly<Record<string, Sample>> = {
  geo_shape: { value: polygon },
  shape: { value: polygon },
  point: { value: '{"x":1.5,"y":-2}' },
  unsigned_long: { value: biggest },
  scaled_float: { parameters: { scaling_factor: 100 }, value: '19.99' },
  wildcard: { value: '"GET /index.html"' },
  version: { value: '"1.2.3-beta"' },
  constant_keyword: { parameters: { value: 'one' }, value: '"one"' },
  match_only_text: { value: '"many words"' },
  search_as_you_type: { value: '"quick brown fox"' },
  flattened: { value: '{"a":{"b":"c"},"n":1}' },
  dense_vector: { parameters: { dims: 3 }, value: '[0.5,1,-1]' },
  sparse_vector: { value: '{"a":0.5,"b":2}' },
  rank_features: { value: '{"a":0.5,"b":2}' },
  rank_feature: { value: '1.5' },
  histogram: { value: '{"values":[0.1,0.2],"counts":[3,7]}' },
};

/** Asks for a model besides the type: no mapping is inferred with it. */
const types = replaceableTypes.filter((type) => type !== 'semantic_text');

const { signal } = new AbortController();

const sourceOf = (names: readonly string[]): string =>
  `{${names.map((type) => `"${type}":${samples[type]?.value ?? 'null'}`).join(',')}}`;

/** An index with an inferred field of every type, and one document in it. */
async function makeOne(
  engine: OpenEngine,
): Promise<{ readonly alias: string; readonly standIns: Record<string, string> }> {
  const alias = engine.newName();
  const properties = Object.fromEntries(types.map((type) => [type, { type, ...samples[type]?.parameters }]));
  const made = await engine.admin.ensure({
    alias,
    settings: {},
    mappings: { dynamic: false, properties },
    inferred: types,
  });
  assert.ok(made.state === 'created', JSON.stringify(made));
  const source = sourceOf(types);
  const [outcome] = await engine.sink.write([write(alias, 'a', source)], signal);
  assert.deepEqual(outcome, { status: 'applied' });
  // Elasticsearch from 9.2 on shows vectors only when it is asked to.
  const withoutVectors = sourceOf(types.filter((type) => !type.endsWith('_vector')));
  assert.ok([source, withoutVectors].includes((await engine.read(alias, 'a')) ?? ''));
  await fetch(`${engine.address}/${alias}/_refresh`, { method: 'POST' });
  return { alias, standIns: Object.fromEntries(made.replaced.map(({ type, by }) => [type, by])) };
}

async function found(engine: OpenEngine, alias: string, query: object): Promise<number> {
  const response = await fetch(`${engine.address}/${alias}/_search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const answer = (await response.json()) as { hits?: { total: { value: number } } };
  return answer.hits?.total.value ?? assert.fail(JSON.stringify(answer));
}

test('every type of the table has a sample', () => {
  assert.deepEqual(
    types.filter((type) => samples[type] === undefined),
    [],
  );
});

test('Elasticsearch without its modules takes a definition of every type, and answers exact terms by the stand-ins', async () => {
  const { alias, standIns } = await makeOne(elasticsearch);
  assert.deepEqual(standIns, {
    geo_shape: 'object',
    shape: 'object',
    point: 'object',
    unsigned_long: 'keyword',
    scaled_float: 'double',
    wildcard: 'keyword',
    version: 'keyword',
    constant_keyword: 'keyword',
    match_only_text: 'text',
    search_as_you_type: 'text',
    rank_features: 'object',
    rank_feature: 'float',
    histogram: 'object',
  });
  assert.equal(await found(elasticsearch, alias, { term: { unsigned_long: biggest } }), 1);
  assert.equal(await found(elasticsearch, alias, { term: { unsigned_long: '18446744073709551614' } }), 0);
  assert.equal(await found(elasticsearch, alias, { range: { 'unsigned_long.number': { gt: 1e18 } } }), 1);
  assert.equal(await found(elasticsearch, alias, { term: { scaled_float: 19.99 } }), 1);
  assert.equal(await found(elasticsearch, alias, { wildcard: { wildcard: '*index*' } }), 1);
  assert.equal(await found(elasticsearch, alias, { match: { search_as_you_type: 'brown' } }), 1);
});

test('OpenSearch takes a definition of every type, and has most of them itself', async () => {
  const { alias, standIns } = await makeOne(opensearch);
  assert.deepEqual(standIns, {
    shape: 'object',
    point: 'object',
    flattened: 'object',
    dense_vector: 'object',
    sparse_vector: 'rank_features',
    histogram: 'object',
  });
  const box = {
    type: 'envelope',
    coordinates: [
      [1, 2],
      [2, 1],
    ],
  };
  assert.equal(await found(opensearch, alias, { geo_shape: { geo_shape: { shape: box } } }), 1);
  assert.equal(await found(opensearch, alias, { term: { scaled_float: 19.99 } }), 1);
  assert.equal(await found(opensearch, alias, { term: { unsigned_long: biggest } }), 1);
  assert.equal(await found(opensearch, alias, { term: { unsigned_long: '18446744073709551614' } }), 0);
  assert.equal(await found(opensearch, alias, { range: { unsigned_long: { gt: '18446744073709551614' } } }), 1);
  const long = JSON.stringify({ flattened: { text: 'x'.repeat(40_000) } });
  assert.deepEqual(await opensearch.sink.write([write(alias, 'long', long)], signal), [{ status: 'applied' }]);
});

for (const engine of [elasticsearch, opensearch]) {
  test(`${engine.engine}: a field of the mapping file is not replaced but refused, with its type and name`, async () => {
    const properties = { mine: { type: 'shape' }, inferred: { type: 'shape' } };
    const definition = { alias: engine.newName(), settings: {}, mappings: { properties }, inferred: ['inferred'] };
    const made = await engine.admin.ensure(definition);
    assert.ok(made.state === 'failed' && made.failure.code === 'INDEX_REFUSED', JSON.stringify(made));
    assert.match(made.failure.message, /type \[shape\] declared on field \[mine\]/);
    assert.deepEqual(await engine.admin.inspect(definition), { state: 'absent' });
  });

  test(`${engine.engine}: an index tells in its _meta what was asked for where something stands in`, async () => {
    const alias = engine.newName();
    const mappings = { properties: { s: { type: 'shape' } } };
    await engine.admin.ensure({ alias, settings: {}, mappings, inferred: ['s'] });
    const response = await fetch(`${engine.address}/${alias}/_mapping`);
    assert.match(JSON.stringify(await response.json()), /"standIns":\{"s":"shape"\}/);
  });
}
