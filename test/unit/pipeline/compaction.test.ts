/** What is settled and sent is forgotten, also where the rest never ends: a queue that is never empty must not grow for ever. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { offset } from '../../../src/model/position.ts';
import type { Lane } from '../../../src/pipeline/write/lane.ts';
import { createLaneQueue } from '../../../src/pipeline/write/lane-queue.ts';
import { createOffsetTracker } from '../../../src/pipeline/settle/offset-tracker.ts';
import { fakeBooks } from '../../fakes/books.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Of `made`, how many are still held after a collection. */
async function heldOf(made: readonly WeakRef<object>[]): Promise<number> {
  // A reference that was made or read in this turn holds until its end.
  await turn();
  collect();
  return made.filter((reference) => reference.deref() !== undefined).length;
}

const count = 20_000;

test('a tracker that always holds a record forgets those that are settled', async () => {
  const tracker = createOffsetTracker(offset(0), fakeBooks());
  const made: WeakRef<object>[] = [];
  const open = (at: number) => {
    const place = { topic: 't', partition: 0, offset: offset(at), timestampMs: 0, headers: undefined };
    const ticket = tracker.open({ ...place, key: null, value: null });
    assert.ok(ticket);
    made.push(new WeakRef(ticket));
    return ticket;
  };
  let last = open(0);
  for (let at = 1; at < count; at += 1) {
    const next = open(at);
    last.settle('applied');
    last = next;
  }
  assert.equal(tracker.held(), 1);
  assert.ok((await heldOf(made)) < count / 4);
  assert.equal(tracker.watermark(), count - 1);
});

test('a queue of lanes that is never empty forgets those that were sent', async () => {
  const queue = createLaneQueue();
  const made: WeakRef<object>[] = [];
  const push = (n: number): void => {
    const lane: Lane = { index: 'docs', key: String(n), waiting: undefined, busy: false, attempts: 0 };
    made.push(new WeakRef(lane));
    queue.push(lane, 100);
  };
  push(0);
  for (let n = 1; n < count; n += 1) {
    push(n);
    queue.shift();
  }
  assert.equal(queue.length(), 1);
  assert.ok((await heldOf(made)) < count / 2);
  assert.equal(queue.peek()?.key, String(count - 1));
});
