/** Whatever Elasticsearch and the network do: nothing lost, order kept, memory bounded, and `/ready` tells (G3, G6, G8). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { untilTrue } from '../integration/poll.ts';
import { setScene } from '../integration/scene.ts';
import type { SluiceOptions } from '../integration/sluice-process.ts';
import { startReadySluice } from '../integration/sluice-process.ts';
import { expectBalanced } from '../integration/story.ts';
import { startStack } from '../stack/stack.ts';
import { changeItems, itemsMapping, itemsTable, partitionsSettings } from './items.ts';
import type { Behaviour } from './proxy.ts';
import { startProxy } from './proxy.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

const name = 'fault_elasticsearch';
const maxBytesHeld = 2 * 1024 * 1024;

/** Of one fetch from the broker. */
const maxBytesPerFetch = 256 * 1024;
/**
 * What one fetch may bring beyond the limit, which is looked at before a batch is handed over. A record is held as twice its
 * bytes and 512 more; these records have at least 512 bytes in Kafka, and the broker may go beyond the limit by one of its batches.
 */
const oneFetch = 3 * (maxBytesPerFetch + 64 * 1024);

const passing: Behaviour = { kind: 'pass' };
const often =
  (behaviour: Behaviour) =>
  (bulk: number): Behaviour =>
    bulk % 3 === 0 ? passing : behaviour;

const faults: readonly { readonly claim: string; readonly behaviour: (bulk: number) => Behaviour }[] = [
  {
    claim: '429 for some items of each request',
    behaviour: (bulk) => (bulk % 4 === 0 ? passing : { kind: 'refuse-items' }),
  },
  { claim: '429 for two of three requests', behaviour: often({ kind: 'status', status: 429 }) },
  { claim: '503 for two of three requests', behaviour: often({ kind: 'status', status: 503 }) },
  {
    claim: 'a load balancer that refuses two of three requests with a page (400)',
    behaviour: often({ kind: 'page', status: 400 }),
  },
  { claim: 'connections that are cut before the request arrives', behaviour: often({ kind: 'reset' }) },
  { claim: 'connections that are cut after the request was applied', behaviour: often({ kind: 'reset-after' }) },
  { claim: 'answers that stop in their middle', behaviour: (bulk) => (bulk % 4 === 1 ? { kind: 'stall' } : passing) },
];

test('Elasticsearch that is overloaded, broken, cut off, stalled or down costs no change, no order and no memory', async (t) => {
  await using proxy = await startProxy(stack.addresses.elasticsearch);
  await using scene = await setScene({
    ...stack.addresses,
    name,
    tables: [itemsTable],
    mappings: { items: itemsMapping(name) },
    settings: partitionsSettings(2),
  });
  const options: SluiceOptions = {
    ...stack.addresses,
    ...scene,
    elasticsearch: proxy.url,
    environment: {
      SLUICE_ELASTICSEARCH_MAX_BATCH_COUNT: '100',
      SLUICE_ELASTICSEARCH_REQUEST_TIMEOUT_MS: '1000',
      SLUICE_RETRY_MAX_MS: '1000',
      SLUICE_STALLED_AFTER_MS: '2000',
      SLUICE_LIMITS_MAX_BYTES_HELD: String(maxBytesHeld),
      SLUICE_KAFKA_MAX_BYTES_PER_FETCH: String(maxBytesPerFetch),
    },
  };
  await using sluice = await startReadySluice(options);
  let seed = -0.9;
  for (const { claim, behaviour } of faults) {
    await t.test(claim, async () => {
      proxy.behave(behaviour);
      await changeItems(scene, 3000, (seed += 0.1));
      await scene.caughtUp();
      proxy.behave(() => passing);
      await scene.expectEqual();
    });
  }

  await t.test('down for 30 seconds: not ready meanwhile, bounded, and equal afterwards', async () => {
    await proxy.down();
    const downUntil = performance.now() + 30_000;
    await changeItems(scene, 20_000, 0.5);
    await untilTrue('it is not ready', async () => !(await sluice.isReady()));
    while (performance.now() < downUntil) {
      assert.equal(await sluice.isReady(), false);
      const { bytesHeld } = await sluice.status();
      assert.ok(bytesHeld <= maxBytesHeld + oneFetch, `${bytesHeld} bytes are held`);
      await delay(500);
    }
    await proxy.up();
    await untilTrue('it is ready again', () => sluice.isReady());
    await scene.caughtUp();
    await scene.expectEqual();
    await expectBalanced(sluice);
  });
  assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
});
