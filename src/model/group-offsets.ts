/**
 * Whether a consumer group stands where Sluice left it. Records that are read again change nothing, but that Elasticsearch forgets
 * deletes (`index.gc_deletes`): an old insert brings such a document back until its delete is read again too. Whoever moved the
 * group should know.
 */
import type { Failure } from './outcome.ts';
import { epochAt } from './position.ts';
import type { TopicPartition } from './record.ts';
import type { TopicOrigin } from './topic-origin.ts';

export interface GroupOffset extends TopicPartition {
  /** Undefined where the group has none. */
  readonly committed: number | undefined;
  /** Whether what is committed is not of Sluice: somebody set it. */
  readonly isForeign: boolean;
}

/** A document, and what its index says that it was made of. */
export interface Written {
  readonly alias: string;
  readonly before: ReadonlyMap<string, TopicOrigin>;
  /** The same topics as they are now; one whose epoch was raised is written anew on purpose. */
  readonly now: ReadonlyMap<string, TopicOrigin>;
}

/** One sentence a topic of which the index was written before and whose offsets are gone, or set by somebody else. */
export function movedOffsets(
  groupId: string,
  { alias, before, now }: Written,
  offsets: readonly GroupOffset[],
): readonly Failure[] {
  return [...before].flatMap(([topic, known]) => {
    const epoch = now.get(topic)?.epoch;
    if (epoch === undefined) return [];
    const written = offsets.filter(
      (offset) =>
        offset.topic === topic &&
        offset.partition < known.partitions &&
        epochAt(epoch, offset.partition) <= epochAt(known.epoch, offset.partition),
    );
    if (written.length === 0) return [];
    // Of a partition without records nothing is ever committed.
    if (written.every(({ committed }) => committed === undefined)) {
      const message = `The group "${groupId}" has no offsets of "${topic}", of which ${alias} is made: what was written of it before is written again.`;
      return [{ code: 'OFFSETS_MOVED', message }];
    }
    const foreign = written.filter(({ isForeign }) => isForeign);
    if (foreign.length === 0) return [];
    const places = `${topic}[${foreign.map(({ partition }) => partition).join(', ')}]`;
    const message = `The offsets of group "${groupId}" for ${places}, of which ${alias} is made, were not committed by Sluice: what was written after them is written again, and what was not read before them never is.`;
    return [{ code: 'OFFSETS_MOVED', message }];
  });
}
