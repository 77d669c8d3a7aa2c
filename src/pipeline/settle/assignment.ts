/**
 * The partitions of the current assignment: their trackers, what of them is committed, and whether they may be written.
 *
 * Invariants:
 *  1. Only partitions of the current assignment are committed and written (G10). One that is lost ends its tenure: what is not
 *     settled of it is given up, for its new owner reads it again.
 *  2. A commit never moves a committed offset back: after each join a partition is committed only when the source has
 *     delivered from the committed offset, for another member may have moved it meanwhile.
 *  3. One commit at a time: two could overtake each other.
 *  4. Between a request to join and the new assignment nothing is owned.
 */
import PQueue from 'p-queue';
import { offset } from '../../model/position.ts';
import type { Offset } from '../../model/position.ts';
import type { RecordBatch, SourceRecord, TopicPartition } from '../../model/record.ts';
import { partitionKey } from '../../model/record.ts';
import { createOffsetTracker } from './offset-tracker.ts';
import type { OffsetTracker } from './offset-tracker.ts';
import type { Books } from './record-ticket.ts';
import type { Clock, Observer, Settled, Source } from '../ports.ts';
import type { Membership } from '../tenure.ts';
import { isUnbroken } from '../tenure.ts';

export interface Assignment {
  /** A request to join is about to be sent. */
  joining(): void;
  /** The whole assignment after a join. */
  assigned(partitions: readonly TopicPartition[], membership: Membership): void;
  /** Nothing is owned any more. */
  released(): void;
  /** Aborted when what is owned now may have changed; undefined while nothing is owned. */
  ownership(): AbortSignal | undefined;
  /** The tracker of a batch's partition. */
  trackerOf(batch: RecordBatch): OffsetTracker;
  /** Commits every watermark that moved. Never rejects: what was not committed is carried by the next commit. */
  commit(): Promise<void>;
  /** Undefined until the group was joined once. */
  partitions(): readonly TopicPartition[] | undefined;
  /** The assigned partition's tracker and what of it is committed, as far as anything of it was delivered. */
  stateOf(
    partition: TopicPartition,
  ): { readonly tracker: OffsetTracker; readonly committed: Offset | undefined } | undefined;
}

interface Partition extends TopicPartition {
  readonly tracker: OffsetTracker;
  /** Undefined after each join until something was delivered. */
  committed: Offset | undefined;
}

export interface AssignmentOptions {
  readonly source: Pick<Source, 'commit'>;
  readonly observer: Observer;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly books: Books;
  /** Receives the records of tenures that ended, which are never settled. */
  readonly abandon: (records: readonly SourceRecord[]) => void;
  /** After it nothing is owned. */
  readonly stopped: AbortSignal;
}

/** The name under which failing commits wait. */
const offsetCommits = 'offset commits';

export function createAssignment(options: AssignmentOptions): Assignment {
  const { source, observer, clock, books, abandon, stopped } = options;
  let membership: Membership | undefined;
  /** From one assignment to the next join. */
  let period: AbortController | undefined;
  let owned: AbortSignal | undefined;
  let partitions = new Map<string, Partition>();
  let current: readonly TopicPartition[] | undefined;
  const commits = new PQueue({ concurrency: 1 });
  /** Since when commits fail: reported when it begins and when it ends, not at each attempt. */
  let failingSinceMs: number | undefined;

  const commitFailed = (error: unknown): void => {
    if (failingSinceMs !== undefined) return;
    failingSinceMs = clock.nowMs();
    const reason = error instanceof Error ? error.message : String(error);
    const message = `Kafka did not accept the offsets of this instance: ${reason}. Sluice goes on and commits them later.`;
    observer.waiting({ code: 'KAFKA_UNREACHABLE', message }, 1, 0, offsetCommits);
  };

  /** Offsets were committed, or there are none to commit any more. */
  const commitsWork = (): void => {
    if (failingSinceMs === undefined) return;
    observer.recovered('KAFKA_UNREACHABLE', clock.nowMs() - failingSinceMs, offsetCommits);
    failingSinceMs = undefined;
  };

  const commitOnce = async (): Promise<void> => {
    const settled: Settled[] = [];
    for (const { topic, partition, tracker, committed } of partitions.values()) {
      const next = tracker.watermark();
      if (committed !== undefined && next > committed) settled.push({ topic, partition, next });
    }
    if (settled.length === 0) {
      commitsWork();
      return;
    }
    let done: readonly Settled[];
    try {
      done = await source.commit(settled);
    } catch (error) {
      commitFailed(error);
      return;
    }
    commitsWork();
    for (const position of done) {
      const partition = partitions.get(partitionKey(position));
      if (partition?.committed !== undefined) partition.committed = position.next;
    }
    observer.committed(done.length);
  };

  const endPeriod = (): void => {
    period?.abort();
    period = undefined;
    owned = undefined;
  };

  /** Keeps the partitions that `isKept` names and ends the tenures of all others. */
  const keep = (isKept: (key: string) => boolean): void => {
    const kept = new Map<string, Partition>();
    const lost: SourceRecord[] = [];
    for (const [key, partition] of partitions) {
      if (isKept(key)) kept.set(key, { ...partition, committed: undefined });
      else for (const record of partition.tracker.abandon()) lost.push(record);
    }
    partitions = kept;
    abandon(lost);
  };

  return {
    joining: endPeriod,
    assigned: (assigned, given) => {
      endPeriod();
      const keys = new Set(isUnbroken(membership, given) ? assigned.map(partitionKey) : []);
      current = assigned;
      membership = given;
      keep((key) => keys.has(key));
      period = new AbortController();
      owned = AbortSignal.any([stopped, period.signal]);
    },
    released: () => {
      endPeriod();
      current = [];
      membership = undefined;
      keep(() => false);
    },
    ownership: () => owned,
    trackerOf: (batch) => {
      // Delivery starts at the committed offset; a batch of nothing but control records lies wholly above it.
      const start = batch.records[0]?.offset ?? offset(batch.next - 1);
      const key = partitionKey(batch);
      let partition = partitions.get(key);
      if (partition === undefined) {
        const { topic, partition: number } = batch;
        partition = { topic, partition: number, tracker: createOffsetTracker(start, books), committed: start };
        partitions.set(key, partition);
      }
      partition.committed ??= start;
      return partition.tracker;
    },
    commit: () => commits.add(commitOnce),
    partitions: () => current,
    stateOf: (partition) => partitions.get(partitionKey(partition)),
  };
}
