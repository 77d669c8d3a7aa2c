/**
 * Which offset of one partition may be committed.
 *
 * Invariants:
 *  1. `watermark` is the lowest offset that is not settled, or `next` when everything is: a committed offset has nothing
 *     unsettled below it (G1).
 *  2. `watermark` never decreases.
 *  3. A record is taken over once: whatever lies below `next` is in flight or settled already (a rebalance redelivers it).
 *  4. A ticket is settled exactly once, when the last of its writes is; or never, if the tenure ends before.
 *
 * Offsets may have gaps (compaction, control records): never is one computed from another's neighbour.
 */
import type { Offset } from '../model/position.ts';
import { nextOffset } from '../model/position.ts';
import { recordBytes } from '../model/record.ts';
import type { SourceRecord } from '../model/record.ts';
import type { Tenure } from './tenure.ts';
import { createTenure } from './tenure.ts';

/** What became of a record, ordered: of several writes the rightmost decides. */
export type RecordOutcome = 'superseded' | 'coalesced' | 'applied' | 'dead-lettered';

const rank: Readonly<Record<RecordOutcome, number>> = {
  superseded: 0,
  coalesced: 1,
  applied: 2,
  'dead-lettered': 3,
};

/** Of several outcomes the one with the highest rank is the record's. */
export function rankOf(outcome: RecordOutcome): number {
  return rank[outcome];
}

/** The promise that one record's offset is not committed before its writes are settled. */
export interface Ticket {
  readonly record: SourceRecord;
  readonly tracker: OffsetTracker;
  /** Writes that are not settled yet. */
  unsettled: number;
  outcome: RecordOutcome;
}

export interface OffsetTracker {
  /** The ownership of the partition during which its records were taken over. */
  readonly tenure: Tenure;
  /** Memory of its records that are not settled: the pipeline counts it. */
  bytesHeld: number;
  /** Takes a record over as `writes` unsettled writes (at least one); undefined when it was taken over before. */
  open(record: SourceRecord): Ticket | undefined;
  /** Forgets a ticket's claim: its record needs no write. */
  close(ticket: Ticket): void;
  /** One write of the ticket is settled; true when it was the last, so that the record is. */
  settle(ticket: Ticket, outcome: RecordOutcome): boolean;
  /** Nothing more comes below `next`: covers control records, which are never delivered. */
  reach(next: Offset): void;
  /** The offset to commit: everything below it is settled. */
  watermark(): Offset;
  /** Records that are not settled. */
  held(): number;
  /** The first record that is not settled. */
  oldest(): SourceRecord | undefined;
  /** The next offset that is taken over. */
  next(): Offset;
  /** Ends the tenure; the tickets that are not settled, and never will be. */
  abandon(): readonly Ticket[];
}

/** Settled tickets are cut off the front in pieces of this many, so that settling is O(1) amortised. */
const compactAt = 1024;

export function createOffsetTracker(start: Offset): OffsetTracker {
  let next = start;
  let tickets: Ticket[] = [];
  let head = 0;
  let held = 0;

  const close = (ticket: Ticket): void => {
    ticket.unsettled = 0;
    held -= 1;
    while (head < tickets.length && tickets[head]?.unsettled === 0) head += 1;
    if (head === tickets.length) {
      tickets = [];
      head = 0;
    } else if (head >= compactAt && head * 2 >= tickets.length) {
      tickets = tickets.slice(head);
      head = 0;
    }
  };

  const tracker: OffsetTracker = {
    tenure: createTenure(),
    bytesHeld: 0,
    open: (record) => {
      if (record.offset < next) return undefined;
      next = nextOffset(record.offset);
      const ticket: Ticket = { record, tracker, unsettled: 1, outcome: 'superseded' };
      tickets.push(ticket);
      held += 1;
      return ticket;
    },
    close,
    settle: (ticket, outcome) => {
      if (ticket.unsettled === 0) throw new Error(`settled twice: offset ${ticket.record.offset}`);
      if (rank[outcome] > rank[ticket.outcome]) ticket.outcome = outcome;
      if (ticket.unsettled > 1) {
        ticket.unsettled -= 1;
        return false;
      }
      close(ticket);
      return true;
    },
    reach: (reached) => {
      if (reached > next) next = reached;
    },
    watermark: () => tickets[head]?.record.offset ?? next,
    held: () => held,
    oldest: () => tickets[head]?.record,
    next: () => next,
    abandon: () => {
      const left = tickets.slice(head).filter(({ unsettled }) => unsettled > 0);
      tickets = [];
      head = 0;
      held = 0;
      tracker.tenure.end();
      return left;
    },
  };
  return tracker;
}

/** Memory that a ticket keeps alive: the record's bytes, the text decoded from them and the objects around both. */
export function ticketBytes(ticket: Ticket): number {
  return 2 * recordBytes(ticket.record) + 512;
}
