/**
 * All lanes, and the queues in which those wait that may be sent.
 *
 * Invariants:
 *  1. No document is in two batches at once, and at most once in a batch: a lane in a batch is busy until it is released.
 *  2. A lane is in the queue, or in that of its index while that is held, exactly when it has a waiting write and is not busy.
 *  3. A lane is forgotten when nothing about its document is unsettled.
 *  4. A document that takes from that of its row's former key is not sent while the former one has a write in flight.
 */
import type { DocumentWrite } from '../../model/document.ts';
import type { Entry, Lane } from './lane.ts';
import { formerIdOf, merge, takeOver, withoutLost } from './lane.ts';
import type { LaneQueue } from './lane-queue.ts';
import { createLaneQueue } from './lane-queue.ts';

/** A write of a batch, and its document. */
export interface Sent {
  readonly lane: Lane;
  readonly entry: Entry;
}

export interface LanesOptions {
  readonly maxBatchBytes: number;
  /** The queue of a held index. */
  readonly heldQueueOf: (index: string) => LaneQueue | undefined;
  /** The lane is forgotten. */
  readonly forgotten: (lane: Lane) => void;
}

export interface Lanes {
  /** Of the indexes that are not held. */
  readonly queue: LaneQueue;
  /** The entry waits in the lane of that key. */
  enqueue(key: string, entry: Entry): void;
  /** The first writes of a queue, which are in flight from now on. Empty if all that waits must go on waiting. */
  takeBatch(from: LaneQueue, maxCount: number): Sent[];
  /** What of the entry may still be written waits again. */
  giveBack(lane: Lane, entry: Entry | undefined): void;
  /** The lane's document is no longer in flight. */
  release(lane: Lane): void;
  /** None of them is in flight any more; those that wait, in their order, which are in no queue. */
  idle(lanes: readonly Lane[]): readonly Lane[];
  /** Writes that were not sent, or whose answer nobody waits for any more: first in the queue, in their order. */
  requeue(sent: readonly Sent[]): void;
  /** Forgets waiting writes whose tenure is over. */
  drop(): void;
  /** Documents about which something is unsettled. */
  documents(): number;
  /** Of each index, how many. */
  indexes(): Iterable<readonly [index: string, documents: number]>;
}

/** What a write adds to a request, about: its text and an action line. Exact bytes are the sink's business. */
export function writeBytes(write: DocumentWrite): number {
  return (write.action === 'index' ? write.source.length : 0) + write.id.length + 128;
}

type LanesByIndex = Map<string, Map<string, Lane>>;

export function createLanes({ maxBatchBytes, heldQueueOf, forgotten }: LanesOptions): Lanes {
  /** index → id → lane. */
  const lanes: LanesByIndex = new Map();
  const queue = createLaneQueue();
  let documents = 0;

  const queueOf = (index: string): LaneQueue => heldQueueOf(index) ?? queue;

  const forget = (lane: Lane): void => {
    forgotten(lane);
    lanes.get(lane.index)?.delete(lane.key);
    documents -= 1;
  };

  const release = (lane: Lane): void => {
    lane.busy = false;
    if (lane.waiting === undefined) forget(lane);
    else queueOf(lane.index).push(lane, writeBytes(lane.waiting.write));
  };

  const giveBack = (lane: Lane, entry: Entry | undefined): void => {
    const left = withoutLost(entry);
    if (left !== undefined) lane.waiting = lane.waiting === undefined ? left : merge(left, lane.waiting);
  };

  const idle = (of: readonly Lane[]): readonly Lane[] =>
    of.filter((lane) => {
      if (lane.waiting === undefined) forget(lane);
      lane.busy = false;
      return lane.waiting !== undefined;
    });

  return {
    queue,
    enqueue: (key, entry) => {
      const { index } = entry.write;
      let ofIndex = lanes.get(index);
      if (ofIndex === undefined) lanes.set(index, (ofIndex = new Map<string, Lane>()));
      const lane = ofIndex.get(key);
      if (lane === undefined) {
        const created: Lane = { index, key, waiting: entry, busy: false, attempts: 0 };
        ofIndex.set(key, created);
        documents += 1;
        queueOf(index).push(created, writeBytes(entry.write));
      } else {
        lane.waiting = lane.waiting === undefined ? entry : merge(lane.waiting, entry);
      }
    },
    takeBatch: (from, maxCount) => takeBatch(lanes, from, maxCount, maxBatchBytes),
    giveBack,
    release,
    idle,
    requeue: (sent) => {
      for (const { lane, entry } of sent) giveBack(lane, entry);
      const waiting = Map.groupBy(idle(sent.map(({ lane }) => lane)), ({ index }) => queueOf(index));
      for (const [into, first] of waiting) into.unshift(first);
    },
    drop: () => {
      for (const ofIndex of lanes.values()) {
        for (const lane of ofIndex.values()) {
          if (lane.waiting === undefined) continue;
          lane.waiting = withoutLost(lane.waiting);
          if (lane.waiting === undefined && !lane.busy) forget(lane);
        }
      }
      queue.retain((lane) => lane.waiting !== undefined);
    },
    documents: () => documents,
    *indexes() {
      for (const [index, { size }] of lanes) if (size > 0) yield [index, size] as const;
    },
  };
}

function takeBatch(lanes: LanesByIndex, from: LaneQueue, maxCount: number, maxBytes: number): Sent[] {
  const batch: Sent[] = [];
  const postponed = new Set<Lane>();
  let bytes = 0;
  for (let left = 2 * from.length(); batch.length < maxCount && left > 0; left -= 1) {
    const lane = from.peek();
    const entry = lane?.waiting;
    if (lane === undefined || entry === undefined) break;
    const size = writeBytes(entry.write);
    if (bytes + size > maxBytes && batch.length > 0) break;
    from.shift();
    if (waitsForFormer(lanes, { lane, entry }, batch, postponed)) {
      postponed.add(lane);
      from.push(lane, size);
      continue;
    }
    bytes += size;
    lane.waiting = undefined;
    lane.busy = true;
    takeOver(entry);
    batch.push({ lane, entry });
  }
  return batch;
}

/**
 * Whether the entry takes from the document of the row's former key, and that one's newest text is not in the index yet: it
 * is in flight in another request, or (unless the entry has waited for it already) waits in the queue.
 */
function waitsForFormer(
  lanes: LanesByIndex,
  { lane, entry }: Sent,
  batch: readonly Sent[],
  postponed: ReadonlySet<Lane>,
): boolean {
  const formerId = formerIdOf(entry.write);
  const former = formerId === undefined ? undefined : lanes.get(lane.index)?.get(formerId);
  if (former === undefined || former === lane) return false;
  if (former.busy) return !batch.some((sent) => sent.lane === former);
  return !postponed.has(lane);
}
