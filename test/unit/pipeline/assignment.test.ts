import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { offset } from '../../../src/model/position.ts';
import type { RecordBatch, SourceRecord } from '../../../src/model/record.ts';
import { createAssignment } from '../../../src/pipeline/settle/assignment.ts';
import type { Settled, Source } from '../../../src/pipeline/ports.ts';
import { fakeBooks } from '../../fakes/books.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';

const partition = { topic: 't', partition: 0 };

/** A batch of nothing but control records: everything below `next` is settled at once. */
const emptyBatch = (next: number): RecordBatch => ({
  ...partition,
  records: [],
  next: offset(next),
  highWatermark: offset(next),
});

const membership = (generation: number, memberId = 'm') => ({ memberId, generation });

function setUp(commit: Source['commit'], abandon: (records: readonly SourceRecord[]) => void = () => undefined) {
  return createAssignment({
    ...{ source: { commit }, observer: silentObserver(), clock: createManualClock(), books: fakeBooks() },
    ...{ abandon, stopped: new AbortController().signal },
  });
}

function recording() {
  const commits: number[] = [];
  const assignment = setUp((settled) => {
    commits.push(...settled.map(({ next }) => next));
    return Promise.resolve(settled);
  });
  return { assignment, commits };
}

test('after a join nothing is committed before the source has delivered, for another member may have come further', async () => {
  const { assignment, commits } = recording();
  assignment.assigned([partition], membership(1));
  assignment.trackerOf(emptyBatch(10)).reach(offset(10));
  assignment.assigned([partition], membership(2));
  await assignment.commit();
  assert.deepEqual(commits, []);
  assignment.trackerOf(emptyBatch(50)).reach(offset(50));
  await assignment.commit();
  assert.deepEqual(commits, [50]);
});

test('a partition that was lost is never committed', async () => {
  const { assignment, commits } = recording();
  assignment.assigned([partition], membership(1));
  assignment.trackerOf(emptyBatch(10)).reach(offset(10));
  assignment.assigned([], membership(2));
  await assignment.commit();
  assert.deepEqual(commits, []);
});

test('what was not committed is carried by the next commit', async () => {
  const asked: (readonly Settled[])[] = [];
  const assignment = setUp((settled) => {
    asked.push(settled);
    return asked.length === 1 ? Promise.reject(new Error('the coordinator moved')) : Promise.resolve(settled);
  });
  assignment.assigned([partition], membership(1));
  assignment.trackerOf(emptyBatch(10)).reach(offset(10));
  await assignment.commit();
  await assignment.commit();
  await assignment.commit();
  assert.deepEqual(asked, [[{ ...partition, next: 10 }], [{ ...partition, next: 10 }]]);
});

test('one commit at a time: another could overtake it', async () => {
  const asked: number[] = [];
  const answers: (() => void)[] = [];
  const assignment = setUp((settled) => {
    asked.push(...settled.map(({ next }) => next));
    return new Promise((resolve) => {
      answers.push(() => {
        resolve(settled);
      });
    });
  });
  assignment.assigned([partition], membership(1));
  assignment.trackerOf(emptyBatch(10)).reach(offset(10));
  const first = assignment.commit();
  assignment.trackerOf(emptyBatch(20)).reach(offset(20));
  const second = assignment.commit();
  await turn();
  assert.deepEqual(asked, [10]);
  answers[0]?.();
  await first;
  await turn();
  assert.deepEqual(asked, [10, 20]);
  answers[1]?.();
  await second;
});

test('commits that fail are reported once, and once more when offsets are committed again or none is left to commit', async () => {
  const told: string[] = [];
  let fails = true;
  const clock = createManualClock();
  const assignment = createAssignment({
    source: {
      commit: (settled) => (fails ? Promise.reject(new Error('the coordinator moved')) : Promise.resolve(settled)),
    },
    observer: silentObserver({
      waiting: ({ code, message }, attempt, _, of) => told.push(`waiting ${of} ${code} ${attempt} ${message}`),
      recovered: (code, afterMs, of) => told.push(`recovered ${of} ${code} ${afterMs}`),
      warned: ({ message }) => told.push(message),
    }),
    ...{ clock, books: fakeBooks(), abandon: () => undefined, stopped: new AbortController().signal },
  });
  const waiting =
    'waiting offset commits KAFKA_UNREACHABLE 1 Kafka did not accept the offsets of this instance: the coordinator moved. Sluice goes on and commits them later.';
  const recovered = 'recovered offset commits KAFKA_UNREACHABLE 50';
  assignment.assigned([partition], membership(1));
  assignment.trackerOf(emptyBatch(10)).reach(offset(10));
  const failTwice = async () => {
    fails = true;
    await assignment.commit();
    clock.advance(50);
    await assignment.commit();
  };
  await failTwice();
  assert.deepEqual(told, [waiting]);
  fails = false;
  await assignment.commit();
  assert.deepEqual(told.splice(0), [waiting, recovered]);
  assignment.trackerOf(emptyBatch(20)).reach(offset(20));
  await failTwice();
  assignment.released();
  await assignment.commit();
  assert.deepEqual(told, [waiting, recovered], 'the partitions are lost, so nothing waits any more');
});
