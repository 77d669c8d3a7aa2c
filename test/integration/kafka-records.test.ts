/** What Kafka itself does to records: compression, transactions, offsets that are gone. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { readLag } from '../../src/kafka/offsets.ts';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import { setScene } from './scene.ts';
import { startReadySluice, startSluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());
const documents = await mkdtemp(join(tmpdir(), 'kafka-records-'));
test.after(() => rm(documents, { recursive: true }));

const kafka = new Kafka({ clientId: 'records', brokers: [stack.addresses.kafka], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();
test.after(() => admin.disconnect());

const envelope = (id: number): string =>
  JSON.stringify({ before: null, after: { id }, source: { table: 't' }, op: 'c' });
const message = (id: number) => ({ key: JSON.stringify({ id }), value: envelope(id) });
const optionsFor = (topic: string) => ({
  ...stack.addresses,
  groupId: topic,
  documents,
  environment: { SLUICE_UNMAPPED_TOPICS: topic },
});

for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
  test(`records that Kafka’s own producer compressed with ${codec} arrive whole`, async () => {
    await using scene = await setScene({
      ...stack.addresses,
      name: `codec_${codec}`,
      settings: { 'producer.override.compression.type': codec, 'producer.override.linger.ms': '50' },
    });
    await using sluice = await startReadySluice({ ...stack.addresses, ...scene });
    await scene.caughtUp();
    assert.equal(await scene.expectEqual(), 33);
    assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  });
}

test('of transactions only what was committed arrives, and their markers are passed', async () => {
  const topic = 'records-transactions';
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  const producer = kafka.producer({ transactionalId: topic, idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  for (let id = 1; id <= 6; id += 1) {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [message(id)] });
    await (id % 2 === 0 ? transaction.abort() : transaction.commit());
  }
  await producer.disconnect();
  await using sluice = await startReadySluice(optionsFor(topic));
  await untilTrue('all is committed', async () => {
    const [lag] = await readLag(kafka, topic, [topic]);
    return lag?.lagRecords === 0 && lag.end === 12;
  });
  const { accounts } = await sluice.status();
  assert.equal(accounts.applied, 3);
  await fetch(`${stack.addresses.elasticsearch}/${topic}/_refresh`, { method: 'POST' });
  const found = (await (await fetch(`${stack.addresses.elasticsearch}/${topic}/_search?sort=id`)).json()) as {
    hits: { hits: { _id: string }[] };
  };
  assert.deepEqual(
    found.hits.hits.map(({ _id }) => _id),
    ['1', '3', '5'],
  );
});

test('a committed offset that is not in the topic ends Sluice with a sentence; nothing is skipped', async () => {
  const topic = 'records-out-of-range';
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, messages: [message(1)] });
  await producer.disconnect();
  await admin.setOffsets({ groupId: topic, topic, partitions: [{ partition: 0, offset: '1000' }] });
  await using sluice = await startSluice(optionsFor(topic));
  assert.deepEqual(await sluice.ended, { code: 1, signal: null }, sluice.output());
  assert.match(sluice.output(), /The committed offset of records-out-of-range\[0\] for group .+ raise `epoch`/);
  const [lag] = await readLag(kafka, topic, [topic]);
  assert.equal(lag?.committed, 1000, 'it was left as it was');
});
