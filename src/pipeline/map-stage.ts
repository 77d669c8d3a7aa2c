/**
 * Change event → writes of each document of its topic; and the changes of documents that are held.
 *
 * Invariants:
 *  1. A document's changes are mapped in their order: while changes of it are held, a later one waits behind them.
 *  2. A held change keeps its ticket, so its offset is not committed, and costs no other document anything but the memory of its
 *     record.
 *  3. What is held is asked again for ever, loudly, and taken as soon as its document is not held any more.
 */
import type { ChangeEvent, RowChange } from '../model/change-event.ts';
import type { GatedMapper, Held, Mapped } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { SourceRecord } from '../model/record.ts';
import type { Clock, Observer } from './ports.ts';
import type { RetryPolicy } from './retry.ts';
import { retryDelayMs } from './retry.ts';
import type { Ticket } from './settle/ticket.ts';
import type { Writer } from './write/writer.ts';

export interface MapStageOptions {
  readonly writer: Pick<Writer, 'submit' | 'flush'>;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly retry: RetryPolicy;
  /** What a record says, once more. */
  readonly decode: (record: SourceRecord) => ChangeEvent;
  /** What a mapper that threw says. */
  readonly defect: (record: SourceRecord, error: unknown) => Failure;
  readonly progressed: () => void;
  /** Nothing is asked again once it is aborted. */
  readonly signal: AbortSignal;
}

/** A document that takes no change for the moment. */
export interface HeldDocument {
  /** Its alias. */
  readonly document: string;
  readonly failure: Failure;
  readonly sinceMs: number;
  readonly changes: number;
}

export interface MapStage {
  /** Ends the ticket's part: each document of the topic takes its own of it. */
  take(mappers: readonly GatedMapper[], change: RowChange, ticket: Ticket): void;
  /** Forgets held changes whose tenure is over. */
  drop(): void;
  held(): readonly HeldDocument[];
  isHeld(mapper: GatedMapper): boolean;
}

/** Not the change itself, whose text would take memory beside the record that it was read from. */
interface HeldChange {
  readonly record: SourceRecord;
  readonly ticket: Ticket;
}

interface Hold {
  /** The document. */
  readonly of: string;
  failure: Failure;
  looked: Promise<void> | undefined;
  readonly sinceMs: number;
  isTold: boolean;
  changes: HeldChange[];
}

export function createMapStage(options: MapStageOptions): MapStage {
  const { writer, clock, observer, retry, decode, defect, progressed, signal } = options;
  const holds = new Map<GatedMapper, Hold>();

  const mapChange = (map: GatedMapper, change: RowChange): Mapped | Held => {
    try {
      return map(change);
    } catch (error) {
      return { kind: 'refused', failure: defect(change.record, error) };
    }
  };

  /** The document's part of the record. */
  const end = (mapped: Mapped, ticket: Ticket): void => {
    switch (mapped.kind) {
      case 'write':
        if (mapped.also !== undefined) {
          ticket.expect(1);
          writer.submit(mapped.also, ticket);
        }
        writer.submit(mapped.write, ticket);
        return;
      case 'ignored':
        ticket.ignore(mapped.reason);
        return;
      case 'refused':
        ticket.refuse(mapped.failure);
    }
  };

  const endHold = (map: GatedMapper, { isTold, failure, sinceMs, of }: Hold): void => {
    holds.delete(map);
    if (isTold) observer.recovered(failure.code, clock.nowMs() - sinceMs, of);
  };

  const mapAgain = (map: GatedMapper, event: ChangeEvent): Mapped | Held => {
    if ('before' in event) return mapChange(map, event);
    if (event.op === 'unreadable') return { kind: 'refused', failure: event.failure };
    return { kind: 'ignored', reason: event.op === 'ignored' ? event.reason : event.op };
  };

  /** Takes what is held of a document, from the first on, until it is held again. */
  const release = (map: GatedMapper, hold: Hold): Held | undefined => {
    for (const [at, { record, ticket }] of hold.changes.entries()) {
      const mapped = mapAgain(map, decode(record));
      if (mapped.kind === 'held') {
        hold.changes = hold.changes.slice(at);
        return mapped;
      }
      end(mapped, ticket);
    }
    endHold(map, hold);
    return undefined;
  };

  const askAgain = async (map: GatedMapper, hold: Hold): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      await hold.looked;
      if (signal.aborted || holds.get(map) !== hold) return;
      const held = release(map, hold);
      if (held === undefined) {
        writer.flush();
        progressed();
        return;
      }
      hold.failure = held.failure;
      hold.looked = held.looked;
      const delayMs = retryDelayMs(retry, held.failure, attempt);
      hold.isTold = true;
      observer.waiting(held.failure, attempt, delayMs, hold.of);
      await clock.sleep(delayMs, signal);
    }
  };

  const park = (map: GatedMapper, held: Held, waiting: HeldChange): void => {
    const known = holds.get(map);
    if (known !== undefined) {
      known.changes.push(waiting);
      return;
    }
    const { of, failure, looked } = held;
    const hold: Hold = { of, failure, looked, sinceMs: clock.nowMs(), isTold: false, changes: [waiting] };
    holds.set(map, hold);
    void askAgain(map, hold);
  };

  /** What is held of the document goes first; whether anything still is. */
  const isBehind = (map: GatedMapper): Held | undefined => {
    const hold = holds.get(map);
    return hold && release(map, hold);
  };

  return {
    take: (mappers, change, ticket) => {
      ticket.expect(mappers.length - 1);
      for (const map of mappers) {
        let mapped = mapChange(map, change);
        if (mapped.kind !== 'held' && holds.size > 0) mapped = isBehind(map) ?? mapped;
        if (mapped.kind === 'held') park(map, mapped, { record: change.record, ticket });
        else end(mapped, ticket);
      }
    },
    drop: () => {
      for (const [map, hold] of holds) {
        hold.changes = hold.changes.filter(({ ticket }) => !ticket.tenure().isOver());
        if (hold.changes.length === 0) endHold(map, hold);
      }
    },
    isHeld: (map) => holds.has(map),
    held: () =>
      [...holds.values()].map(({ of, failure, sinceMs, changes }) => {
        return { document: of, failure, sinceMs, changes: changes.length };
      }),
  };
}
