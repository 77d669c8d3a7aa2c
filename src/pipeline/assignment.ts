/**
 * The partitions of the current assignment: their trackers, and what of them is committed.
 *
 * Invariants:
 *  1. Only partitions of the current assignment are committed (G10). One that is lost is forgotten: what it has in flight
 *     is settled, but never committed here.
 *  2. A commit never moves a committed offset back: after each join a partition is committed only when the source has
 *     delivered from the committed offset, for another member may have moved it meanwhile.
 *  3. One commit at a time: two could overtake each other.
 */
import { offset } from '../model/position.ts';
import type { Offset } from '../model/position.ts';
import type { RecordBatch, TopicPartition } from '../model/record.ts';
import { createOffsetTracker } from './offset-tracker.ts';
import type { OffsetTracker } from './offset-tracker.ts';
import type { Observer, Settled, Source } from './ports.ts';

export interface Assignment {
  /** The whole assignment after a join. */
  assigned(partitions: readonly TopicPartition[]): void;
  /** The tracker of a batch's partition. */
  trackerOf(batch: RecordBatch): OffsetTracker;
  /** Commits every watermark that moved. Never rejects: what was not committed is carried by the next commit. */
  commit(): Promise<void>;
  /** Undefined until the group was joined once. */
  partitions(): readonly TopicPartition[] | undefined;
}

interface Partition extends TopicPartition {
  readonly tracker: OffsetTracker;
  /** Undefined after each join until something was delivered. */
  committed: Offset | undefined;
}

const keyOf = (of: TopicPartition): string => `${of.topic}/${of.partition}`;

export function createAssignment(source: Source, observer: Observer): Assignment {
  let partitions = new Map<string, Partition>();
  let current: readonly TopicPartition[] | undefined;
  let committing: Promise<void> | undefined;

  const commitOnce = async (): Promise<void> => {
    const settled: Settled[] = [];
    for (const { topic, partition, tracker, committed } of partitions.values()) {
      const next = tracker.watermark();
      if (committed !== undefined && next > committed) settled.push({ topic, partition, next });
    }
    if (settled.length === 0) return;
    let done: readonly Settled[];
    try {
      done = await source.commit(settled);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      observer.warned({ code: 'KAFKA_UNREACHABLE', message: `Offsets could not be committed: ${reason}.` });
      return;
    }
    for (const position of done) {
      const partition = partitions.get(keyOf(position));
      if (partition?.committed !== undefined) partition.committed = position.next;
    }
    observer.committed(done.length);
  };

  return {
    assigned: (assigned) => {
      current = assigned;
      const kept = new Map<string, Partition>();
      for (const key of assigned.map(keyOf)) {
        const partition = partitions.get(key);
        if (partition !== undefined) kept.set(key, { ...partition, committed: undefined });
      }
      partitions = kept;
    },
    trackerOf: (batch) => {
      // Delivery starts at the committed offset; a batch of nothing but control records lies wholly above it.
      const start = batch.records[0]?.offset ?? offset(batch.next - 1);
      const key = keyOf(batch);
      let partition = partitions.get(key);
      if (partition === undefined) {
        const { topic, partition: number } = batch;
        partition = { topic, partition: number, tracker: createOffsetTracker(start), committed: start };
        partitions.set(key, partition);
      }
      partition.committed ??= start;
      return partition.tracker;
    },
    commit: async () => {
      while (committing !== undefined) await committing;
      committing = commitOnce().finally(() => {
        committing = undefined;
      });
      await committing;
    },
    partitions: () => current,
  };
}
