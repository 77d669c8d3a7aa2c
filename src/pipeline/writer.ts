/**
 * One write in flight a document, full batches at every rate (docs/decisions/0000, "One write in flight").
 *
 * Invariants:
 *  1. No document is in two requests at once, and at most once in a request: so writes of one document reach
 *     Elasticsearch in source order whatever the number of requests in flight (G3).
 *  2. Every submitted write is answered exactly once: settled (`applied`, `superseded`) or refused; tried again for ever
 *     while the cluster is in trouble (G6), and dropped only when its tenure is over.
 *  3. A lane is in the queue, or in that of its index while that is held, exactly when it has a waiting write and is not busy.
 *  4. A write that an unsent newer one replaced is settled when the newer one is, and written if that is refused; but for the delete
 *     of a document under another routing, which is sent after the newer write is settled (`splitCovered`).
 *  5. Nothing is sent unless it is owned, and a request that was not answered when the ownership ends is broken off: what of
 *     it is still owned after the next join is sent again (`tenure.ts`).
 *
 * A batch is sent at once when nothing is in flight (an idle system adds no latency), when it is full, or when it has
 * lingered; it fills while requests are in flight (a busy system has full batches).
 */
import type { DocumentWrite } from '../model/document.ts';
import type { Failure, WriteOutcome } from '../model/outcome.ts';
import { failureOfAll, thrown, unanswered } from './answer.ts';
import type { Entry, Lane } from './lane.ts';
import { formerIdOf, formerPlaceKey, merge, splitCovered, takeOver, withoutLost } from './lane.ts';
import type { RecordOutcome, RefusedDocument, Ticket } from './settle/ticket.ts';
import type { Clock, Observer, Sink } from './ports.ts';
import { createOwning } from './owning.ts';
import type { RequestLimit } from './request-limit.ts';
import type { RetryPolicy } from './retry.ts';
import { retryDelayMs } from './retry.ts';
import { createLaneQueue } from './lane-queue.ts';
import type { LaneQueue } from './lane-queue.ts';
import { noFailpoints } from './failpoints.ts';
import type { Failpoints } from './failpoints.ts';
import { createSlots } from './write/slots.ts';
import { createTally } from './tally.ts';
import { createTroubles, waitingParty } from './troubles.ts';
import type { IndexHold } from './index-holds.ts';
import { createIndexHolds, probeWrites, refusedIndexes } from './index-holds.ts';

export interface WriterOptions {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly retry: RetryPolicy;
  readonly limit: RequestLimit;
  readonly maxBatchCount: number;
  readonly maxBatchBytes: number;
  /** Longest time a batch that is not full waits while other requests are in flight. */
  readonly lingerMs: number;
  /** A request was answered and everything it settles is settled. */
  readonly progressed: () => void;
  readonly failpoints?: Failpoints;
  /** The signal under which writes may be sent now, aborted when that ends; or why nothing may be sent. */
  readonly ownership: () => AbortSignal | Failure;
  /** Ends everything at once; what is not settled stays so. */
  readonly signal: AbortSignal;
}

export interface Writer {
  /** Settles or refuses one part of the ticket, later. */
  submit(write: DocumentWrite, ticket: Ticket): void;
  /** Call after a run of submits: sends what may be sent. */
  flush(): void;
  /** Forgets the writes whose tenure is over. */
  drop(): void;
  /** For status and metrics. */
  load(): WriterLoad;
  /** Whether the index takes nothing now, while the cluster takes others. */
  isHeld(index: string): boolean;
}

export interface WriterLoad {
  readonly requestsInFlight: number;
  readonly documents: number;
  /** Why something waits now. */
  readonly lastFailure: Failure | undefined;
  /** Of each index with writes that are not settled. */
  readonly indexes: readonly IndexLoad[];
}

export interface IndexLoad {
  readonly index: string;
  /** Documents with a write that is not settled. */
  readonly documents: number;
  /** While nothing of it, or not all of it, is taken. */
  readonly waiting?: { readonly failure: Failure; readonly sinceMs: number };
}

interface Sent {
  readonly lane: Lane;
  readonly entry: Entry;
}

/** What a write adds to a request, about: its text and an action line. Exact bytes are the sink's business. */
function writeBytes(write: DocumentWrite): number {
  return (write.action === 'index' ? write.source.length : 0) + write.id.length + 128;
}

/** What a dead letter says of the document. */
function placeOf({ index, id, routing, version }: DocumentWrite): RefusedDocument {
  return { index, id, version, ...(routing !== undefined && { routing }) };
}

/** Of writes whose request was broken off, since what this instance owns may have changed. */
const brokenOff: WriteOutcome = {
  status: 'retryable',
  failure: { code: 'MEMBERSHIP_STALE', message: 'The group was joined again while the request was sent.' },
};

/** Of the cluster: the block of one index may come as a 429, too. */
function isOverload(outcome: WriteOutcome): boolean {
  return outcome.status === 'retryable' && outcome.failure.status === 429 && outcome.failure.code !== 'INDEX_BLOCKED';
}

export function createWriter(options: WriterOptions): Writer {
  const { sink, clock, observer, retry, limit, maxBatchCount, maxBatchBytes, lingerMs, signal } = options;
  const { progressed, ownership, failpoints = noFailpoints } = options;
  /** index → id → lane. */
  const lanes = new Map<string, Map<string, Lane>>();
  const queue = createLaneQueue();
  let documents = 0;
  /** While the cluster as a whole fails: since when, how often, and that nobody sends before the wait is over. */
  let trouble: { failure: Failure; sinceMs: number; attempts: number; waiting: boolean; of: string } | undefined;
  const troubles = createTroubles(clock, observer);

  const again = (): void => {
    flush();
  };
  const owning = createOwning({ ownership, clock, observer, signal, again });
  const holds = createIndexHolds({ clock, observer, retry, signal, again });

  const lanesOf = (index: string): Map<string, Lane> => {
    let ofIndex = lanes.get(index);
    if (ofIndex === undefined) lanes.set(index, (ofIndex = new Map<string, Lane>()));
    return ofIndex;
  };

  /** Where lanes of the index wait. */
  const queueOf = (index: string): LaneQueue => holds.of(index)?.queue ?? queue;

  /** The lane's document is no longer in flight. */
  const release = (lane: Lane): void => {
    lane.busy = false;
    if (lane.waiting !== undefined) {
      queueOf(lane.index).push(lane, writeBytes(lane.waiting.write));
    } else {
      forgetLane(lane);
    }
  };

  const forgetLane = (lane: Lane): void => {
    if (lane.attempts > 0) troubles.healed(lane);
    lanesOf(lane.index).delete(lane.key);
    documents -= 1;
  };

  const endTrouble = (): void => {
    if (trouble === undefined) return;
    observer.recovered(trouble.failure.code, clock.nowMs() - trouble.sinceMs, trouble.of);
    trouble = undefined;
    slots.recover();
  };

  const submit = (write: DocumentWrite, ticket: Ticket): void => {
    enqueue(write.id, { write, ticket, older: undefined });
  };

  const enqueue = (key: string, entry: Entry): void => {
    const { index } = entry.write;
    const ofIndex = lanesOf(index);
    const lane = ofIndex.get(key);
    if (lane === undefined) {
      const created: Lane = { index, key, waiting: entry, busy: false, attempts: 0 };
      ofIndex.set(key, created);
      documents += 1;
      queueOf(index).push(created, writeBytes(entry.write));
    } else {
      lane.waiting = lane.waiting === undefined ? entry : merge(lane.waiting, entry);
    }
  };

  /**
   * Whether the entry takes from the document of the row's former key, and that one's newest text is not in the index yet: it
   * is in flight in another request, or (unless the entry has waited for it already) waits in the queue.
   */
  const waitsForFormer = (lane: Lane, entry: Entry, batch: readonly Sent[], postponed: ReadonlySet<Lane>): boolean => {
    const formerId = formerIdOf(entry.write);
    const former = formerId === undefined ? undefined : lanesOf(lane.index).get(formerId);
    if (former === undefined || former === lane) return false;
    if (former.busy) return !batch.some((sent) => sent.lane === former);
    return !postponed.has(lane);
  };

  /** Empty if all that waits must go on waiting. */
  const takeBatch = (from: LaneQueue, maxCount: number): Sent[] => {
    const batch: Sent[] = [];
    const postponed = new Set<Lane>();
    let bytes = 0;
    for (let left = 2 * from.length(); batch.length < maxCount && left > 0; left -= 1) {
      const lane = from.peek();
      const entry = lane?.waiting;
      if (lane === undefined || entry === undefined) break;
      const size = writeBytes(entry.write);
      if (bytes + size > maxBatchBytes && batch.length > 0) break;
      from.shift();
      if (waitsForFormer(lane, entry, batch, postponed)) {
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
  };

  const settleAll = (entry: Entry, outcome: RecordOutcome): number => {
    entry.ticket.settle(outcome);
    if (entry.older === undefined) return 0;
    const { covered, left } = splitCovered(entry);
    for (const { ticket } of covered) ticket.settle('coalesced');
    for (const one of left) if (!one.ticket.tenure().isOver()) enqueue(formerPlaceKey(one.write), one);
    return covered.length;
  };

  /** What of the entry may still be written waits again. */
  const giveBack = (lane: Lane, entry: Entry | undefined): void => {
    const left = withoutLost(entry);
    if (left !== undefined) lane.waiting = lane.waiting === undefined ? left : merge(left, lane.waiting);
  };

  /** Those of them whose document waits, which is no longer in flight. */
  const idle = (lanes: readonly Lane[]): readonly Lane[] =>
    lanes.filter((lane) => {
      if (lane.waiting === undefined) release(lane);
      lane.busy = false;
      return lane.waiting !== undefined;
    });

  /** Writes that were not sent, or whose answer nobody waits for any more: first in the queue, in their order. */
  const requeue = (sent: readonly Sent[]): void => {
    for (const { lane, entry } of sent) giveBack(lane, entry);
    const lanes = Map.groupBy(idle(sent.map(({ lane }) => lane)), ({ index }) => queueOf(index));
    for (const [into, first] of lanes) into.unshift(first);
  };

  /** All of the index waits in a queue of its own: these first, in their order. */
  const holdIndex = (index: string, lanes: readonly Lane[], failure: Failure): void => {
    const isNew = holds.of(index) === undefined;
    const hold = holds.refused(index, failure);
    if (isNew) {
      troubles.forget(index);
      hold.queue.unshift(queue.retain((lane) => lane.index !== index));
    }
    hold.queue.unshift(idle(lanes));
  };

  const endHold = (hold: IndexHold): void => {
    queue.unshift(holds.end(hold));
  };

  /** Everybody waits; the writes go back to the front, in their order. */
  const holdAll = (sent: readonly Sent[], failure: Failure): void => {
    requeue(sent);
    const of = waitingParty(
      sent.map(({ lane }) => lane.index),
      failure,
    );
    trouble ??= { failure, sinceMs: clock.nowMs(), attempts: 0, waiting: false, of };
    if (trouble.waiting) return;
    const held = trouble;
    if (held.of !== of) observer.recovered(held.failure.code, clock.nowMs() - held.sinceMs, held.of);
    held.of = of;
    held.failure = failure;
    held.attempts += 1;
    held.waiting = true;
    slots.pause();
    const delayMs = retryDelayMs(retry, failure, held.attempts);
    observer.waiting(failure, held.attempts, delayMs, of);
    void clock.sleep(delayMs, signal).then(() => {
      held.waiting = false;
      if (trouble === held) slots.tryAgain();
      flush();
    });
  };

  /** Only these documents wait, all of one index: the cluster takes others. */
  const park = (parked: readonly Lane[], failure: Failure): void => {
    const attempts = Math.max(...parked.map((lane) => lane.attempts));
    const delayMs = retryDelayMs(retry, failure, attempts);
    troubles.parked(parked, failure, attempts, delayMs);
    void clock.sleep(delayMs, signal).then(() => {
      for (const lane of parked) release(lane);
      flush();
    });
  };

  const settleBatch = (
    sent: readonly Sent[],
    outcomes: readonly WriteOutcome[],
    refused: ReadonlyMap<string, Failure>,
  ): void => {
    /** By index and reason. */
    const parked = new Map<string, { failure: Failure; lanes: Lane[] }>();
    const tally = createTally(observer);
    sent.forEach(({ lane, entry }, position) => {
      const outcome = outcomes[position] ?? unanswered;
      tally.add(lane.index, outcome.status, 1);
      switch (outcome.status) {
        case 'applied':
        case 'superseded':
          tally.add(lane.index, 'coalesced', settleAll(entry, outcome.status));
          if (lane.attempts > 0) troubles.healed(lane);
          release(lane);
          return;
        case 'rejected':
          entry.ticket.refuse(outcome.failure, placeOf(entry.write));
          giveBack(lane, entry.older);
          if (lane.attempts > 0) troubles.healed(lane);
          release(lane);
          return;
        case 'retryable': {
          giveBack(lane, entry);
          if (refused.has(lane.index)) return;
          lane.attempts += 1;
          const key = `${lane.index} ${outcome.failure.code}`;
          const group = parked.get(key);
          if (group === undefined) parked.set(key, { failure: outcome.failure, lanes: [lane] });
          else group.lanes.push(lane);
        }
      }
    });
    tally.report();
    for (const group of parked.values()) park(group.lanes, group.failure);
    for (const [index, failure] of refused) {
      const lanes = sent.map(({ lane }) => lane).filter((lane) => lane.index === index);
      holdIndex(index, lanes, failure);
    }
  };

  const answered = (
    sent: readonly Sent[],
    outcomes: readonly WriteOutcome[],
    sentAtMs: number,
    probed: IndexHold | undefined,
  ): void => {
    const isOverloaded = outcomes.some(isOverload);
    if (isOverloaded) {
      limit.overloaded(sentAtMs, clock.nowMs());
      slots.lower();
    }
    const failure = failureOfAll(outcomes);
    if (failure?.code === 'MEMBERSHIP_STALE') {
      // Elasticsearch is not in trouble: whether writes may be sent again is for `ownership` to say.
      requeue(sent);
      return;
    }
    const refused = refusedIndexes(sent, outcomes, probed !== undefined);
    if (failure !== undefined && refused.size === 0) {
      holdAll(sent, failure);
      return;
    }
    if (failure === undefined && trouble !== undefined && sentAtMs >= trouble.sinceMs && !trouble.waiting) {
      endTrouble();
    }
    if (probed !== undefined && refused.size === 0) endHold(probed);
    if (!isOverloaded && failure === undefined && probed === undefined) {
      limit.succeeded(slots.inFlight(), sentAtMs);
    }
    settleBatch(sent, outcomes, refused);
  };

  const send = async (sent: readonly Sent[], owned: AbortSignal, probed?: IndexHold): Promise<void> => {
    const sentAtMs = clock.nowMs();
    if (probed !== undefined) holds.probing(probed, true);
    let outcomes: readonly WriteOutcome[];
    try {
      const answer = sink.write(
        sent.map(({ entry }) => entry.write),
        owned,
      );
      failpoints('sent');
      outcomes = await answer;
    } catch (error) {
      if (signal.aborted) return;
      outcomes = sent.map(() => (owned.aborted ? brokenOff : thrown(error)));
    }
    if (signal.aborted) return;
    failpoints('answered');
    if (probed !== undefined) holds.probing(probed, false);
    const bytes = sent.reduce((sum, { entry }) => sum + writeBytes(entry.write), 0);
    observer.request(clock.nowMs() - sentAtMs, sent.length, bytes, failureOfAll(outcomes) !== undefined);
    answered(sent, outcomes, sentAtMs, probed);
    progressed();
  };

  const slots = createSlots({
    ...{ limit, clock, lingerMs, signal, freed: again },
    isWaiting: () => queue.length() > 0,
    isFull: () => queue.length() >= maxBatchCount || queue.bytes() >= maxBatchBytes,
    send: () => {
      const owned = owning.ask();
      const batch = owned === undefined ? [] : takeBatch(queue, maxBatchCount);
      return owned === undefined || batch.length === 0 ? undefined : send(batch, owned);
    },
  });

  /** Tries held indexes whose pause is over. */
  const probe = (): void => {
    for (const hold of holds.due()) {
      const owned = owning.ask();
      if (owned === undefined) return;
      const batch = takeBatch(hold.queue, Math.min(probeWrites, maxBatchCount));
      if (batch.length > 0) void send(batch, owned, hold).then(flush);
      else if (hold.queue.length() === 0) endHold(hold);
    }
  };

  const flush = (): void => {
    if (!signal.aborted) probe();
    slots.fill();
  };

  const drop = (): void => {
    for (const ofIndex of lanes.values()) {
      for (const lane of ofIndex.values()) {
        if (lane.waiting === undefined) continue;
        lane.waiting = withoutLost(lane.waiting);
        if (lane.waiting !== undefined || lane.busy) continue;
        forgetLane(lane);
      }
    }
    holds.retain((lane) => lane.waiting !== undefined);
    queue.retain((lane) => lane.waiting !== undefined);
    // With nothing to send, nothing would ever say that it is over.
    if (documents === 0) {
      endTrouble();
      owning.end();
    }
  };

  const indexLoads = (): readonly IndexLoad[] =>
    [...lanes].flatMap(([index, { size }]) => {
      const waiting = trouble ?? holds.of(index) ?? troubles.of(index);
      const { failure, sinceMs } = waiting ?? {};
      if (size === 0) return [];
      return failure === undefined || sinceMs === undefined
        ? [{ index, documents: size }]
        : [{ index, documents: size, waiting: { failure, sinceMs } }];
    });

  return {
    submit,
    flush,
    drop,
    load: () => ({
      requestsInFlight: slots.inFlight() + holds.probes(),
      documents,
      lastFailure: owning.failure() ?? (trouble ?? holds.newest() ?? troubles.newest())?.failure,
      indexes: indexLoads(),
    }),
    isHeld: (index) => holds.of(index) !== undefined,
  };
}
