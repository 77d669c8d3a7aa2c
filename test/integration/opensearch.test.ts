/** The same story with OpenSearch at its end (with Elasticsearch: road.test). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { setScene } from './scene.ts';
import { startReadySluice } from './sluice-process.ts';
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
