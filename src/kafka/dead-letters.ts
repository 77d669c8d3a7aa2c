/**
 * Dead letters: the record as it was, in a topic of its own, with the place and the reason in headers. The names are those of
 * Kafka Connect, which tools know; what Connect has no name for begins with `__sluice.`.
 */
import { createHash } from 'node:crypto';
import type { IHeaders, Kafka, Message, Producer } from 'kafkajs';
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

  const forget = async (): Promise<void> => {
    const failed = producer;
    producer = undefined;
    await failed?.then((broken) => broken.disconnect()).catch(() => undefined);
  };

  const connect = async (): Promise<Producer> => {
    if (options.create) await createTopic(options);
    const connecting = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
    await connecting.connect();
    return connecting;
  };

  /** False if the topic does not take messages of that size. Compressed: the source's may have fitted only so. */
  const send = async (messages: readonly Message[]): Promise<boolean> => {
    producer ??= connect();
    try {
      const connected = await producer;
      await connected.send({ topic, acks: -1, messages: [...messages], compression: kafkajs.CompressionTypes.GZIP });
      return true;
    } catch (error) {
      const isSize = isTooLarge(error);
      // A producer that failed is not trusted again: its sequence numbers may be spent. Those of a single message are not.
      if (!isSize || messages.length > 1) await forget();
      if (isSize) return false;
      throw error;
    }
  };

  const write = async (letters: readonly DeadLetter[]): Promise<void> => {
    const { groupId } = options;
    if (await send(letters.map((letter) => whole(letter, groupId)))) return;
    const [letter] = letters;
    if (letters.length > 1 || letter === undefined) {
      const middle = Math.ceil(letters.length / 2);
      await write(letters.slice(0, middle));
      await write(letters.slice(middle));
      return;
    }
    if (await send([withoutValue(letter, groupId)])) return;
    if (await send([placeAlone(letter, groupId)])) return;
    throw new Error(`\`max.message.bytes\` of ${topic} is smaller than the place and the reason of a letter`);
  };

  return {
    write,
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

/** What says that a message, or a batch of them, is larger than the topic or its segments may hold. */
const tooLarge: ReadonlySet<unknown> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

function isTooLarge(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth += 1) {
    if ('type' in at && tooLarge.has(at.type)) return true;
  }
  return false;
}

/** The record as it was. */
function whole(letter: DeadLetter, groupId: string): Message {
  const { record } = letter;
  return {
    key: record.key,
    value: record.value,
    timestamp: String(record.timestampMs),
    headers: { ...record.headers, ...reasonOf(letter, groupId) },
  };
}

/** Without its value, whose digest tells whether what is read again at the record's offset is the same. */
function withoutValue(letter: DeadLetter, groupId: string): Message {
  const message = whole(letter, groupId);
  return { ...message, value: null, headers: { ...message.headers, ...omitted('value', letter.record.value) } };
}

/** Where the key or the headers of the record are too large as well. */
function placeAlone(letter: DeadLetter, groupId: string): Message {
  const { record } = letter;
  const headers = {
    ...reasonOf(letter, groupId),
    ...omitted('value', record.value),
    ...omitted('key', record.key),
    '__sluice.headers.omitted': 'true',
  };
  return { key: null, value: null, timestamp: String(record.timestampMs), headers };
}

function omitted(part: 'key' | 'value', bytes: Buffer | null): IHeaders {
  if (bytes === null) return {};
  return {
    [`__sluice.${part}.omitted`]: 'true',
    [`__sluice.${part}.bytes`]: String(bytes.length),
    [`__sluice.${part}.sha256`]: createHash('sha256').update(bytes).digest('hex'),
  };
}

/** The place and the reason. */
function reasonOf({ record, failure, document }: DeadLetter, groupId: string): IHeaders {
  const { meaning } = catalogue[failure.code];
  return {
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
}
