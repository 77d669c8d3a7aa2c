/**
 * Dead letters: the record as it was, in a topic of its own, with the place and the reason in headers. The names are those of
 * Kafka Connect, which tools know; what Connect has no name for begins with `__sluice.`.
 */
import type { IHeaders, Kafka, Producer } from 'kafkajs';
import kafkajs from 'kafkajs';
import { catalogue } from '../errors.ts';
import type { DeadLetter, DeadLetters } from '../pipeline/ports.ts';

export interface KafkaDeadLettersOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  /** Whether the topic is made when it is not there. */
  readonly create: boolean;
  readonly partitions: number;
  /** −1: the broker's default. */
  readonly replicationFactor: number;
  /** The group, as Connect's headers would name the connector. */
  readonly groupId: string;
}

export interface KafkaDeadLetters extends DeadLetters {
  close(): Promise<void>;
}

/** A letter is a little larger than its record, which some other topic took; so this topic must take more than others. */
const maxMessageBytes = 64 * 1024 * 1024;

export function createKafkaDeadLetters(options: KafkaDeadLettersOptions): KafkaDeadLetters {
  const { kafka, topic } = options;
  let producer: Promise<Producer> | undefined;

  const connect = async (): Promise<Producer> => {
    if (options.create) await createTopic(options);
    const connecting = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
    await connecting.connect();
    return connecting;
  };

  return {
    write: async (letters) => {
      // A producer that failed is not trusted again: its sequence numbers may be spent.
      producer ??= connect();
      try {
        const connected = await producer;
        const messages = letters.map((letter) => message(letter, options.groupId));
        await connected.send({ topic, acks: -1, messages });
      } catch (error) {
        const failed = producer;
        producer = undefined;
        await failed.then((broken) => broken.disconnect()).catch(() => undefined);
        throw error;
      }
    },
    close: async () => {
      await (await producer)?.disconnect();
    },
  };
}

async function createTopic(options: KafkaDeadLettersOptions): Promise<void> {
  const admin = options.kafka.admin();
  await admin.connect();
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        {
          topic: options.topic,
          numPartitions: options.partitions,
          replicationFactor: options.replicationFactor,
          configEntries: [
            { name: 'cleanup.policy', value: 'delete' },
            { name: 'retention.ms', value: '-1' },
            { name: 'max.message.bytes', value: String(maxMessageBytes) },
          ],
        },
      ],
    });
  } catch (error) {
    if (!(error instanceof kafkajs.KafkaJSAggregateError && error.errors.every(isThere))) throw error;
  } finally {
    await admin.disconnect();
  }
}

const isThere = (error: Error | string): boolean =>
  error instanceof Error && 'type' in error && error.type === 'TOPIC_ALREADY_EXISTS';

function message({ record, failure, document }: DeadLetter, groupId: string) {
  const { meaning } = catalogue[failure.code];
  const headers: IHeaders = {
    ...record.headers,
    '__connect.errors.topic': record.topic,
    '__connect.errors.partition': String(record.partition),
    '__connect.errors.offset': String(record.offset),
    '__connect.errors.connector.name': groupId,
    '__connect.errors.stage': document === undefined ? 'VALUE_CONVERTER' : 'TASK_PUT',
    '__connect.errors.exception.class.name': failure.type ?? failure.code,
    '__connect.errors.exception.message': failure.message,
    '__sluice.code': failure.code,
    '__sluice.meaning': meaning,
    ...(document && { '__sluice.index': document.index, '__sluice.id': document.id }),
    ...(failure.status !== undefined && { '__sluice.status': String(failure.status) }),
  };
  return { key: record.key, value: record.value, timestamp: String(record.timestampMs), headers };
}
