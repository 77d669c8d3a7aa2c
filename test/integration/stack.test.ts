import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { captureInventory } from '../stack/inventory.ts';
import { startStack } from '../stack/stack.ts';
import { inventoryTables } from '../stack/versions.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

/** Reads the topic from its beginning until it has `count` records. */
async function readRecords(topic: string, count: number): Promise<unknown[]> {
  const kafka = new Kafka({ brokers: [stack.addresses.kafka], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `stack-test-${topic}`, sessionTimeout: 6000 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const records: unknown[] = [];
  await new Promise<void>((resolve, reject) => {
    const eachMessage = ({ message }: { message: { value: Buffer | null } }): Promise<void> => {
      records.push(JSON.parse(message.value?.toString() ?? 'null'));
      if (records.length === count) resolve();
      return Promise.resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
  return records;
}

test('the four customers of the tutorial arrive in their topic', async () => {
  await using inventory = await captureInventory({ ...stack.addresses, topicPrefix: 'stack_test' });
  const records = (await readRecords(`${inventory.topicPrefix}.inventory.customers`, 4)) as {
    payload: { op: string; after: { id: number; email: string } };
  }[];
  assert.deepEqual(
    records.map(({ payload }) => [payload.op, payload.after.id, payload.after.email]),
    [
      ['r', 1001, 'sally.thomas@acme.com'],
      ['r', 1002, 'gbailey@foobar.com'],
      ['r', 1003, 'ed@walker.com'],
      ['r', 1004, 'annek@noanswer.org'],
    ],
  );
});

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
