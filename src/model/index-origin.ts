/**
 * What an index remembers of how its documents came into it (`_meta.sluice`): the definitions that made them, which index it is,
 * and the positions at which it began. From this and the positions of the consumer group follows what an index lacks that nobody
 * will ever write into it: such an index is doubtful, and `sluice rebuild` is the remedy.
 */
import type { Failure } from './outcome.ts';
import type { TopicPartition } from './record.ts';

/** topic → partition → the first offset of it that the index has; a topic without partitions is there from its first record on. */
export type Began = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Stands for all topics of the document: whoever took the index over vouched for it. */
export const allTopics = '*';

export interface IndexOrigin {
  /** Digests of the definitions that made its documents, in the order in which they came. */
  readonly contents: readonly string[];
  /** Which index it was when this was written: one that is restored or copied is another. */
  readonly identity?: string;
  readonly began: Began;
}

/** Where the consumer group stands in a partition. */
export interface GroupPlace extends TopicPartition {
  /** Undefined where it has committed nothing. */
  readonly committed: number | undefined;
  /** The first offset that is still there. */
  readonly start: number;
}

/** The index behind an alias, as a server describes it. */
export interface DescribedIndex {
  readonly index: string;
  readonly identity: string;
  /** Whether it is the only one that the alias names, and holds the documents of the alias. */
  readonly isOwn: boolean;
  /** Undefined: Sluice did not make it, or made it before indexes remembered this. */
  readonly origin: IndexOrigin | undefined;
  /** The topics that it was made of so far. */
  readonly topics: readonly string[];
}

/** A document as a process with its mapping file has it. */
export interface MadeDocument {
  readonly alias: string;
  /** Digest of what decides the content of its documents. */
  readonly content: string;
  readonly topics: readonly string[];
}

/** More digests than these are not told apart. */
const maxContents = 8;

/** Whether the group has passed records of the partition, so that it will not read them again by itself. */
export function hasPassed({ committed, start }: GroupPlace): boolean {
  return committed !== undefined && committed > start;
}

/** Where an index begins that gets its first documents from these topics now. */
export function beganNow(topics: readonly string[], places: readonly GroupPlace[]): Began {
  return Object.fromEntries(
    topics.map((topic) => {
      const passed = places.filter((place) => place.topic === topic && hasPassed(place));
      return [topic, Object.fromEntries(passed.map(({ partition, committed = 0 }) => [String(partition), committed]))];
    }),
  );
}

/** From the first record on, of each topic. */
export function beganWhole(topics: readonly string[]): Began {
  return Object.fromEntries(topics.map((topic) => [topic, {}]));
}

/** Where the group stood when this process started, and where it stands now, in the topics of one document. */
export interface GroupPlaces {
  readonly atStart: readonly GroupPlace[];
  readonly now: readonly GroupPlace[];
}

/** What the index is to remember by now; `isWriter`: this process writes documents into it. */
export function nextOrigin(
  { content, topics }: MadeDocument,
  found: DescribedIndex,
  { atStart, now }: GroupPlaces,
  isWriter: boolean,
): IndexOrigin {
  const { origin, identity } = found;
  const began = beganBy(topics, found, atStart);
  // What was before is not known, and is taken for whole.
  if (origin === undefined) return { contents: [content], identity, began };
  const contents = !isWriter || origin.contents.includes(content) ? origin.contents : [...origin.contents, content];
  // Of an index that was restored this stays, until the group reads everything again.
  const isAnother = origin.identity !== undefined && origin.identity !== identity && now.some(hasPassed);
  return {
    contents: contents.length <= maxContents ? contents : [...contents.slice(0, 1), ...contents.slice(1 - maxContents)],
    identity: isAnother ? (origin.identity ?? identity) : identity,
    began,
  };
}

/** Where the index begins: a topic may be new to it, and a group whose offsets were set back reads again what it lacked. */
function beganBy(
  topics: readonly string[],
  { origin, topics: madeOf }: Pick<DescribedIndex, 'origin' | 'topics'>,
  places: readonly GroupPlace[],
): Began {
  const began = origin?.began ?? {};
  const isVouched = allTopics in began || (origin === undefined && madeOf.length === 0);
  const isNew = (topic: string): boolean => !isVouched && !(topic in began) && !madeOf.includes(topic);
  const others = Object.entries(began).filter(([topic]) => topic !== allTopics && !topics.includes(topic));
  const kept = topics
    .filter((topic) => !isNew(topic))
    .map((topic) => {
      const partitions = Object.entries(began[topic] ?? {}).flatMap(([partition, first]) => {
        const place = places.find((one) => one.topic === topic && one.partition === Number(partition));
        if (place === undefined) return [[partition, first]];
        return hasPassed(place) ? [[partition, Math.min(first, place.committed ?? first)]] : [];
      });
      return [topic, Object.fromEntries(partitions)] as const;
    });
  return { ...Object.fromEntries([...others, ...kept]), ...beganNow(topics.filter(isNew), places) };
}

/** What is to be said of an index, each with the command that mends it. */
export function doubtsOf(
  groupId: string,
  { alias, content, topics }: MadeDocument,
  found: DescribedIndex,
  { atStart, now }: GroupPlaces,
): readonly Failure[] {
  const { origin, index, identity } = found;
  const mend = `Run \`sluice rebuild ${alias}\`.`;
  const doubts: Failure[] = [];
  const began = beganBy(topics, found, atStart);
  const lacking = topics.flatMap((topic) =>
    Object.entries(began[topic] ?? {}).map(
      ([partition, first]) => `before offset ${first} of \`${topic}[${partition}]\``,
    ),
  );
  if (lacking.length > 0) {
    const message = `The index \`${index}\` lacks the records ${listed(lacking)}: the group \`${groupId}\` had read them before the index, or its part of the mapping file, existed. ${mend}`;
    doubts.push({ code: 'INDEX_INCOMPLETE', message });
  }
  if (origin?.identity !== undefined && origin.identity !== identity && now.some(hasPassed)) {
    const message = `The index \`${index}\` is not the one that Sluice wrote: it was restored from a snapshot, or copied. It may lack what the group \`${groupId}\` has written since the snapshot. ${mend} If you are sure that nothing is missing, run \`sluice adopt ${alias}\`.`;
    doubts.push({ code: 'INDEX_RESTORED', message });
  }
  if (origin?.contents.some((one) => one !== content) === true) {
    const message = `The index \`${index}\` has documents that another definition of \`${alias}\` made (\`fields\`, \`where\`, \`transform\`, a mask, or the like): they keep their form until their rows change. ${mend}`;
    doubts.push({ code: 'INDEX_OUTDATED', message });
  }
  return doubts;
}

/** What is to be said where there is no index, though the group has read these topics, and they hold rows. */
export function absenceOf(groupId: string, alias: string, places: readonly GroupPlace[]): Failure | undefined {
  const read = places
    .filter(hasPassed)
    .map(({ topic, partition, committed = 0 }) => `up to offset ${committed} of \`${topic}[${partition}]\``);
  if (read.length === 0) return undefined;
  const message = `There is no index \`${alias}\`, but the group \`${groupId}\` has read ${listed(read)}: the index was deleted, or the document is new. The index would receive later changes only. Run \`sluice rebuild ${alias}\`.`;
  return { code: 'INDEX_INCOMPLETE', message };
}

function listed(parts: readonly string[]): string {
  const shown = parts.slice(0, 3).join(', ');
  return parts.length > 3 ? `${shown} and ${parts.length - 3} further partitions` : shown;
}
