import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { offset } from '../../../src/model/position.ts';
import { createDeadLetterQueue } from '../../../src/pipeline/dead-letter-queue.ts';
import { createOffsetTracker } from '../../../src/pipeline/settle/offset-tracker.ts';
import type { DeadLetter } from '../../../src/pipeline/ports.ts';
import { fakeBooks } from '../../fakes/books.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';

/** A queue before a topic that refuses the first `failures` requests; what was sent are the lengths of values. */
function setUp(failures = 0, isDurable = (): Promise<void> => Promise.resolve()) {
  const clock = createManualClock();
  const tracker = createOffsetTracker(offset(0), fakeBooks({ settled: ({ offset: at }) => settled.push(at) }));
  const requests: (readonly number[])[] = [];
  const settled: number[] = [];
  const told: string[] = [];
  let left = failures;
  const queue = createDeadLetterQueue({
    deadLetters: {
      write: (letters: readonly DeadLetter[]) => {
        if (left > 0) {
          left -= 1;
          return Promise.reject(new Error('scripted'));
        }
        requests.push(letters.map(({ record }) => record.value?.length ?? 0));
        return isDurable();
      },
    },
    redact: (kept) => kept,
    clock,
    observer: silentObserver({
      waiting: (failure, attempt, delayMs) => told.push(`${failure.code} ${attempt} ${delayMs}`),
      recovered: (code, afterMs) => told.push(`${code} over ${afterMs}`),
    }),
    retry: { initialMs: 100, maxMs: 1000, pauseMs: 5000, random: () => 0.5 },
    progressed: () => undefined,
    signal: new AbortController().signal,
  });
  let next = 0;
  const add = (...lengths: readonly number[]): void => {
    for (const length of lengths) {
      const place = { topic: 't', partition: 0, offset: offset(next), timestampMs: 0, headers: undefined };
      next += 1;
      const record = { ...place, key: null, value: Buffer.alloc(length) };
      const ticket = tracker.open(record);
      assert.ok(ticket);
      queue.add(ticket, record, { code: 'DOCUMENT_REJECTED', message: 'scripted' });
    }
  };
  return { clock, requests, settled, told, add };
}

test('letters travel together, as many as a topic with the defaults of Kafka takes in one message', async () => {
  const { add, requests, settled } = setUp();
  add(...Array<number>(600).fill(3000));
  await turn();
  assert.equal(requests.flat().length, 600);
  assert.ok(requests.length < 10, 'together');
  for (const request of requests) {
    const bytes = request.reduce((sum, length) => sum + length, 0);
    assert.ok(bytes < 900_000, `${bytes} bytes`);
  }
  assert.deepEqual(
    settled,
    Array.from({ length: 600 }, (_, at) => at),
    'in their order',
  );
});

test('a letter that is larger than a request should be travels alone', async () => {
  const { add, requests } = setUp();
  add(10, 2_000_000, 20, 30, 2_000_000);
  await turn();
  assert.deepEqual(requests, [[10], [2_000_000], [20, 30], [2_000_000]]);
});

test('letters that are small are no more than 500 in a request', async () => {
  const { add, requests } = setUp();
  add(...Array<number>(1001).fill(1));
  await turn();
  assert.deepEqual(
    requests.map(({ length }) => length),
    [500, 500, 1],
  );
});

test('a letter is settled when it is durable, and not before; what was waited for is told when it is over', async () => {
  const { add, requests, settled, told, clock } = setUp(2);
  add(1, 2);
  await turn();
  assert.deepEqual(settled, []);
  clock.advance(50);
  await turn();
  clock.advance(100);
  await turn();
  assert.deepEqual(settled, [0, 1]);
  assert.deepEqual(requests, [[1, 2]]);
  assert.deepEqual(told, [
    'DEAD_LETTERS_UNAVAILABLE 1 50',
    'DEAD_LETTERS_UNAVAILABLE 2 100',
    'DEAD_LETTERS_UNAVAILABLE over 150',
  ]);
});

test('one request at a time: what comes meanwhile travels together in the next', async () => {
  const answers: (() => void)[] = [];
  const { add, requests } = setUp(0, () => new Promise((resolve) => answers.push(resolve)));
  add(1);
  await turn();
  add(2, 3);
  await turn();
  add(4);
  await turn();
  assert.deepEqual(requests, [[1]]);
  answers[0]?.();
  await turn();
  assert.deepEqual(requests, [[1], [2, 3, 4]]);
});
