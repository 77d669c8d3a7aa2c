/**
 * How far each assigned partition is, for those who watch it. Per batch, never per record.
 */
import type { Offset } from '../model/position.ts';
import type { RecordBatch, TopicPartition } from '../model/record.ts';
import type { Assignment } from './settle/assignment.ts';

export interface PartitionStatus extends TopicPartition {
  /** The next offset that is committed, where it is known; else the lowest that is not settled. */
  readonly committed: Offset;
  /** The next offset that is read. */
  readonly position: Offset;
  /** The next offset that will be written, as the broker said with the last batch (`observability/end-watch.ts` asks on). */
  readonly end: Offset;
  /** When a batch told another end than the one before. */
  readonly endSinceMs: number;
  /** Records between `committed` and `end`, at most: some offsets hold none. */
  readonly lagRecords: number;
  /** Records that were read and are not settled. */
  readonly unsettled: number;
  /** When the oldest of them was read. */
  readonly oldestSinceMs?: number;
  /** Since when `committed` stands still although there are records to settle. */
  readonly standingSinceMs?: number;
  /** The timestamp of the first record that is not settled, or is not read because it waits for room. */
  readonly nextTimestampMs?: number;
}

export interface PartitionWatch {
  /** A batch was taken over. */
  accepted(batch: RecordBatch): void;
  /** A batch was read and cannot be taken over yet. */
  postponed(batch: RecordBatch): void;
  /** Of those assigned partitions of which something was read. */
  statuses(): readonly PartitionStatus[];
}

interface Watched {
  end: Offset;
  endSinceMs: number;
  /** Where each batch that is not settled throughout ends, and when it was taken over. */
  batches: { readonly next: Offset; readonly atMs: number }[];
  postponed: { readonly offset: Offset; readonly timestampMs: number } | undefined;
  watermark: Offset | undefined;
  movedAtMs: number;
}

export function createPartitionWatch(
  assignment: Pick<Assignment, 'partitions' | 'stateOf'>,
  nowMs: () => number,
): PartitionWatch {
  /** topic → partition */
  const watched = new Map<string, Map<number, Watched>>();

  const watchOf = ({ topic, partition, highWatermark }: RecordBatch): Watched => {
    let ofTopic = watched.get(topic);
    if (ofTopic === undefined) watched.set(topic, (ofTopic = new Map<number, Watched>()));
    let watch = ofTopic.get(partition);
    if (watch === undefined) {
      const now = nowMs();
      const end = { end: highWatermark, endSinceMs: now };
      watch = { ...end, batches: [], postponed: undefined, watermark: undefined, movedAtMs: now };
      ofTopic.set(partition, watch);
    }
    // The pieces of one fetch tell the same.
    if (watch.end !== highWatermark) watch.endSinceMs = nowMs();
    watch.end = highWatermark;
    return watch;
  };

  /** Forgets batches that are settled throughout; notes whether the watermark has moved. */
  const advance = (watch: Watched, watermark: Offset): void => {
    if (watch.watermark !== watermark) watch.movedAtMs = nowMs();
    watch.watermark = watermark;
    const open = watch.batches.findIndex(({ next }) => next > watermark);
    if (open !== 0) watch.batches.splice(0, open === -1 ? watch.batches.length : open);
  };

  const statusOf = (place: TopicPartition): PartitionStatus | undefined => {
    const watch = watched.get(place.topic)?.get(place.partition);
    if (watch === undefined) return undefined;
    const state = assignment.stateOf(place);
    const waiting = watch.postponed;
    if (state === undefined) {
      if (waiting === undefined) return undefined;
      const at = { committed: waiting.offset, position: waiting.offset, end: watch.end, endSinceMs: watch.endSinceMs };
      return {
        ...place,
        ...at,
        lagRecords: watch.end - waiting.offset,
        unsettled: 0,
        nextTimestampMs: waiting.timestampMs,
      };
    }
    const { tracker, committed = tracker.watermark() } = state;
    advance(watch, tracker.watermark());
    const [oldest] = watch.batches;
    const unsettled = tracker.held();
    const nextTimestampMs =
      tracker.oldest()?.timestampMs ??
      (waiting !== undefined && waiting.offset >= tracker.next() ? waiting.timestampMs : undefined);
    return {
      ...place,
      committed,
      position: tracker.next(),
      end: watch.end,
      endSinceMs: watch.endSinceMs,
      lagRecords: Math.max(0, watch.end - committed),
      unsettled,
      ...(unsettled > 0 && oldest !== undefined && { oldestSinceMs: oldest.atMs }),
      ...(unsettled > 0 && { standingSinceMs: Math.max(watch.movedAtMs, oldest?.atMs ?? 0) }),
      ...(nextTimestampMs !== undefined && { nextTimestampMs }),
    };
  };

  return {
    accepted: (batch) => {
      const watch = watchOf(batch);
      watch.postponed = undefined;
      const state = assignment.stateOf(batch);
      if (state !== undefined) advance(watch, state.tracker.watermark());
      if (batch.records.length > 0) watch.batches.push({ next: batch.next, atMs: nowMs() });
    },
    postponed: (batch) => {
      const [first] = batch.records;
      if (first !== undefined) watchOf(batch).postponed = { offset: first.offset, timestampMs: first.timestampMs };
    },
    statuses: () => (assignment.partitions() ?? []).flatMap((place) => statusOf(place) ?? []),
  };
}
