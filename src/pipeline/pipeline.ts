/**
 * The loop: batches come in, change events become writes, writes are settled, settled offsets are committed.
 *
 * Everything between `accept` and the writer is synchronous; promises are per batch and per request.
 */
import { placeText } from '../model/record.ts';
import type { RecordBatch, SourceRecord, TopicPartition } from '../model/record.ts';
import type { ChangeEvent } from '../model/change-event.ts';
import type { GatedMapper, TruncatedDocument } from '../model/document.ts';
import { errorKind } from '../model/error-kind.ts';
import type { Failure } from '../model/outcome.ts';
import type { Redact } from '../model/redact.ts';
import { createDeadLetterQueue } from './dead-letter-queue.ts';
import type { Failpoints } from './failpoints.ts';
import { noFailpoints } from './failpoints.ts';
import type { HeldDocument } from './map-stage.ts';
import { createMapStage } from './map-stage.ts';
import { createMemory } from './memory.ts';
import type { Clock, DeadLetters, DocumentScan, Intake, Observer, Sink, Source } from './ports.ts';
import { createRequestLimit } from './write/request-limit.ts';
import type { RetryPolicy } from './retry.ts';
import type { PartitionStatus } from './partition-status.ts';
import { createPartitionWatch } from './partition-status.ts';
import { createAssignment } from './settle/assignment.ts';
import { createBooks } from './settle/books.ts';
import type { Accounts } from './settle/ledger.ts';
import type { Ticket } from './settle/ticket.ts';
import { createTruncations } from './truncation.ts';
import type { IndexLoad } from './write/writer.ts';
import { createWriter } from './write/writer.ts';

/** What is done with the records of one topic. */
export interface Route {
  readonly decode: (record: SourceRecord) => ChangeEvent;
  /** One per document that is made from the topic; a topic without any is counted as `not-mapped`. */
  readonly mappers: readonly GatedMapper[];
  /** Their aliases; the topic's name stands for them, unless said. */
  readonly documents?: readonly string[];
  /** The same documents, as a truncate of their table concerns them. */
  readonly truncated?: readonly TruncatedDocument[];
  /** What a dead letter may keep; absent if its record may be kept as it is. */
  readonly redact?: Redact | undefined;
}

export interface PipelineOptions {
  readonly source: Source;
  readonly sink: Sink;
  readonly deadLetters: DeadLetters;
  /** Needed where a truncated table's documents are deleted. */
  readonly scan?: DocumentScan | undefined;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly retry: RetryPolicy;
  /** Fetches what the records need to be read, their schemas; undefined if it is all there. Never rejects. */
  readonly prepare?: ((records: readonly SourceRecord[]) => Promise<void> | undefined) | undefined;
  /** Called once per topic. */
  readonly routeOf: (topic: string) => Route;
  readonly maxRequests: number;
  readonly maxBatchCount: number;
  readonly maxBatchBytes: number;
  readonly lingerMs: number;
  /** Held records take no more memory than this (G8): beyond, the source waits. */
  readonly maxBytesHeld: number;
  /** How many documents share it; one, unless said. */
  readonly documents?: number;
  readonly commitIntervalMs: number;
  /** How long a rebalance or a stop may wait for what is in flight. */
  readonly drainTimeoutMs: number;
  readonly failpoints?: Failpoints;
}

export interface PipelineStatus {
  readonly accounts: Accounts;
  readonly recordsHeld: number;
  readonly bytesHeld: number;
  readonly requestsInFlight: number;
  readonly documentsInFlight: number;
  /** Undefined until the group was joined once. */
  readonly assignment: readonly TopicPartition[] | undefined;
  /** When a record was settled last, or the pipeline was last empty. */
  readonly movedAtMs: number;
  /** Why something waits now. */
  readonly lastFailure: string | undefined;
  /** Documents that take no change, and why. */
  readonly held: readonly HeldDocument[];
  /** Those assigned partitions of which something was read. */
  readonly partitions: readonly PartitionStatus[];
  /** Those documents with writes that are not settled. */
  readonly documents: readonly IndexLoad[];
}

export interface Pipeline {
  /**
   * Runs until `signal` aborts: drains (within `drainTimeoutMs`), commits, leaves. Resolves with what was left
   * unsettled; rejects when the source cannot go on.
   */
  run(signal: AbortSignal): Promise<{ readonly recordsLeft: number }>;
  status(): PipelineStatus;
}

const rejoining: Failure = {
  code: 'MEMBERSHIP_STALE',
  message: 'This instance is joining its group again and owns no partition until it has: its writes wait.',
};

const stale: Failure = {
  code: 'MEMBERSHIP_STALE',
  message:
    'Kafka has not confirmed for too long that this instance is a member of its group, so another may own its partitions: its writes wait.',
};

export function createPipeline(options: PipelineOptions): Pipeline {
  const { source, clock, observer, retry, routeOf, maxBytesHeld, commitIntervalMs, drainTimeoutMs } = options;
  const failpoints = options.failpoints ?? noFailpoints;
  const stopped = new AbortController();
  const routes = new Map<string, Route>();
  /** Not settled when the group was left. */
  let recordsLeft = 0;

  const routeTo = (topic: string): Route => {
    let route = routes.get(topic);
    if (route === undefined) routes.set(topic, (route = routeOf(topic)));
    return route;
  };

  const memory = createMemory({
    ...{ maxBytesHeld, documents: options.documents ?? 1 },
    documentsOf: (topic) => routeTo(topic).documents ?? [topic],
    isBlocked: (topic) => {
      const route = routeTo(topic);
      return (route.documents ?? [topic]).some(writer.isHeld) || route.mappers.some(stage.isHeld);
    },
  });
  const books = createBooks({ memory, observer, clock });

  const progressed = (): void => {
    failpoints('settled');
    books.progressed();
  };

  const letters = createDeadLetterQueue({
    deadLetters: options.deadLetters,
    redact: (kept) => routeTo(kept.record.topic).redact?.(kept) ?? kept,
    ...{ clock, observer, retry, progressed, signal: stopped.signal },
  });

  const assignment = createAssignment({
    ...{ source, observer, clock, stopped: stopped.signal },
    books: { settled: books.settled, ignored: books.ignored, refused: letters.add },
    /** Their tenure is over: the new owner of the partition reads the records again. */
    abandon: (records) => {
      stage.drop();
      books.abandoned(records);
      writer.drop();
      books.wake();
    },
  });
  const partitions = createPartitionWatch(assignment, () => clock.nowMs());

  /** Whether writes may be sent now. */
  const ownership = (): AbortSignal | Failure => {
    const owned = assignment.ownership();
    if (owned === undefined) return rejoining;
    return source.remainingMs() > 0 ? owned : stale;
  };

  const writer = createWriter({
    sink: options.sink,
    clock,
    observer,
    retry,
    limit: createRequestLimit(options.maxRequests),
    maxBatchCount: options.maxBatchCount,
    maxBatchBytes: options.maxBatchBytes,
    lingerMs: options.lingerMs,
    progressed,
    failpoints,
    ownership,
    signal: stopped.signal,
  });

  const truncations = createTruncations({
    scan: options.scan,
    writer,
    clock,
    observer,
    retry,
    progress: books.progress,
    progressed,
    signal: stopped.signal,
  });

  /** Decoding and mapping are total; should a defect make one throw, that record alone must not stop the others (G6). */
  const defect = (record: SourceRecord, error: unknown): Failure => ({
    code: 'RECORD_NOT_HANDLED',
    message: `Handling ${placeText(record)} threw ${errorKind(error)}.`,
  });

  const decode = (record: SourceRecord): ChangeEvent => {
    try {
      return routeTo(record.topic).decode(record);
    } catch (error) {
      return { op: 'unreadable', record, failure: defect(record, error) };
    }
  };

  const stage = createMapStage({
    ...{ writer, clock, observer, retry, decode, defect, progressed },
    signal: stopped.signal,
  });

  /** One record: decoded, mapped, queued. Synchronous. */
  const take = (record: SourceRecord, route: Route, ticket: Ticket): void => {
    const event = decode(record);
    switch (event.op) {
      case 'read':
      case 'create':
      case 'update':
      case 'delete':
        if (route.mappers.length === 0) ticket.ignore('not-mapped');
        else stage.take(route.mappers, event, ticket);
        return;
      case 'truncate':
        truncations.take(event, route.truncated ?? [], ticket);
        return;
      case 'ignored':
        ticket.ignore(event.reason);
        return;
      case 'unreadable':
        ticket.refuse(event.failure);
    }
  };

  const accept = (batch: RecordBatch): void => {
    books.batchBegins();
    const tracker = assignment.trackerOf(batch);
    const route = routeTo(batch.topic);
    let records = 0;
    let bytes = 0;
    for (const record of batch.records) {
      const ticket = tracker.open(record);
      if (ticket === undefined) {
        record.release?.();
        continue;
      }
      records += 1;
      bytes += books.took(record);
      take(record, route, ticket);
    }
    tracker.reach(batch.next);
    partitions.accepted(batch);
    observer.accepted(batch.topic, records, bytes, batch.highWatermark - batch.next);
    books.tellIgnored();
    failpoints('decoded');
    writer.flush();
  };

  const revoking = async (): Promise<void> => {
    const untilMs = clock.nowMs() + drainTimeoutMs;
    while (books.held() > 0) {
      // When writes may not be sent any more, nothing is won by waiting.
      const leftMs = Math.min(untilMs - clock.nowMs(), source.remainingMs());
      if (leftMs <= 0) break;
      const patience = new AbortController();
      await Promise.race([books.progress(), clock.sleep(leftMs, patience.signal)]);
      patience.abort();
    }
    await assignment.commit();
  };

  const intake: Intake = {
    room: (batch) => {
      const wait = memory.hasRoom(batch.topic) ? options.prepare?.(batch.records) : books.progress();
      if (wait !== undefined) partitions.postponed(batch);
      return wait;
    },
    hasShare: ({ topic }) => memory.hasShare(topic),
    accept,
    joining: assignment.joining,
    assigned: (partitions, membership) => {
      recordsLeft = 0;
      assignment.assigned(partitions, membership);
      writer.flush();
    },
    released: () => {
      recordsLeft = books.held();
      assignment.released();
    },
    revoking,
  };

  const commitRegularly = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      await clock.sleep(commitIntervalMs, signal);
      if (signal.aborted) return;
      await assignment.commit();
    }
  };

  return {
    run: async (signal) => {
      const ended = new AbortController();
      const commits = commitRegularly(ended.signal);
      try {
        await source.run(intake, signal);
      } finally {
        ended.abort();
        stopped.abort();
        await commits;
      }
      return { recordsLeft: recordsLeft + books.held() };
    },
    status: () => {
      const { requestsInFlight, documents, lastFailure, indexes } = writer.load();
      return {
        accounts: books.accounts(),
        recordsHeld: memory.recordsHeld(),
        bytesHeld: memory.bytesHeld(),
        requestsInFlight,
        documentsInFlight: documents,
        assignment: assignment.partitions(),
        movedAtMs: books.movedAtMs(),
        lastFailure: (lastFailure ?? stage.held()[0]?.failure)?.message,
        held: stage.held(),
        partitions: partitions.statuses(),
        documents: indexes,
      };
    },
  };
}
