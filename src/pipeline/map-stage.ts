/**
 * Change event → writes of each document of its topic; and the changes of documents that are held.
 *
 * Invariants:
 *  1. A document's changes are mapped in their order: while changes of it are held, a later one waits behind them.
 *  2. A held change keeps its ticket, so its offset is not committed, and costs no other document anything but the memory of its
 *     record.
 *  3. What is held is asked again for ever, loudly, and taken as soon as its document is not held any more.
 */
import type { RowChange } from '../model/change-event.ts';
import type { GatedMapper, Held, Mapped } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { RecordOutcome, Ticket } from './offset-tracker.ts';
import type { Clock, Observer } from './ports.ts';
import type { RetryPolicy } from './retry.ts';
import { retryDelayMs } from './retry.ts';
import type { Writer } from './writer.ts';

export interface MapStageOptions {
  readonly writer: Pick<Writer, 'submit' | 'flush'>;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly retry: RetryPolicy;
  readonly settle: (ticket: Ticket, outcome: RecordOutcome) => void;
  readonly refuse: (ticket: Ticket, failure: Failure) => void;
  /** The record needs no write at all; `ignored` counts such records of a batch, by reason. */
  readonly ignore: (ticket: Ticket, reason: string, ignored?: Map<string, number>) => void;
  /** The change that a record says, once more; undefined if it is dealt with. */
  readonly reread: (ticket: Ticket) => RowChange | undefined;
  /** What a mapper that threw says. */
  readonly defect: (ticket: Ticket, error: unknown) => Failure;
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
  /** Each document of the topic takes its part; those that have nothing to do with the record leave it to the others. */
  take(mappers: readonly GatedMapper[], change: RowChange, ticket: Ticket, ignored: Map<string, number>): void;
  /** Forgets held changes whose tickets are over. */
  drop(isOver: (ticket: Ticket) => boolean): void;
  held(): readonly HeldDocument[];
  isHeld(mapper: GatedMapper): boolean;
}

/** Not the change itself, whose text would take memory beside the record that it was read from. */
interface HeldChange {
  readonly ticket: Ticket;
  /** No other document takes part in its record. */
  readonly isAlone: boolean;
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
  const { writer, clock, observer, retry, settle, refuse, ignore, reread, defect, progressed, signal } = options;
  const holds = new Map<GatedMapper, Hold>();

  const mapChange = (map: GatedMapper, change: RowChange, ticket: Ticket): Mapped | Held => {
    try {
      return map(change);
    } catch (error) {
      return { kind: 'refused', failure: defect(ticket, error) };
    }
  };

  /** Whether the document takes part in the record. */
  const takes = (mapped: Mapped, ticket: Ticket): boolean => {
    switch (mapped.kind) {
      case 'write':
        if (mapped.also !== undefined) {
          ticket.unsettled += 1;
          writer.submit(mapped.also, ticket);
        }
        writer.submit(mapped.write, ticket);
        return true;
      case 'ignored':
        return false;
      case 'refused':
        refuse(ticket, mapped.failure);
        return true;
    }
  };

  const end = (map: GatedMapper, { isTold, failure, sinceMs, of }: Hold): void => {
    holds.delete(map);
    if (isTold) observer.recovered(failure.code, clock.nowMs() - sinceMs, of);
  };

  /** Takes what is held of a document, from the first on, until it is held again. */
  const release = (map: GatedMapper, hold: Hold): Held | undefined => {
    for (const [at, { ticket, isAlone }] of hold.changes.entries()) {
      const change = reread(ticket);
      if (change === undefined) continue;
      const mapped = mapChange(map, change, ticket);
      if (mapped.kind === 'held') {
        hold.changes = hold.changes.slice(at);
        return mapped;
      }
      if (takes(mapped, ticket) || mapped.kind !== 'ignored') continue;
      if (isAlone) ignore(ticket, mapped.reason);
      else settle(ticket, 'superseded');
    }
    end(map, hold);
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
    take: (mappers, change, ticket, ignored) => {
      ticket.unsettled = mappers.length;
      let unconcerned = 0;
      let reason = '';
      for (const map of mappers) {
        let mapped = mapChange(map, change, ticket);
        if (mapped.kind !== 'held' && holds.size > 0) mapped = isBehind(map) ?? mapped;
        if (mapped.kind === 'held') {
          park(map, mapped, { ticket, isAlone: mappers.length === 1 });
        } else if (!takes(mapped, ticket) && mapped.kind === 'ignored') {
          unconcerned += 1;
          reason = mapped.reason;
        }
      }
      if (unconcerned === mappers.length) ignore(ticket, reason, ignored);
      else for (; unconcerned > 0; unconcerned -= 1) settle(ticket, 'superseded');
    },
    drop: (isOver) => {
      for (const [map, hold] of holds) {
        hold.changes = hold.changes.filter(({ ticket }) => !isOver(ticket));
        if (hold.changes.length === 0) end(map, hold);
      }
    },
    isHeld: (map) => holds.has(map),
    held: () =>
      [...holds.values()].map(({ of, failure, sinceMs, changes }) => {
        return { document: of, failure, sinceMs, changes: changes.length };
      }),
  };
}
