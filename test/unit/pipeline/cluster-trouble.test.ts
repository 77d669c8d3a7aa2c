import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Failure } from '../../../src/model/outcome.ts';
import { createClusterTrouble } from '../../../src/pipeline/write/cluster-trouble.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';

const failure: Failure = { code: 'ELASTICSEARCH_UNREACHABLE', message: 'scripted' };

/** A trouble whose waits are 50, 100, 200 ms; what it tells the slots and the observer, in order. */
function setUp() {
  const clock = createManualClock();
  const told: string[] = [];
  const trouble = createClusterTrouble({
    clock,
    observer: silentObserver({
      waiting: (_, attempt, delayMs, of) => told.push(`${of} waits ${delayMs}, ${attempt}`),
      recovered: (_, afterMs, of) => told.push(`${of} over after ${afterMs}`),
    }),
    retry: { initialMs: 100, maxMs: 1000, pauseMs: 5000, random: () => 0.5 },
    slots: {
      pause: () => told.push('pause'),
      tryAgain: () => told.push('try'),
      recover: () => told.push('recover'),
    },
    again: () => undefined,
    signal: new AbortController().signal,
  });
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await turn();
  };
  return { clock, trouble, told, pass };
}

test('only a request that was sent since the trouble began ends it, and none does while it is waited for', async () => {
  const { clock, trouble, told, pass } = setUp();
  const before = clock.nowMs();
  await pass(1);
  trouble.failed(failure, 'docs');
  const during = clock.nowMs();
  trouble.answered(during);
  await pass(50);
  trouble.answered(before);
  assert.deepEqual(told.splice(0), ['pause', 'docs waits 50, 1', 'try']);
  assert.equal(trouble.current()?.failure, failure);
  trouble.answered(during);
  assert.deepEqual(told, ['docs over after 50', 'recover']);
  assert.equal(trouble.current(), undefined);
});

test('a wait that takes another name ends under its own', async () => {
  const { trouble, told, pass } = setUp();
  trouble.failed(failure, 'docs');
  await pass(50);
  trouble.failed(failure, 'Elasticsearch');
  assert.deepEqual(told.slice(-3), ['docs over after 50', 'pause', 'Elasticsearch waits 100, 2']);
});

test('a trouble that ended while it was waited for, since nothing was left to send, does not cut a later wait short', async () => {
  const { trouble, told, pass } = setUp();
  trouble.failed(failure, 'docs');
  await pass(40);
  trouble.end();
  assert.deepEqual(told.splice(0), ['pause', 'docs waits 50, 1', 'docs over after 40', 'recover']);
  trouble.failed(failure, 'docs');
  await pass(10);
  assert.deepEqual(told, ['pause', 'docs waits 50, 1']);
  await pass(40);
  assert.deepEqual(told.at(-1), 'try');
});
