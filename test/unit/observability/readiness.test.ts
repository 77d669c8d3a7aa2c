import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PartitionReading } from '../../../src/model/reading.ts';
import type { HealthState } from '../../../src/observability/health.ts';
import { judgeHealth } from '../../../src/observability/health.ts';
import { readiness } from '../../../src/observability/readiness.ts';
import type { OpenWait } from '../../../src/observability/waits.ts';

const patience = { stalledAfterMs: 10_000, rebalanceTimeoutMs: 60_000 };
const now = 1_000_000;
const away = { code: 'KAFKA_UNREACHABLE', message: 'No broker answers.' } as const;

const read = (silentMs: number, partition = 0): PartitionReading => ({
  ...{ topic: 't', partition },
  ...{ fetchedAtMs: now - silentMs, silentSinceMs: now - silentMs },
});

const wait = (of: string, code: OpenWait['code'], forMs: number): OpenWait => ({
  ...{ of, code, message: `${of} waits.`, sinceMs: now - forMs, attempts: 1 },
  ...{ sinceEpochMs: 0, lastEpochMs: 0 },
});

const idle: HealthState = {
  reading: { state: 'reading', partitions: [read(100)] },
  ...{ waits: [], recordsHeld: 0, movedAtMs: now, partitions: [] },
};

/** What /ready and /health say: `ready healthy`, and the names of what stands still. */
function judged(state: Partial<HealthState>): readonly unknown[] {
  const whole = { ...idle, ...state };
  const { ready, reason } = readiness(whole, now, patience);
  const { healthy, findings } = judgeHealth(whole, now, patience);
  assert.equal(ready, reason === undefined, 'whoever is not ready says why');
  assert.equal(healthy, findings.length === 0);
  assert.ok(ready || !healthy, 'what cannot work is not healthy');
  return [ready, healthy, ...findings.map(({ what, code }) => `${what} ${code}`)];
}

test('ready and healthy is who has nothing to do, has no partitions, or moved a moment ago', () => {
  assert.deepEqual(judged({}), [true, true]);
  assert.deepEqual(judged({ reading: { state: 'reading', partitions: [] } }), [true, true]);
  assert.deepEqual(judged({ recordsHeld: 5, movedAtMs: now - 9000 }), [true, true]);
});

test('a partition that no fetch was answered for is red within the patience, and named, whatever the others do', () => {
  const reading = (silentMs: number) => ({ state: 'reading', partitions: [read(50, 0), read(silentMs, 1)] }) as const;
  assert.deepEqual(judged({ reading: reading(10_000) }), [true, true]);
  assert.deepEqual(judged({ reading: reading(10_001) }), [false, false, 'Kafka KAFKA_UNREACHABLE']);
  const { reason } = readiness({ ...idle, reading: reading(12_000) }, now, patience);
  assert.equal(reason, 'No fetch of t[1] was answered for 12 s.');
});

test('joins on end do not hide a partition that is never fetched', () => {
  const partition = { topic: 't', partition: 0, fetchedAtMs: now };
  const reading = (silentMs: number) =>
    ({ state: 'reading', partitions: [{ ...partition, silentSinceMs: now - silentMs }] }) as const;
  assert.deepEqual(judged({ reading: reading(70_000) }), [true, true]);
  assert.deepEqual(judged({ reading: reading(70_001) }), [false, false, 'Kafka KAFKA_UNREACHABLE']);
});

test('a rebalance within its timeout stays ready', () => {
  const joining = (forMs: number) => ({ state: 'joining', sinceMs: now - forMs }) as const;
  assert.deepEqual(judged({ reading: joining(60_000) }), [true, true]);
  assert.deepEqual(judged({ reading: joining(70_001) }), [false, false, 'Kafka KAFKA_UNREACHABLE']);
});

test('who lost the group, or never joined it, is not ready, with what was met', () => {
  const lost = (forMs: number) => ({ state: 'away', sinceMs: now - forMs, failure: away }) as const;
  assert.deepEqual(judged({ reading: lost(9000) }), [true, true]);
  assert.deepEqual(judged({ reading: lost(10_001) }), [false, false, 'Kafka KAFKA_UNREACHABLE']);
  const starting = { state: 'starting', sinceMs: now, failure: undefined } as const;
  assert.deepEqual(judged({ reading: starting }), [false, false, 'Sluice NOT_READY']);
  assert.deepEqual(judged({ reading: { ...starting, failure: away } }), [false, false, 'Kafka KAFKA_UNREACHABLE']);
  assert.deepEqual(judged({ starting: 'Elasticsearch is away.' }), [false, false, 'Sluice NOT_READY']);
});

test('a document that waits is red and named, and stops no rollout', () => {
  const state = { recordsHeld: 5, movedAtMs: now - 60_000 };
  assert.deepEqual(judged({ ...state, waits: [wait('docs', 'INDEX_BLOCKED', 9000)] }), [true, true]);
  assert.deepEqual(judged({ ...state, waits: [wait('docs', 'INDEX_BLOCKED', 11_000)] }), [
    true,
    false,
    'docs INDEX_BLOCKED',
  ]);
});

test('whoever cannot reach Elasticsearch is not ready; a wait of all documents for another reason stops no rollout', () => {
  for (const party of ['Elasticsearch', 'control index']) {
    const code = 'ELASTICSEARCH_UNREACHABLE';
    assert.deepEqual(judged({ waits: [wait(party, code, 9000)] }), [true, true]);
    assert.deepEqual(judged({ waits: [wait(party, code, 11_000)] }), [false, false, `${party} ${code}`]);
  }
  const blocked = wait('Elasticsearch', 'INDEX_BLOCKED', 11_000);
  assert.deepEqual(judged({ waits: [blocked] }), [true, false, 'Elasticsearch INDEX_BLOCKED']);
});

test('a schema registry or dead letters that are away are red, and stop no rollout', () => {
  const registry = wait('schema 7', 'SCHEMA_REGISTRY_UNREACHABLE', 11_000);
  assert.deepEqual(judged({ waits: [registry] }), [true, false, 'schema 7 SCHEMA_REGISTRY_UNREACHABLE']);
  const letters = wait('dead letters', 'DEAD_LETTERS_UNAVAILABLE', 11_000);
  assert.deepEqual(judged({ waits: [letters] }), [true, false, 'dead letters DEAD_LETTERS_UNAVAILABLE']);
});

test('who holds records and settles none, for no reason that is known, is not ready', () => {
  assert.deepEqual(judged({ recordsHeld: 5, movedAtMs: now - 10_001 }), [false, false, 'Sluice NOT_READY']);
});

test('a partition that stands still is red although others move, and the worst is named first', () => {
  const standing = { topic: 't', partition: 3, unsettled: 5, standingSinceMs: now - 20_000 };
  const waits = [wait('docs', 'INDEX_BLOCKED', 11_000)];
  assert.deepEqual(judged({ partitions: [standing], waits }), [true, false, 't[3] NOT_SETTLED', 'docs INDEX_BLOCKED']);
  assert.deepEqual(judged({ partitions: [{ ...standing, standingSinceMs: now - 9000 }] }), [true, true]);
});

test('records that are not written are red when nine tenths of their retention are over', () => {
  const partition = { topic: 't', partition: 0, unsettled: 0, retentionMs: 1000 };
  assert.deepEqual(judged({ partitions: [{ ...partition, expiresInMs: 100 }] }), [true, true]);
  assert.deepEqual(judged({ partitions: [{ ...partition, expiresInMs: 99 }] }), [true, false, 't[0] EXPIRES_SOON']);
  assert.deepEqual(judged({ partitions: [{ ...partition, expiresInMs: -5 }] }), [true, false, 't[0] EXPIRES_SOON']);
});
