/**
 * The catalogue of metrics: everything that can be scraped is made here.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Directive } from '../errors.ts';
import { catalogue } from '../errors.ts';
import type { Observer } from '../pipeline/ports.ts';

/** Read when the metrics are scraped. */
export interface Gauges {
  readonly recordsHeld: number;
  readonly bytesHeld: number;
  readonly requestsInFlight: number;
  readonly documentsInFlight: number;
  readonly ready: boolean;
  readonly healthy: boolean;
  readonly waits: readonly { readonly of: string; readonly code: string; readonly seconds: number }[];
  /** Those that are assigned. */
  readonly partitions: readonly PartitionGauges[];
}

export interface PartitionGauges {
  readonly topic: string;
  readonly partition: number;
  /** Records that are not committed. */
  readonly lagRecords: number;
  /** Age of the first of them; unknown where it was not read yet. */
  readonly lagSeconds?: number;
  /** Records that are not read. */
  readonly unreadRecords: number;
  /** Records that were read and are not settled, and how long ago the oldest of them was read. */
  readonly unsettled: number;
  readonly oldestUnsettledSeconds: number;
  /** Until the first record that is not committed expires; unknown where the topic keeps records, or the record is unknown. */
  readonly expiresInSeconds?: number;
}

export interface Metrics {
  readonly registry: Registry;
  /** Counts what the pipeline tells. */
  readonly observer: Omit<Observer, 'warned'>;
  /** Counts a value that its conversion made null: an infinity, NaN, an empty range. */
  nulled(index: string, field: string): void;
  /** Documents of an index whose values a field ignored, as counted last. */
  valuesIgnored(index: string, documents: number): void;
  /** Gives counters their first value, 0, so that their first increase is one. */
  begin(names: {
    readonly topics: readonly string[];
    readonly indexes: readonly string[];
    readonly version: string;
  }): void;
}

const outcomes = ['applied', 'superseded', 'coalesced', 'rejected', 'retryable'] as const;

/** The codes of failures that are answered so. */
function codesOf(...directives: readonly Directive[]): readonly string[] {
  return Object.entries(catalogue).flatMap(([code, { directive }]) => (directives.includes(directive) ? [code] : []));
}

export function createMetrics(gauges: () => Gauges): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> =>
    new Counter({ name, help, labelNames: [...labelNames], registers });
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });

  const consumed = counter('sluice_records_consumed_total', 'Records read and taken over.', ['topic']);
  const bytes = counter('sluice_record_bytes_total', 'Bytes held for records that were taken over.', ['topic']);
  const ignored = counter('sluice_records_ignored_total', 'Records that need no write, by reason.', [
    'topic',
    'reason',
  ]);
  const deadLettered = counter('sluice_records_dead_lettered_total', 'Records kept aside, by error code.', [
    'topic',
    'code',
  ]);
  const abandoned = counter(
    'sluice_records_abandoned_total',
    'Records given up unsettled with their partition, which its new owner reads again.',
    ['topic'],
  );
  const writes = counter('sluice_writes_total', 'Writes, by what became of them.', ['index', 'outcome']);
  const committed = counter('sluice_commits_total', 'Commits of offsets.', []);
  const withheld = counter('sluice_withheld_values_total', 'Values that the database did not send: kept or omitted.', [
    'index',
    'outcome',
  ]);
  const nullsRead = counter(
    'sluice_nulls_read_total',
    'Nulls in doubt that were looked up in the database: it has a value, it has null, or it cannot tell.',
    ['index', 'outcome'],
  );
  const nulled = counter(
    'sluice_values_nulled_total',
    'Values that no field can hold, such as NaN: null in documents.',
    ['index', 'field'],
  );
  const waits = counter('sluice_waits_total', 'Waits before another attempt, by error code.', ['code']);
  const requests = new Histogram({
    name: 'sluice_bulk_request_seconds',
    help: 'Bulk requests, until their answer was read.',
    labelNames: ['failed'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const batchWrites = new Histogram({
    name: 'sluice_bulk_request_writes',
    help: 'Writes in a bulk request.',
    buckets: [1, 5, 10, 50, 100, 250, 500, 1000, 2500],
    registers,
  });
  const partitionGauge = (name: string, help: string, read: (of: PartitionGauges) => number | undefined): Gauge =>
    new Gauge({
      ...{ name, help, labelNames: ['topic', 'partition'], registers },
      collect() {
        this.reset();
        for (const each of gauges().partitions) {
          const value = read(each);
          if (value !== undefined) this.set({ topic: each.topic, partition: each.partition }, value);
        }
      },
    });
  partitionGauge('sluice_lag_records', 'Records that are not committed.', (of) => of.lagRecords);
  partitionGauge('sluice_lag_seconds', 'Age of the first record that is not committed.', (of) => of.lagSeconds);
  partitionGauge('sluice_unread_records', 'Records that are not read.', (of) => of.unreadRecords);
  partitionGauge('sluice_unsettled_records', 'Records that were read and are not settled.', (of) => of.unsettled);
  partitionGauge(
    'sluice_oldest_unsettled_seconds',
    'How long ago the oldest record was read that is not settled.',
    (of) => of.oldestUnsettledSeconds,
  );
  partitionGauge(
    'sluice_expires_seconds',
    'Until the first record that is not committed expires by the retention of its topic.',
    (of) => of.expiresInSeconds,
  );
  new Gauge({
    ...{ name: 'sluice_waiting_seconds', help: 'What waits, for which reason, and how long.', registers },
    labelNames: ['of', 'code'],
    collect() {
      this.reset();
      for (const { of, code, seconds } of gauges().waits) this.set({ of, code }, seconds);
    },
  });
  const build = new Gauge({
    ...{ name: 'sluice_build_info', help: 'Always 1; its labels say what runs.', registers },
    labelNames: ['version', 'node'],
  });
  const valuesIgnored = new Gauge({
    name: 'sluice_documents_with_ignored_values',
    help: 'Documents with values that a field could not take, as counted last.',
    labelNames: ['index'],
    registers,
  });
  gauge('sluice_records_held', 'Records read and not settled.', () => gauges().recordsHeld);
  gauge('sluice_bytes_held', 'Memory of records read and not settled.', () => gauges().bytesHeld);
  gauge('sluice_requests_in_flight', 'Bulk requests in flight.', () => gauges().requestsInFlight);
  gauge('sluice_documents_in_flight', 'Documents with a write that is not settled.', () => gauges().documentsInFlight);
  gauge('sluice_ready', '1 if this process can work.', () => Number(gauges().ready));
  gauge('sluice_healthy', '1 if no document and no partition stands still.', () => Number(gauges().healthy));

  const begin: Metrics['begin'] = ({ topics, indexes, version }) => {
    build.set({ version, node: process.version }, 1);
    for (const code of codesOf('retry', 'pause')) waits.inc({ code }, 0);
    for (const topic of topics) {
      consumed.inc({ topic }, 0);
      bytes.inc({ topic }, 0);
      for (const code of codesOf('dead-letter')) deadLettered.inc({ topic, code }, 0);
    }
    for (const index of indexes) {
      for (const outcome of outcomes) writes.inc({ index, outcome }, 0);
      for (const outcome of ['kept', 'omitted']) withheld.inc({ index, outcome }, 0);
      for (const outcome of ['value', 'null', 'untold']) nullsRead.inc({ index, outcome }, 0);
    }
  };
  return {
    registry,
    nulled: (index, field) => {
      nulled.inc({ index, field });
    },
    valuesIgnored: (index, documents) => {
      valuesIgnored.set({ index }, documents);
    },
    begin,
    observer: {
      accepted: (topic, records, recordBytes) => {
        consumed.inc({ topic }, records);
        bytes.inc({ topic }, recordBytes);
      },
      ignored: (topic, reason, records) => {
        ignored.inc({ topic, reason }, records);
      },
      wrote: (index, outcome, count) => {
        writes.inc({ index, outcome }, count);
      },
      request: (durationMs, count, _bytes, failed) => {
        requests.observe({ failed: String(failed) }, durationMs / 1000);
        batchWrites.observe(count);
      },
      deadLettered: (topic, code, records) => {
        deadLettered.inc({ topic, code }, records);
      },
      abandoned: (topic, records) => {
        abandoned.inc({ topic }, records);
      },
      committed: () => {
        committed.inc();
      },
      withheld: (index, outcome, values) => {
        withheld.inc({ index, outcome }, values);
      },
      nullRead: (index, outcome, fields) => {
        nullsRead.inc({ index, outcome }, fields);
      },
      waiting: ({ code }) => {
        waits.inc({ code });
      },
      recovered: () => undefined,
    },
  };
}
