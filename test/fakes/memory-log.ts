import { offset } from '../../src/model/position.ts';
import type { Offset } from '../../src/model/position.ts';
import { recordBytes } from '../../src/model/record.ts';
import type { SourceRecord, TopicPartition } from '../../src/model/record.ts';
import type { Intake, Settled, Source } from '../../src/pipeline/ports.ts';

/** A member of the group; its records come when the test says so. */
export interface MemoryMember extends Source {
  /** Hands over the next records of a partition, at most `count`, if the intake has room; how many. */
  deliver(from: TopicPartition, count: number): number;
  /** Records that were handed over and not released since. */
  unreleased(): number;
  /** Commits that it asked for and that were refused because it owns the partition no more. */
  refused(): number;
  /** As if its heartbeats were not answered, or again; it keeps its partitions until the next rebalance. */
  setFresh(isFresh: boolean): void;
}

/** Partitions in memory, and a group that reads them. */
export interface MemoryLog {
  append(to: TopicPartition, key: string | null, value: string | null): Offset;
  records(of: TopicPartition): readonly SourceRecord[];
  committed(of: TopicPartition): Offset;
  /** A member that owns nothing until the next rebalance. */
  join(): MemoryMember;
  /**
   * A new generation: members named give up what they have (waiting for their drain), then get their partitions and
   * continue at what is committed. A member that is not named is thrown out: nobody tells it, its commits are refused,
   * and nothing is delivered to it any more, as if its heartbeats were lost; when it comes back, it is another member.
   */
  rebalance(assignments: ReadonlyMap<MemoryMember, readonly TopicPartition[]>): Promise<void>;
}

interface MemberState {
  intake: Intake | undefined;
  /** As whom the group knows it; rises when it is thrown out. */
  life: number;
  isMember: boolean;
  isFresh: boolean;
  /** What the group knows that it owns. */
  owned: ReadonlySet<string>;
  readonly positions: Map<string, Offset>;
}

const keyOf = (of: TopicPartition): string => `${of.topic}/${of.partition}`;

export function createMemoryLog(): MemoryLog {
  const log = new Map<string, SourceRecord[]>();
  const committed = new Map<string, Offset>();
  const states = new Map<MemoryMember, MemberState>();
  let generation = 0;

  const names = new Map<MemoryMember, string>();

  const recordsOf = (of: TopicPartition): SourceRecord[] => {
    let records = log.get(keyOf(of));
    if (records === undefined) log.set(keyOf(of), (records = []));
    return records;
  };

  const commit = (position: Settled): void => {
    const before = committed.get(keyOf(position)) ?? 0;
    if (position.next < before) throw new Error(`${keyOf(position)} was moved back from ${before} to ${position.next}`);
    committed.set(keyOf(position), position.next);
  };

  const join = (): MemoryMember => {
    const state: MemberState = {
      ...{ intake: undefined, life: 0, isMember: false, isFresh: true },
      ...{ owned: new Set(), positions: new Map() },
    };
    const number = states.size;
    let refused = 0;
    let unreleased = 0;
    /** Whose bytes are gone when it is released, as those of records from Kafka. */
    const lent = (record: SourceRecord): SourceRecord => {
      let isReleased = false;
      const readable = (): SourceRecord => {
        if (isReleased) throw new Error(`offset ${record.offset} is read after it was released`);
        return record;
      };
      unreleased += 1;
      return {
        topic: record.topic,
        partition: record.partition,
        offset: record.offset,
        timestampMs: record.timestampMs,
        get headers() {
          return readable().headers;
        },
        get key() {
          return readable().key;
        },
        get value() {
          return readable().value;
        },
        byteLength: recordBytes(record),
        release: () => {
          if (isReleased) throw new Error(`offset ${record.offset} is released twice`);
          isReleased = true;
          unreleased -= 1;
        },
      };
    };
    const member: MemoryMember = {
      unreleased: () => unreleased,
      refused: () => refused,
      deliver: (from, count) => {
        const name = keyOf(from);
        const at = state.positions.get(name) ?? offset(0);
        const records = recordsOf(from).slice(at, at + count);
        const next = offset(at + records.length);
        if (!state.owned.has(name) || records.length === 0) return 0;
        const batch = { ...from, records: records.map(lent), next, highWatermark: offset(recordsOf(from).length) };
        if (state.intake?.room(batch) !== undefined) {
          unreleased -= records.length;
          return 0;
        }
        state.positions.set(name, next);
        state.intake?.accept(batch);
        return records.length;
      },
      run: (given, signal) =>
        new Promise((resolve) => {
          state.intake = given;
          signal.addEventListener('abort', () => {
            void given.revoking().then(() => {
              given.released();
              state.isMember = false;
              state.owned = new Set();
              resolve();
            });
          });
        }),
      commit: (settled) => {
        const done = settled.filter((position) => state.owned.has(keyOf(position)));
        refused += settled.length - done.length;
        done.forEach(commit);
        return Promise.resolve(done);
      },
      remainingMs: () => (state.isMember && state.isFresh ? Number.POSITIVE_INFINITY : 0),
      setFresh: (isFresh) => {
        state.isFresh = isFresh;
      },
    };
    names.set(member, `m${number}`);
    states.set(member, state);
    return member;
  };

  return {
    join,
    records: recordsOf,
    committed: (of) => committed.get(keyOf(of)) ?? offset(0),
    append: (to, key, value) => {
      const records = recordsOf(to);
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
    rebalance: async (assignments) => {
      // Who is thrown out has stopped believing before.
      for (const [member, state] of states) if (!assignments.has(member)) state.isMember = false;
      await Promise.all([...assignments.keys()].map(async (member) => states.get(member)?.intake?.revoking()));
      for (const member of assignments.keys()) states.get(member)?.intake?.joining();
      await Promise.resolve();
      generation += 1;
      for (const [member, state] of states) {
        const partitions = assignments.get(member);
        state.owned = new Set(partitions?.map(keyOf));
        if (partitions === undefined) continue;
        if (!state.isMember) state.life += 1;
        state.isMember = true;
        state.isFresh = true;
        for (const partition of partitions) {
          state.positions.set(keyOf(partition), committed.get(keyOf(partition)) ?? offset(0));
        }
        state.intake?.assigned(partitions, { memberId: `${names.get(member)}-${state.life}`, generation });
      }
    },
  };
}
