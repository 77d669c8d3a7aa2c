/**
 * What becomes of the documents of a table that was truncated: each document of the topic has its own policy.
 *
 * To delete, in this order:
 *  1. Everything of the partition before the truncate is settled: a write that is still under way could come after its delete.
 *     Records after the truncate go on meanwhile; their versions are higher.
 *  2. The index is scanned, page by page, and what has a lower version than the truncate is deleted with the truncate's version:
 *     so a later write always wins, whichever comes first, and a replay changes nothing.
 *  3. The truncate is settled when all deletes are: until then its offset is not committed, and a crash begins it anew.
 *     When the tenure of its partition ends, it stops: the new owner begins it anew.
 *
 * The record has no key, so it is ordered only against the records of its own partition: the topic must have one (`routes.ts`).
 */
import { SluiceError } from '../errors.ts';
import type { Truncate } from '../model/change-event.ts';
import type { DeleteWrite, TruncatedDocument } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import { placeText } from '../model/record.ts';
import { isNewer } from './lane.ts';
import type { OffsetTracker, RecordOutcome, Ticket } from './offset-tracker.ts';
import { rankOf } from './offset-tracker.ts';
import type { Clock, DocumentScan, Observer } from './ports.ts';
import { retryDelayMs } from './retry.ts';
import type { RetryPolicy } from './retry.ts';
import type { Tenure } from './tenure.ts';
import type { Writer } from './writer.ts';

export interface TruncationOptions {
  /** Without it, nothing can be deleted. */
  readonly scan: DocumentScan | undefined;
  readonly writer: Writer;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly retry: RetryPolicy;
  readonly settle: (ticket: Ticket, outcome: RecordOutcome) => void;
  /** The ticket is settled when its dead letter is durable. */
  readonly refuse: (ticket: Ticket, failure: Failure) => void;
  /** Resolves when something was settled. */
  readonly progress: () => Promise<void>;
  readonly progressed: () => void;
  readonly signal: AbortSignal;
}

export interface Truncations {
  /** Takes the record over, or calls `ignore` if there is nothing to be done. Synchronous; deletes go on in the background. */
  take(
    event: Truncate,
    documents: readonly TruncatedDocument[],
    ticket: Ticket,
    ignore: (reason: 'truncate' | 'not-mapped') => void,
  ): void;
}

export function createTruncations(options: TruncationOptions): Truncations {
  const { scan, writer, clock, observer, retry, settle, refuse, progress, progressed, signal } = options;
  /** Deletes one page of documents; resolves with the outcome when every delete is settled, or the tenure is over. */
  const deletePage = (
    writes: readonly DeleteWrite[],
    { record, tracker: { tenure } }: Ticket,
  ): Promise<RecordOutcome> =>
    new Promise((resolve) => {
      const done = (outcome: RecordOutcome): void => {
        tenure.signal.removeEventListener('abort', lost);
        resolve(outcome);
      };
      const lost = (): void => {
        done('superseded');
      };
      tenure.signal.addEventListener('abort', lost);
      const tracker = pageTracker(tenure, done);
      const page: Ticket = { record, tracker, unsettled: writes.length, outcome: 'superseded' };
      for (const write of writes) writer.submit(write, page);
      writer.flush();
    });

  const deleteOlder = async (
    scanned: DocumentScan,
    { index, versionOf }: TruncatedDocument,
    ticket: Ticket,
    ended: AbortSignal,
  ): Promise<RecordOutcome> => {
    const version = versionOf(ticket.record);
    let outcome: RecordOutcome = 'superseded';
    for await (const page of scanned.documents(index, ended)) {
      if (ended.aborted) break;
      const writes = page
        .filter((found) => isNewer(version, found.version))
        .map(({ id, routing }): DeleteWrite => ({
          action: 'delete',
          index,
          id,
          version,
          ...(routing !== undefined && { routing }),
        }));
      if (writes.length === 0) continue;
      const settled = await deletePage(writes, ticket);
      if (rankOf(settled) > rankOf(outcome)) outcome = settled;
    }
    return outcome;
  };

  /** Tries for ever, loudly. A page that was deleted already costs nothing when it is met again: it is not found any more. */
  const empty = async (scanned: DocumentScan, document: TruncatedDocument, ticket: Ticket): Promise<void> => {
    const { tenure } = ticket.tracker;
    const ended = AbortSignal.any([signal, tenure.signal]);
    const isOver = (): boolean => ended.aborted;
    while (!isOver() && ticket.tracker.watermark() < ticket.record.offset) await progress();
    const sinceMs = clock.nowMs();
    for (let attempt = 1; !isOver(); attempt += 1) {
      try {
        const outcome = await deleteOlder(scanned, document, ticket, ended);
        if (isOver()) return;
        if (attempt > 1) observer.recovered('TRUNCATE_WAITS', clock.nowMs() - sinceMs, waitOf(document, ticket));
        settle(ticket, outcome);
        progressed();
        return;
      } catch (error) {
        if (isOver()) return;
        const failure = waits(document, error);
        const delayMs = retryDelayMs(retry, failure, attempt);
        observer.waiting(failure, attempt, delayMs, waitOf(document, ticket));
        await clock.sleep(delayMs, ended);
      }
    }
  };

  const refuseFor = ({ index }: TruncatedDocument, { record, origin }: Truncate, ticket: Ticket): void => {
    const message = `${origin.collection} was truncated at ${placeText(record)}; the documents of ${index} were left as they are.`;
    observer.warned({ code: 'TRUNCATE_REFUSED', message });
    refuse(ticket, { code: 'TRUNCATE_REFUSED', message });
  };

  return {
    take: (event, documents, ticket, ignore) => {
      const active = documents.filter(({ policy }) => policy !== 'ignore');
      if (active.length === 0) {
        ignore(documents.length === 0 ? 'not-mapped' : 'truncate');
        return;
      }
      ticket.unsettled = active.length;
      for (const document of active) {
        if (document.policy === 'refuse' || scan === undefined) refuseFor(document, event, ticket);
        else void empty(scan, document, ticket);
      }
    },
  };
}

/** Truncates of several partitions may wait for one index. */
function waitOf({ index }: TruncatedDocument, { record }: Ticket): string {
  return `truncate of ${index} by ${placeText(record)}`;
}

function waits({ index }: TruncatedDocument, error: unknown): Failure {
  const cause = error instanceof SluiceError ? error.failures[0] : undefined;
  const reason = cause?.message ?? (error instanceof Error ? error.name : typeof error);
  const message = `The documents of ${index}, whose table was truncated, cannot be deleted yet: ${reason}`;
  return { code: 'TRUNCATE_WAITS', message };
}

/** Counts the deletes of one page; they are no records, so no account and no watermark knows of them. */
function pageTracker(tenure: Tenure, done: (outcome: RecordOutcome) => void): OffsetTracker {
  const unused = (): never => {
    throw new Error('a page of deletes takes no records');
  };
  return {
    tenure,
    bytesHeld: 0,
    open: unused,
    close: unused,
    reach: unused,
    watermark: unused,
    held: unused,
    oldest: unused,
    next: unused,
    abandon: unused,
    settle: (ticket, outcome) => {
      if (rankOf(outcome) > rankOf(ticket.outcome)) ticket.outcome = outcome;
      ticket.unsettled -= 1;
      if (ticket.unsettled === 0) done(ticket.outcome);
      return false;
    },
  };
}
