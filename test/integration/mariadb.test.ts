/** The road from MariaDB: whatever happens to the rows, every document equals its row, and every record is accounted for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startConnect } from '../stack/connect.ts';
import { startMariadb } from '../stack/mariadb.ts';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import { setScene } from './scene.ts';
import { startReadySluice } from './sluice-process.ts';
import { expectBalanced, walk } from './story.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
const [mariadb, connect] = await Promise.all([
  startMariadb(),
  startConnect({ kafka: stack.addresses.kafka, database: 'mariadb', group: 'connect-mariadb' }),
]);
test.after(async () => {
  await Promise.all([connect.stop(), mariadb.stop()]);
  await stack.stop();
});
const addresses = { ...stack.addresses, mariadb: mariadb.address, connect: connect.address };

for (const schemas of [true, false]) {
  const form = schemas ? 'with schemas' : 'without schemas';
  test(`every document equals its row of MariaDB, and schema changes are ignored and counted: JSON ${form}`, async () => {
    const name = `mariadb_${schemas ? 'schemas' : 'plain'}`;
    await using scene = await setScene({
      ...addresses,
      name,
      // Whoever names the whole prefix gets the topic of schema changes too.
      mappings: { everything: `document: ${name}-changes\nfrom: /${name}/\n` },
      settings: {
        'key.converter.schemas.enable': String(schemas),
        'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
        'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
        'value.converter.schemas.enable': String(schemas),
      },
    });
    await using sluice = await startReadySluice({ ...addresses, ...scene });
    await walk(scene, sluice);

    await scene.inventory.query('ALTER TABLE inventory.customers ADD COLUMN note varchar(40) DEFAULT NULL');
    await scene.inventory.query("UPDATE inventory.customers SET note = 'new'");
    await scene.caughtUp();
    assert.equal(await scene.expectEqual(), 38);
    const [changes] = await scene.admin.fetchTopicOffsets(name);
    await untilTrue('all schema changes are counted', async () => {
      return (await sluice.status()).accounts.ignored['schema-change'] === Number(changes?.high);
    });
    assert.ok(Number(changes?.high) > 6);
    await expectBalanced(sluice);
    assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  });
}
