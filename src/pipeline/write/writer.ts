/**
 * Takes writes and sends them: one write in flight a document, full batches at every rate (docs/decisions/0000, "One write in flight").
 *
 * Invariants:
 *  1. No document is in two requests at once, and at most once in a request: so writes of one document reach
 *     Elasticsearch in source order whatever the number of requests in flight (G3). `lanes.ts` holds it.
 *  2. Every submitted write is answered exactly once: settled or refused; tried again for ever while the cluster is in trouble (G6),
 *     and dropped only when its tenure is over. `answers.ts` says which.
 *  3. Nothing is sent unless it is owned, and a request that was not answered when the ownership ends is broken off: what of
 *     it is still owned after the next join is sent again (`tenure.ts`, `owning.ts`).
 *
 * When a request is sent, and how many are in flight, is for `slots.ts`; the wait of the whole cluster for `cluster-trouble.ts`, that of an
 * index for `index-holds.ts`; values that the source withheld are found by a sink around this one's (`withheld.ts`).
 */
import type { DocumentWrite } from '../../model/document.ts';
import type { Failure, WriteOutcome } from '../../model/outcome.ts';
import type { Failpoints } from '../failpoints.ts';
import { noFailpoints } from '../failpoints.ts';
import type { Clock, Observer, Sink } from '../ports.ts';
import type { RetryPolicy } from '../retry.ts';
import type { Ticket } from '../settle/ticket.ts';
import { failureOfAll, thrown } from './answer.ts';
import { createAnswers } from './answers.ts';
import type { ClusterTrouble } from './cluster-trouble.ts';
import { createClusterTrouble } from './cluster-trouble.ts';
import type { IndexHold, IndexHolds } from './index-holds.ts';
import { createIndexHolds, probeWrites } from './index-holds.ts';
import type { Lanes, Sent } from './lanes.ts';
import { createLanes, writeBytes } from './lanes.ts';
import { createOwning } from './owning.ts';
import type { RequestLimit } from './request-limit.ts';
import { createSlots } from './slots.ts';
import type { Troubles } from './troubles.ts';
import { createTroubles } from './troubles.ts';

export interface WriterOptions {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly retry: RetryPolicy;
  readonly limit: RequestLimit;
  readonly maxBatchCount: number;
  readonly maxBatchBytes: number;
  /** Longest time a batch that is not full waits while other requests are in flight. */
  readonly lingerMs: number;
  /** A request was answered and everything it settles is settled. */
  readonly progressed: () => void;
  readonly failpoints?: Failpoints;
  /** The signal under which writes may be sent now, aborted when that ends; or why nothing may be sent. */
  readonly ownership: () => AbortSignal | Failure;
  /** Ends everything at once; what is not settled stays so. */
  readonly signal: AbortSignal;
}

export interface Writer {
  /** Settles or refuses one part of the ticket, later. */
  submit(write: DocumentWrite, ticket: Ticket): void;
  /** Call after a run of submits: sends what may be sent. */
  flush(): void;
  /** Forgets the writes whose tenure is over. */
  drop(): void;
  /** For status and metrics. */
  load(): WriterLoad;
  /** Whether the index takes nothing now, while the cluster takes others. */
  isHeld(index: string): boolean;
}

export interface WriterLoad {
  readonly requestsInFlight: number;
  readonly documents: number;
  /** Why something waits now. */
  readonly lastFailure: Failure | undefined;
  /** Of each index with writes that are not settled. */
  readonly indexes: readonly IndexLoad[];
}

export interface IndexLoad {
  readonly index: string;
  /** Documents with a write that is not settled. */
  readonly documents: number;
  /** While nothing of it, or not all of it, is taken. */
  readonly waiting?: { readonly failure: Failure; readonly sinceMs: number };
}

/** Of writes whose request was broken off, since what this instance owns may have changed. */
const brokenOff: WriteOutcome = {
  status: 'retryable',
  failure: { code: 'MEMBERSHIP_STALE', message: 'The group was joined again while the request was sent.' },
};

export function createWriter(options: WriterOptions): Writer {
  const { sink, clock, observer, retry, limit, maxBatchCount, maxBatchBytes, lingerMs, signal } = options;
  const { progressed, ownership, failpoints = noFailpoints } = options;
  const again = (): void => {
    flush();
  };
  const troubles = createTroubles(clock, observer);
  const owning = createOwning({ ownership, clock, observer, signal, again });
  const holds = createIndexHolds({ clock, observer, retry, signal, again });
  const lanes = createLanes({
    maxBatchBytes,
    heldQueueOf: (index) => holds.of(index)?.queue,
    forgotten: (lane) => {
      if (lane.attempts > 0) troubles.healed(lane);
    },
  });
  const { queue } = lanes;
  const slots = createSlots({
    ...{ limit, clock, lingerMs, signal, freed: again },
    isWaiting: () => queue.length() > 0,
    isFull: () => queue.length() >= maxBatchCount || queue.bytes() >= maxBatchBytes,
    send: () => {
      const owned = owning.ask();
      const batch = owned === undefined ? [] : lanes.takeBatch(queue, maxBatchCount);
      return owned === undefined || batch.length === 0 ? undefined : send(batch, owned);
    },
  });
  const trouble = createClusterTrouble({ clock, observer, retry, slots, again, signal });
  const waits = { trouble, troubles, holds };
  const answers = createAnswers({ ...waits, lanes, slots, limit, clock, observer, retry, again, signal });

  const send = async (sent: readonly Sent[], owned: AbortSignal, probed?: IndexHold): Promise<void> => {
    const sentAtMs = clock.nowMs();
    if (probed !== undefined) holds.probing(probed, true);
    const outcomes = await outcomesOf(sent, { sink, owned, signal, failpoints });
    if (signal.aborted) return;
    failpoints('answered');
    if (probed !== undefined) holds.probing(probed, false);
    const bytes = sent.reduce((sum, { entry }) => sum + writeBytes(entry.write), 0);
    observer.request(clock.nowMs() - sentAtMs, sent.length, bytes, failureOfAll(outcomes) !== undefined);
    answers.answered(sent, outcomes, sentAtMs, probed);
    progressed();
  };

  /** Tries held indexes whose pause is over. */
  const probe = (): void => {
    for (const hold of holds.due()) {
      const owned = owning.ask();
      if (owned === undefined) return;
      const batch = lanes.takeBatch(hold.queue, Math.min(probeWrites, maxBatchCount));
      if (batch.length > 0) void send(batch, owned, hold).then(flush);
      else if (hold.queue.length() === 0) answers.endHold(hold);
    }
  };

  const flush = (): void => {
    if (!signal.aborted) probe();
    slots.fill();
  };

  return {
    submit: (write, ticket) => {
      lanes.enqueue(write.id, { write, ticket, older: undefined });
    },
    flush,
    drop: () => {
      lanes.drop();
      holds.retain((lane) => lane.waiting !== undefined);
      if (lanes.documents() > 0) return;
      // With nothing to send, nothing would ever say that it is over.
      trouble.end();
      owning.end();
    },
    load: () => ({
      requestsInFlight: slots.inFlight() + holds.probes(),
      documents: lanes.documents(),
      lastFailure: owning.failure() ?? (trouble.current() ?? holds.newest() ?? troubles.newest())?.failure,
      indexes: indexLoads(lanes, waits),
    }),
    isHeld: (index) => holds.of(index) !== undefined,
  };
}

interface Request {
  readonly sink: Sink;
  readonly owned: AbortSignal;
  readonly signal: AbortSignal;
  readonly failpoints: Failpoints;
}

/** One outcome for each write, whatever the sink does; nothing counts any more once `signal` is aborted. */
async function outcomesOf(
  sent: readonly Sent[],
  { sink, owned, signal, failpoints }: Request,
): Promise<readonly WriteOutcome[]> {
  try {
    const answer = sink.write(
      sent.map(({ entry }) => entry.write),
      owned,
    );
    failpoints('sent');
    return await answer;
  } catch (error) {
    if (signal.aborted) return [];
    return sent.map(() => (owned.aborted ? brokenOff : thrown(error)));
  }
}

interface Waits {
  readonly trouble: ClusterTrouble;
  readonly troubles: Troubles;
  readonly holds: IndexHolds;
}

function indexLoads(lanes: Lanes, { trouble, troubles, holds }: Waits): readonly IndexLoad[] {
  return [...lanes.indexes()].map(([index, documents]) => {
    const waiting = trouble.current() ?? holds.of(index) ?? troubles.of(index);
    if (waiting === undefined) return { index, documents };
    return { index, documents, waiting: { failure: waiting.failure, sinceMs: waiting.sinceMs } };
  });
}
