/**
 * The promise that one record's offset is not committed before everything that follows from the record is settled.
 *
 * A ticket has parts: one when its record is taken over, more by `expect` and `child`. Whoever has a part ends it once, by
 * `settle`, `ignore` or `refuse`. The record is settled with the last of them, and the outcome of the highest rank is its own.
 *
 * Nobody outside this folder knows what a ticket holds.
 */
import type { DocumentWrite } from '../../model/document.ts';
import type { Failure } from '../../model/outcome.ts';
import type { Tenure } from '../tenure.ts';

/** What became of a record that was not ignored, ordered: of several parts the rightmost decides. */
export type RecordOutcome = 'superseded' | 'coalesced' | 'applied' | 'dead-lettered';

/** The document that refused a record. */
export type RefusedDocument = Pick<DocumentWrite, 'index' | 'id' | 'routing' | 'version'>;

export interface Ticket {
  /** So many more parts will be ended. Call it before the part that you have is ended. */
  expect(parts: number): void;
  /**
   * A part is settled. After the tenure has ended it does nothing: the new owner of the partition reads the record again. Throws
   * where no part is left, which is a defect.
   */
  settle(outcome: RecordOutcome): void;
  /** A part has nothing to do. The record is ignored, and counted with the reason, if all its parts are. */
  ignore(reason: string): void;
  /** A part can never be written: it is settled when its dead letter is durable. */
  refuse(failure: Failure, document?: RefusedDocument): void;
  /** One more part, which is settled by its own parts: it begins with one. `whenSettled` is called after its last. */
  child(whenSettled?: () => void): Ticket;
  /** The ownership of the partition during which the record was taken over. */
  tenure(): Tenure;
  /** Whether everything of its partition before it is settled. */
  isOldest(): boolean;
}
