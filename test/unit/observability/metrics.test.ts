import assert from 'node:assert/strict';
import { test } from 'node:test';
import { catalogue } from '../../../src/errors.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { idleGauges } from './idle-gauges.ts';

/** Name and labels as they are scraped → value. */
async function scrape({ registry }: ReturnType<typeof createMetrics>): Promise<ReadonlyMap<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith('sluice_'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

test('everything that the pipeline tells is counted under its name', async () => {
  const metrics = createMetrics(() => idleGauges);
  const { observer } = metrics;
  observer.accepted('t', 10, 5000, 7);
  observer.accepted('t', 5, 1000, 3);
  observer.ignored('t', 'tombstone', 2);
  observer.wrote('docs', 'applied', 6);
  observer.wrote('docs', 'superseded', 1);
  observer.wrote('docs', 'coalesced', 4);
  observer.wrote('docs', 'retryable', 3);
  observer.request(20, 14, 9000, false);
  observer.request(7000, 1, 100, true);
  observer.deadLettered('t', 'DOCUMENT_REJECTED', 2);
  observer.committed(3);
  metrics.begin({ topics: [], indexes: ['docs'], version: '0' });
  observer.nullRead('docs', 'value', 2);
  observer.withheld('docs', 'kept', 8);
  observer.withheld('docs', 'omitted', 1);
  observer.waiting({ code: 'ELASTICSEARCH_UNREACHABLE', message: 'scripted' }, 1, 100);
  observer.waiting({ code: 'ELASTICSEARCH_UNREACHABLE', message: 'scripted' }, 2, 200);
  metrics.nulled('docs', 'price');
  const found = await scrape(metrics);
  const expected: Readonly<Record<string, number>> = {
    'sluice_records_consumed_total{topic="t"}': 15,
    'sluice_record_bytes_total{topic="t"}': 6000,
    'sluice_records_ignored_total{topic="t",reason="tombstone"}': 2,
    'sluice_writes_total{index="docs",outcome="applied"}': 6,
    'sluice_writes_total{index="docs",outcome="superseded"}': 1,
    'sluice_writes_total{index="docs",outcome="coalesced"}': 4,
    'sluice_writes_total{index="docs",outcome="retryable"}': 3,
    'sluice_bulk_request_seconds_count{failed="false"}': 1,
    'sluice_bulk_request_seconds_sum{failed="false"}': 0.02,
    'sluice_bulk_request_seconds_sum{failed="true"}': 7,
    sluice_bulk_request_writes_count: 2,
    sluice_bulk_request_writes_sum: 15,
    'sluice_records_dead_lettered_total{topic="t",code="DOCUMENT_REJECTED"}': 2,
    sluice_commits_total: 1,
    'sluice_nulls_read_total{index="docs",outcome="value"}': 2,
    'sluice_nulls_read_total{index="docs",outcome="untold"}': 0,
    'sluice_withheld_values_total{index="docs",outcome="kept"}': 8,
    'sluice_withheld_values_total{index="docs",outcome="omitted"}': 1,
    'sluice_waits_total{code="ELASTICSEARCH_UNREACHABLE"}': 2,
    'sluice_values_nulled_total{index="docs",field="price"}': 1,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(found.get(name), value, name);
});

test('the gauges are read when they are scraped', async () => {
  let gauges = {
    ...idleGauges,
    ...{ recordsHeld: 1, bytesHeld: 2, requestsInFlight: 3, documentsInFlight: 4, ready: true, healthy: true },
  };
  const metrics = createMetrics(() => gauges);
  const read = async (): Promise<readonly (number | undefined)[]> => {
    const found = await scrape(metrics);
    return ['records_held', 'bytes_held', 'requests_in_flight', 'documents_in_flight', 'ready', 'healthy'].map((name) =>
      found.get(`sluice_${name}`),
    );
  };
  assert.deepEqual(await read(), [1, 2, 3, 4, 1, 1]);
  gauges = { ...gauges, recordsHeld: 0, ready: false, healthy: false };
  assert.deepEqual(await read(), [0, 2, 3, 4, 0, 0]);
});

test('each assigned partition has its lag, in records and in seconds, and what waits of it; a lost one has nothing', async () => {
  const partition = {
    topic: 't',
    partition: 1,
    lagRecords: 9,
    unreadRecords: 4,
    unsettled: 5,
    oldestUnsettledSeconds: 2,
  };
  let partitions = [{ ...partition, lagSeconds: 7, expiresInSeconds: 60 }];
  const metrics = createMetrics(() => ({ ...idleGauges, partitions }));
  const names = [
    'lag_records',
    'lag_seconds',
    'unread_records',
    'unsettled_records',
    'oldest_unsettled_seconds',
    'expires_seconds',
  ];
  const read = async (): Promise<readonly (number | undefined)[]> => {
    const found = await scrape(metrics);
    return names.map((name) => found.get(`sluice_${name}{topic="t",partition="1"}`));
  };
  assert.deepEqual(await read(), [9, 7, 4, 5, 2, 60]);
  partitions = [];
  assert.deepEqual(
    await read(),
    names.map(() => undefined),
  );
});

test('what waits is a series with its reason for as long as it waits', async () => {
  let waits = [{ of: 'docs', code: 'INDEX_BLOCKED', seconds: 12 }];
  const metrics = createMetrics(() => ({ ...idleGauges, waits }));
  const series = 'sluice_waiting_seconds{of="docs",code="INDEX_BLOCKED"}';
  assert.equal((await scrape(metrics)).get(series), 12);
  waits = [];
  assert.equal((await scrape(metrics)).has(series), false);
});

test('counters are there, at 0, before anything happens, so that the first dead letter is an increase', async () => {
  const metrics = createMetrics(() => idleGauges);
  metrics.begin({ topics: ['t'], indexes: ['docs'], version: 'sluice 1' });
  const found = await scrape(metrics);
  for (const [code, { directive }] of Object.entries(catalogue)) {
    const letters = found.get(`sluice_records_dead_lettered_total{topic="t",code="${code}"}`);
    assert.equal(letters, directive === 'dead-letter' ? 0 : undefined, code);
  }
  for (const outcome of ['applied', 'superseded', 'coalesced', 'rejected', 'retryable']) {
    assert.equal(found.get(`sluice_writes_total{index="docs",outcome="${outcome}"}`), 0, outcome);
  }
  assert.equal(found.get('sluice_waits_total{code="KAFKA_UNREACHABLE"}'), 0);
  assert.equal(found.get('sluice_records_consumed_total{topic="t"}'), 0);
  assert.equal(found.get(`sluice_build_info{version="sluice 1",node="${process.version}"}`), 1);
});
