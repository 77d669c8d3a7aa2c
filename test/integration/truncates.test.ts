/** A table is truncated: what becomes of its documents is said per document, and a real TRUNCATE is the test. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import { rebuildToEnd } from './rebuild-scene.ts';
import { setScene } from './scene.ts';
import { startReadySluice, startSluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

const { elasticsearch } = stack.addresses;
const tableOf = (name: string): { readonly name: string; readonly key: string; readonly sql: string } => ({
  name,
  key: 'id',
  sql: `CREATE TABLE inventory.${name} (id integer PRIMARY KEY, n integer);
        INSERT INTO inventory.${name} SELECT n, 0 FROM generate_series(1, 2500) n`,
});

async function idsIn(index: string): Promise<readonly string[]> {
  await fetch(`${elasticsearch}/${index}/_refresh`, { method: 'POST' });
  const found = await fetch(`${elasticsearch}/${index}/_search?size=10000&_source=false`);
  const { hits } = (await found.json()) as { hits: { hits: { _id: string }[] } };
  return hits.hits.map(({ _id }) => _id).sort();
}

test('after a TRUNCATE the documents equal the rows, with inserts before it, in its transaction, and after', async () => {
  const name = 'truncates';
  await using scene = await setScene({
    ...stack.addresses,
    name,
    settings: { 'skipped.operations': 'none' },
    tables: [tableOf('logs')],
    mappings: {
      logs: `document: ${name}-logs\nfrom: ${name}.inventory.logs\nonTruncate: delete\n`,
      archive: `document: ${name}-archive\nfrom: ${name}.inventory.logs\nonTruncate: ignore\n`,
    },
  });
  const environment = { SLUICE_TRUNCATION_ALLOW: `${name}\\.inventory\\.logs` };
  const options = { ...stack.addresses, ...scene, environment };
  const { query } = scene.inventory;
  const steps: readonly (readonly [string, string, number])[] = [
    ['the snapshot', 'SELECT 1', 2500],
    ['a truncate', 'TRUNCATE inventory.logs', 0],
    [
      'rows before, in one transaction with, and after a truncate',
      `BEGIN; INSERT INTO inventory.logs VALUES (1, 1), (2, 1); COMMIT;
       BEGIN; INSERT INTO inventory.logs VALUES (3, 1); TRUNCATE inventory.logs;
         INSERT INTO inventory.logs VALUES (2, 2), (3, 2); COMMIT;
       INSERT INTO inventory.logs VALUES (4, 2)`,
      3,
    ],
    [
      'truncates under a stream of changes',
      `DO $$ BEGIN FOR round IN 1..20 LOOP
         TRUNCATE inventory.logs;
         INSERT INTO inventory.logs SELECT n, round FROM generate_series(100, 199) n;
         UPDATE inventory.logs SET n = n + 1;
         TRUNCATE inventory.logs;
         INSERT INTO inventory.logs SELECT n, round FROM generate_series(180, 220) n;
         UPDATE inventory.logs SET n = n + 1;
         DELETE FROM inventory.logs WHERE id < 200;
       END LOOP; END $$`,
      21,
    ],
  ];
  {
    await using sluice = await startReadySluice(options);
    for (const [claim, sql, rows] of steps) {
      await query(sql);
      await scene.caughtUp();
      await scene.expectEqual();
      assert.equal((await idsIn(`${name}-logs`)).length, rows, claim);
    }
    const { accounts } = await sluice.status();
    assert.equal(accounts.deadLettered, 0);
    assert.equal(
      (await idsIn(`${name}-archive`)).length,
      2480,
      'the other document lost only the 20 rows that were deleted',
    );

    // Killed while it deletes: the truncate is done again.
    await query('INSERT INTO inventory.logs SELECT n, 0 FROM generate_series(1000, 4999) n');
    await scene.caughtUp();
    await query('TRUNCATE inventory.logs; INSERT INTO inventory.logs VALUES (1, 3), (1500, 3)');
    await untilTrue('some are deleted', async () => (await idsIn(`${name}-logs`)).length < 4021, { everyMs: 1 });
    await sluice.kill();
  }
  await using sluice = await startReadySluice(options);
  await scene.caughtUp({ withinMs: 120_000 });
  await scene.expectEqual();
  assert.deepEqual(await idsIn(`${name}-logs`), ['1', '1500']);
  assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  await fetch(`${elasticsearch}/${name}-archive-000001`, { method: 'DELETE' });
});

test('a rebuild of a document whose table was truncated has the rows of now, and none from before', async () => {
  const name = 'truncates_rebuilt';
  const index = `${name}-logs`;
  await using scene = await setScene({
    ...stack.addresses,
    name,
    settings: { 'skipped.operations': 'none' },
    tables: [tableOf('logs')],
    mappings: { logs: `document: ${index}\nfrom: ${name}.inventory.logs\nonTruncate: delete\n` },
  });
  const environment = { SLUICE_TRUNCATION_ALLOW: `${name}\\.inventory\\.logs` };
  const options = { ...stack.addresses, ...scene, environment };
  await using sluice = await startReadySluice(options);
  await scene.inventory.query('TRUNCATE inventory.logs; INSERT INTO inventory.logs VALUES (1, 1), (7000, 1)');
  await scene.caughtUp();
  await rebuildToEnd(options, index);
  assert.deepEqual(await idsIn(`${index}-000002`), ['1', '7000']);
  await scene.expectEqual();
  assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  await fetch(`${elasticsearch}/${index}-000002`, { method: 'DELETE' });
});

test('a truncate is a dead letter unless the mapping file says more, and its documents stay', async () => {
  const name = 'truncates_refused';
  await using scene = await setScene({
    ...stack.addresses,
    name,
    settings: { 'skipped.operations': 'none' },
    tables: [tableOf('logs')],
    mappings: { logs: `document: ${name}-logs\nfrom: ${name}.inventory.logs\n` },
  });
  await using sluice = await startReadySluice({ ...stack.addresses, ...scene });
  await scene.inventory.query('TRUNCATE inventory.logs; INSERT INTO inventory.logs VALUES (1, 1)');
  await scene.caughtUp();
  assert.equal((await sluice.status()).accounts.deadLettered, 1);
  assert.equal((await idsIn(`${name}-logs`)).length, 2500);
  assert.match(
    sluice.output(),
    /inventory\.logs was truncated at truncates_refused\.inventory\.logs\[0\]@\d+; the documents of truncates_refused-logs were left/,
  );
});

test('Debezium’s flattening drops truncates: nothing of them comes, and the documents stay', async () => {
  const name = 'truncates_flattened';
  await using scene = await setScene({
    ...stack.addresses,
    name,
    settings: {
      'skipped.operations': 'none',
      transforms: 'unwrap',
      'transforms.unwrap.type': 'io.debezium.transforms.ExtractNewRecordState',
    },
    tables: [tableOf('logs')],
    mappings: { logs: `document: ${name}-logs\nfrom: ${name}.inventory.logs\nonTruncate: refuse\n` },
  });
  await using sluice = await startReadySluice({ ...stack.addresses, ...scene });
  await scene.inventory.query('TRUNCATE inventory.logs; INSERT INTO inventory.logs VALUES (1, 1)');
  await scene.caughtUp();
  const { accounts } = await sluice.status();
  assert.deepEqual([accounts.deadLettered, accounts.ignored['truncate']], [0, undefined]);
  assert.equal((await idsIn(`${name}-logs`)).length, 2500);
});

test('documents are emptied only where the configuration allows it and the topic has one partition', async () => {
  const name = 'truncates_denied';
  await using scene = await setScene({
    ...stack.addresses,
    name,
    tables: [tableOf('logs')],
    mappings: { logs: `document: ${name}-logs\nfrom: ${name}.inventory.logs\nonTruncate: delete\n` },
  });
  const denied = await startSluice({ ...stack.addresses, ...scene });
  assert.equal((await denied.ended).code, 2);
  assert.match(
    denied.output(),
    /`truncation\.allow` of the configuration does not name its topic "truncates_denied\.inventory\.logs"/,
  );
  await scene.admin.createPartitions({ topicPartitions: [{ topic: scene.topicOf('logs'), count: 2 }] });
  const unordered = await startSluice({ ...stack.addresses, ...scene, environment: { SLUICE_TRUNCATION_ALLOW: '.*' } });
  assert.equal((await unordered.ended).code, 2);
  assert.match(unordered.output(), /it has 2 partitions, and nothing tells where among the records of the others/);
});
