/**
 * Some records of one partition, read aside from any group's work: nothing is committed.
 */
import { randomUUID } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import type { SourceRecord, TopicPartition } from '../model/record.ts';
import { recordOf } from './source.ts';

export interface Range extends TopicPartition {
  readonly from: number;
  readonly count: number;
  /** The partition's end: where there is nothing more to read. */
  readonly end: number;
}

/** At most `count` records from the offset `from` on; fewer where the partition ends. Rejects with an error of kafkajs. */
export async function readRange(
  kafka: Kafka,
  groupId: string,
  { topic, partition, from, count, end }: Range,
): Promise<readonly SourceRecord[]> {
  if (from >= end || count === 0) return [];
  const consumer = kafka.consumer({ groupId: `${groupId}-plan-${randomUUID()}`, allowAutoTopicCreation: false });
  const records: SourceRecord[] = [];
  const done = Promise.withResolvers<undefined>();
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    done.reject(payload.error);
  });
  // Of a part that holds nothing but control records, it is all that is heard.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.topic === topic && payload.partition === partition && Number(payload.lastOffset) + 1 >= end) {
      done.resolve(undefined);
    }
  });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch }) => {
        if (batch.partition !== partition) return Promise.resolve();
        for (const message of batch.messages) {
          const record = recordOf(message, topic, partition);
          if (record.offset >= from && records.length < count) records.push(record);
        }
        if (records.length >= count || Number(batch.lastOffset()) + 1 >= end) done.resolve(undefined);
        return Promise.resolve();
      },
    });
    consumer.seek({ topic, partition, offset: String(from) });
    await done.promise;
    return records;
  } finally {
    await consumer.disconnect().catch(() => undefined);
  }
}
