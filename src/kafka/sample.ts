/**
 * The last or the first records of topics, read beside the group that owns them: nothing is committed.
 */
import { randomUUID } from 'node:crypto';
import type { Kafka } from 'kafkajs';
import { offset } from '../model/position.ts';
import type { SourceRecord } from '../model/record.ts';
import { partitionKey } from '../model/record.ts';
import { withAdmin } from './offsets.ts';

export interface SampleOptions {
  /** A group of this name and an ending of its own is made, and deleted again. */
  readonly groupId: string;
  readonly topics: readonly string[];
  /** From each partition, at most. */
  readonly perPartition: number;
  readonly timeoutMs: number;
  /** The first records instead, and perhaps some more. */
  readonly fromStart?: boolean;
}

/** Topic → its last records. Partitions that do not answer in time give what has come. Rejects if Kafka cannot be asked. */
export async function sampleRecords(
  kafka: Kafka,
  { groupId, topics, perPartition, timeoutMs, fromStart = false }: SampleOptions,
): Promise<ReadonlyMap<string, readonly SourceRecord[]>> {
  const records = new Map<string, SourceRecord[]>(topics.map((topic) => [topic, []]));
  const left = new Map<string, { readonly topic: string; readonly partition: number; from: number; end: number }>();
  await withAdmin(kafka, async (admin) => {
    for (const topic of topics) {
      for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
        const from = fromStart ? Number(low) : Math.max(Number(low), Number(high) - perPartition);
        const end = fromStart ? Math.min(Number(high), from + perPartition) : Number(high);
        if (from < end) left.set(partitionKey({ topic, partition }), { topic, partition, from, end });
      }
    }
  });
  if (left.size === 0) return records;
  const own = `${groupId}-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId: own, maxWaitTimeInMs: 100 });
  const done = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => {
    done.resolve(undefined);
  }, timeoutMs);
  try {
    await consumer.connect();
    await consumer.subscribe({
      topics: [...new Set([...left.values()].map(({ topic }) => topic))],
      fromBeginning: true,
    });
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch: { topic, partition, messages } }) => {
        for (const { key, value, headers, timestamp, ...message } of messages) {
          const place = { topic, partition, offset: offset(message.offset), timestampMs: Number(timestamp) };
          records.get(topic)?.push({ ...place, key, value, headers });
        }
        const wanted = left.get(partitionKey({ topic, partition }));
        const last = messages.at(-1);
        if (wanted === undefined || last === undefined) return Promise.resolve();
        if (Number(last.offset) + 1 >= wanted.end) left.delete(partitionKey({ topic, partition }));
        if (left.size === 0) done.resolve(undefined);
        return Promise.resolve();
      },
    });
    for (const { topic, partition, from } of left.values()) consumer.seek({ topic, partition, offset: String(from) });
    await done.promise;
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
    // It expires by itself where it may not be deleted.
    await withAdmin(kafka, (admin) => admin.deleteGroups([own])).catch(() => undefined);
  }
  return records;
}
