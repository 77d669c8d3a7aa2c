/**
 * Signals to a Debezium connector by Kafka, and its notifications.
 */
import type { Kafka } from 'kafkajs';
import { SluiceError } from '../errors.ts';
import type { Signals } from '../rebuild/ports.ts';
import { kafkaFailure } from './client.ts';
import { withAdmin } from './offsets.ts';
import { readRange } from './read-range.ts';
import { partitionKey } from '../model/record.ts';

export interface KafkaSignalsOptions {
  readonly kafka: Kafka;
  /** Groups of its own are named after it. */
  readonly groupId: string;
  readonly follow: Signals['follow'];
}

export function createKafkaSignals({ kafka, groupId, follow }: KafkaSignalsOptions): Signals {
  const ends: Signals['ends'] = (topic) =>
    withAdmin(kafka, async (admin) => {
      if (!(await admin.listTopics()).includes(topic)) return undefined;
      const offsets = await admin.fetchTopicOffsets(topic);
      return Object.fromEntries(
        offsets.map(({ partition, high }) => [partitionKey({ topic, partition }), Number(high)]),
      );
    });
  return {
    ends,
    send: async (topic, key, value) => {
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
      try {
        await producer.connect();
        // Debezium reads the first partition alone.
        await producer.send({ topic, acks: -1, messages: [{ key, value, partition: 0 }] });
      } catch (error) {
        const failure = kafkaFailure(error);
        // All others are tried again.
        throw failure.code === 'KAFKA_UNAUTHORIZED' ? new SluiceError([failure]) : error;
      } finally {
        await producer.disconnect();
      }
    },
    holds: async (topic, since, isIt) => {
      const place = { topic, partition: 0 };
      const [first] = await withAdmin(kafka, (admin) => admin.fetchTopicOffsets(topic));
      const end = Number(first?.high ?? 0);
      const from = Math.max(since[partitionKey(place)] ?? 0, Number(first?.low ?? 0));
      const records = await readRange(kafka, groupId, { ...place, from, count: end - from, end });
      return records.some(({ value }) => value !== null && isIt(value.toString()));
    },
    follow,
  };
}
