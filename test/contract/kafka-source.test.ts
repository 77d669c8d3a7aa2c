import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createKafka } from '../../src/kafka/client.ts';
import { createKafkaSource } from '../../src/kafka/source.ts';
import { offset } from '../../src/model/position.ts';
import { startStack } from '../stack/stack.ts';
import { until } from '../integration/poll.ts';
import type { Source } from '../../src/pipeline/ports.ts';
import { describeSource } from './source.ts';

const stack = await startStack({ servers: ['kafka'] });
test.after(() => stack.stop());

const kafka = createKafka(
  { brokers: [stack.addresses.kafka], clientId: 'contract', connectionTimeoutMs: 5000, requestTimeoutMs: 5000 },
  () => undefined,
);
let worlds = 0;

const newName = (): string => `contract-source-${process.pid}-${(worlds += 1)}`;

const sourceOf = (topic: string): Source =>
  createKafkaSource({
    kafka,
    groupId: topic,
    topics: [topic],
    sessionTimeoutMs: 6000,
    rebalanceTimeoutMs: 6000,
    maxBytesPerFetch: 1024 * 1024,
    epochsOf: () => [0],
    seen: () => undefined,
    log: () => undefined,
  });

describeSource('Kafka', async () => {
  const topic = newName();
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  const producer = kafka.producer();
  await producer.connect();
  return {
    partition: { topic, partition: 0 },
    append: async (values) => {
      await producer.send({ topic, messages: values.map((value) => ({ key: 'k', value })) });
    },
    join: () => sourceOf(topic),
    move: () => delay(50),
    close: async () => {
      await producer.disconnect();
      await admin.disconnect();
    },
  };
});

/** Commits offset 2 for the group of the topic, as another program would. */
async function commitFor(topic: string, metadata: string): Promise<void> {
  const consumer = kafka.consumer({ groupId: topic });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.connect();
  await consumer.subscribe({ topics: [topic] });
  await consumer.run({ autoCommit: false, eachBatch: () => Promise.resolve() });
  await joined;
  await consumer.commitOffsets([{ topic, partition: 0, offset: '2', metadata }]);
  await consumer.disconnect();
}

for (const { claim, metadata, first } of [
  {
    claim: 'of an earlier topic of its name is no place: the topic is read from its beginning',
    metadata: '{"topicId":"00"}',
    first: '0',
  },
  { claim: 'that somebody else committed is a place', metadata: 'by hand', first: '2' },
]) {
  test(`Kafka: an offset ${claim}; what is committed then carries the id of the topic`, async () => {
    const topic = newName();
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic, messages: ['0', '1', '2', '3'].map((value) => ({ value })) });
    await commitFor(topic, metadata);

    const values: string[] = [];
    const source = sourceOf(topic);
    const stopping = new AbortController();
    const running = source.run(
      {
        room: () => undefined,
        hasShare: () => true,
        accept: ({ records }) => void values.push(...records.map(({ value }) => String(value))),
        joining: () => undefined,
        assigned: () => undefined,
        released: () => undefined,
        revoking: async () => {
          await source.commit([{ topic, partition: 0, next: offset(4) }]);
        },
      },
      stopping.signal,
    );
    await until('all is read', () => Promise.resolve(values.includes('3') ? true : undefined));
    stopping.abort();
    await running;
    assert.equal(values[0], first);
    const [committed] = await admin.fetchOffsets({ groupId: topic, topics: [topic] });
    assert.match(committed?.partitions[0]?.metadata ?? '', /^\{"topicId":"[0-9a-f]{32}"\}$/);
    await producer.disconnect();
    await admin.disconnect();
  });
}
