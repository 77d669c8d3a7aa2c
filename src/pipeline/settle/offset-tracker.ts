/**
 * Which offset of one partition may be committed.
 *
 * Invariants:
 *  1. `watermark` is the lowest offset that is not settled, or `next` when everything is: a committed offset has nothing
 *     unsettled below it (G1).
 *  2. `watermark` never decreases.
 *  3. A record is taken over once: whatever lies below `next` is in flight or settled already (a rebalance redelivers it).
 *  4. A ticket is settled exactly once, when the last of its parts is; or never, if the tenure ends before.
 *
 * Offsets may have gaps (compaction, control records): never is one computed from another's neighbour.
 */
import type { Offset } from '../../model/position.ts';
import { nextOffset } from '../../model/position.ts';
import type { SourceRecord } from '../../model/record.ts';
import { createTenure } from '../tenure.ts';
import type { Books, Origin } from './record-ticket.ts';
import { RecordTicket } from './record-ticket.ts';
import type { Ticket } from './ticket.ts';

export interface OffsetTracker {
  /** Takes a record over as a ticket of one part; undefined when it was taken over before. */
  open(record: SourceRecord): Ticket | undefined;
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
  /** Ends the tenure; the records that are not settled, and never will be. */
  abandon(): readonly SourceRecord[];
}

/** Settled tickets are cut off the front in pieces of this many, so that settling is O(1) amortised. */
const compactAt = 1024;

export function createOffsetTracker(start: Offset, books: Books): OffsetTracker {
  let next = start;
  let tickets: RecordTicket[] = [];
  let head = 0;
  let held = 0;
  const watermark = (): Offset => tickets[head]?.record.offset ?? next;

  const closed = (): void => {
    held -= 1;
    while (head < tickets.length && tickets[head]?.isOpen() === false) head += 1;
    if (head === tickets.length) {
      tickets = [];
      head = 0;
    } else if (head >= compactAt && head * 2 >= tickets.length) {
      tickets = tickets.slice(head);
      head = 0;
    }
  };

  const origin: Origin = { tenure: createTenure(), books, closed, watermark };
  return {
    open: (record) => {
      if (record.offset < next) return undefined;
      next = nextOffset(record.offset);
      const ticket = new RecordTicket(record, origin);
      tickets.push(ticket);
      held += 1;
      return ticket;
    },
    reach: (reached) => {
      if (reached > next) next = reached;
    },
    watermark,
    held: () => held,
    oldest: () => tickets[head]?.record,
    next: () => next,
    abandon: () => {
      const left = tickets.slice(head).filter((ticket) => ticket.isOpen());
      tickets = [];
      head = 0;
      held = 0;
      origin.tenure.end();
      for (const ticket of left) ticket.abandon();
      return left.map(({ record }) => record);
    },
  };
}
