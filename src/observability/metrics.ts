/**
 * The catalogue of metrics: everything that can be scraped is made here.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Observer } from '../pipeline/ports.ts';

/** Read when the metrics are scraped. */
export interface Gauges {
  readonly recordsHeld: number;
  readonly bytesHeld: number;
  readonly requestsInFlight: number;
  readonly documentsInFlight: number;
  readonly ready: boolean;
}

export interface Metrics {
  readonly registry: Registry;
  /** Counts what the pipeline tells. */
  readonly observer: Omit<Observer, 'warned'>;
  /** Counts a value that its conversion made null: an infinity, NaN, an empty range. */
  nulled(index: string, field: string): void;
  /** Documents of an index whose values a field ignored, as counted last. */
  valuesIgnored(index: string, documents: number): void;
  /** The records of each topic that the broker has beyond what was read, as of the last batch. */
  lag(): Readonly<Record<string, number>>;
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
  const lagRecords = new Gauge({
    name: 'sluice_lag_records',
    help: 'Records of a topic that are not read yet, as of its last batch.',
    labelNames: ['topic'],
    registers,
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
  gauge('sluice_ready', '1 if moving or idle.', () => Number(gauges().ready));

  const lag: Record<string, number> = {};
  return {
    registry,
    nulled: (index, field) => {
      nulled.inc({ index, field });
    },
    valuesIgnored: (index, documents) => {
      valuesIgnored.set({ index }, documents);
    },
    lag: () => lag,
    observer: {
      accepted: (topic, records, recordBytes, behind) => {
        consumed.inc({ topic }, records);
        bytes.inc({ topic }, recordBytes);
        lag[topic] = behind;
        lagRecords.set({ topic }, behind);
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
      waiting: ({ code }) => {
        waits.inc({ code });
      },
      recovered: () => undefined,
    },
  };
}
