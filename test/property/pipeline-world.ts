/** Members of one group around one log and one index, all in memory: what the pipeline's properties are played in. */
import { SluiceError } from '../../src/errors.ts';
import type { ChangeEvent } from '../../src/model/change-event.ts';
import type { DocumentMapper, DocumentWrite, IndexWrite, TruncatedDocument } from '../../src/model/document.ts';
import type { Failure } from '../../src/model/outcome.ts';
import { externalVersion } from '../../src/model/position.ts';
import type { SourceRecord, TopicPartition } from '../../src/model/record.ts';
import { createPipeline } from '../../src/pipeline/pipeline.ts';
import type { Pipeline, Route } from '../../src/pipeline/pipeline.ts';
import type { DocumentReader, DocumentScan, Sink } from '../../src/pipeline/ports.ts';
import { withWithheld } from '../../src/pipeline/write/withheld.ts';
import { createManualClock } from '../fakes/manual-clock.ts';
import type { ManualClock } from '../fakes/manual-clock.ts';
import { createMemoryDeadLetters } from '../fakes/memory-dead-letters.ts';
import type { MemoryDeadLetters } from '../fakes/memory-dead-letters.ts';
import { createMemoryLog } from '../fakes/memory-log.ts';
import type { MemoryLog, MemoryMember } from '../fakes/memory-log.ts';
import { createMemorySink } from '../fakes/memory-sink.ts';
import type { Fault, MemorySink } from '../fakes/memory-sink.ts';
import { silentObserver } from '../fakes/silent-observer.ts';
import { textRow } from '../fakes/text-row.ts';

/** A document that the index refuses, and a record that cannot be decoded; null is a delete, all else a document. */
const poisonMark = '"poison":true';
export const isPoison = (text: string | undefined): boolean => text?.includes(poisonMark) === true;
export const unreadable = 'not json';
/** A record that says that the table was truncated. */
export const truncated = 'truncated';

/** A document that lacks its field `kept`, which the source did not send. */
export const withheldMark = '"withheld":true';

/** A document that the index refuses; what it does not name has not changed. */
export function poisonAfter(before: string | undefined): string {
  return fold(before, `{${poisonMark},${withheldMark}}`).replace(`,${withheldMark}`, '');
}

/** The document after a change of it as it was before; undefined is no document. */
export function fold(before: string | undefined, text: string): string {
  if (!text.includes(withheldMark)) return text;
  const kept = before === undefined ? undefined : (JSON.parse(before) as { kept?: number }).kept;
  return JSON.stringify({ ...(JSON.parse(text) as object), ...(kept !== undefined && { kept }) });
}

/** Two of one topic, and one of another, whose documents go into an index of their own. */
export const partitions: readonly TopicPartition[] = [
  { topic: 't', partition: 0 },
  { topic: 't', partition: 1 },
  { topic: 'u', partition: 0 },
];

const indexes: Readonly<Record<string, string>> = { t: 'docs', u: 'others' };
export const indexOf = (topic: string): string => indexes[topic] ?? 'docs';

export const limits = { maxRequests: 3, maxBatchCount: 4, maxBatchBytes: 1000, lingerMs: 10, maxBytesHeld: 16_000 };
const times = { commitIntervalMs: 100, drainTimeoutMs: 50 };

/** A member's process: it may be ended as by SIGKILL, with its requests still under way. */
export interface Instance {
  readonly member: MemoryMember;
  readonly pipeline: Pipeline;
  readonly clock: ManualClock;
  readonly deadLetters: MemoryDeadLetters;
  /** The ids of each request that this instance waits for. */
  inFlight(): readonly (readonly string[])[];
  stop(): Promise<{ readonly recordsLeft: number }>;
}

export interface World {
  readonly log: MemoryLog;
  readonly sink: MemorySink;
  start(letterFailures: number): Instance;
  /** From now on the index refuses every write, or none. */
  block(index: string, isBlocked: boolean): void;
  isBlocked(index: string): boolean;
}

export function createWorld(): World {
  const log = createMemoryLog();
  const sink = createMemorySink({ hold: true });
  const reader: DocumentReader = {
    read: (places) => Promise.resolve(places.map(({ index, id }) => sink.sources().get(`${index}/${id}`) ?? null)),
  };
  const blocked = new Set<string>();
  let scans = 0;
  /** Every third scan breaks off after its first page. */
  const scan: DocumentScan = {
    documents: async function* (index, signal) {
      scans += 1;
      const breaks = scans % 3 === 0;
      for await (const page of sink.documents(index, signal)) {
        yield page;
        if (breaks) throw new SluiceError([unreachable]);
      }
    },
  };
  return {
    log,
    sink,
    block: (index, isBlocked) => {
      if (isBlocked) blocked.add(index);
      else blocked.delete(index);
    },
    isBlocked: (index) => blocked.has(index),
    start: (letterFailures) => {
      const member = log.join();
      const clock = createManualClock();
      const deadLetters = createMemoryDeadLetters(letterFailures);
      const inFlight = new Set<readonly string[]>();
      const watched: Sink = {
        write: async (writes, signal) => {
          const ids = writes.map(({ index, id }) => `${index}/${id}`);
          inFlight.add(ids);
          try {
            return await sink.write(writes, signal);
          } finally {
            inFlight.delete(ids);
          }
        },
      };
      const pipeline = createPipeline({
        source: member,
        sink: withWithheld(watched, reader, silentObserver()),
        deadLetters,
        scan,
        clock,
        observer: silentObserver(),
        retry: { initialMs: 10, maxMs: 1000, pauseMs: 5000, random: () => 0.5 },
        documents: Object.keys(indexes).length,
        routeOf: (topic): Route => {
          const index = indexOf(topic);
          return { decode, mappers: [mapperTo(index)], documents: [index], truncated: [{ ...emptied, index }] };
        },
        ...limits,
        ...times,
      });
      const stopping = new AbortController();
      const running = pipeline.run(stopping.signal);
      return {
        member,
        pipeline,
        clock,
        deadLetters,
        inFlight: () => [...inFlight],
        stop: () => {
          stopping.abort();
          return running;
        },
      };
    },
  };
}

function decode(record: SourceRecord): ChangeEvent {
  const said = { record, origin: { collection: record.topic }, key: null };
  if (record.value === null) return { ...said, op: 'delete', before: null, tombstone: false };
  const text = record.value.toString();
  if (text === truncated) return { ...said, op: 'truncate' };
  if (text === unreadable) {
    return { op: 'unreadable', record, failure: { code: 'RECORD_NOT_JSON', message: 'scripted' } };
  }
  return { ...said, op: 'update', before: null, after: textRow(text) };
}

const emptied: TruncatedDocument = {
  index: 'docs',
  policy: 'delete',
  versionOf: ({ offset }) => externalVersion(0, offset),
};

const mapperTo =
  (index: string): DocumentMapper =>
  (change) => {
    const { record } = change;
    const target = { index, id: String(record.key), version: externalVersion(0, record.offset) };
    const write: DocumentWrite =
      change.op === 'delete'
        ? { ...target, action: 'delete' }
        : { ...target, action: 'index', ...partOf(change.after.json()) };
    return { kind: 'write', write };
  };

function partOf(text: string): Pick<IndexWrite, 'source' | 'steps'> {
  const source = Buffer.from(text);
  return text.includes(withheldMark) ? { source, steps: [{ source, withheld: [['kept']] }] } : { source };
}

const overloaded: Failure = { code: 'ELASTICSEARCH_OVERLOADED', message: 'scripted', status: 429 };
const unreachable: Failure = { code: 'ELASTICSEARCH_UNREACHABLE', message: 'scripted' };
const missing: Failure = { code: 'INDEX_MISSING', message: 'scripted' };
const unavailable: Failure = {
  ...{ code: 'ELASTICSEARCH_UNAVAILABLE', message: 'scripted' },
  ...{ status: 503, type: 'unavailable_shards_exception' },
};
const blockedIndex: Failure = { code: 'INDEX_BLOCKED', message: 'scripted', status: 429 };

/** How many kinds of fault `faultsOf` knows, including none. */
export const faultKinds = 11;
/** Nothing of the request arrives. */
export const unreachableFault = 9;

/** Refuses poison always; otherwise gives some items the fault that `fault` names, or the whole request. */
export const faultsOf =
  (fault: number, seed: number, isBlocked: (index: string) => boolean = () => false) =>
  (write: DocumentWrite): Fault | undefined => {
    if (isBlocked(write.index)) return { kind: 'retry', failure: blockedIndex };
    const chosen = (Number(write.version) + seed) % 3 === 0;
    if (fault === unreachableFault) return { kind: 'retry', failure: unreachable };
    if (write.action === 'index' && isPoison(write.source.toString())) return { kind: 'reject' };
    if (fault === 10 && write.index === 'docs') return { kind: 'retry', failure: unavailable };
    if (fault === 8) return { kind: 'lost', failure: unreachable };
    if (fault === 7 && chosen) return { kind: 'retry', failure: overloaded };
    if (fault === 6 && chosen) return { kind: 'lost', failure: overloaded };
    if (fault === 5 && chosen) return { kind: 'retry', failure: missing };
    return undefined;
  };
