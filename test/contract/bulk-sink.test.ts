/** The sink on real servers: Elasticsearch 9, and 8 by the same client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBulkSink } from '../../src/elasticsearch/bulk-sink.ts';
import { createElasticsearchClient } from '../../src/elasticsearch/client.ts';
import { createIndexAdmin } from '../../src/elasticsearch/index-admin.ts';
import { withIndexes } from '../../src/elasticsearch/with-indexes.ts';
import type { DocumentWrite } from '../../src/model/document.ts';
import type { Failure } from '../../src/model/outcome.ts';
import { externalVersion, offset } from '../../src/model/position.ts';
import { startElasticsearch } from '../stack/elasticsearch.ts';
import { startStack } from '../stack/stack.ts';
import { versions } from '../stack/versions.ts';
import { describeSink } from './sink.ts';

const stack = await startStack({ servers: ['elasticsearch'] });
test.after(() => stack.stop());
const eight = await startElasticsearch({ version: versions.elasticsearchForJava17 });
test.after(() => eight.stop());

const requestTimeoutMs = 10_000;
let indexes = 0;

function open(address: string) {
  const client = createElasticsearchClient({
    nodes: [address],
    rejectUnauthorized: true,
    allowApiKeyOverHttp: false,
    requestTimeoutMs,
    compression: false,
  });
  test.after(() => client.close());
  const admin = createIndexAdmin({ client, requestTimeoutMs, createdBy: 'test' });
  return {
    client,
    admin,
    sink: createBulkSink({ client, requestTimeoutMs }),
    newIndex: async (mappings: Record<string, unknown> = { dynamic: false }): Promise<string> => {
      const alias = `contract-${process.pid}-${(indexes += 1)}`;
      const ensured = await admin.ensure({ alias, settings: { 'index.gc_deletes': '1h' }, mappings });
      assert.equal(ensured.state, 'created');
      return alias;
    },
    read: async (index: string, id: string): Promise<string | undefined> => {
      const response = await fetch(`${address}/${index}/_source/${encodeURIComponent(id)}`);
      return response.ok ? await response.text() : undefined;
    },
  };
}

const nine = open(stack.addresses.elasticsearch);
const old = open(eight.address);
for (const [name, sink] of [
  ['Elasticsearch 9', nine],
  ['Elasticsearch 8', old],
] as const) {
  describeSink(name, () => Promise.resolve({ ...sink, newIndex: () => sink.newIndex() }));
}

const write = (index: string, id: string, source: string): DocumentWrite => ({
  action: 'index',
  index,
  id,
  version: externalVersion(0, offset(1)),
  source: Buffer.from(source),
});
const { signal } = new AbortController();

test('a document that the mapping refuses is rejected alone, and its message holds no value', async () => {
  const alias = await nine.newIndex({ properties: { n: { type: 'byte' } } });
  const writes = [write(alias, 'a', '{"n":1}'), write(alias, 'b', '{"n":"secret"}'), write(alias, 'c', '{"n":')];
  const [first, second, third] = await nine.sink.write(writes, signal);
  assert.equal(first?.status, 'applied');
  assert.ok(second?.status === 'rejected' && second.failure.code === 'DOCUMENT_REJECTED');
  assert.match(second.failure.message, /failed to parse field \[n\] of type \[byte\]/);
  assert.ok(!second.failure.message.includes('secret'));
  assert.equal(third?.status, 'rejected');
});

test('a write never makes an index, and waits for one that is not there', async () => {
  const [outcome] = await nine.sink.write([write('no-such-alias', 'a', '{}')], signal);
  assert.ok(outcome?.status === 'retryable' && outcome.failure.code === 'INDEX_MISSING');
  assert.deepEqual(await nine.admin.inspect('no-such-alias'), { state: 'absent' });
});

test('two instances that make one index at once make one', async () => {
  const definition = { alias: `contract-race-${process.pid}`, settings: {}, mappings: {} };
  const states = await Promise.all([
    nine.admin.ensure(definition),
    open(stack.addresses.elasticsearch).admin.ensure(definition),
  ]);
  assert.deepEqual(states.map(({ state }) => state).sort(), ['created', 'present']);
});

test('an index that stands where the alias should be is refused, and a mapping that Elasticsearch refuses says why', async () => {
  const alias = `contract-foreign-${process.pid}`;
  await fetch(`${stack.addresses.elasticsearch}/${alias}`, { method: 'PUT' });
  const foreign = await nine.admin.ensure({ alias, settings: {}, mappings: {} });
  assert.ok(foreign.state === 'failed' && foreign.failure.code === 'INDEX_FOREIGN');
  const mappings = { properties: { x: { type: 'no-such-type' } } };
  const refused = await nine.admin.ensure({ alias: `${alias}-2`, settings: {}, mappings });
  assert.ok(refused.state === 'failed' && refused.failure.code === 'INDEX_REFUSED');
  assert.match(refused.failure.message, /no-such-type/);
});

test('while one index cannot be made, writes to others go on', async () => {
  const alias = await nine.newIndex();
  const failure: Failure = { code: 'INDEX_REFUSED', message: 'scripted' };
  const sink = withIndexes(nine.sink, (name) => Promise.resolve(name === alias ? undefined : failure));
  const outcomes = await sink.write(
    [write('refused', 'a', '{}'), write(alias, 'a', '{}'), write('refused', 'b', '{}')],
    signal,
  );
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['retryable', 'applied', 'retryable'],
  );
});
