/**
 * What became of the records that were taken over, and who waits for that: accounts, memory, and when something moved last.
 *
 * Invariants:
 *  1. Every record that was taken over leaves the memory and enters the accounts once: settled, ignored or abandoned.
 *  2. Observers are told per batch and per request, never per record.
 */
import type { SourceRecord } from '../../model/record.ts';
import type { Memory } from '../memory.ts';
import type { Clock, Observer } from '../ports.ts';
import type { Accounts } from './ledger.ts';
import { createLedger } from './ledger.ts';
import type { RecordOutcome } from './ticket.ts';

export interface AccountBooks {
  /** Its ticket was opened; how many bytes are held for it. */
  took(record: SourceRecord): number;
  settled(record: SourceRecord, outcome: RecordOutcome): void;
  ignored(record: SourceRecord, reason: string): void;
  abandoned(records: readonly SourceRecord[]): void;
  /** A batch is about to be taken over. */
  batchBegins(): void;
  /** Tells of what was ignored since the last call. */
  tellIgnored(): void;
  /** What a request, or a dead letter, settles is settled. */
  progressed(): void;
  /** Wakes those who wait for progress, though there was none. */
  wake(): void;
  /** Resolves at the next progress. */
  progress(): Promise<void>;
  held(): number;
  accounts(): Accounts;
  /** When a record was settled last, or nothing was held. */
  movedAtMs(): number;
}

export interface BooksOptions {
  readonly memory: Pick<Memory, 'take' | 'give'>;
  readonly observer: Observer;
  readonly clock: Pick<Clock, 'nowMs'>;
}

export function createBooks({ memory, observer, clock }: BooksOptions): AccountBooks {
  const ledger = createLedger();
  /** topic → reason → records */
  const ignored = new Map<string, Map<string, number>>();
  let movedAtMs = clock.nowMs();
  let moved = false;
  let waiters: (() => void)[] = [];

  const tellIgnored = (): void => {
    for (const [topic, reasons] of ignored) {
      for (const [reason, records] of reasons) observer.ignored(topic, reason, records);
    }
    ignored.clear();
  };

  const wake = (): void => {
    const woken = waiters;
    waiters = [];
    for (const resolve of woken) resolve();
  };

  return {
    took: (record) => {
      ledger.consumed();
      return memory.take(record);
    },
    settled: (record, outcome) => {
      memory.give(record);
      ledger.settled(outcome);
      moved = true;
    },
    ignored: (record, reason) => {
      memory.give(record);
      ledger.ignored(reason, 1);
      let reasons = ignored.get(record.topic);
      if (reasons === undefined) ignored.set(record.topic, (reasons = new Map<string, number>()));
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    },
    abandoned: (records) => {
      const topics = new Map<string, number>();
      for (const record of records) {
        memory.give(record);
        topics.set(record.topic, (topics.get(record.topic) ?? 0) + 1);
      }
      ledger.abandoned(records.length);
      for (const [topic, count] of topics) observer.abandoned(topic, count);
    },
    batchBegins: () => {
      if (ledger.held() === 0) movedAtMs = clock.nowMs();
    },
    tellIgnored,
    progressed: () => {
      if (moved || ignored.size > 0) movedAtMs = clock.nowMs();
      moved = false;
      tellIgnored();
      wake();
    },
    wake,
    progress: () =>
      new Promise((resolve) => {
        waiters.push(resolve);
      }),
    held: ledger.held,
    accounts: ledger.accounts,
    movedAtMs: () => (ledger.held() === 0 ? clock.nowMs() : movedAtMs),
  };
}
