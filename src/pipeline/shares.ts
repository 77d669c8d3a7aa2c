/**
 * How the memory of held records is shared between documents, so that one whose writes wait does not fill it (G6, G8;
 * docs/decisions/0050-shares.md).
 *
 *  1. A document may hold four fifths of what the others leave: there is always room for one that holds nothing.
 *  2. Documents that take nothing now may hold half of all together: the others keep room to be quick.
 *  3. Where there is one document only, it may hold everything.
 *
 * Records are counted by topic. Topics that make a document together have one share, and so have documents of one topic: a record
 * is held until all of them have it.
 */

/** What one partition, or several of a topic, hold. */
export interface Holder {
  readonly topic: string;
  readonly bytesHeld: number;
}

export interface SharesOptions {
  readonly maxBytesHeld: number;
  /** How many documents there are. */
  readonly documents: number;
  /** The sum of what the holders hold, which costs nothing to know. */
  readonly bytesHeld: () => number;
  /** Everything that is held. */
  readonly holders: () => Iterable<Holder>;
  /** What the topic is made into. */
  readonly documentsOf: (topic: string) => readonly string[];
  /** Whether a document of the topic takes nothing now. */
  readonly isBlocked: (topic: string) => boolean;
}

const ofTheRest = 4 / 5;
const ofAllBlocked = 1 / 2;

/** Whether the documents of a topic have room for more. Asked per batch. */
export function createShares(options: SharesOptions): (topic: string) => boolean {
  const { maxBytesHeld, documents, bytesHeld, holders, documentsOf, isBlocked } = options;
  if (documents < 2) return () => true;

  const isShared = (one: string, other: string): boolean => {
    if (one === other) return true;
    const made = documentsOf(one);
    return documentsOf(other).some((document) => made.includes(document));
  };

  return (topic) => {
    // Below the lowest bound no share can be full: mostly nothing needs to be counted.
    if (bytesHeld() < Math.min(ofTheRest, ofAllBlocked) * maxBytesHeld) return true;
    let own = 0;
    let others = 0;
    let blocked = 0;
    for (const holder of holders()) {
      if (holder.bytesHeld === 0) continue;
      if (isShared(topic, holder.topic)) own += holder.bytesHeld;
      else others += holder.bytesHeld;
      if (isBlocked(holder.topic)) blocked += holder.bytesHeld;
    }
    if (own > 0 && own >= ofTheRest * (maxBytesHeld - others)) return false;
    return blocked < ofAllBlocked * maxBytesHeld || !isBlocked(topic);
  };
}
