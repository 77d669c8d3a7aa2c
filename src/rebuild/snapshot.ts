/**
 * Where in its topics the last snapshot began, by what Debezium says in `source.snapshot` (facts of Debezium, 3.6): `first` or
 * `first_in_data_collection` with a table's first row, `last` or `last_in_data_collection` with its last.
 *
 * A topic of several partitions has each mark in one of them: in the others the snapshot began with the first record that was
 * written no earlier. One connector writes its records in order, so their times tell.
 */
import type { ChangeEvent } from '../model/change-event.ts';
import type { Failure } from '../model/outcome.ts';
import type { Offset } from '../model/position.ts';
import { nextOffset } from '../model/position.ts';
import type { SourceRecord, TopicPartition } from '../model/record.ts';
import { placeText } from '../model/record.ts';

export interface SnapshotWatch {
  /** Sees every record, in the order of its partition. */
  see(event: ChangeEvent, source: number): void;
  /** For each partition the offset from which on the last snapshot confirms documents; why that is not known otherwise. */
  starts(): readonly Offset[] | Failure;
}

interface Mark {
  readonly record: Pick<SourceRecord, 'topic' | 'partition' | 'offset' | 'timestampMs'>;
  readonly source: number;
}

interface Topic {
  first?: Mark;
  last?: Mark;
  incremental?: Mark;
}

/** Times of a partition that are remembered; beyond, every second is forgotten. */
const maxTimes = 100_000;

const firsts: ReadonlySet<string> = new Set(['first', 'first_in_data_collection']);
const lasts: ReadonlySet<string> = new Set(['last', 'last_in_data_collection']);

/** `partitions` are numbered as `source`. Remembers no more than two marks a topic and the times of its partitions' records. */
export function watchSnapshots(partitions: readonly TopicPartition[]): SnapshotWatch {
  const topics = new Map(partitions.map(({ topic }): [string, Topic] => [topic, {}]));
  /** Offset after the last record of each partition that was seen. */
  const ends = new Map<number, Offset>();
  /** For each partition its first record since the topic's last beginning of a snapshot. */
  const since: { offset: Offset; timestampMs: number }[][] = partitions.map(() => []);

  const thinned = new Set<number>();

  const isLater = (mark: Mark, than: Mark | undefined): boolean =>
    than === undefined || mark.record.timestampMs >= than.record.timestampMs;

  return {
    see: (event, source) => {
      const { topic, partition, offset, timestampMs } = event.record;
      ends.set(source, nextOffset(offset));
      // One entry for each time that records began to be written at: enough to find the first of a time.
      const times = since[source];
      if (times !== undefined && timestampMs > (times.at(-1)?.timestampMs ?? -1)) times.push({ offset, timestampMs });
      if (times !== undefined && times.length > maxTimes) {
        since[source] = times.filter((_, number) => number % 2 === 0);
        thinned.add(source);
      }
      if (event.op !== 'read') return;
      const { snapshot = 'false' } = event.origin;
      const found = topics.get(topic);
      const mark = { record: { topic, partition, offset, timestampMs }, source };
      if (found === undefined) return;
      if (firsts.has(snapshot) && isLater(mark, found.first)) found.first = mark;
      if (lasts.has(snapshot) && isLater(mark, found.last)) found.last = mark;
      if (snapshot === 'incremental') found.incremental = mark;
    },
    starts: () => {
      for (const [topic, { first, last, incremental }] of topics) {
        if (first === undefined) return noSnapshot(topic, incremental);
        if (last === undefined || !isLater(last, first)) return incomplete(first);
      }
      return partitions.map(({ topic }, source) => {
        const first = topics.get(topic)?.first;
        const end = ends.get(source) ?? (0 as Offset);
        if (first === undefined) return end;
        if (first.source === source) return first.record.offset;
        const times = since[source] ?? [];
        const { timestampMs } = first.record;
        if (!thinned.has(source)) return times.find((one) => one.timestampMs >= timestampMs)?.offset ?? end;
        // Rather too early than too late: what is confirmed wrongly stays, and what is not would go.
        return times.findLast((one) => one.timestampMs < timestampMs)?.offset ?? times[0]?.offset ?? end;
      });
    },
  };
}

function noSnapshot(topic: string, incremental: Mark | undefined): Failure {
  const seen =
    incremental === undefined
      ? 'no record says that a snapshot began there'
      : 'an incremental snapshot does not say where it began';
  const message = `Where the last snapshot of "${topic}" began is not known: ${seen}. Name offsets with \`--since\`.`;
  return { code: 'SNAPSHOT_UNKNOWN', message };
}

function incomplete({ record }: Mark): Failure {
  const message = `The snapshot that began at ${placeText(record)} is not complete: no record says that it ended.`;
  return { code: 'SNAPSHOT_UNKNOWN', message };
}
