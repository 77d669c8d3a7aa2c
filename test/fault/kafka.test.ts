/** Kafka stops, dies and comes back while rows change: Sluice joins again by itself, and nothing is lost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setScene } from '../integration/scene.ts';
import { startReadySluice } from '../integration/sluice-process.ts';
import { startConnect } from '../stack/connect.ts';
import { startKafka } from '../stack/kafka.ts';
import { startStack } from '../stack/stack.ts';
import { changeItems, itemsMapping, itemsTable, partitionsSettings } from './items.ts';

const stack = await startStack({ servers: ['postgres', 'elasticsearch'] });
test.after(() => stack.stop());

const name = 'fault_kafka';

test('a broker that is stopped or killed while rows change, and comes back, costs nothing', async () => {
  await using kafka = await startKafka();
  await using connect = await startConnect({ kafka: kafka.address });
  const servers = { ...stack.addresses, kafka: kafka.address, connect: connect.address };
  await using scene = await setScene({
    ...servers,
    name,
    tables: [itemsTable],
    mappings: { items: itemsMapping(name) },
    settings: partitionsSettings(2),
  });
  await using sluice = await startReadySluice({
    ...servers,
    ...scene,
    environment: { SLUICE_KAFKA_SESSION_TIMEOUT_MS: '6000', SLUICE_ELASTICSEARCH_MAX_BATCH_COUNT: '100' },
  });
  let seed = 0;
  for (const trouble of ['stop', 'kill'] as const) {
    const changing = changeItems(scene, 5000, (seed += 0.1));
    await kafka[trouble]();
    await kafka.restart();
    await changing;
    await scene.caughtUp({ withinMs: 120_000 });
    await scene.expectEqual();
  }
  const { accounts } = await sluice.status();
  assert.equal(accounts.deadLettered, 0);
  assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
});
