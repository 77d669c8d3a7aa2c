/** The same story with OpenSearch at its end (with Elasticsearch: road.test). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOpenSearch } from '../stack/opensearch.ts';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import { setScene } from './scene.ts';
import { startReadySluice, startSluice } from './sluice-process.ts';
import { walk } from './story.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'opensearch'] });
test.after(() => stack.stop());

test('every document in OpenSearch equals its row, after each step of the story', async () => {
  const addresses = { ...stack.addresses, elasticsearch: stack.addresses.opensearch };
  await using scene = await setScene({ ...addresses, name: 'opensearch_road' });
  const environment = { SLUICE_ELASTICSEARCH_ENGINE: 'opensearch' };
  await using sluice = await startReadySluice({ ...addresses, ...scene, environment });
  assert.match(sluice.output(), /Writing to OpenSearch \d+\.\d+\.\d+ at http/);
  await walk(scene, sluice);
  assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
});

test('OpenSearch that comes where Elasticsearch is awaited is named, and is given nothing', async () => {
  await using server = await startOpenSearch();
  const addresses = { ...stack.addresses, elasticsearch: server.address };
  await using scene = await setScene({ ...addresses, name: 'opensearch_late' });
  await server.pause();
  const environment = { SLUICE_ELASTICSEARCH_REQUEST_TIMEOUT_MS: '2000' };
  await using sluice = await startSluice({ ...addresses, ...scene, environment });
  const says = (text: string) => untilTrue(text, () => Promise.resolve(sluice.output().includes(text)));
  await says('ELASTICSEARCH_UNREACHABLE');
  await server.resume();
  await says('answers, but `elasticsearch.engine` is `elasticsearch`. Set');
  const { accounts } = await sluice.status();
  assert.deepEqual([accounts.applied, accounts.superseded, accounts.deadLettered], [0, 0, 0]);
  const indexes = await fetch(`${server.address}/_cat/indices/opensearch_late*?h=index`);
  assert.equal(await indexes.text(), '');
});
