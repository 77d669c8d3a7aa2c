/** The lag of a partition that waits for room grows with its topic, and nobody asks the brokers for any other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offset } from '../../../src/model/position.ts';
import type { PartitionReading, Reading } from '../../../src/model/reading.ts';
import type { Ends, KnownPartition } from '../../../src/observability/end-watch.ts';
import { createEndWatch } from '../../../src/observability/end-watch.ts';

const maxAgeMs = 10_000;

const known = (topic: string, end: number, endSinceMs = 0): KnownPartition => ({
  ...{ topic, partition: 0, committed: offset(4), end: offset(end), endSinceMs, lagRecords: end - 4 },
});
const read = (topic: string, waits: boolean): PartitionReading => ({
  ...{ topic, partition: 0, fetchedAtMs: 0, silentSinceMs: 0 },
  ...(waits && { waitsForRoom: true as const }),
});

function setUp(partitions: readonly KnownPartition[], reading: Reading) {
  const state = { nowMs: maxAgeMs, end: 100, fails: false };
  const asked: (readonly string[])[] = [];
  const readEnds = (topics: readonly string[]): Promise<Ends> => {
    asked.push(topics);
    if (state.fails) return Promise.reject(new Error('no broker'));
    return Promise.resolve(new Map(topics.map((topic) => [topic, new Map([[0, offset(state.end)]])])));
  };
  const watch = createEndWatch({
    ...{ partitions: () => partitions, reading: () => reading, readEnds, nowMs: () => state.nowMs, maxAgeMs },
  });
  return { watch, state, asked };
}

test('the lag of a partition that waits for room is up to the end that the brokers tell, and that of others up to their fetch', async () => {
  const partitions = [known('waits', 10), known('reads', 10)];
  const { watch, state, asked } = setUp(partitions, {
    state: 'reading',
    partitions: [read('waits', true), read('reads', false)],
  });
  const lags = (): readonly number[] => watch.withEnds(partitions).map(({ lagRecords }) => lagRecords);
  assert.deepEqual(lags(), [6, 6]);
  await watch.look();
  assert.deepEqual(asked, [['waits']]);
  assert.deepEqual(lags(), [96, 6]);
  state.end = 200;
  await watch.look();
  assert.deepEqual(lags(), [196, 6]);
  // The brokers cannot be asked: what they said last is still the best.
  state.fails = true;
  await watch.look();
  assert.deepEqual(lags(), [196, 6]);
});

test('a fetch that told an end a moment ago is believed, and one that tells a later end takes over', async () => {
  const partitions = [known('waits', 10, 5_000)];
  const { watch, state, asked } = setUp(partitions, { state: 'reading', partitions: [read('waits', true)] });
  await watch.look();
  assert.deepEqual(asked, []);
  state.nowMs = 15_000;
  await watch.look();
  assert.deepEqual(asked, [['waits']]);
  const [later] = watch.withEnds([known('waits', 150)]);
  assert.deepEqual([later?.end, later?.lagRecords], [offset(150), 146]);
});

test('while the group is joined or sought nobody is asked', async () => {
  const { watch, asked } = setUp([known('waits', 10)], { state: 'joining', sinceMs: 0 });
  await watch.look();
  assert.deepEqual(asked, []);
});
