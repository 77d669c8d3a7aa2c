/** What the topics no longer hold of a row is in the index that is replaced (D7): a rebuild takes it from there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { generationBehind, runSluice } from './rebuild-scene.ts';
import { setScene } from './scene.ts';
import { startReadySluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());
const { addresses } = stack;

const name = 'rebuild_withheld';

const words = (seed: string): string =>
  `(SELECT string_agg(md5(n::text || ${seed}), ' ') FROM generate_series(1, 300) n)`;

const sql = `
  CREATE TABLE inventory.large (id integer PRIMARY KEY, n integer NOT NULL, words text);
  ALTER TABLE inventory.large ALTER COLUMN words SET STORAGE EXTERNAL;
  INSERT INTO inventory.large SELECT m, 0, ${words('m::text')} FROM generate_series(1, 50) m`;

test('values that were withheld from every record that is left come from the index before, also those that change during the rebuild', async () => {
  const index = `${name}-large`;
  const topic = `${name}.inventory.large`;
  await using scene = await setScene({
    ...addresses,
    name,
    tables: [{ name: 'large', key: 'id', sql }],
    mappings: { large: `document: ${index}\nfrom: ${topic}\n` },
  });
  const { query } = scene.inventory;
  await using sluice = await startReadySluice({ ...addresses, ...scene });
  await scene.caughtUp();
  const [end] = await scene.admin.fetchTopicOffsets(topic);
  assert.equal(end?.high, '50');
  await query('UPDATE inventory.large SET n = 1');
  await scene.caughtUp();
  await scene.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '50' }] });

  const refused = await runSluice(addresses, scene, 'rebuild', index).ended;
  assert.equal(refused.code, 1);
  assert.match(refused.output, /50 offsets of the topic rebuild_withheld\.inventory\.large are gone/);

  const rebuilding = runSluice(addresses, scene, 'rebuild', index, '--incomplete-history', '--max-rate', '20');
  for (const id of [7, 8, 50]) {
    await query(`UPDATE inventory.large SET n = 2 WHERE id = ${id}; UPDATE inventory.large SET n = 3 WHERE id = ${id}`);
    await query(`UPDATE inventory.large SET words = ${words("'new'")} WHERE id = ${id - 5}`);
  }
  const { code, output } = await rebuilding.ended;
  assert.equal(code, 0, output);
  assert.equal(await generationBehind(addresses.elasticsearch, index), `${index}-000002`);
  await scene.caughtUp();
  await scene.expectEqual();
  await query('UPDATE inventory.large SET n = 4 WHERE id < 20');
  await scene.caughtUp();
  await scene.expectEqual();
  const finished = await runSluice(addresses, scene, 'rebuild', 'finish', index).ended;
  assert.equal(finished.code, 0, finished.output);
  await fetch(`${addresses.elasticsearch}/${index}-000002`, { method: 'DELETE' });
  assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
});
