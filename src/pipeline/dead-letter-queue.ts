/**
 * Letters on their way to the dead-letter topic: a ticket is settled as dead-lettered only when its letter is durable
 * (docs/decisions/0000, "Failures"). One request at a time, as many letters in it as have come meanwhile; tried for ever, loudly.
 * Letters whose tenure is over are not written: the new owner of their partition writes them.
 */
import PQueue from 'p-queue';
import type { Failure } from '../model/outcome.ts';
import type { SourceRecord } from '../model/record.ts';
import { recordBytes } from '../model/record.ts';
import type { Redact } from '../model/redact.ts';
import type { Clock, DeadLetter, DeadLetters, Observer } from './ports.ts';
import type { RetryPolicy } from './retry.ts';
import { retryDelayMs } from './retry.ts';
import type { Ticket } from './settle/ticket.ts';

export interface DeadLetterQueue {
  /** Ends one part of the ticket by `settle('dead-lettered')`: when its letter is durable, or its tenure is over. */
  add(ticket: Ticket, record: SourceRecord, failure: Failure, document?: DeadLetter['document']): void;
}

export interface DeadLetterQueueOptions {
  readonly deadLetters: DeadLetters;
  /** What may be kept of the record. */
  readonly redact: Redact;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly retry: RetryPolicy;
  readonly progressed: () => void;
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly ticket: Ticket;
  readonly letter: DeadLetter;
}

const isOwned = ({ ticket }: Waiting): boolean => !ticket.tenure().isOver();

const maxLettersPerRequest = 500;
/** Below Kafka's default of `max.message.bytes`, 1,048,588, which counts a batch of letters as one message. */
const maxBytesPerRequest = 900_000;

/** What a letter takes in a request, about: its record, the record's headers, and the place and the reason. */
function letterBytes({ record, failure }: DeadLetter): number {
  let bytes = recordBytes(record) + 1024 + failure.message.length;
  for (const [name, value] of Object.entries(record.headers ?? {})) {
    bytes += name.length;
    for (const one of Array.isArray(value) ? value : [value]) bytes += one?.length ?? 0;
  }
  return bytes;
}

export function createDeadLetterQueue(options: DeadLetterQueueOptions): DeadLetterQueue {
  const { deadLetters, redact, clock, observer, retry, progressed, signal } = options;
  const queue: Waiting[] = [];
  const requests = new PQueue({ concurrency: 1 });
  const aborted = (): boolean => signal.aborted;

  const persist = async (taken: readonly Waiting[]): Promise<void> => {
    const sinceMs = clock.nowMs();
    for (let attempt = 1; ; attempt += 1) {
      const letters = taken.filter(isOwned).map(({ letter }) => letter);
      try {
        if (letters.length > 0) await deadLetters.write(letters);
        if (attempt > 1) observer.recovered('DEAD_LETTERS_UNAVAILABLE', clock.nowMs() - sinceMs, 'dead letters');
        return;
      } catch (error) {
        if (aborted()) return;
        const reason = error instanceof Error ? error.message : String(error);
        const failure: Failure = {
          code: 'DEAD_LETTERS_UNAVAILABLE',
          message: `Dead letters cannot be written: ${reason}.`,
        };
        const delayMs = retryDelayMs(retry, failure, attempt);
        observer.waiting(failure, attempt, delayMs, 'dead letters');
        await clock.sleep(delayMs, signal);
        // A letter that did not become durable keeps its ticket: its record is read again after a restart.
        if (aborted()) return;
      }
    }
  };

  /** The first letters of the queue that fit into one request; one letter always does. */
  const takeRequest = (): typeof queue => {
    let bytes = 0;
    const fits = ({ letter }: { readonly letter: DeadLetter }): boolean =>
      (bytes += letterBytes(letter)) <= maxBytesPerRequest;
    const end = queue.findIndex((each, position) => !fits(each) || position === maxLettersPerRequest);
    return queue.splice(0, end === -1 ? queue.length : Math.max(1, end));
  };

  const writeRequest = async (): Promise<void> => {
    if (aborted()) return;
    const taken = takeRequest();
    await persist(taken);
    if (aborted()) return;
    const counts = new Map<string, { topic: string; code: string; letters: DeadLetter[] }>();
    for (const waiting of taken) {
      const { ticket, letter } = waiting;
      const isCounted = isOwned(waiting);
      ticket.settle('dead-lettered');
      if (!isCounted) continue;
      const key = `${letter.record.topic} ${letter.failure.code}`;
      const count = counts.get(key) ?? { topic: letter.record.topic, code: letter.failure.code, letters: [] };
      count.letters.push(letter);
      counts.set(key, count);
    }
    for (const { topic, code, letters } of counts.values()) {
      observer.deadLettered(topic, code, letters.length, letters);
    }
    progressed();
    wish();
  };

  /** One wish at most waits for the request before it: it stands for all letters that have come when it begins. */
  const wish = (): void => {
    if (queue.length > 0 && requests.size === 0) void requests.add(writeRequest);
  };

  return {
    add: (ticket, record, failure, document) => {
      queue.push({ ticket, letter: redact({ record, failure, ...(document && { document }) }) });
      // After the current batch was taken in, so that its letters travel together.
      if (queue.length === 1) queueMicrotask(wish);
    },
  };
}
