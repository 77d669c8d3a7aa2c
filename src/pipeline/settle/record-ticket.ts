/**
 * What a ticket holds. Only this folder imports it (`.dependency-cruiser.cjs`).
 *
 * Invariants:
 *  1. A ticket with parts left is open; the end of its last part closes it, once: a part that is ended too often throws.
 *  2. A ticket whose tenure is over is never closed.
 *  3. The bytes of a record are given back once: when its ticket is closed; or when its tenure is over and no dead letter of it is on
 *     its way, which reads them.
 *
 * A class, for there is one object for each record: its methods are shared and nothing else is allocated.
 */
import type { Failure } from '../../model/outcome.ts';
import type { Offset } from '../../model/position.ts';
import type { SourceRecord } from '../../model/record.ts';
import type { Tenure } from '../tenure.ts';
import type { RecordOutcome, RefusedDocument, Ticket } from './ticket.ts';

/** Where it is written down what becomes of records. Called within `settle`, `ignore` and `refuse`: must not call a ticket. */
export interface Books {
  settled(record: SourceRecord, outcome: RecordOutcome): void;
  ignored(record: SourceRecord, reason: string): void;
  /** Ends the part by `settle('dead-lettered')` once the letter is durable, or needs not be written any more. */
  refused(ticket: Ticket, record: SourceRecord, failure: Failure, document: RefusedDocument | undefined): void;
}

/** What the tickets of one partition share. */
export interface Origin {
  readonly tenure: Tenure;
  readonly books: Books;
  /** A ticket of it was closed. */
  closed(): void;
  watermark(): Offset;
}

const rank: Readonly<Record<RecordOutcome | 'ignored', number>> = {
  ignored: 0,
  superseded: 1,
  coalesced: 2,
  applied: 3,
  'dead-lettered': 4,
};

export class RecordTicket implements Ticket {
  readonly record: SourceRecord;
  readonly #origin: Origin;
  readonly #parent: RecordTicket | undefined;
  readonly #whenSettled: (() => void) | undefined;
  #parts = 1;
  #outcome: RecordOutcome | 'ignored' = 'ignored';
  #reason = '';
  /** Dead letters of its record that are on their way; counted in the ticket that has no parent. */
  #letters = 0;

  constructor(record: SourceRecord, origin: Origin, parent?: RecordTicket, whenSettled?: () => void) {
    this.record = record;
    this.#origin = origin;
    this.#parent = parent;
    this.#whenSettled = whenSettled;
  }

  expect(parts: number): void {
    this.#parts += parts;
  }

  settle(outcome: RecordOutcome): void {
    if (outcome === 'dead-lettered') this.#letterEnds();
    if (!this.#origin.tenure.isOver()) this.#endPart(outcome);
  }

  ignore(reason: string): void {
    if (this.#origin.tenure.isOver()) return;
    this.#reason = reason;
    this.#endPart('ignored');
  }

  refuse(failure: Failure, document?: RefusedDocument): void {
    if (this.#origin.tenure.isOver()) return;
    this.#root().#letters += 1;
    this.#origin.books.refused(this, this.record, failure, document);
  }

  child(whenSettled?: () => void): Ticket {
    this.#parts += 1;
    return new RecordTicket(this.record, this.#origin, this, whenSettled);
  }

  tenure(): Tenure {
    return this.#origin.tenure;
  }

  isOldest(): boolean {
    return this.#origin.watermark() >= this.record.offset;
  }

  isOpen(): boolean {
    return this.#parts > 0;
  }

  /** Its tenure is over, and it was open. */
  abandon(): void {
    if (this.#letters === 0) this.record.release?.();
  }

  #root(): RecordTicket {
    return this.#parent === undefined ? this : this.#parent.#root();
  }

  #letterEnds(): void {
    const root = this.#root();
    root.#letters -= 1;
    if (root.#letters === 0 && this.#origin.tenure.isOver()) root.record.release?.();
  }

  #endPart(outcome: RecordOutcome | 'ignored'): void {
    if (this.#parts === 0) throw new Error(`settled twice: offset ${this.record.offset}`);
    if (rank[outcome] > rank[this.#outcome]) this.#outcome = outcome;
    this.#parts -= 1;
    if (this.#parts === 0) this.#close();
  }

  #close(): void {
    const { books } = this.#origin;
    if (this.#parent !== undefined) {
      if (this.#outcome === 'ignored') this.#parent.#reason = this.#reason;
      this.#parent.#endPart(this.#outcome);
      this.#whenSettled?.();
      return;
    }
    this.#origin.closed();
    if (this.#outcome === 'ignored') books.ignored(this.record, this.#reason);
    else books.settled(this.record, this.#outcome);
    this.record.release?.();
  }
}
