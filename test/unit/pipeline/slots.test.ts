import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createSlots } from '../../../src/pipeline/write/slots.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';

/** Slots before requests that the test answers; `waiting` things wait, and two of them fill a request. */
function setUp(limit = 2) {
  const clock = createManualClock();
  const state = { waiting: 0, limit, mayBeSent: true, asked: 0 };
  const answers: (() => void)[] = [];
  const slots = createSlots({
    limit: { current: () => state.limit, succeeded: () => undefined, overloaded: () => undefined },
    ...{ clock, lingerMs: 10, signal: new AbortController().signal },
    isWaiting: () => state.waiting > 0,
    isFull: () => state.waiting >= 2,
    send: () => {
      state.asked += 1;
      if (!state.mayBeSent) return undefined;
      state.waiting = Math.max(0, state.waiting - 2);
      return new Promise((resolve) => answers.push(resolve));
    },
    freed: () => {
      slots.fill();
    },
  });
  const fill = (more: number): void => {
    state.waiting += more;
    slots.fill();
  };
  const answer = async (): Promise<void> => {
    answers.shift()?.();
    await turn();
  };
  return { clock, state, slots, answers, fill, answer };
}

test('a wish that waits for a slot cuts its batch when it starts', async () => {
  const { state, answers, fill, answer } = setUp(1);
  fill(1);
  fill(2);
  assert.deepEqual([answers.length, state.waiting], [1, 2]);
  fill(1);
  await answer();
  assert.deepEqual([answers.length, state.waiting, state.asked], [1, 1, 2]);
});

test('when the limit falls, the wish that waits does not take the next free slot', async () => {
  const { state, slots, answers, fill, answer } = setUp(4);
  fill(10);
  assert.equal(slots.inFlight(), 4);
  state.limit = 2;
  slots.lower();
  await answer();
  await answer();
  assert.deepEqual([answers.length, state.waiting], [2, 2]);
  await answer();
  assert.deepEqual([answers.length, state.waiting], [2, 0]);
});

test('when the limit rises, the next free slot is followed by another', async () => {
  const { state, answers, fill, answer } = setUp(1);
  fill(6);
  state.limit = 2;
  await answer();
  assert.deepEqual([answers.length, state.waiting], [2, 0]);
});

test('what is not full when its turn comes lingers, if others are in flight', async () => {
  const { state, clock, slots, answers, fill, answer } = setUp(2);
  fill(6);
  state.waiting = 1;
  await answer();
  assert.deepEqual([answers.length, state.waiting], [1, 1]);
  clock.advance(10);
  await turn();
  assert.deepEqual([answers.length, state.waiting, slots.inFlight()], [2, 0, 2]);
});

test('a wish that finds nothing to send is not made again before something changes', async () => {
  const { state, answers, fill } = setUp(2);
  state.mayBeSent = false;
  fill(1);
  for (let turns = 0; turns < 5; turns += 1) await turn();
  assert.equal(state.asked, 1);
  state.mayBeSent = true;
  fill(0);
  assert.equal(answers.length, 1);
});

test('an answer lets a wish be made again, though one found nothing to send while it was under way', async () => {
  const { state, answers, fill, answer } = setUp(3);
  fill(2);
  state.mayBeSent = false;
  fill(2);
  await turn();
  assert.equal(answers.length, 1);
  state.mayBeSent = true;
  await answer();
  assert.deepEqual([answers.length, state.waiting], [1, 0]);
});

test('a pause that ends because nothing is wrong any more lets the wish go that waited for it', async () => {
  const { state, slots, answers, fill, answer } = setUp(2);
  slots.pause();
  fill(1);
  assert.equal(answers.length, 0);
  slots.recover();
  assert.equal(answers.length, 1);
  await answer();
  slots.pause();
  fill(2);
  state.waiting = 0;
  slots.recover();
  await turn();
  assert.equal(state.asked, 1, 'nothing waits any more, so nothing is asked');
});
