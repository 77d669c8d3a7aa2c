/**
 * Where partitions end that are not fetched because their records wait for room. A fetch tells the end of its partition; without
 * one, the lag of a partition that stands still would stand still too. So the brokers are asked, and only for such partitions.
 */
import type { Offset } from '../model/position.ts';
import type { Reading } from '../model/reading.ts';
import type { TopicPartition } from '../model/record.ts';
import { partitionKey } from '../model/record.ts';

/** What is known of an assigned partition. */
export interface KnownPartition extends TopicPartition {
  readonly committed: Offset;
  readonly end: Offset;
  /** When a fetch told a new end. */
  readonly endSinceMs: number;
  readonly lagRecords: number;
}

/** topic → partition → the next offset that will be written. */
export type Ends = ReadonlyMap<string, ReadonlyMap<number, Offset>>;

export interface EndWatchOptions {
  readonly partitions: () => readonly KnownPartition[];
  readonly reading: () => Reading;
  /** Rejects if the brokers cannot be asked. */
  readonly readEnds: (topics: readonly string[]) => Promise<Ends>;
  readonly nowMs: () => number;
  /** How old what a fetch said may be. */
  readonly maxAgeMs: number;
}

export interface EndWatch {
  /** Asks for the partitions whose end may be another by now. */
  look(): Promise<void>;
  /** The partitions with the newest end that is known. */
  withEnds<P extends KnownPartition>(partitions: readonly P[]): readonly P[];
}

export function createEndWatch({ partitions, reading, readEnds, nowMs, maxAgeMs }: EndWatchOptions): EndWatch {
  let ends: Ends = new Map();

  const endOf = ({ topic, partition }: TopicPartition): Offset | undefined => ends.get(topic)?.get(partition);

  /** Topics of partitions that wait for room, and whose fetch is an old one. */
  const staleTopics = (): readonly string[] => {
    const now = reading();
    if (now.state !== 'reading') return [];
    const waiting = new Set(now.partitions.filter(({ waitsForRoom }) => waitsForRoom === true).map(partitionKey));
    const stale = partitions().filter((one) => waiting.has(partitionKey(one)) && nowMs() - one.endSinceMs >= maxAgeMs);
    return [...new Set(stale.map(({ topic }) => topic))];
  };

  return {
    look: async () => {
      const topics = staleTopics();
      // Whoever reads the topics tells that Kafka is away.
      const found = topics.length === 0 ? undefined : await readEnds(topics).catch(() => undefined);
      if (found === undefined) return;
      ends = new Map([...ends, ...found]);
    },
    withEnds: (all) =>
      all.map((one) => {
        const end = endOf(one);
        if (end === undefined || end <= one.end) return one;
        return { ...one, end, lagRecords: Math.max(0, end - one.committed) };
      }),
  };
}
