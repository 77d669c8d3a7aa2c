/**
 * The accounting identity (G5): consumed = applied + superseded + coalesced + ignored + dead-lettered + abandoned + held.
 */
import type { RecordOutcome } from './ticket.ts';

/** Records, by what became of them. */
export interface Accounts {
  readonly consumed: number;
  readonly applied: number;
  /** Elasticsearch has a newer version already. */
  readonly superseded: number;
  /** A newer write of the same document took its place before it was sent. */
  readonly coalesced: number;
  readonly deadLettered: number;
  /** Not settled when their partition was lost: its new owner reads them again. */
  readonly abandoned: number;
  /** By reason. */
  readonly ignored: Readonly<Record<string, number>>;
}

export interface Ledger {
  consumed(): void;
  settled(outcome: RecordOutcome): void;
  ignored(reason: string, records: number): void;
  abandoned(records: number): void;
  /** Consumed and not settled. */
  held(): number;
  accounts(): Accounts;
}

export function createLedger(): Ledger {
  let consumed = 0;
  const settled: Record<RecordOutcome, number> = { applied: 0, superseded: 0, coalesced: 0, 'dead-lettered': 0 };
  const ignored = new Map<string, number>();
  let ignoredRecords = 0;
  let abandoned = 0;
  return {
    consumed: () => {
      consumed += 1;
    },
    settled: (outcome) => {
      settled[outcome] += 1;
    },
    ignored: (reason, records) => {
      ignored.set(reason, (ignored.get(reason) ?? 0) + records);
      ignoredRecords += records;
    },
    abandoned: (records) => {
      abandoned += records;
    },
    held: () =>
      consumed -
      abandoned -
      ignoredRecords -
      settled.applied -
      settled.superseded -
      settled.coalesced -
      settled['dead-lettered'],
    accounts: () => ({
      consumed,
      applied: settled.applied,
      superseded: settled.superseded,
      coalesced: settled.coalesced,
      deadLettered: settled['dead-lettered'],
      abandoned,
      ignored: Object.fromEntries(ignored),
    }),
  };
}
