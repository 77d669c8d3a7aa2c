import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import pino from 'pino';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { createObserver } from '../../../src/observability/observer.ts';
import type { Waits } from '../../../src/observability/waits.ts';
import { createWaits } from '../../../src/observability/waits.ts';
import type { Observer } from '../../../src/pipeline/ports.ts';
import { idleGauges } from './idle-gauges.ts';

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly code?: string;
  readonly [key: string]: unknown;
}

const [warn, error, info] = [40, 50, 30];

function setUp(waits?: Waits): {
  readonly observer: Observer;
  readonly lines: () => readonly Line[];
  metrics(): Promise<string>;
} {
  const written: string[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => written.push(...chunk.toString().split('\n').filter(Boolean)));
  const metrics = createMetrics(() => idleGauges);
  const observer = createObserver(metrics, pino({ level: 'info' }, stream), waits);
  return {
    observer,
    lines: () => written.map((line) => JSON.parse(line) as Line),
    metrics: () => metrics.registry.metrics(),
  };
}

const unreachable = { code: 'ELASTICSEARCH_UNREACHABLE', message: 'No connection to Elasticsearch.' } as const;

test('a wait is logged at first with each attempt and then ever more rarely, and becomes an error', async () => {
  const { observer, lines, metrics } = setUp();
  for (let attempt = 1; attempt <= 70; attempt += 1) observer.waiting(unreachable, attempt, 100);
  assert.deepEqual(
    lines().map(({ level, attempt }) => [attempt, level]),
    [
      [1, warn],
      [2, warn],
      [3, warn],
      [4, warn],
      [8, error],
      [16, error],
      [32, error],
      [64, error],
    ],
  );
  const [first] = lines();
  assert.equal(first?.code, 'ELASTICSEARCH_UNREACHABLE');
  assert.match(first.msg, /^No connection to Elasticsearch\. Check that .* Attempt 1 failed\.$/, 'with the next step');
  assert.match(await metrics(), /^sluice_waits_total\{code="ELASTICSEARCH_UNREACHABLE"\} 70$/m);
});

test('the end of a wait is logged, with how long it took', () => {
  const { observer, lines } = setUp();
  observer.recovered('ELASTICSEARCH_UNREACHABLE', 1234.5);
  const [line] = lines();
  assert.equal(line?.level, info);
  assert.match(line.msg, /ELASTICSEARCH_UNREACHABLE .*123[45] ms/);
});

test('dead letters are logged with their topic, count and meaning, and warnings with what to do', () => {
  const { observer, lines } = setUp();
  observer.deadLettered('t', 'DOCUMENT_REJECTED', 3);
  observer.warned({ code: 'GC_DELETES_SHORT', message: 'It forgets.' });
  const [letters, warning] = lines();
  assert.deepEqual([letters?.level, letters?.['topic'], letters?.['records']], [warn, 't', 3]);
  assert.match(letters?.msg ?? '', /^3 records of t .*Elasticsearch can never accept this document/);
  assert.deepEqual([warning?.level, warning?.code], [warn, 'GC_DELETES_SHORT']);
  assert.match(warning?.msg ?? '', /^It forgets\. Set `index\.gc_deletes`/);
});

test('what goes well is counted and not logged', async () => {
  const { observer, lines, metrics } = setUp();
  observer.accepted('t', 100, 1000, 0);
  observer.ignored('t', 'tombstone', 1);
  observer.wrote('docs', 'applied', 99);
  observer.request(5, 99, 1000, false);
  observer.committed(1);
  observer.withheld('docs', 'kept', 1);
  assert.deepEqual(lines(), []);
  const text = await metrics();
  for (const name of [
    'records_consumed_total{topic="t"} 100',
    'records_ignored_total{topic="t",reason="tombstone"} 1',
    'writes_total{index="docs",outcome="applied"} 99',
    'bulk_request_writes_sum 99',
    'commits_total 1',
    'withheld_values_total{index="docs",outcome="kept"} 1',
  ]) {
    assert.ok(text.includes(`\nsluice_${name}\n`), name);
  }
});

test('every wait that is logged is logged when it ends, also when the same thing goes on to wait for another reason', () => {
  let now = 0;
  const waits = createWaits({ nowMs: () => now, epochMs: () => 1_700_000_000_000 + now });
  const { observer, lines } = setUp(waits);
  const blocked = { code: 'INDEX_BLOCKED', message: 'It is blocked.' } as const;
  observer.waiting(blocked, 1, 100, 'a');
  observer.waiting(blocked, 1, 100, 'b');
  now = 5000;
  observer.waiting(unreachable, 2, 100, 'a');
  observer.recovered('ELASTICSEARCH_UNREACHABLE', 1000, 'a');
  const ends = lines().filter(({ level }) => level === info);
  assert.deepEqual(
    ends.map(({ code, of: what }) => [code, what]),
    [
      ['INDEX_BLOCKED', 'a'],
      ['ELASTICSEARCH_UNREACHABLE', 'a'],
    ],
  );
  const [open, ...others] = waits.open();
  assert.deepEqual(
    [open?.of, open?.code, open?.sinceMs, open?.sinceEpochMs],
    ['b', 'INDEX_BLOCKED', 0, 1_700_000_000_000],
  );
  assert.deepEqual(others, [], 'what is over is no error any more');
});

test('a wait keeps the time when it began and tells the time of its last attempt', () => {
  let now = 0;
  const waits = createWaits({ nowMs: () => now, epochMs: () => now });
  waits.waiting(unreachable, 1, 'Elasticsearch');
  now = 700;
  waits.waiting(unreachable, 2, 'Elasticsearch');
  const [{ sinceEpochMs, lastEpochMs, attempts } = {}] = waits.open();
  assert.deepEqual([sinceEpochMs, lastEpochMs, attempts], [0, 700, 2]);
});
