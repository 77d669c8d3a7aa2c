/**
 * What the answer to a request means: for each of its writes, for its index, for the cluster.
 *
 * Invariants:
 *  1. Every write of a request is settled or refused, or waits again: for ever while the cluster is in trouble (G6).
 *  2. A write that an unsent newer one replaced is settled when the newer one is, and written if that is refused; but for the delete
 *     of a document under another routing, which is sent after the newer write is settled (`splitCovered`).
 *  3. What failed as a whole keeps its place at the front of the queue; a document that failed alone waits alone.
 */
import type { DocumentWrite } from '../../model/document.ts';
import type { Failure, WriteOutcome } from '../../model/outcome.ts';
import type { Clock, Observer } from '../ports.ts';
import type { RetryPolicy } from '../retry.ts';
import { retryDelayMs } from '../retry.ts';
import type { RecordOutcome, RefusedDocument } from '../settle/ticket.ts';
import { failureOfAll, unanswered } from './answer.ts';
import type { ClusterTrouble } from './cluster-trouble.ts';
import type { IndexHold, IndexHolds } from './index-holds.ts';
import { refusedIndexes } from './index-holds.ts';
import type { Entry, Lane } from './lane.ts';
import { formerPlaceKey, splitCovered } from './lane.ts';
import type { Lanes, Sent } from './lanes.ts';
import type { RequestLimit } from './request-limit.ts';
import type { Slots } from './slots.ts';
import type { Tally } from './tally.ts';
import { createTally } from './tally.ts';
import type { Troubles } from './troubles.ts';
import { waitingParty } from './troubles.ts';

export interface AnswersOptions {
  readonly lanes: Lanes;
  readonly slots: Pick<Slots, 'inFlight' | 'lower'>;
  readonly limit: RequestLimit;
  readonly trouble: ClusterTrouble;
  readonly troubles: Troubles;
  readonly holds: IndexHolds;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly retry: RetryPolicy;
  /** Called when the wait of a document is over. */
  readonly again: () => void;
  readonly signal: AbortSignal;
}

export interface Answers {
  /** A request that was sent then was answered; it tried a held index, if `probed` is there. */
  answered(
    sent: readonly Sent[],
    outcomes: readonly WriteOutcome[],
    sentAtMs: number,
    probed: IndexHold | undefined,
  ): void;
  /** The index takes writes again. */
  endHold(hold: IndexHold): void;
}

/** Writes of one index that failed for one reason. */
interface Parked {
  readonly failure: Failure;
  readonly lanes: Lane[];
}

export function createAnswers(options: AnswersOptions): Answers {
  const { lanes, slots, limit, trouble, troubles, holds, clock, observer, retry, again, signal } = options;

  /** All of the index waits in a queue of its own: these first, in their order. */
  const holdIndex = (index: string, first: readonly Lane[], failure: Failure): void => {
    const isNew = holds.of(index) === undefined;
    const hold = holds.refused(index, failure);
    if (isNew) {
      troubles.forget(index);
      hold.queue.unshift(lanes.queue.retain((lane) => lane.index !== index));
    }
    hold.queue.unshift(lanes.idle(first));
  };

  const endHold = (hold: IndexHold): void => {
    lanes.queue.unshift(holds.end(hold));
  };

  /** Only these documents wait, all of one index: the cluster takes others. */
  const park = ({ lanes: parked, failure }: Parked): void => {
    const attempts = Math.max(...parked.map((lane) => lane.attempts));
    const delayMs = retryDelayMs(retry, failure, attempts);
    troubles.parked(parked, failure, attempts, delayMs);
    void clock.sleep(delayMs, signal).then(() => {
      for (const lane of parked) lanes.release(lane);
      again();
    });
  };

  return {
    answered: (sent, outcomes, sentAtMs, probed) => {
      const isOverloaded = outcomes.some(isOverload);
      if (isOverloaded) {
        limit.overloaded(sentAtMs, clock.nowMs());
        slots.lower();
      }
      const failure = failureOfAll(outcomes);
      if (failure?.code === 'MEMBERSHIP_STALE') {
        // Elasticsearch is not in trouble: whether writes may be sent again is for `ownership` to say.
        lanes.requeue(sent);
        return;
      }
      const refused = refusedIndexes(sent, outcomes, probed !== undefined);
      if (failure !== undefined && refused.size === 0) {
        lanes.requeue(sent);
        const indexes = sent.map(({ lane }) => lane.index);
        trouble.failed(failure, waitingParty(indexes, failure));
        return;
      }
      if (failure === undefined) trouble.answered(sentAtMs);
      if (probed !== undefined && refused.size === 0) endHold(probed);
      if (!isOverloaded && failure === undefined && probed === undefined) {
        limit.succeeded(slots.inFlight(), sentAtMs);
      }
      const tally = createTally(observer);
      const parked = settleEach(sent, outcomes, { lanes, troubles, refused, tally });
      tally.report();
      for (const group of parked) park(group);
      for (const [index, why] of refused) {
        holdIndex(
          index,
          sent.map(({ lane }) => lane).filter((lane) => lane.index === index),
          why,
        );
      }
    },
    endHold,
  };
}

interface Settling {
  readonly lanes: Lanes;
  readonly troubles: Troubles;
  /** The indexes that are held from now on: their lanes are left to the caller. */
  readonly refused: ReadonlyMap<string, Failure>;
  readonly tally: Tally;
}

/** Settles, refuses or gives back each write; those that must wait alone, by index and reason. */
function settleEach(
  sent: readonly Sent[],
  outcomes: readonly WriteOutcome[],
  { lanes, troubles, refused, tally }: Settling,
): Iterable<Parked> {
  const parked = new Map<string, Parked>();
  sent.forEach(({ lane, entry }, position) => {
    const outcome = outcomes[position] ?? unanswered;
    tally.add(lane.index, outcome.status, 1);
    switch (outcome.status) {
      case 'applied':
      case 'superseded':
        tally.add(lane.index, 'coalesced', settleAll(entry, outcome.status, lanes));
        if (lane.attempts > 0) troubles.healed(lane);
        lanes.release(lane);
        return;
      case 'rejected':
        entry.ticket.refuse(outcome.failure, placeOf(entry.write));
        lanes.giveBack(lane, entry.older);
        if (lane.attempts > 0) troubles.healed(lane);
        lanes.release(lane);
        return;
      case 'retryable': {
        lanes.giveBack(lane, entry);
        if (refused.has(lane.index)) return;
        lane.attempts += 1;
        const key = `${lane.index} ${outcome.failure.code}`;
        const group = parked.get(key);
        if (group === undefined) parked.set(key, { failure: outcome.failure, lanes: [lane] });
        else group.lanes.push(lane);
      }
    }
  });
  return parked.values();
}

/** Settles the write and those that it stands for; how many these were. */
function settleAll(entry: Entry, outcome: RecordOutcome, lanes: Lanes): number {
  entry.ticket.settle(outcome);
  if (entry.older === undefined) return 0;
  const { covered, left } = splitCovered(entry);
  for (const { ticket } of covered) ticket.settle('coalesced');
  for (const one of left) if (!one.ticket.tenure().isOver()) lanes.enqueue(formerPlaceKey(one.write), one);
  return covered.length;
}

/** What a dead letter says of the document. */
function placeOf({ index, id, routing, version }: DocumentWrite): RefusedDocument {
  return { index, id, version, ...(routing !== undefined && { routing }) };
}

/** Of the cluster: the block of one index may come as a 429, too. */
function isOverload(outcome: WriteOutcome): boolean {
  return outcome.status === 'retryable' && outcome.failure.status === 429 && outcome.failure.code !== 'INDEX_BLOCKED';
}
