/**
 * What the pipeline needs from the world. The prose is the specification; `test/contract` runs it against every
 * implementation.
 */
import type { DocumentWrite, IndexWrite } from '../model/document.ts';
import type { Failure, WriteOutcome } from '../model/outcome.ts';
import type { ExternalVersion, Offset } from '../model/position.ts';
import type { RecordBatch, SourceRecord, TopicPartition } from '../model/record.ts';
import type { Membership } from './tenure.ts';

/** "Everything of this partition below `next` is settled." */
export interface Settled extends TopicPartition {
  readonly next: Offset;
}

/** What the pipeline offers a source. */
export interface Intake {
  /**
   * Undefined when this batch may be handed over; else a promise that resolves when that may be so: when there is room, and
   * what its records need to be read is there. The source calls it before each `accept`, keeps its session alive while it
   * waits, and asks again afterwards.
   */
  room(batch: RecordBatch): Promise<void> | undefined;
  /**
   * Whether the documents of the partition hold less than they may. If not, `room` may stay away for as long as their index takes
   * nothing, and a source that can read the others without this one does so. Any batch may be handed over in pieces.
   */
  hasShare(partition: TopicPartition): boolean;
  /**
   * Takes the records over: they will be settled, or given up when their partition is lost. Synchronous and never throws. Records
   * that it has already taken over (redelivered after a rebalance) are recognised and skipped: sources need not care.
   */
  accept(batch: RecordBatch): void;
  /** A request to join the group is about to be sent: until `assigned` nothing is owned, so nothing is written. */
  joining(): void;
  /**
   * The whole assignment after each join of the group. Partitions that are kept by an unbroken membership (`isUnbroken`) keep
   * what is not settled; all other records that were taken over are given up, for the owner of their partition reads them again.
   */
  assigned(partitions: readonly TopicPartition[], membership: Membership): void;
  /** Nothing is owned any more, and everything that was taken over is given up: called before the group is left. */
  released(): void;
  /**
   * The assignment is about to be given up (rebalance, stop). Resolves when everything that was accepted is settled and
   * committed, or after the pipeline's drain budget, whichever comes first. No `accept` until it has resolved.
   */
  revoking(): Promise<void>;
}

/** At least once, partition order. */
export interface Source {
  /**
   * Joins, reads and hands over until `signal` aborts, then leaves the group and resolves. Survives rebalances and
   * broker restarts by itself. Rejects only when it cannot go on (and says why): the process must then end.
   */
  run(intake: Intake, signal: AbortSignal): Promise<void>;
  /**
   * Commits `next` offsets in one request, without retry, for those partitions that are assigned in the current
   * generation of the group (G10); returns those that it committed. A refusal because of a rebalance commits nothing
   * and is no error: the caller comes again with fresh positions.
   */
  commit(settled: readonly Settled[]): Promise<readonly Settled[]>;
  /**
   * For how long this member certainly still owns what it was assigned, counted from the last request by which the group knows
   * it; 0 if it may have been replaced. Asked once per request: must be cheap.
   */
  remainingMs(): number;
}

export interface Sink {
  /**
   * Writes; answers one outcome per write, in their order. The caller promises that no document is in two calls at
   * once and that a document is at most once in a call. Applied means durable. Trouble with the cluster is an outcome
   * (`retryable`), never an exception; a request that is refused whole is divided until the guilty write is alone.
   * Retrying is not its job. Nothing is sent after the signal was aborted: then it rejects with the signal's reason.
   */
  write(writes: readonly DocumentWrite[], signal: AbortSignal): Promise<readonly WriteOutcome[]>;
}

export interface DocumentPlace {
  readonly index: string;
  readonly id: string;
  readonly routing?: string;
}

export interface DocumentReader {
  /**
   * The JSON texts of documents as they are now, searchable or not, digit for digit; null for one that is not there, or whose
   * index is not; in the order of `places`. Trouble with the cluster is a failure. Rejects only with the signal's reason,
   * after abort.
   */
  read(places: readonly DocumentPlace[], signal: AbortSignal): Promise<readonly (string | null)[] | Failure>;
}

/** What the database has in the fields of a write whose nulls are in doubt. */
export type NullsRead =
  /** JSON texts, in the order of the doubt's paths; undefined for a field that stays null. */
  | { readonly kind: 'read'; readonly values: readonly (string | undefined)[] }
  /** The database cannot be asked now. */
  | { readonly kind: 'unreachable'; readonly failure: Failure }
  /** It cannot tell, now or later; the reason was reported. */
  | { readonly kind: 'untold' };

export interface NullReader {
  /** One answer for each write, in their order; every write has a doubt. Rejects only with the signal's reason, after abort. */
  read(writes: readonly IndexWrite[], signal: AbortSignal): Promise<readonly NullsRead[]>;
}

export interface FoundDocument {
  readonly id: string;
  readonly routing?: string;
  readonly version: ExternalVersion;
}

export interface DocumentScan {
  /**
   * Every document of the alias whose write was applied before the call, searchable or not, page by page, each at least once; of
   * those that change meanwhile, either state. An alias that is not there has none. Holds one page at a time. Trouble with the
   * cluster is thrown, as a SluiceError.
   */
  documents(index: string, signal: AbortSignal): AsyncIterable<readonly FoundDocument[]>;
}

/** A record that can never be written, kept with its bytes, its place and the reason. */
export interface DeadLetter {
  readonly record: SourceRecord;
  readonly failure: Failure;
  /** The document that refused it; absent where the record could not be read. */
  readonly document?: Pick<DocumentWrite, 'index' | 'id' | 'routing' | 'version'>;
}

export interface DeadLetters {
  /** Resolves when every letter is durable (acknowledged by all in-sync replicas); rejects when that could not be had. */
  write(letters: readonly DeadLetter[]): Promise<void>;
}

/** Time, given so that tests need not wait for it. */
export interface Clock {
  nowMs(): number;
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** What the pipeline tells those who watch it. Called per batch, never per event; must not throw. */
export interface Observer {
  /** A batch was taken over. */
  accepted(topic: string, records: number, bytes: number, lagRecords: number): void;
  ignored(topic: string, reason: string, records: number): void;
  /** A bulk request was answered. */
  wrote(index: string, outcome: WriteOutcome['status'] | 'coalesced', writes: number): void;
  request(durationMs: number, writes: number, bytes: number, failed: boolean): void;
  /** `letters` are those records. */
  deadLettered(topic: string, code: string, records: number, letters?: readonly DeadLetter[]): void;
  /** A partition was lost with records that were not settled; its new owner reads them again. */
  abandoned(topic: string, records: number): void;
  committed(partitions: number): void;
  /** Values that the database did not send were found elsewhere, or left out. */
  withheld(index: string, outcome: 'kept' | 'omitted', values: number): void;
  /** Nulls that were in doubt, looked up in the database: it has a value; it has null; it cannot tell. */
  nullRead(index: string, outcome: 'value' | 'null' | 'untold', fields: number): void;
  /**
   * Something must be waited for; `attempt` counts from 1 and the level of the log line rises with it. `of` names what waits, an
   * index for instance, where more than one thing may wait for the same reason. A wait with another reason takes the place of an
   * earlier one of the same name.
   */
  waiting(failure: Failure, attempt: number, delayMs: number, of?: string): void;
  /** What was waited for is over. Called once for each wait, with its `of`. */
  recovered(code: string, afterMs: number, of?: string): void;
  /** A sentence worth an operator's attention at once. */
  warned(failure: Failure): void;
}
