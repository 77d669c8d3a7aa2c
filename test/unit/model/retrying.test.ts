/** Attempts that are repeated, by a clock that a test moves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../../../src/model/outcome.ts';
import { backoffMs, retrying } from '../../../src/model/retrying.ts';

const backoff = { initialMs: 500, maxMs: 3000 };
const away: Failure = { code: 'KAFKA_UNREACHABLE', message: 'It is away.' };
const wrong: Failure = { code: 'SCHEMA_UNUSABLE', message: 'It is wrong.' };

/** Each wait is over at once; `ended` after that many. */
function world(answers: readonly (Failure | string)[], ended = Number.POSITIVE_INFINITY) {
  const over = new AbortController();
  const waits: number[] = [];
  const told: string[] = [];
  let attempts = 0;
  const sleep = (ms: number): Promise<void> => {
    waits.push(ms);
    if (waits.length === ended) over.abort();
    return Promise.resolve();
  };
  const run = (isPassing?: (failure: Failure, attempt: number) => boolean) =>
    retrying(() => Promise.resolve(answers[attempts++] ?? 'no more answers'), {
      ...{ clock: { sleep }, backoff, signal: over.signal, ...(isPassing && { isPassing }) },
      waiting: ({ code }, attempt, delayMs) => told.push(`${code} ${attempt} ${delayMs}`),
    });
  return { run, waits, told, attempts: () => attempts };
}

test('the waits double up to their limit, and stay there however many attempts there were', () => {
  assert.deepEqual(
    [1, 2, 3, 4, 5, 5000].map((attempt) => backoffMs(backoff, attempt)),
    [500, 1000, 2000, 3000, 3000, 3000],
  );
});

test('what fails is attempted again, each wait is reported before it begins, and a success ends it', async () => {
  const { run, waits, told } = world([away, away, 'found']);
  assert.equal(await run(), 'found');
  assert.deepEqual(waits, [500, 1000]);
  assert.deepEqual(told, ['KAFKA_UNREACHABLE 1 500', 'KAFKA_UNREACHABLE 2 1000']);
});

test('a failure that does not pass is the answer, without a wait', async () => {
  const { run, waits } = world([away, wrong, 'found']);
  assert.equal(await run(({ code }) => code !== 'SCHEMA_UNUSABLE'), wrong);
  assert.deepEqual(waits, [500]);
  const counted = world([away, away, away]);
  assert.equal(await counted.run((_failure, attempt) => attempt < 3), away);
  assert.equal(counted.attempts(), 3);
});

test('the signal ends the waits: nothing is attempted after it', async () => {
  const { run, attempts } = world([away, away, 'found'], 2);
  assert.equal(await run(), undefined);
  assert.equal(attempts(), 2);
});
