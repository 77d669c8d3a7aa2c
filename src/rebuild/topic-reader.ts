/**
 * Reads partitions from their beginning to their ends as they are when that is asked for, and stands still in between: its member
 * of a group of its own keeps its partitions, and commits nothing.
 */
import type { Failure } from '../model/outcome.ts';
import { SluiceError } from '../errors.ts';
import type { Offset } from '../model/position.ts';
import { offset } from '../model/position.ts';
import type { RecordBatch, SourceRecord, TopicPartition } from '../model/record.ts';
import { partitionKey } from '../model/record.ts';
import type { Intake, Source } from '../pipeline/ports.ts';
import type { TakeRecord, TopicReader } from './verify-ports.ts';

export interface PartitionEnds extends TopicPartition {
  /** The first offset that is still there, and the next that will be written. */
  readonly start: number;
  readonly end: number;
  /** Where the service is; undefined if it has not begun. */
  readonly committed: number | undefined;
}

export interface TopicReaderOptions {
  readonly source: Source;
  /** Of all partitions, always in the same order. */
  readonly readEnds: () => Promise<readonly PartitionEnds[]>;
  readonly prepare: ((records: readonly SourceRecord[]) => Promise<void> | undefined) | undefined;
  readonly take: TakeRecord;
  /** Records handed over, of about how many; as often as batches come. */
  readonly progress: (done: number, total: number) => void;
}

interface Partition {
  readonly topic: string;
  readonly partition: number;
  readonly source: number;
  next: number;
  target: number;
}

export async function openTopicReader(options: TopicReaderOptions): Promise<TopicReader> {
  const { source, readEnds, prepare, take, progress } = options;
  const first = await readEnds();
  const partitions = first.map(({ topic, partition, start }, number): Partition => ({
    topic,
    partition,
    source: number,
    next: start,
    target: start,
  }));
  const byKey = new Map(partitions.map((partition) => [partitionKey(partition), partition]));
  const over = new AbortController();
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => undefined);
  let wanted = Promise.withResolvers<undefined>();
  let reached = Promise.withResolvers<undefined>();
  let done = 0;
  let base = 0;

  const isThere = (partition: Partition): boolean => partition.next >= partition.target;

  const accept = ({ topic, partition: number, records, next }: RecordBatch): void => {
    const partition = byKey.get(partitionKey({ topic, partition: number }));
    if (partition === undefined) return;
    const { next: from } = partition;
    try {
      for (const record of records) if (record.offset >= from) take(record, partition.source);
    } catch (error) {
      ended.reject(error);
      return;
    }
    partition.next = Math.max(from, next);
    done += Math.max(0, next - from);
    progress(done, Math.max(done, base));
    if (partitions.every(isThere)) reached.resolve(undefined);
  };

  const intake: Intake = {
    // One fetch brings batches of several partitions, and the next waits for all of them: one that is beyond its end must not
    // be held while another is not there yet.
    room: (batch) => {
      if (over.signal.aborted) return undefined;
      return partitions.every(isThere) ? wanted.promise : prepare?.(batch.records);
    },
    hasShare: () => true,
    accept,
    joining: () => undefined,
    assigned: () => undefined,
    released: () => undefined,
    revoking: () => Promise.resolve(),
  };

  const running = source.run(intake, over.signal).catch((error: unknown) => {
    ended.reject(error);
  });

  const catchUp = async (): Promise<void> => {
    const ends = await readEnds();
    if (ends.length !== partitions.length) throw new SluiceError([partitionsChanged]);
    reached = Promise.withResolvers();
    for (const [number, { start, end }] of ends.entries()) {
      const partition = partitions[number];
      if (partition === undefined) continue;
      // Records that expired while nobody looked cannot be read any more.
      partition.next = Math.max(partition.next, start);
      partition.target = Math.max(partition.target, end);
    }
    base = done + partitions.reduce((sum, { next, target }) => sum + Math.max(0, target - next), 0);
    if (partitions.every(isThere)) return;
    wanted.resolve(undefined);
    wanted = Promise.withResolvers();
    await Promise.race([reached.promise, ended.promise]);
  };

  return {
    partitions,
    holdsHistory: first.every(({ start }) => start === 0),
    catchUp,
    positions: () => partitions.map(({ next }): Offset => offset(next)),
    settled: async () =>
      (await readEnds()).map(({ committed, start }) => (committed === undefined ? 0 : Math.max(committed, start))),
    [Symbol.asyncDispose]: async () => {
      over.abort();
      wanted.resolve(undefined);
      await running;
    },
  };
}

const partitionsChanged: Failure = {
  code: 'TOPIC_MISSING',
  message: 'The number of partitions changed while they were read; please begin again.',
};
