/**
 * What a running instance does for a handover: it reads the control documents, writes to both generations while it is asked to,
 * and says from which offsets on. The rules are in `handover.ts`.
 *
 * It stands around the source, whose batches tell the offsets and wait for the first read of each assignment, and around the
 * sink, where a write becomes two.
 */
import PQueue from 'p-queue';
import type { Failure } from '../model/outcome.ts';
import type { TopicPartition } from '../model/record.ts';
import { partitionKey } from '../model/record.ts';
import { retrying } from '../model/retrying.ts';
import type { Membership } from '../pipeline/tenure.ts';
import type { Clock, Intake, Observer, Sink, Source } from '../pipeline/ports.ts';
import type { Control, Writing } from './handover.ts';
import { acknowledge, isFirst, toFinishing, writingOf } from './handover.ts';
import type { ControlStore, Stored } from './ports.ts';
import { isFailure } from '../model/outcome.ts';
import { createTwinSink } from './twin-sink.ts';

export interface FollowedDocument {
  /** The alias. */
  readonly document: string;
  /** Digest of its mapping file. */
  readonly definition: string;
  /** Digest of what decides the content of its documents. */
  readonly content: string;
  readonly topics: ReadonlySet<string>;
}

export interface TwinsOptions {
  readonly store: ControlStore;
  readonly documents: readonly FollowedDocument[];
  /** Which process this is, for people. */
  readonly instance: string;
  readonly clock: Clock;
  readonly observer: Observer;
  /** Between reads of the control documents. */
  readonly pollMs: number;
  /** Writing to both ends so long after a swap; undefined: with `rebuild finish`. */
  readonly maxWarmMs?: number | undefined;
  /** The time of day. */
  readonly timeMs: () => number;
  /** Told once per change of where a document is written. */
  readonly tell: (document: string, writing: Writing) => void;
}

export interface Twins {
  source(source: Source): Source;
  sink(sink: Sink): Sink;
  /** Reads the control documents once, so that what follows knows of rebuilds; if they cannot be read, the first join tells. */
  look(): Promise<void>;
  /** Whether a rebuild of the document is under way, or kept for going back. */
  isRebuilt(document: string): boolean;
  /** Whether its first index is being loaded: it must not be made by anyone else. */
  isFirstLoaded(document: string): boolean;
  /** The generation that is written beside the live one; undefined if none is. */
  otherOf(document: string): string | undefined;
  /** Since when the control documents cannot be read, so that nothing is taken over; undefined if they can. */
  blockedSinceMs(): number | undefined;
}

const alias: Writing = { kind: 'alias' };
const backoff = { initialMs: 500, maxMs: 10_000 };

export function createTwins(options: TwinsOptions): Twins {
  const { store, documents, clock, observer } = options;
  const names = documents.map(({ document }) => document);
  const writings = new Map<string, Writing>();
  /** Documents that have a control document. */
  const rebuilt = new Set<string>();
  /** Those of them that had no index before. */
  const first = new Set<string>();
  /** `topic/partition` → the offset after the last one that was taken over. */
  const reached = new Map<string, number>();
  let member = '';
  let assigned: readonly TopicPartition[] = [];
  /** Undefined when the control documents were read since the last join. */
  let reading: Promise<void> | undefined;
  let joins = 0;
  let blockedSinceMs: number | undefined;

  const writingTo = (index: string): Writing => writings.get(index) ?? alias;

  const learn = (document: string, control: Control | undefined): void => {
    const writing = writingOf(control);
    if (control === undefined) rebuilt.delete(document);
    else rebuilt.add(document);
    if (control !== undefined && isFirst(control)) first.add(document);
    else first.delete(document);
    if (JSON.stringify(writing) === JSON.stringify(writingTo(document))) return;
    writings.set(document, writing);
    options.tell(document, writing);
  };

  /** One read at a time, so that what was seen later is learned later. */
  const reads = new PQueue({ concurrency: 1 });
  const readInTurn = (wanted: readonly string[]): Promise<ReadonlyMap<string, Stored> | Failure> =>
    reads.add(async () => {
      const found = await store.read(wanted);
      if (!isFailure(found)) for (const name of wanted) learn(name, found.get(name)?.control);
      return found;
    });

  /** While the control index cannot be read; the service asks it even when there is nothing to write. */
  let waiting: { failure: Failure; readonly sinceMs: number; attempts: number } | undefined;
  const waitsFor = (failure: Failure, delayMs: number): void => {
    waiting ??= { failure, sinceMs: clock.nowMs(), attempts: 0 };
    waiting.failure = failure;
    waiting.attempts += 1;
    observer.waiting(failure, waiting.attempts, delayMs, 'control index');
  };
  const waitIsOver = (): void => {
    if (waiting !== undefined)
      observer.recovered(waiting.failure.code, clock.nowMs() - waiting.sinceMs, 'control index');
    waiting = undefined;
  };

  const readOne = async (document: string): Promise<{ readonly stored: Stored | undefined } | Failure> => {
    const found = await readInTurn([document]);
    return isFailure(found) ? found : { stored: found.get(document) };
  };

  const readAll = async (): Promise<readonly Stored[] | Failure> => {
    const found = await readInTurn(names);
    return isFailure(found) ? found : [...found.values()];
  };

  const acknowledgeOne = async (document: FollowedDocument): Promise<void> => {
    for (let attempt = 0; attempt < 20 && joins > 0; attempt += 1) {
      const join = joins;
      const found = await readOne(document.document);
      // A join begins with a read of its own, and acknowledges after it.
      if (isFailure(found) || found.stored === undefined || join !== joins || reading !== undefined) return;
      const partitions = assigned.filter(({ topic }) => document.topics.has(topic)).map(partitionKey);
      const from = Object.fromEntries(partitions.map((place) => [place, reached.get(place) ?? null]));
      const { definition, content } = document;
      const said = { instance: options.instance, definition, content, from };
      const next = acknowledge(found.stored.control, member, said);
      if (next === undefined || (await store.replace(next, found.stored.mark)) !== 'changed') return;
    }
  };

  const acknowledgeAll = async (stored: readonly Stored[]): Promise<void> => {
    const asking = new Set(
      stored.flatMap(({ control: { phase, document } }) => (phase === 'dual-write' ? document : [])),
    );
    for (const document of documents) if (asking.has(document.document)) await acknowledgeOne(document);
  };

  /** Whichever instance notices first ends the writing to both; the index itself is removed by `rebuild finish`. */
  const endWarmth = async (stored: readonly Stored[]): Promise<void> => {
    for (const { control, mark } of stored) {
      if (options.maxWarmMs === undefined || control.phase !== 'warm' || control.swappedAt === undefined) continue;
      if (options.timeMs() - Date.parse(control.swappedAt) < options.maxWarmMs) continue;
      if ((await store.replace(toFinishing(control), mark)) === 'done') await readOne(control.document);
    }
  };

  const poll = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      await clock.sleep(options.pollMs, signal);
      if (signal.aborted) return;
      if (reading !== undefined) continue;
      const stored = await readAll();
      if (isFailure(stored)) {
        waitsFor(stored, options.pollMs);
        continue;
      }
      waitIsOver();
      await acknowledgeAll(stored);
      await endWarmth(stored);
    }
  };

  /** Rule 1; and rule 5 by giving up everything that was kept, in the same turn in which it is known. */
  const readForJoin = async (
    intake: Intake,
    partitions: readonly TopicPartition[],
    membership: Membership,
    signal: AbortSignal,
  ): Promise<void> => {
    const join = joins;
    const stored = await retrying(readAll, {
      ...{ clock, backoff, signal },
      isPassing: () => join === joins,
      waiting: (failure, _attempt, delayMs) => {
        blockedSinceMs ??= clock.nowMs();
        waitsFor(failure, delayMs);
      },
    });
    if (stored === undefined || isFailure(stored) || join !== joins) return;
    blockedSinceMs = undefined;
    waitIsOver();
    if (names.some((name) => writingTo(name).kind === 'generations')) {
      intake.released();
      intake.assigned(partitions, membership);
    }
    reading = undefined;
    void acknowledgeAll(stored);
  };

  const around = (intake: Intake, signal: AbortSignal): Intake => ({
    room: (batch) => reading ?? intake.room(batch),
    hasShare: (partition) => intake.hasShare(partition),
    accept: (batch) => {
      intake.accept(batch);
      const place = partitionKey(batch);
      reached.set(place, Math.max(reached.get(place) ?? 0, batch.next));
    },
    joining: () => {
      intake.joining();
    },
    assigned: (partitions, membership) => {
      joins += 1;
      member = membership.memberId;
      assigned = partitions;
      intake.assigned(partitions, membership);
      reading = readForJoin(intake, partitions, membership, signal);
    },
    released: () => {
      intake.released();
    },
    revoking: () => intake.revoking(),
  });

  return {
    blockedSinceMs: () => blockedSinceMs,
    look: async () => {
      await readAll();
    },
    isRebuilt: (document) => rebuilt.has(document),
    isFirstLoaded: (document) => first.has(document),
    otherOf: (document) => {
      const writing = writingTo(document);
      return writing.kind === 'alias' ? undefined : writing.other;
    },
    source: (source) => ({
      run: async (intake, signal) => {
        const ended = new AbortController();
        const polling = poll(ended.signal);
        try {
          await source.run(around(intake, signal), signal);
        } finally {
          ended.abort();
          await polling;
        }
      },
      commit: (settled) => source.commit(settled),
      remainingMs: () => source.remainingMs(),
    }),
    sink: (sink) => createTwinSink({ sink, store, observer, writingTo, readOne }),
  };
}
