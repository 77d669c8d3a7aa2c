import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readiness } from '../../../src/observability/readiness.ts';

const idle = { joined: true, recordsHeld: 0, movedAtMs: 0, lastFailure: undefined };

test('ready is who has nothing to do, however long', () => {
  assert.deepEqual(readiness(idle, 1_000_000, 10_000), { ready: true });
});

test('ready is who moved a moment ago', () => {
  assert.deepEqual(readiness({ ...idle, recordsHeld: 5 }, 10_000, 10_000), { ready: true });
});

test('who holds records and settles none is not ready, and says why', () => {
  const { ready, reason } = readiness({ ...idle, recordsHeld: 5, lastFailure: 'It is down.' }, 10_001, 10_000);
  assert.equal(ready, false);
  assert.match(reason ?? '', /^5 records wait, and none was settled for 10001 ms\. It is down\.$/);
});

test('who has not joined the group is not ready', () => {
  assert.equal(readiness({ ...idle, joined: false }, 0, 10_000).ready, false);
});

test('an instance that cannot know whether a rebuild is under way is not ready after a while', () => {
  const movement = { joined: true, recordsHeld: 0, movedAtMs: 0, lastFailure: undefined, blockedSinceMs: 1000 };
  assert.equal(readiness(movement, 2000, 5000).ready, true);
  assert.match(readiness(movement, 7000, 5000).reason ?? '', /whether a rebuild is under way/);
});
