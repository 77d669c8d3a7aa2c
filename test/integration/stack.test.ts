import assert from 'node:assert/strict';
import { test } from 'node:test';
import { captureInventory } from '../stack/inventory.ts';
import { startStack } from '../stack/stack.ts';
import { inventoryTables } from '../stack/versions.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

test('the database has the five tables of the tutorial', async () => {
  await using inventory = await captureInventory({ ...stack.addresses, topicPrefix: 'stack_test_tables' });
  const tables = await inventory.query(
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'inventory'",
  );
  assert.deepEqual(
    tables.rows.map((row: { table_name: string }) => row.table_name).sort(),
    [...inventoryTables].sort(),
  );
});

test('Elasticsearch is there and is green or yellow', async () => {
  const response = await fetch(`${stack.addresses.elasticsearch}/_cluster/health`);
  const { status } = (await response.json()) as { status: string };
  assert.match(status, /green|yellow/);
});
