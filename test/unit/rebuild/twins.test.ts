import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { DocumentWrite } from '../../../src/model/document.ts';
import type { WriteOutcome } from '../../../src/model/outcome.ts';
import { externalVersion, offset } from '../../../src/model/position.ts';
import type { RecordBatch } from '../../../src/model/record.ts';
import type { Intake, Source } from '../../../src/pipeline/ports.ts';
import { toDualWrite, toFinishing, toSwapping, toWarm } from '../../../src/rebuild/handover.ts';
import type { Control } from '../../../src/rebuild/handover.ts';
import { createTwins } from '../../../src/rebuild/twins.ts';
import { controlOf, storedIn } from '../../contract/control-store.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { createMemoryControlStore } from '../../fakes/memory-control-store.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';

const { signal } = new AbortController();
const partition = { topic: 't', partition: 0 };
const membership = { memberId: 'm', generation: 1 };
const applied: WriteOutcome = { status: 'applied' };
const rejected: WriteOutcome = { status: 'rejected', failure: { code: 'DOCUMENT_REJECTED', message: 'scripted' } };
const gone: WriteOutcome = { status: 'retryable', failure: { code: 'INDEX_MISSING', message: 'scripted' } };
const busy: WriteOutcome = { status: 'retryable', failure: { code: 'ELASTICSEARCH_OVERLOADED', message: 'scripted' } };

const swappedAt = '2026-01-01T00:00:00.000Z';

const dual = (): Control => toDualWrite(controlOf('docs'), 'now');

const writeOf = (id: string): DocumentWrite => ({
  action: 'index',
  index: 'docs',
  id,
  version: externalVersion(0, offset(5)),
  source: Buffer.from('{}'),
});

/** An instance that has joined, with a sink whose answers are given by index. */
async function join(control?: Control) {
  const store = createMemoryControlStore();
  if (control !== undefined) await store.create(control);
  const clock = createManualClock();
  const answers = new Map<string, WriteOutcome>();
  const sent: string[] = [];
  const assignments: number[] = [];
  const twins = createTwins({
    store,
    documents: [{ document: 'docs', definition: 'd', content: 'c', topics: new Set(['t']) }],
    instance: 'here',
    clock,
    observer: silentObserver(),
    pollMs: 1000,
    maxWarmMs: 60_000,
    timeMs: () => Date.parse(swappedAt) + clock.nowMs(),
    tell: () => undefined,
  });
  let intake: Intake | undefined;
  const source: Source = {
    run: (given) => {
      intake = given;
      return new Promise(() => undefined);
    },
    commit: () => Promise.resolve([]),
    remainingMs: () => Number.POSITIVE_INFINITY,
  };
  const inner: Intake = {
    room: () => undefined,
    hasShare: () => true,
    accept: () => undefined,
    assigned: (partitions) => assignments.push(partitions.length),
    revoking: () => Promise.resolve(),
    joining: () => undefined,
    released: () => assignments.push(0),
  };
  void twins.source(source).run(inner, signal);
  const sink = twins.sink({
    write: (writes) => {
      sent.push(...writes.map(({ index }) => index));
      return Promise.resolve(writes.map(({ index }) => answers.get(index) ?? applied));
    },
  });
  const given = intake ?? assert.fail();
  return { store, clock, answers, sent, assignments, sink, intake: given };
}

const batch = (next: number): RecordBatch => ({
  ...partition,
  records: [],
  next: offset(next),
  highWatermark: offset(9),
});

const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 20; turns += 1) await turn();
};

test('nothing is taken over before the control documents were read after a join', async () => {
  const { intake, assignments } = await join();
  intake.assigned([partition], membership);
  const room = intake.room(batch(1));
  assert.ok(room !== undefined);
  await room;
  assert.equal(intake.room(batch(1)), undefined);
  assert.deepEqual(assignments, [1]);
});

test('without a rebuild a write goes to the alias and nowhere else', async () => {
  const { sink, sent } = await join();
  assert.deepEqual(await sink.write([writeOf('a')], signal), [applied]);
  assert.deepEqual(sent, ['docs']);
});

test('asked for it, an instance writes to both generations, begins its partitions anew, and acknowledges them', async () => {
  const { intake, sink, sent, store, assignments } = await join(dual());
  intake.assigned([partition], membership);
  await settle();
  assert.deepEqual(assignments, [1, 0, 1]);
  assert.deepEqual(await sink.write([writeOf('a')], signal), [applied]);
  assert.deepEqual(sent, ['docs-000001-writes', 'docs-000002-writes']);
  const { control } = await storedIn(store, 'docs');
  assert.deepEqual(control.acknowledged, {
    m: { instance: 'here', definition: 'd', content: 'c', from: { 't/0': null } },
  });
});

test('what is asked for later is seen by the next look, and acknowledged from what was read until then', async () => {
  const { intake, store, clock } = await join(controlOf('docs'));
  intake.assigned([partition], membership);
  await settle();
  intake.accept(batch(7));
  const { mark } = await storedIn(store, 'docs');
  await store.replace(dual(), mark);
  clock.advance(1000);
  await settle();
  const { control } = await storedIn(store, 'docs');
  assert.deepEqual(control.acknowledged['m']?.from, { 't/0': 7 });
});

const combined = async (
  answers: Readonly<Record<string, WriteOutcome>>,
  after?: (control: Control) => Control,
): Promise<{ readonly outcome: WriteOutcome | undefined; readonly control: Control }> => {
  const given = await join(dual());
  given.intake.assigned([partition], membership);
  await settle();
  const { control, mark } = await storedIn(given.store, 'docs');
  if (after !== undefined) await given.store.replace(after(control), mark);
  for (const [generation, answer] of Object.entries(answers)) given.answers.set(`docs-${generation}-writes`, answer);
  const [outcome] = await given.sink.write([writeOf('a')], signal);
  return { outcome, control: (await storedIn(given.store, 'docs')).control };
};

test('a refusal by the live generation is a dead letter, whatever the other says', async () => {
  const { outcome, control } = await combined({ '000001': rejected, '000002': rejected });
  assert.deepEqual(outcome, rejected);
  assert.deepEqual(control.refused, []);
});

test('a refusal by the new generation alone is written down, and the write is applied', async () => {
  const { outcome, control } = await combined({ '000002': rejected });
  assert.deepEqual(outcome, applied);
  assert.deepEqual(control.refused, [{ generation: 'docs-000002', id: 'a', version: '5', code: 'DOCUMENT_REJECTED' }]);
});

test('a refusal by the generation that has just become the live one is a dead letter', async () => {
  const { outcome } = await combined({ '000002': rejected }, (control) => toSwapping(control, 'docs-000002'));
  assert.deepEqual(outcome, rejected);
});

test('a generation that is gone is not followed any more, and is known to have missed writes', async () => {
  const { outcome, control } = await combined({ '000002': gone });
  assert.deepEqual(outcome, applied);
  assert.deepEqual(control.lost, [{ generation: 'docs-000002', why: 'scripted' }]);
});

test('a write that one generation could not take for now is tried again', async () => {
  assert.deepEqual((await combined({ '000002': busy })).outcome, busy);
  assert.deepEqual((await combined({ '000001': busy })).outcome, busy);
});

test('a write that met the end of a rebuild is sent again, to the alias', async () => {
  const { outcome } = await combined({ '000001': gone }, toFinishing);
  assert.equal(outcome?.status, 'retryable');
  const { outcome: other } = await combined({ '000002': gone }, toFinishing);
  assert.ok(other?.status === 'retryable' && other.failure.code === 'HANDOVER_CHANGED');
});

test('so long after a swap an instance ends the writing to both, unless that was done; not before', async () => {
  const warm = toWarm(toSwapping(dual(), 'docs-000002'), swappedAt);
  const { intake, store, clock } = await join(warm);
  intake.assigned([partition], membership);
  await settle();
  for (let second = 0; second < 59; second += 1) {
    clock.advance(1000);
    await settle();
  }
  assert.equal((await storedIn(store, 'docs')).control.phase, 'warm');
  clock.advance(1000);
  await settle();
  const { control, mark } = await storedIn(store, 'docs');
  assert.deepEqual(control, toFinishing(warm));
  clock.advance(1000);
  await settle();
  assert.equal((await storedIn(store, 'docs')).mark, mark);
});
