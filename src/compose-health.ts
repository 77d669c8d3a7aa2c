/**
 * The part of the composition root that says how the service is: the HTTP port, which is open before anything is asked of a server;
 * metrics; and the watch over Kafka, whose trouble nobody else reports.
 */
import { clock, version } from './compose-connections.ts';
import type { Config } from './config/schema.ts';
import type { Failure } from './model/outcome.ts';
import type { Reading } from './model/reading.ts';
import type { Ends } from './observability/end-watch.ts';
import { createEndWatch } from './observability/end-watch.ts';
import type { Health, HealthState } from './observability/health.ts';
import { judgeHealth } from './observability/health.ts';
import { startHttp } from './observability/http.ts';
import type { Logger } from './observability/logger.ts';
import type { Metrics, PartitionGauges } from './observability/metrics.ts';
import { createMetrics } from './observability/metrics.ts';
import { createObserver } from './observability/observer.ts';
import type { Readiness } from './observability/readiness.ts';
import { kafkaTrouble, readiness } from './observability/readiness.ts';
import type { OpenWait } from './observability/waits.ts';
import { createWaits } from './observability/waits.ts';
import type { PartitionStatus } from './pipeline/partition-status.ts';
import type { PipelineStatus } from './pipeline/pipeline.ts';
import type { Observer } from './pipeline/ports.ts';

/** What runs, once the start has come so far. */
export interface Watched {
  status(): PipelineStatus;
  reading(): Reading;
  /** The aliases of all documents. */
  aliases(): readonly string[];
  /** What else `/status` tells. */
  details(): object;
  /** By topic, in milliseconds; of those whose records expire. */
  retentions(): Promise<ReadonlyMap<string, number>>;
  /** Where the partitions of these topics end now. */
  ends(topics: readonly string[]): Promise<Ends>;
}

export interface Monitor {
  readonly metrics: Metrics;
  readonly observer: Observer;
  /** 0 if the HTTP port is switched off. */
  readonly port: number;
  /** Why the service cannot work yet; undefined when nothing is known to keep it. */
  starting(failure: Failure | undefined): void;
  /** From now on, what runs is watched. */
  watch(watched: Watched): void;
  close(): Promise<void>;
}

const lookEveryMs = 1000;
/** A wait for Kafka is reported again this often. */
const remindEveryMs = 30_000;
const retentionsEveryMs = 300_000;
const endsEveryMs = 10_000;
const notYet: Readiness = { ready: false, reason: 'Sluice starts.' };

/** Throws a SluiceError if the port is taken. */
export async function startMonitor(config: Config, logger: Logger): Promise<Monitor> {
  const patience = { stalledAfterMs: config.stalledAfterMs, rebalanceTimeoutMs: config.kafka.rebalanceTimeoutMs };
  const waits = createWaits({ nowMs: () => clock.nowMs(), epochMs: () => Date.now() });
  const over = new AbortController();
  let watched: Watched | undefined;
  let starting: Failure | undefined;
  let retentions: ReadonlyMap<string, number> = new Map();

  const endWatch = createEndWatch({
    partitions: () => watched?.status().partitions ?? [],
    reading: () => watched?.reading() ?? { state: 'starting', sinceMs: clock.nowMs(), failure: undefined },
    readEnds: (topics) => watched?.ends(topics) ?? Promise.resolve(new Map()),
    nowMs: () => clock.nowMs(),
    maxAgeMs: endsEveryMs,
  });
  const statusOf = (pipeline: Watched): PipelineStatus => {
    const status = pipeline.status();
    return { ...status, partitions: endWatch.withEnds(status.partitions) };
  };

  const state = (): (HealthState & { readonly status: PipelineStatus }) | undefined => {
    if (watched === undefined) return undefined;
    const status = statusOf(watched);
    return {
      ...{ status, starting: starting?.message, reading: watched.reading(), waits: waits.open() },
      ...{ recordsHeld: status.recordsHeld, movedAtMs: status.movedAtMs },
      partitions: status.partitions.map((partition) => ({ ...partition, ...expiry(partition, retentions) })),
    };
  };
  const isReady = (): Readiness => {
    const now = state();
    if (now !== undefined) return readiness(now, clock.nowMs(), patience);
    return starting === undefined ? notYet : { ready: false, reason: starting.message };
  };
  const health = (): Health => {
    const now = state();
    if (now !== undefined) return judgeHealth(now, clock.nowMs(), patience);
    const { reason = '' } = isReady();
    return { healthy: false, findings: [{ what: 'Sluice', code: 'NOT_READY', message: reason, forSeconds: 0 }] };
  };
  const metrics = createMetrics(() => ({
    ...(watched?.status() ?? { recordsHeld: 0, bytesHeld: 0, requestsInFlight: 0, documentsInFlight: 0 }),
    ready: isReady().ready,
    healthy: health().healthy,
    waits: waits.open().map(({ of, code, sinceMs }) => ({ of, code, seconds: (clock.nowMs() - sinceMs) / 1000 })),
    partitions: (watched === undefined ? [] : statusOf(watched).partitions).map((partition) =>
      gaugesOf(partition, retentions),
    ),
  }));
  const observer = createObserver(metrics, logger, waits);

  const status = (): object => {
    const now = state();
    const open = waits.open();
    return {
      version,
      ...isReady(),
      ...health(),
      lastFailure: open.map(waitReport).at(-1) ?? null,
      waits: open.map(waitReport),
      ...(now !== undefined && {
        kafka: now.reading.state,
        accounts: now.status.accounts,
        recordsHeld: now.status.recordsHeld,
        bytesHeld: now.status.bytesHeld,
        requestsInFlight: now.status.requestsInFlight,
        documentsInFlight: now.status.documentsInFlight,
        movedAt: isoAt(now.status.movedAtMs),
        partitions: now.status.partitions.map((partition) => partitionReport(partition, retentions)),
        held: now.status.held.map(({ document, failure: { code, message }, sinceMs, changes }) => {
          return { document, code, message, since: isoAt(sinceMs), changes };
        }),
        ...watched?.details(),
        documents: documentReports(watched?.aliases() ?? [], now.status, open),
      }),
    };
  };

  const watchKafka = async (): Promise<void> => {
    let since: { readonly ms: number; attempts: number; reportedMs: number } | undefined;
    while (!over.signal.aborted) {
      const now = clock.nowMs();
      // Looks at the partitions too, so that it is known when each moved last.
      const trouble =
        watched === undefined ? undefined : kafkaTrouble(state()?.reading ?? watched.reading(), now, patience);
      if (trouble !== undefined && (since === undefined || now - since.reportedMs > remindEveryMs)) {
        since = { ms: trouble.sinceMs, attempts: (since?.attempts ?? 0) + 1, reportedMs: now };
        observer.waiting(trouble.failure, since.attempts, lookEveryMs, 'Kafka');
      }
      if (trouble === undefined && since !== undefined) {
        observer.recovered('KAFKA_UNREACHABLE', now - since.ms, 'Kafka');
        since = undefined;
      }
      await clock.sleep(lookEveryMs, over.signal);
    }
  };

  const watchRetentions = async ({ retentions: read }: Watched): Promise<void> => {
    let isTold = false;
    while (!over.signal.aborted) {
      const found = await read().catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
      if (typeof found !== 'string') retentions = found;
      else if (!isTold) {
        logger.info(`The retention of the topics cannot be read, so when records expire is unknown: ${found}`);
        isTold = true;
      }
      await clock.sleep(retentionsEveryMs, over.signal);
    }
  };

  const watchEnds = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await endWatch.look();
      await clock.sleep(endsEveryMs, over.signal);
    }
  };

  const http = config.http.enabled
    ? await startHttp({ ...config.http, registry: metrics.registry, readiness: isReady, health, status })
    : undefined;
  const watching = watchKafka();
  return {
    metrics,
    observer,
    port: http?.port ?? 0,
    starting: (failure) => {
      starting = failure;
    },
    watch: (now) => {
      watched = now;
      void watchRetentions(now);
      void watchEnds();
    },
    close: async () => {
      over.abort();
      await watching;
      await http?.close();
    },
  };
}

/** The calendar's time of a moment of the clock that measures durations. */
function isoAt(ms: number): string {
  return new Date(Date.now() - (clock.nowMs() - ms)).toISOString();
}

function waitReport({ of, code, message, sinceEpochMs, lastEpochMs, attempts }: OpenWait): object {
  const since = new Date(sinceEpochMs).toISOString();
  return { of, code, message, since, at: new Date(lastEpochMs).toISOString(), attempts };
}

function expiry(
  { topic, nextTimestampMs, lagRecords }: PartitionStatus,
  retentions: ReadonlyMap<string, number>,
): { readonly expiresInMs?: number; readonly retentionMs?: number } {
  const retentionMs = retentions.get(topic);
  if (retentionMs === undefined || nextTimestampMs === undefined || lagRecords === 0) return {};
  return { expiresInMs: nextTimestampMs + retentionMs - Date.now(), retentionMs };
}

function gaugesOf(partition: PartitionStatus, retentions: ReadonlyMap<string, number>): PartitionGauges {
  const { topic, lagRecords, position, end, unsettled, oldestSinceMs, nextTimestampMs } = partition;
  const { expiresInMs } = expiry(partition, retentions);
  return {
    ...{ topic, partition: partition.partition, lagRecords, unsettled, unreadRecords: Math.max(0, end - position) },
    oldestUnsettledSeconds: oldestSinceMs === undefined ? 0 : (clock.nowMs() - oldestSinceMs) / 1000,
    ...(lagRecords === 0
      ? { lagSeconds: 0 }
      : nextTimestampMs !== undefined && { lagSeconds: Math.max(0, (Date.now() - nextTimestampMs) / 1000) }),
    ...(expiresInMs !== undefined && { expiresInSeconds: expiresInMs / 1000 }),
  };
}

function partitionReport(partition: PartitionStatus, retentions: ReadonlyMap<string, number>): object {
  const { topic, partition: number, committed, position, end } = partition;
  const { lagRecords, lagSeconds, unsettled, oldestUnsettledSeconds, expiresInSeconds } = gaugesOf(
    partition,
    retentions,
  );
  const lag = { lagRecords, lagSeconds, unsettled, oldestUnsettledSeconds, expiresInSeconds };
  return { topic, partition: number, committed, position, end, ...lag };
}

/** Of each document whether it is written, has nothing to write, or waits, since when and why. */
function documentReports(aliases: readonly string[], { documents }: PipelineStatus, waits: readonly OpenWait[]) {
  return aliases.map((document) => {
    const load = documents.find(({ index }) => index === document);
    const ofAll = waits.find(({ of }) => of === 'Elasticsearch' || of === 'membership');
    const wait = waits.find(({ of }) => of === document) ?? (load === undefined ? undefined : ofAll);
    const unsettled = load?.documents ?? 0;
    if (wait === undefined) return { document, state: unsettled > 0 ? 'writing' : 'idle', unsettled };
    return { document, state: 'waiting', unsettled, ...waitReport(wait) };
  });
}
