import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createKafka } from '../../src/kafka/client.ts';
import { createKafkaSource } from '../../src/kafka/source.ts';
import { startStack } from '../stack/stack.ts';
import { describeSource } from './source.ts';

const stack = await startStack({ servers: ['kafka'] });
test.after(() => stack.stop());

const kafka = createKafka(
  { brokers: [stack.addresses.kafka], clientId: 'contract', connectionTimeoutMs: 5000, requestTimeoutMs: 5000 },
  () => undefined,
);
let worlds = 0;

describeSource('Kafka', async () => {
  const topic = `contract-source-${process.pid}-${(worlds += 1)}`;
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
    join: () =>
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
      }),
    move: () => delay(50),
    close: async () => {
      await producer.disconnect();
      await admin.disconnect();
    },
  };
});
