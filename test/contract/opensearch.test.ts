/** What OpenSearch says when it takes no more, on both its majors, and how each engine is told from the other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkElasticsearch } from '../../src/elasticsearch/health.ts';
import type { DocumentWrite } from '../../src/model/document.ts';
import { startOpenSearch } from '../stack/opensearch.ts';
import { startStack } from '../stack/stack.ts';
import { versions } from '../stack/versions.ts';
import { openEngine, requestTimeoutMs, write } from './engines.ts';
import { describeSink } from './sink.ts';

const stack = await startStack({ servers: ['elasticsearch'] });
test.after(() => stack.stop());
const narrow = { 'indexing_pressure.memory.limit': '256kb', 'http.max_content_length': '512kb' };
const servers = await Promise.all([
  startOpenSearch({ settings: narrow }),
  startOpenSearch({ settings: narrow, version: versions.opensearchForJava17 }),
]);
for (const server of servers) test.after(() => server.stop());

const { signal } = new AbortController();
const big = (alias: string, id: string, bytes: number): DocumentWrite =>
  write(alias, id, JSON.stringify({ text: 'x'.repeat(bytes) }));

for (const { version, address } of servers) {
  const name = `OpenSearch ${version}`;
  const engine = openEngine('opensearch', address);
  const { sink, newIndex, read, client } = engine;
  if (version.startsWith('2')) describeSink(name, () => Promise.resolve({ ...engine, newIndex: () => newIndex() }));

  test(`${name}: more than it has memory for is 429 and may be retried, and less is taken`, async () => {
    const alias = await newIndex();
    const [outcome] = await sink.write([big(alias, 'a', 300 * 1024)], signal);
    assert.ok(outcome?.status === 'retryable', JSON.stringify(outcome));
    assert.equal(outcome.failure.code, 'ELASTICSEARCH_OVERLOADED');
    assert.equal(outcome.failure.status, 429);
    assert.deepEqual(await sink.write([write(alias, 'a', '{}')], signal), [{ status: 'applied' }]);
  });

  test(`${name}: a document larger than a request may be is rejected alone (413)`, async () => {
    const alias = await newIndex();
    const writes = [write(alias, 'a', '{"n":1}'), big(alias, 'b', 600 * 1024), write(alias, 'c', '{"n":3}')];
    const [first, second, third] = await sink.write(writes, signal);
    assert.deepEqual([first?.status, third?.status], ['applied', 'applied']);
    assert.ok(second?.status === 'rejected' && second.failure.code === 'DOCUMENT_TOO_LARGE', JSON.stringify(second));
    assert.equal(await read(alias, 'c'), '{"n":3}');
  });

  test(`${name}: it says its version, and is not taken for Elasticsearch`, async () => {
    assert.deepEqual(await checkElasticsearch(client, requestTimeoutMs, 'opensearch'), { ok: true, version });
    const mistaken = openEngine('elasticsearch', address);
    const health = await checkElasticsearch(mistaken.client, requestTimeoutMs, 'elasticsearch');
    assert.ok(!health.ok && health.failure.code === 'ELASTICSEARCH_ENGINE_WRONG', JSON.stringify(health));
    assert.equal(
      health.failure.message,
      `OpenSearch ${version} answers, but \`elasticsearch.engine\` is \`elasticsearch\`.`,
    );
  });
}

test('Elasticsearch is not taken for OpenSearch', async () => {
  const mistaken = openEngine('opensearch', stack.addresses.elasticsearch);
  const health = await checkElasticsearch(mistaken.client, requestTimeoutMs, 'opensearch');
  assert.ok(!health.ok && health.failure.code === 'ELASTICSEARCH_ENGINE_WRONG', JSON.stringify(health));
  assert.equal(health.failure.message, 'Elasticsearch answers, but `elasticsearch.engine` is `opensearch`.');
});
