import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createReadingWatch } from '../../../src/kafka/reading.ts';

const failure = { code: 'KAFKA_UNREACHABLE', message: 'No broker answers.' } as const;
const [zero, one] = [
  { topic: 't', partition: 0 },
  { topic: 't', partition: 1 },
] as const;

function setUp() {
  let now = 0;
  const watch = createReadingWatch(() => now);
  return {
    watch,
    at: (ms: number): void => {
      now = ms;
    },
    waiting: (): readonly boolean[] => {
      const reading = watch.report();
      return reading.state === 'reading' ? reading.partitions.map((each) => each.waitsForRoom === true) : [];
    },
    /** When each partition was fetched last; else the state. */
    seen: (): readonly number[] | string => {
      const reading = watch.report();
      return reading.state === 'reading' ? reading.partitions.map(({ fetchedAtMs }) => fetchedAtMs) : reading.state;
    },
  };
}

test('only the partitions of a fetch that was answered are fresh', () => {
  const { watch, at, seen } = setUp();
  watch.joined([zero, one]);
  at(500);
  watch.fetched([zero]);
  at(900);
  assert.deepEqual(seen(), [500, 0]);
});

test('a partition is alive while a batch of its fetch waits for room, for no further fetch is sent meanwhile', () => {
  const { watch, at, seen } = setUp();
  watch.joined([zero, one]);
  watch.fetched([zero, one]);
  const done = watch.handling(zero);
  at(60_000);
  assert.deepEqual(seen(), [60_000, 60_000]);
  done();
  at(70_000);
  assert.deepEqual(seen(), [60_000, 60_000], 'from then on, a fetch is due');
});

test('a partition that is paused for want of room is alive, and no other with it', () => {
  const { watch, at, seen, waiting } = setUp();
  watch.joined([zero, one]);
  const over = watch.pausing(zero);
  at(60_000);
  assert.deepEqual(seen(), [60_000, 0]);
  assert.deepEqual(waiting(), [true, false]);
  over();
  assert.deepEqual(waiting(), [false, false]);
  at(70_000);
  assert.deepEqual(seen(), [60_000, 0], 'from then on, a fetch is due');
});

test('a rebalance begins anew, and keeps in mind what was silent before it', () => {
  const { watch, at, seen } = setUp();
  watch.joined([zero, one]);
  at(1000);
  watch.fetched([zero]);
  at(2000);
  watch.joining();
  assert.equal(seen(), 'joining');
  at(5000);
  watch.joined([zero, one]);
  const reading = watch.report();
  assert.ok(reading.state === 'reading');
  assert.deepEqual(
    reading.partitions.map(({ fetchedAtMs, silentSinceMs }) => [fetchedAtMs, silentSinceMs]),
    [
      [5000, 5000],
      [5000, 0],
    ],
  );
});

test('whoever lost the group is away since it read last, until it has joined again', () => {
  const { watch, at, seen } = setUp();
  assert.equal(seen(), 'starting');
  watch.ended(failure);
  assert.deepEqual(watch.report(), { state: 'starting', sinceMs: 0, failure });
  watch.joined([zero]);
  at(1000);
  watch.fetched([zero]);
  at(8000);
  watch.ended(failure);
  watch.joining();
  assert.deepEqual(watch.report(), { state: 'away', sinceMs: 1000, failure });
  watch.joined([]);
  assert.deepEqual(seen(), []);
});
