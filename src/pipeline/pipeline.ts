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
import { createAssignment } from './assignment.ts';
import { createDeadLetterQueue } from './dead-letter-queue.ts';
import type { Failpoints } from './failpoints.ts';
import { noFailpoints } from './failpoints.ts';
import { createLedger } from './ledger.ts';
import type { Accounts } from './ledger.ts';
import type { HeldDocument } from './map-stage.ts';
import { createMapStage } from './map-stage.ts';
import { ticketBytes } from './offset-tracker.ts';
import type { RecordOutcome, Ticket } from './offset-tracker.ts';
import type { Clock, DeadLetters, DocumentScan, Intake, Observer, Sink, Source } from './ports.ts';
import { createRequestLimit } from './request-limit.ts';
import type { RetryPolicy } from './retry.ts';
import type { PartitionStatus } from './partition-status.ts';
import { createPartitionWatch } from './partition-status.ts';
import { createShares } from './shares.ts';
import { createTruncations } from './truncation.ts';
import type { IndexLoad } from './writer.ts';
import { createWriter } from './writer.ts';

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
  const ledger = createLedger();
  const abandonLost = (tickets: readonly Ticket[]): void => {
    abandon(tickets);
  };
  const assignment = createAssignment({ source, observer, clock, abandon: abandonLost, stopped: stopped.signal });
  const partitions = createPartitionWatch(assignment, () => clock.nowMs());
  const routes = new Map<string, Route>();
  let bytesHeld = 0;
  /** Counted apart from the ledger, so that G5 compares two counts. */
  let recordsHeld = 0;
  let movedAtMs = clock.nowMs();
  let moved = false;
  /** Not settled when the group was left. */
  let recordsLeft = 0;
  /** Woken by progress. */
  let waiters: (() => void)[] = [];

  /** The ticket's record needs nothing more. */
  const close = (ticket: Ticket): void => {
    const bytes = ticketBytes(ticket);
    recordsHeld -= 1;
    bytesHeld -= bytes;
    ticket.tracker.bytesHeld -= bytes;
    ticket.record.release?.();
  };

  const settle = (ticket: Ticket, outcome: RecordOutcome): void => {
    if (ticket.tracker.tenure.isOver() || !ticket.tracker.settle(ticket, outcome)) return;
    close(ticket);
    ledger.settled(ticket.outcome);
    moved = true;
  };

  const wake = (): void => {
    const woken = waiters;
    waiters = [];
    for (const resolve of woken) resolve();
  };

  const progressed = (): void => {
    if (moved) movedAtMs = clock.nowMs();
    moved = false;
    failpoints('settled');
    wake();
  };

  /** Gives back the memory of a record that will never be settled; once, though several letters may hold it. */
  const forget = (ticket: Ticket): void => {
    if (ticket.unsettled === 0) return;
    ticket.unsettled = 0;
    ticket.record.release?.();
  };

  /** Their tenure is over: the new owner of the partition reads the records again. */
  const abandon = (tickets: readonly Ticket[]): void => {
    stage.drop((ticket) => ticket.tracker.tenure.isOver());
    const lettered = letters.tickets();
    const records = new Map<string, number>();
    for (const ticket of tickets) {
      recordsHeld -= 1;
      bytesHeld -= ticketBytes(ticket);
      const { topic } = ticket.record;
      records.set(topic, (records.get(topic) ?? 0) + 1);
      // A letter that is on its way reads the record's bytes.
      if (!lettered.has(ticket)) forget(ticket);
    }
    ledger.abandoned(tickets.length);
    for (const [topic, count] of records) observer.abandoned(topic, count);
    writer.drop();
    wake();
  };

  /** Whether writes may be sent now. */
  const ownership = (): AbortSignal | Failure => {
    const owned = assignment.ownership();
    if (owned === undefined) return rejoining;
    return source.remainingMs() > 0 ? owned : stale;
  };

  const letters = createDeadLetterQueue({
    deadLetters: options.deadLetters,
    redact: (kept) => routeTo(kept.record.topic).redact?.(kept) ?? kept,
    clock,
    observer,
    retry,
    settle: (ticket) => {
      if (ticket.tracker.tenure.isOver()) forget(ticket);
      else settle(ticket, 'dead-lettered');
    },
    progressed,
    signal: stopped.signal,
  });

  const writer = createWriter({
    sink: options.sink,
    clock,
    observer,
    retry,
    limit: createRequestLimit(options.maxRequests),
    maxBatchCount: options.maxBatchCount,
    maxBatchBytes: options.maxBatchBytes,
    lingerMs: options.lingerMs,
    settle,
    refuse: (ticket, failure, { index, id, routing, version }) => {
      if (ticket.tracker.tenure.isOver()) return;
      letters.add(ticket, failure, { index, id, version, ...(routing !== undefined && { routing }) });
    },
    progressed,
    failpoints,
    ownership,
    signal: stopped.signal,
  });

  const progress = (): Promise<void> =>
    new Promise((resolve) => {
      waiters.push(resolve);
    });

  const truncations = createTruncations({
    scan: options.scan,
    writer,
    clock,
    observer,
    retry,
    settle,
    refuse: letters.add,
    progress,
    progressed,
    signal: stopped.signal,
  });

  const routeTo = (topic: string): Route => {
    let route = routes.get(topic);
    if (route === undefined) routes.set(topic, (route = routeOf(topic)));
    return route;
  };

  const countIgnored = (topic: string, reason: string, records: number): void => {
    ledger.ignored(reason, records);
    observer.ignored(topic, reason, records);
  };

  const ignore = (ticket: Ticket, reason: string, ignored: Map<string, number>): void => {
    ticket.tracker.close(ticket);
    close(ticket);
    ignored.set(reason, (ignored.get(reason) ?? 0) + 1);
  };

  /** Decoding and mapping are total; should a defect make one throw, that record alone must not stop the others (G6). */
  const defect = (ticket: Ticket, error: unknown): Failure => ({
    code: 'RECORD_NOT_HANDLED',
    message: `Handling ${placeText(ticket.record)} threw ${errorKind(error)}.`,
  });

  const decode = (route: Route, ticket: Ticket): ChangeEvent => {
    try {
      return route.decode(ticket.record);
    } catch (error) {
      return { op: 'unreadable', record: ticket.record, failure: defect(ticket, error) };
    }
  };

  const stage = createMapStage({
    writer,
    clock,
    observer,
    retry,
    settle,
    refuse: letters.add,
    ignore: (ticket, reason, ignored) => {
      if (ignored !== undefined) {
        ignore(ticket, reason, ignored);
        return;
      }
      ignore(ticket, reason, new Map());
      countIgnored(ticket.record.topic, reason, 1);
      moved = true;
    },
    reread: (ticket) => {
      const event = decode(routeTo(ticket.record.topic), ticket);
      if ('before' in event) return event;
      if (event.op === 'unreadable') letters.add(ticket, event.failure);
      return undefined;
    },
    defect,
    progressed,
    signal: stopped.signal,
  });

  /** One record: decoded, mapped, queued. Synchronous. */
  const take = (route: Route, ticket: Ticket, ignored: Map<string, number>): void => {
    const event = decode(route, ticket);
    switch (event.op) {
      case 'read':
      case 'create':
      case 'update':
      case 'delete':
        if (route.mappers.length === 0) ignore(ticket, 'not-mapped', ignored);
        else stage.take(route.mappers, event, ticket, ignored);
        return;
      case 'truncate':
        truncations.take(event, route.truncated ?? [], ticket, (reason) => {
          ignore(ticket, reason, ignored);
        });
        return;
      case 'ignored':
        ignore(ticket, event.reason, ignored);
        return;
      case 'unreadable':
        letters.add(ticket, event.failure);
    }
  };

  const accept = (batch: RecordBatch): void => {
    if (ledger.held() === 0) movedAtMs = clock.nowMs();
    const tracker = assignment.trackerOf(batch);
    const route = routeTo(batch.topic);
    const ignored = new Map<string, number>();
    let records = 0;
    let bytes = 0;
    for (const record of batch.records) {
      const ticket = tracker.open(record);
      if (ticket === undefined) {
        record.release?.();
        continue;
      }
      const held = ticketBytes(ticket);
      records += 1;
      recordsHeld += 1;
      bytes += held;
      bytesHeld += held;
      tracker.bytesHeld += held;
      ledger.consumed();
      take(route, ticket, ignored);
    }
    tracker.reach(batch.next);
    partitions.accepted(batch);
    observer.accepted(batch.topic, records, bytes, batch.highWatermark - batch.next);
    for (const [reason, count] of ignored) countIgnored(batch.topic, reason, count);
    failpoints('decoded');
    writer.flush();
  };

  const documents = options.documents ?? 1;
  const share = createShares({
    ...{ maxBytesHeld, documents, bytesHeld: () => bytesHeld },
    *holders() {
      for (const { topic, tracker } of assignment.trackers()) yield { topic, bytesHeld: tracker.bytesHeld };
    },
    documentsOf: (topic) => routeTo(topic).documents ?? [topic],
    isBlocked: (topic) => {
      const route = routeTo(topic);
      return (route.documents ?? [topic]).some(writer.isHeld) || route.mappers.some(stage.isHeld);
    },
  });

  const revoking = async (): Promise<void> => {
    const untilMs = clock.nowMs() + drainTimeoutMs;
    while (ledger.held() > 0) {
      // When writes may not be sent any more, nothing is won by waiting.
      const leftMs = Math.min(untilMs - clock.nowMs(), source.remainingMs());
      if (leftMs <= 0) break;
      const patience = new AbortController();
      await Promise.race([progress(), clock.sleep(leftMs, patience.signal)]);
      patience.abort();
    }
    await assignment.commit();
  };

  const intake: Intake = {
    room: (batch) => {
      // Of several documents, one that holds nothing has room for a piece even then: others may have filled the memory before it was
      // known that their index takes nothing.
      const hasRoom = documents > 1 ? share(batch.topic) : bytesHeld < maxBytesHeld;
      const wait = hasRoom ? options.prepare?.(batch.records) : progress();
      if (wait !== undefined) partitions.postponed(batch);
      return wait;
    },
    hasShare: ({ topic }) => share(topic),
    accept,
    joining: assignment.joining,
    assigned: (partitions, membership) => {
      recordsLeft = 0;
      assignment.assigned(partitions, membership);
      writer.flush();
    },
    released: () => {
      recordsLeft = ledger.held();
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
      return { recordsLeft: recordsLeft + ledger.held() };
    },
    status: () => {
      const { requestsInFlight, documents, lastFailure, indexes } = writer.load();
      return {
        accounts: ledger.accounts(),
        recordsHeld,
        bytesHeld,
        requestsInFlight,
        documentsInFlight: documents,
        assignment: assignment.partitions(),
        movedAtMs: ledger.held() === 0 ? clock.nowMs() : movedAtMs,
        lastFailure: (lastFailure ?? stage.held()[0]?.failure)?.message,
        held: stage.held(),
        partitions: partitions.statuses(),
        documents: indexes,
      };
    },
  };
}
