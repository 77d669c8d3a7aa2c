/** What is watched of a member's requests to the coordinator of its group, with a coordinator that answers when the test says so. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { watchedCoordinator } from '../../../../src/kafka/kafkajs/kafkajs-internals.ts';

function setUp() {
  const told: string[] = [];
  const clock = { nowMs: 0, isJoined: false };
  const answers: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  const asked: string[] = [];
  const request = (name: string) => () => {
    asked.push(name);
    return new Promise<unknown>((resolve, reject) => {
      answers.push({
        resolve: () => {
          resolve(undefined);
        },
        reject,
      });
    });
  };
  const broker = {
    heartbeat: request('heartbeat'),
    joinGroup: request('joinGroup'),
    syncGroup: request('syncGroup'),
    offsetFetch: () => Promise.resolve({ responses: [] }),
    nodeId: 7,
  };
  const coordinator = watchedCoordinator(broker, {
    joining: () => Promise.resolve(),
    joined: () => Promise.resolve(),
    joinFailed: () => undefined,
    outOfRange: () => undefined,
    fetched: () => undefined,
    joinSent: () => {
      told.push(`join after ${asked.length} requests`);
      clock.isJoined = false;
    },
    isJoined: () => clock.isJoined,
    now: () => ({ monotonicMs: clock.nowMs, wallMs: clock.nowMs }),
    confirmed: ({ monotonicMs }) => told.push(`confirmed as of ${monotonicMs}`),
  });
  return { coordinator, told, asked, answers, clock, broker };
}

test('a heartbeat confirms the membership as of its sending, once it is answered', async () => {
  const { coordinator, told, answers, clock } = setUp();
  clock.isJoined = true;
  clock.nowMs = 100;
  const beating = coordinator.heartbeat({});
  clock.nowMs = 900;
  await turn();
  assert.deepEqual(told, []);
  answers[0]?.resolve();
  await beating;
  assert.deepEqual(told, ['confirmed as of 100']);
});

test('a heartbeat that the group refuses, or does not answer, confirms nothing', async () => {
  const { coordinator, told, answers, clock } = setUp();
  clock.isJoined = true;
  const beating = coordinator.heartbeat({});
  answers[0]?.reject(new Error('REBALANCE_IN_PROGRESS'));
  await assert.rejects(beating, /REBALANCE_IN_PROGRESS/);
  assert.deepEqual(told, []);
});

test('the request to join is announced before it is sent; until the join is over no heartbeat is sent', async () => {
  const { coordinator, told, asked, clock } = setUp();
  clock.isJoined = true;
  void coordinator.joinGroup({});
  assert.deepEqual(told, ['join after 0 requests']);
  // A heartbeat that is sent is not answered here: without the race the test would wait for ever.
  const sent = turn().then(() => 'sent');
  await assert.rejects(Promise.race([coordinator.heartbeat({}), sent]), { type: 'REBALANCE_IN_PROGRESS' });
  assert.deepEqual(asked, ['joinGroup']);
});

test('the answer to the SyncGroup confirms the membership as of its sending, and all else of the broker stays', async () => {
  const { coordinator, told, answers, clock, broker } = setUp();
  clock.nowMs = 5;
  const syncing = coordinator.syncGroup({});
  clock.nowMs = 50;
  answers[0]?.resolve();
  await syncing;
  assert.deepEqual(told, ['confirmed as of 5']);
  assert.equal(Reflect.get(coordinator, 'nodeId'), broker.nodeId);
});
