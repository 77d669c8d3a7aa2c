/** The road: whatever happens to the rows, every document equals its row, and every record is accounted for (G5). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startConnect } from '../stack/connect.ts';
import { startKafka } from '../stack/kafka.ts';
import { startStack } from '../stack/stack.ts';
import { setScene } from './scene.ts';
import { startReadySluice } from './sluice-process.ts';
import { expectBalanced, walk } from './story.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

for (const schemas of [true, false]) {
  const form = schemas ? 'with schemas' : 'without schemas';
  test(`after a snapshot, inserts, updates, key changes, deletes and re-inserts, every document equals its row: JSON ${form}`, async () => {
    await using scene = await setScene({
      ...stack.addresses,
      name: `road_${schemas ? 'schemas' : 'plain'}`,
      settings: {
        'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
        'key.converter.schemas.enable': String(schemas),
        'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
        'value.converter.schemas.enable': String(schemas),
      },
    });
    await using sluice = await startReadySluice({ ...stack.addresses, ...scene });
    await walk(scene, sluice);
    assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  });
}

test('rows that change while Kafka Connect is stopped are right after it has come back', async () => {
  await using kafka = await startKafka();
  await using connect = await startConnect({ kafka: kafka.address });
  const servers = { ...stack.addresses, kafka: kafka.address, connect: connect.address };
  await using scene = await setScene({ ...servers, name: 'road_connect' });
  await using sluice = await startReadySluice({ ...servers, ...scene });
  await scene.caughtUp();
  assert.equal(await scene.expectEqual(), 33);

  for (const end of ['stop', 'kill'] as const) {
    await connect[end]();
    await scene.inventory.query(`
      UPDATE inventory.customers SET first_name = first_name || '!';
      DELETE FROM inventory.addresses WHERE id = (SELECT min(id) FROM inventory.addresses);
      INSERT INTO inventory.products (name) VALUES ('while Connect was away')`);
    await connect.restart();
    await scene.caughtUp();
    assert.equal(await scene.expectEqual(), 33, `after ${end}`);
    await expectBalanced(sluice);
  }
});
