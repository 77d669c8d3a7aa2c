/** A writer before a sink that answers when the test says so, on a clock that stands still. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { DocumentWrite } from '../../../src/model/document.ts';
import type { Failure } from '../../../src/model/outcome.ts';
import { externalVersion, offset } from '../../../src/model/position.ts';
import { createRequestLimit } from '../../../src/pipeline/write/request-limit.ts';
import { createOffsetTracker } from '../../../src/pipeline/settle/offset-tracker.ts';
import type { RecordOutcome } from '../../../src/pipeline/settle/ticket.ts';
import { createWriter } from '../../../src/pipeline/write/writer.ts';
import type { WriterOptions } from '../../../src/pipeline/write/writer.ts';
import { fakeBooks } from '../../fakes/books.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import type { ManualClock } from '../../fakes/manual-clock.ts';
import { createMemorySink } from '../../fakes/memory-sink.ts';
import type { Fault, HeldRequest } from '../../fakes/memory-sink.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';

export const overloaded: Failure = { code: 'ELASTICSEARCH_OVERLOADED', message: 'scripted', status: 429 };
export const unreachable: Failure = { code: 'ELASTICSEARCH_UNREACHABLE', message: 'scripted' };
export const blocked: Failure = { code: 'INDEX_BLOCKED', message: 'scripted', status: 403 };

export const lingerMs = 10;
/** With this the waits are 50, 100, 200, 400 and from then on 500 ms, or 5000 where someone must act. */
export const retry = { initialMs: 100, maxMs: 1000, pauseMs: 5000, random: () => 0.5 };

export type Told =
  | { readonly kind: 'waiting'; readonly code: string; readonly attempt: number; readonly delayMs: number }
  | { readonly kind: 'recovered'; readonly code: string; readonly afterMs: number };

export interface WriterWorld {
  readonly clock: ManualClock;
  /** Requests that are in flight. */
  readonly held: readonly HeldRequest[];
  readonly told: readonly Told[];
  /** Settled tickets: the offset of each and its outcome, in order. */
  readonly settled: readonly (readonly [number, RecordOutcome])[];
  readonly refused: readonly number[];
  /** Submits one write of each id, `id` or `index/id`, and flushes once. `bytes` is the length of each source. */
  submit(ids: readonly string[], bytes?: number): void;
  /** The ids of each request so far. */
  sent(): readonly string[];
  /** Answers the oldest request in flight, and lets what follows happen. */
  answer(faultOf?: (write: DocumentWrite) => Fault | undefined): Promise<void>;
  /** Lets time pass, and what follows happen. */
  pass(ms: number): Promise<void>;
  /** The tenure ends of all that was submitted. */
  lose(): Promise<void>;
  /** What the observer was told of writes. */
  count(outcome: string, index?: string): number;
}

export const always = (failure: Failure) => (): Fault => ({ kind: 'retry', failure });

export function createWriterWorld(options: Partial<WriterOptions> & { readonly maxRequests?: number }): WriterWorld {
  const sink = createMemorySink({ hold: true });
  const clock = createManualClock();
  const told: Told[] = [];
  const settled: (readonly [number, RecordOutcome])[] = [];
  const refused: number[] = [];
  const books = fakeBooks({
    settled: ({ offset: at }, outcome) => settled.push([at, outcome]),
    refused: (_, { offset: at }) => refused.push(at),
  });
  const tracker = createOffsetTracker(offset(0), books);
  const { signal: owned } = new AbortController();
  const counts = new Map<string, number>();
  const writer = createWriter({
    sink,
    clock,
    observer: silentObserver({
      waiting: ({ code }, attempt, delayMs) => told.push({ kind: 'waiting', code, attempt, delayMs }),
      recovered: (code, afterMs) => told.push({ kind: 'recovered', code, afterMs }),
      wrote: (index, outcome, writes) => {
        for (const key of [outcome, `${index} ${outcome}`]) counts.set(key, (counts.get(key) ?? 0) + writes);
      },
    }),
    retry,
    limit: createRequestLimit(options.maxRequests ?? 4),
    maxBatchCount: 100,
    maxBatchBytes: 1_000_000,
    lingerMs,
    progressed: () => undefined,
    ownership: () => owned,
    signal: new AbortController().signal,
    ...options,
  });
  let next = 0;
  return {
    clock,
    held: sink.held,
    told,
    settled,
    refused,
    submit: (ids, bytes = 2) => {
      for (const name of ids) {
        const [id = '', index = 'docs'] = name.split('/').reverse();
        const at = offset(next);
        next += 1;
        const place = { topic: 't', partition: 0, offset: at, timestampMs: 0, headers: undefined };
        const ticket = tracker.open({ ...place, key: null, value: null });
        assert.ok(ticket);
        const source = Buffer.alloc(bytes, 'x');
        writer.submit({ action: 'index', index, id, version: externalVersion(0, at), source }, ticket);
      }
      writer.flush();
    },
    sent: () => sink.requests.map((writes) => writes.map(({ id }) => id).join()),
    answer: async (faultOf) => {
      const [oldest] = sink.held;
      assert.ok(oldest, 'nothing is in flight');
      oldest.answer(faultOf);
      await turn();
    },
    pass: async (ms) => {
      clock.advance(ms);
      await turn();
    },
    lose: async () => {
      tracker.abandon();
      writer.drop();
      await turn();
    },
    count: (outcome, index) => counts.get(index === undefined ? outcome : `${index} ${outcome}`) ?? 0,
  };
}
