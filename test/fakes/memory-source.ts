import { offset } from '../../src/model/position.ts';
import type { Offset } from '../../src/model/position.ts';
import type { SourceRecord, TopicPartition } from '../../src/model/record.ts';
import type { Intake, Settled, Source } from '../../src/pipeline/ports.ts';

export interface MemorySource extends Source {
  /** Appends a record to a partition of the log. */
  append(to: TopicPartition, key: string | null, value: string | null): Offset;
  /** Hands over the next records of a partition, at most `count`, if the intake has room; how many. */
  deliver(from: TopicPartition, count: number): number;
  /** A rebalance: revokes (waiting for the drain), then assigns; positions go back to what is committed. */
  rebalance(partitions: readonly TopicPartition[]): Promise<void>;
  committed(of: TopicPartition): Offset;
  /** Every commit, in order. */
  readonly commits: readonly Settled[];
  readonly log: ReadonlyMap<string, readonly SourceRecord[]>;
}

const keyOf = (of: TopicPartition): string => `${of.topic}/${of.partition}`;

/** A log in memory with one member, driven by the test: records come when it says so. */
export function createMemorySource(): MemorySource {
  const log = new Map<string, SourceRecord[]>();
  const positions = new Map<string, Offset>();
  const committed = new Map<string, Offset>();
  const commits: Settled[] = [];
  let assignment = new Set<string>();
  let intake: Intake | undefined;

  const running = (): Intake => {
    if (intake === undefined) throw new Error('the source does not run');
    return intake;
  };

  return {
    log,
    commits,
    append: (to, key, value) => {
      const records = log.get(keyOf(to)) ?? [];
      log.set(keyOf(to), records);
      const record: SourceRecord = {
        topic: to.topic,
        partition: to.partition,
        offset: offset(records.length),
        timestampMs: 0,
        headers: undefined,
        key: key === null ? null : Buffer.from(key),
        value: value === null ? null : Buffer.from(value),
      };
      records.push(record);
      return record.offset;
    },
    deliver: (from, count) => {
      const name = keyOf(from);
      if (!assignment.has(name) || running().room() !== undefined) return 0;
      const at = positions.get(name) ?? offset(0);
      const records = (log.get(name) ?? []).slice(at, at + count);
      if (records.length === 0) return 0;
      const next = offset(at + records.length);
      positions.set(name, next);
      running().accept({ ...from, records, next, highWatermark: offset(log.get(name)?.length ?? 0) });
      return records.length;
    },
    rebalance: async (partitions) => {
      await running().revoking();
      assignment = new Set(partitions.map(keyOf));
      for (const name of assignment) positions.set(name, committed.get(name) ?? offset(0));
      running().assigned(partitions);
    },
    committed: (of) => committed.get(keyOf(of)) ?? offset(0),
    run: (given, signal) =>
      new Promise((resolve) => {
        intake = given;
        signal.addEventListener('abort', () => {
          void given.revoking().then(resolve);
        });
      }),
    commit: (settled) => {
      const done = settled.filter((position) => assignment.has(keyOf(position)));
      for (const position of done) {
        committed.set(keyOf(position), position.next);
        commits.push(position);
      }
      return Promise.resolve(done);
    },
  };
}
