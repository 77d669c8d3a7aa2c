/**
 * The memory of records that are not settled (G8), and how documents share it, so that one whose writes wait does not fill it (G6;
 * docs/decisions/0050-shares.md).
 *
 *  1. A document may hold four fifths of what the others leave: there is always room for one that holds nothing.
 *  2. Documents that take nothing now may hold half of all together: the others keep room to be quick.
 *  3. Where there is one document only, it may hold everything.
 *
 * Records are counted by topic. Topics that make a document together have one share, and so have documents of one topic: a record
 * is held until all of them have it. A topic whose records wait for another document takes no share from a topic that goes on.
 */
import type { SourceRecord } from '../model/record.ts';
import { recordBytes } from '../model/record.ts';

export interface MemoryOptions {
  readonly maxBytesHeld: number;
  /** How many documents there are. */
  readonly documents: number;
  /** What the topic is made into. */
  readonly documentsOf: (topic: string) => readonly string[];
  /** Whether a document of the topic takes nothing now. */
  readonly isBlocked: (topic: string) => boolean;
}

export interface Memory {
  /** The record is held from now on; how many bytes it takes. */
  take(record: SourceRecord): number;
  /** It is held no more. */
  give(record: SourceRecord): void;
  bytesHeld(): number;
  recordsHeld(): number;
  /** Whether records of the topic may be taken over now. Asked per batch. */
  hasRoom(topic: string): boolean;
  /** Whether the documents of the topic hold less than they may. */
  hasShare(topic: string): boolean;
}

const ofTheRest = 4 / 5;
const ofAllBlocked = 1 / 2;

export function createMemory({ maxBytesHeld, documents, documentsOf, isBlocked }: MemoryOptions): Memory {
  const ofTopic = new Map<string, number>();
  let bytesHeld = 0;
  let recordsHeld = 0;

  const isShared = (one: string, other: string): boolean => {
    if (one === other) return true;
    const made = documentsOf(one);
    return documentsOf(other).some((document) => made.includes(document));
  };

  const hasShare = (topic: string): boolean => {
    // Below the lowest bound no share can be full: mostly nothing needs to be counted.
    if (documents < 2 || bytesHeld < Math.min(ofTheRest, ofAllBlocked) * maxBytesHeld) return true;
    const takesNothing = isBlocked(topic);
    let own = 0;
    let others = 0;
    let blocked = 0;
    for (const [holder, bytes] of ofTopic) {
      if (bytes === 0) continue;
      const waits = isBlocked(holder);
      // What another topic of the document waits for, another document, must not stop this one.
      if (waits === takesNothing && isShared(topic, holder)) own += bytes;
      else others += bytes;
      if (waits) blocked += bytes;
    }
    if (own > 0 && own >= ofTheRest * (maxBytesHeld - others)) return false;
    return blocked < ofAllBlocked * maxBytesHeld || !takesNothing;
  };

  const add = (topic: string, bytes: number): void => {
    bytesHeld += bytes;
    ofTopic.set(topic, (ofTopic.get(topic) ?? 0) + bytes);
  };

  return {
    take: (record) => {
      const bytes = heldBytes(record);
      recordsHeld += 1;
      add(record.topic, bytes);
      return bytes;
    },
    give: (record) => {
      recordsHeld -= 1;
      add(record.topic, -heldBytes(record));
    },
    bytesHeld: () => bytesHeld,
    recordsHeld: () => recordsHeld,
    // Of several documents, one that holds nothing has room for a piece even when the memory is full: others may have filled it before
    // it was known that their index takes nothing.
    hasRoom: (topic) => (documents > 1 ? hasShare(topic) : bytesHeld < maxBytesHeld),
    hasShare,
  };
}

/** Memory that a record keeps alive: its bytes, the text decoded from them and the objects around both. */
function heldBytes(record: SourceRecord): number {
  return 2 * recordBytes(record) + 512;
}
