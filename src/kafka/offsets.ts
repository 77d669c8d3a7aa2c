/**
 * What the brokers know about topics and a group's place in them.
 */
import type { Admin, Kafka } from 'kafkajs';
import type { GroupOffset } from '../model/group-offsets.ts';
import type { Offset } from '../model/position.ts';
import { offset } from '../model/position.ts';
import type { TopicPartition } from '../model/record.ts';
import { partitionKey } from '../model/record.ts';
import { isOurs } from './topic-watch.ts';

export interface PartitionLag extends TopicPartition {
  /** The next offset that the group reads; undefined where it has none. */
  readonly committed: number | undefined;
  /** The first offset that is still there, and the next that will be written. */
  readonly start: number;
  readonly end: number;
  /** Records that the group has not settled, at most: some offsets hold none. */
  readonly lagRecords: number;
}

/** With a connection for administration, which is closed afterwards. */
export async function withAdmin<T>(kafka: Kafka, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

/** How far the group has come in each partition of the topics, which must exist. */
export async function readLag(
  kafka: Kafka,
  groupId: string,
  topics: readonly string[],
): Promise<readonly PartitionLag[]> {
  return withAdmin(kafka, async (admin) => {
    const committed = new Map<string, number>();
    for (const { topic, partitions } of await admin.fetchOffsets({ groupId, topics: [...topics] })) {
      for (const { partition, offset } of partitions) committed.set(partitionKey({ topic, partition }), Number(offset));
    }
    const lags: PartitionLag[] = [];
    for (const topic of topics) {
      for (const { partition, low, high } of await admin.fetchTopicOffsets(topic)) {
        const at = committed.get(partitionKey({ topic, partition })) ?? -1;
        const [start, end] = [Number(low), Number(high)];
        const lagRecords = end - Math.max(at, start);
        lags.push({ topic, partition, committed: at < 0 ? undefined : at, start, end, lagRecords });
      }
    }
    return lags.sort((a, b) => a.topic.localeCompare(b.topic) || a.partition - b.partition);
  });
}

/** Of each partition of the topics, the next offset that will be written. */
export async function readEnds(
  kafka: Kafka,
  topics: readonly string[],
): Promise<ReadonlyMap<string, ReadonlyMap<number, Offset>>> {
  return withAdmin(kafka, async (admin) => {
    const ends = new Map<string, ReadonlyMap<number, Offset>>();
    for (const topic of topics) {
      const found = await admin.fetchTopicOffsets(topic);
      ends.set(topic, new Map(found.map(({ partition, high }) => [partition, offset(Number(high))])));
    }
    return ends;
  });
}

/** The group's offsets while nobody is in it, which is when somebody may have moved them; undefined while it has members. */
export async function readIdleOffsets(
  kafka: Kafka,
  groupId: string,
  topics: readonly string[],
): Promise<readonly GroupOffset[] | undefined> {
  return withAdmin(kafka, async (admin) => {
    const { groups } = await admin.describeGroups([groupId]);
    if (groups.some(({ members }) => members.length > 0)) return undefined;
    const found = await admin.fetchOffsets({ groupId, topics: [...topics] });
    return found.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset, metadata }): GroupOffset => {
        const hasOffset = Number(offset) >= 0;
        const committed = hasOffset ? Number(offset) : undefined;
        return { topic, partition, committed, isForeign: hasOffset && !isOurs(metadata) };
      }),
    );
  });
}

/** How many partitions each of the topics has, which must exist. */
export async function countPartitions(kafka: Kafka, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (topics.length === 0) return new Map();
  return withAdmin(kafka, async (admin) => {
    const { topics: found } = await admin.fetchTopicMetadata({ topics: [...topics] });
    return new Map(found.map(({ name, partitions }) => [name, partitions.length]));
  });
}

/** All topics that exist. */
export async function listTopics(kafka: Kafka): Promise<ReadonlySet<string>> {
  return withAdmin(kafka, async (admin) => new Set(await admin.listTopics()));
}
