/** Members of one group that lose their partitions while they hold writes, and an Elasticsearch that forgets what was deleted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { DocumentWrite } from '../../../src/model/document.ts';
import type { Failure } from '../../../src/model/outcome.ts';
import type { DeadLetters, Intake, Sink } from '../../../src/pipeline/ports.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import type { ChangeEvent } from '../../../src/model/change-event.ts';
import { externalVersion, offset } from '../../../src/model/position.ts';
import type { SourceRecord } from '../../../src/model/record.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { createMemoryDeadLetters } from '../../fakes/memory-dead-letters.ts';
import type { MemoryMember } from '../../fakes/memory-log.ts';
import { createMemoryLog } from '../../fakes/memory-log.ts';
import { createMemorySink } from '../../fakes/memory-sink.ts';
import type { Fault } from '../../fakes/memory-sink.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';
import { textRow } from '../../fakes/text-row.ts';

const partition = { topic: 't', partition: 0 };
const other = { topic: 't', partition: 1 };
const unreachable: Fault = {
  kind: 'retry',
  failure: { code: 'ELASTICSEARCH_UNREACHABLE', message: 'scripted' },
};

function decode(record: SourceRecord): ChangeEvent {
  const said = { record, origin: { collection: record.topic }, key: null };
  if (record.value === null) return { ...said, op: 'delete', before: null, tombstone: false };
  if (record.key === null) return { ...said, op: 'truncate' };
  return { ...said, op: 'update', before: null, after: textRow(record.value.toString()) };
}

const target = ({ key, offset: at }: SourceRecord) => ({
  index: 'docs',
  id: String(key),
  version: externalVersion(0, at),
});

function setScene() {
  const log = createMemoryLog();
  const sink = createMemorySink({ hold: true });
  const start = (deadLetters: DeadLetters = createMemoryDeadLetters(3)) => {
    const member = log.join();
    const clock = createManualClock();
    const waits: Failure[] = [];
    const recovered: string[] = [];
    const abandoned: number[] = [];
    const pipeline = createPipeline({
      ...{ source: member, sink, scan: sink, clock, deadLetters },
      observer: silentObserver({
        waiting: (failure) => waits.push(failure),
        recovered: (code) => recovered.push(code),
        abandoned: (_, records) => abandoned.push(records),
      }),
      retry: { initialMs: 10, maxMs: 1000, pauseMs: 5000, random: () => 0.5 },
      routeOf: () => ({
        decode,
        mappers: [
          (change) => ({
            kind: 'write',
            write:
              change.op === 'delete'
                ? { ...target(change.record), action: 'delete' }
                : { ...target(change.record), action: 'index', source: Buffer.from(change.after.json()) },
          }),
        ],
        truncated: [{ index: 'docs', policy: 'delete', versionOf: (record) => externalVersion(0, record.offset) }],
      }),
      ...{ maxRequests: 3, maxBatchCount: 10, maxBatchBytes: 10_000, lingerMs: 10, maxBytesHeld: 1_000_000 },
      ...{ commitIntervalMs: 100, drainTimeoutMs: 50 },
    });
    void pipeline.run(new AbortController().signal);
    return { member, clock, pipeline, waits, recovered, abandoned };
  };
  type Instance = ReturnType<typeof start>;
  const instances: Instance[] = [];
  const pass = async (ms: number): Promise<void> => {
    await turn();
    for (const { clock } of instances) clock.advance(ms);
    await turn();
  };
  const rebalance = async (...owners: readonly (readonly [Instance, readonly (typeof partition)[]])[]) => {
    const done = log.rebalance(
      new Map(owners.map(([{ member }, partitions]): [MemoryMember, typeof partitions] => [member, partitions])),
    );
    await pass(50);
    await done;
  };
  const answerAll = async (faultOf?: (write: DocumentWrite) => Fault | undefined): Promise<void> => {
    await turn();
    for (const request of [...sink.held]) request.answer(faultOf);
    await turn();
  };
  const takeAll = async (by: Instance): Promise<void> => {
    while (by.member.deliver(partition, 100) > 0) await answerAll();
    await pass(100);
  };
  /** As after a flush: requests that were not answered die with it. */
  const restartElasticsearch = async (): Promise<void> => {
    await answerAll(() => unreachable);
    sink.forgetDeletes();
  };
  const settleDown = async (): Promise<void> => {
    for (let round = 0; round < 30; round += 1) {
      await pass(1000);
      await answerAll();
    }
  };
  return {
    ...{ log, sink, pass, rebalance, answerAll, takeAll, restartElasticsearch, settleDown },
    start: (deadLetters?: DeadLetters) => {
      const instance = start(deadLetters);
      instances.push(instance);
      return instance;
    },
  };
}

type Scene = ReturnType<typeof setScene>;

function appendInserts({ log }: Scene): void {
  for (let n = 0; n < 6; n += 1) log.append(partition, `k${n}`, '{}');
}

/** B writes what A could not, and the deletes after it; then Elasticsearch forgets them. */
async function overtake(scene: Scene, b: ReturnType<Scene['start']>): Promise<void> {
  await scene.takeAll(b);
  for (let n = 0; n < 6; n += 1) scene.log.append(partition, `k${n}`, null);
  await scene.takeAll(b);
  assert.equal(scene.sink.sources().size, 0);
  await scene.restartElasticsearch();
}

/** consumed = applied + superseded + coalesced + ignored + dead-lettered + abandoned + held (G5). */
function assertBalanced({ pipeline, member }: ReturnType<Scene['start']>): void {
  const { accounts, recordsHeld, bytesHeld } = pipeline.status();
  const { consumed, applied, superseded, coalesced, deadLettered, abandoned } = accounts;
  assert.equal(consumed, applied + superseded + coalesced + deadLettered + abandoned + recordsHeld);
  assert.deepEqual([recordsHeld, bytesHeld, member.unreleased()], [0, 0, 0]);
}

test('G4: an instance that lost its partition without knowing does not bring deleted documents back', async () => {
  const scene = setScene();
  const [a, b] = [scene.start(), scene.start()];
  appendInserts(scene);
  await scene.rebalance([a, [partition]]);
  a.member.deliver(partition, 6);
  await scene.answerAll(() => unreachable);
  await scene.rebalance([b, [partition]]);
  await overtake(scene, b);
  await scene.settleDown();
  assert.deepEqual([...scene.sink.sources().keys()], []);
  assert.equal(a.waits.at(-1)?.code, 'MEMBERSHIP_STALE', 'and it says why it waits');
});

test('G4: an instance that comes back to the group writes nothing of what it held before', async () => {
  const scene = setScene();
  const [a, b] = [scene.start(), scene.start()];
  appendInserts(scene);
  await scene.rebalance([a, [partition]]);
  a.member.deliver(partition, 6);
  await scene.answerAll(() => unreachable);
  await scene.rebalance([b, [partition]]);
  await overtake(scene, b);
  await scene.rebalance([b, [partition]], [a, [other]]);
  await scene.settleDown();
  assert.deepEqual([...scene.sink.sources().keys()], []);
  assert.deepEqual(a.abandoned, [6]);
  assertBalanced(a);
});

test('G4: a partition that was lost and regained begins anew, without the writes of the earlier tenure', async () => {
  const scene = setScene();
  const [a, b] = [scene.start(), scene.start()];
  appendInserts(scene);
  await scene.rebalance([a, [partition]]);
  a.member.deliver(partition, 6);
  await scene.answerAll(() => unreachable);
  await scene.rebalance([b, [partition]]);
  await overtake(scene, b);
  await scene.rebalance([a, [partition]]);
  await scene.settleDown();
  assert.deepEqual([...scene.sink.sources().keys()], []);
  assertBalanced(a);
});

test('a partition that the next generation leaves where it is keeps its writes', async () => {
  const scene = setScene();
  const [a, b] = [scene.start(), scene.start()];
  appendInserts(scene);
  await scene.rebalance([a, [partition]]);
  a.member.deliver(partition, 6);
  await scene.rebalance([a, [partition]], [b, [other]]);
  assert.deepEqual(a.abandoned, []);
  assert.equal(a.member.deliver(partition, 6), 6, 'they are delivered again, and recognised');
  await scene.settleDown();
  assert.equal(scene.sink.sources().size, 6);
  assert.equal(a.pipeline.status().accounts.consumed, 6);
  assertBalanced(a);
});

test('while the membership is stale nothing is sent, visibly; when it is fresh again the same writes go on', async () => {
  const scene = setScene();
  const a = scene.start();
  appendInserts(scene);
  await scene.rebalance([a, [partition]]);
  a.member.setFresh(false);
  a.member.deliver(partition, 6);
  await scene.pass(5000);
  assert.equal(scene.sink.requests.length, 0);
  assert.equal(a.waits[0]?.code, 'MEMBERSHIP_STALE');
  assert.match(a.pipeline.status().lastFailure ?? '', /not confirmed/);
  a.member.setFresh(true);
  await scene.settleDown();
  assert.deepEqual(a.recovered, ['MEMBERSHIP_STALE']);
  assert.equal(scene.sink.sources().size, 6);
  assertBalanced(a);
});

test('between a request to join and the new assignment nothing is owned: what was not answered is broken off, and nothing is sent', async () => {
  const { intake, sink, pass, sent } = await handDriven();
  assert.equal(sent(), 1);
  intake.joining();
  await pass(5000);
  sink.held[0]?.answer(() => unreachable);
  await pass(5000);
  assert.equal(sent(), 1, 'it was sent again while the member joined');
  intake.assigned([partition], { memberId: 'm', generation: 2 });
  await pass(5000);
  assert.equal(sent(), 2, 'the next generation owns it still');
});

test('a write that waits for another when the tenure ends is forgotten with it, and so is what it had replaced', async () => {
  const { intake, sink, pass, sent, accept, pipeline } = await handDriven();
  accept(1);
  accept(2);
  intake.joining();
  intake.assigned([partition], { memberId: 'm', generation: 3 });
  sink.held[0]?.answer();
  await pass(5000);
  assert.equal(sent(), 1, 'generation 2 was somebody else, perhaps');
  const { accounts, recordsHeld, bytesHeld, documentsInFlight } = pipeline.status();
  assert.deepEqual([accounts.abandoned, recordsHeld, bytesHeld, documentsInFlight], [3, 0, 0, 0]);
});

for (const { claim, fault } of [
  { claim: 'applied', fault: undefined },
  { claim: 'refused', fault: { kind: 'reject' } satisfies Fault },
  { claim: 'not applied', fault: unreachable },
]) {
  test(`a write that turns out to be ${claim} after its tenure has ended settles nothing, and nothing comes of it`, async () => {
    const { intake, sink, pass, sent, redacted, pipeline, deadLetters } = await handDriven({ isDeaf: true });
    intake.joining();
    intake.assigned([], { memberId: 'm', generation: 2 });
    sink.held[0]?.answer(() => fault);
    await pass(5000);
    assert.deepEqual([sent(), redacted(), deadLetters.letters.length], [1, 0, 0]);
    const { accounts, recordsHeld, bytesHeld, documentsInFlight, requestsInFlight } = pipeline.status();
    assert.deepEqual(accounts, {
      ...{ consumed: 1, applied: 0, superseded: 0, coalesced: 0, deadLettered: 0, abandoned: 1 },
      ignored: {},
    });
    assert.deepEqual([recordsHeld, bytesHeld, documentsInFlight, requestsInFlight], [0, 0, 0, 0]);
  });
}

/** A pipeline whose source is the test: one record is on its way. A deaf sink does not notice that its request was broken off. */
async function handDriven({ isDeaf = false } = {}) {
  const sink = createMemorySink({ hold: true });
  const deadLetters = createMemoryDeadLetters();
  let redacted = 0;
  const deaf: Sink = { write: (writes) => sink.write(writes, new AbortController().signal) };
  const clock = createManualClock();
  const log = createMemoryLog();
  const given = Promise.withResolvers<Intake>();
  const pipeline = createPipeline({
    source: {
      commit: (settled) => Promise.resolve(settled),
      remainingMs: () => 60_000,
      run: (intake, signal) => {
        given.resolve(intake);
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            resolve();
          });
        });
      },
    },
    ...{ sink: isDeaf ? deaf : sink, clock, observer: silentObserver(), deadLetters },
    retry: { initialMs: 10, maxMs: 1000, pauseMs: 5000, random: () => 0.5 },
    routeOf: () => ({
      decode,
      redact: (record) => {
        redacted += 1;
        return record;
      },
      mappers: [
        ({ record }) => ({
          kind: 'write',
          write: { ...target(record), action: 'index', source: Buffer.from('{}') },
        }),
      ],
    }),
    ...{ maxRequests: 3, maxBatchCount: 10, maxBatchBytes: 10_000, lingerMs: 10, maxBytesHeld: 1_000_000 },
    ...{ commitIntervalMs: 100_000, drainTimeoutMs: 50 },
  });
  void pipeline.run(new AbortController().signal);
  const intake = await given.promise;
  const accept = (at: number): void => {
    log.append(partition, 'k', '{}');
    const records = log.records(partition).slice(at, at + 1);
    const next = offset(at + 1);
    intake.accept({ ...partition, records, next, highWatermark: next });
  };
  intake.assigned([partition], { memberId: 'm', generation: 1 });
  accept(0);
  const pass = async (ms: number): Promise<void> => {
    await turn();
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      await turn();
    }
  };
  await turn();
  return {
    intake,
    sink,
    deadLetters,
    pipeline,
    pass,
    accept,
    sent: () => sink.requests.length,
    redacted: () => redacted,
  };
}

test('dead letters of a lost tenure are not written: the new owner writes them', async () => {
  const scene = setScene();
  const deadLetters = createMemoryDeadLetters(3);
  const [a, b] = [scene.start(deadLetters), scene.start()];
  appendInserts(scene);
  await scene.rebalance([a, [partition]]);
  a.member.deliver(partition, 6);
  await scene.answerAll(() => ({ kind: 'reject' }));
  assert.equal(deadLetters.letters.length, 0, 'the dead-letter topic is away');
  await scene.rebalance([b, [partition]], [a, [other]]);
  await scene.settleDown();
  assert.equal(deadLetters.letters.length, 0);
  assertBalanced(a);
});

test('a dead letter that is on its way when the tenure ends keeps the bytes of its record until it has arrived', async () => {
  const scene = setScene();
  const arrival = Promise.withResolvers<undefined>();
  const values: (string | undefined)[] = [];
  const a = scene.start({
    write: async (letters) => {
      await arrival.promise;
      for (const { record } of letters) values.push(record.value?.toString());
    },
  });
  const b = scene.start();
  appendInserts(scene);
  await scene.rebalance([a, [partition]]);
  a.member.deliver(partition, 6);
  await scene.answerAll(() => ({ kind: 'reject' }));
  await scene.rebalance([b, [partition]], [a, [other]]);
  arrival.resolve(undefined);
  await scene.settleDown();
  assert.deepEqual(values, ['{}', '{}', '{}', '{}', '{}', '{}']);
  assertBalanced(a);
});

test('a truncate of a lost tenure deletes nothing more', async () => {
  const scene = setScene();
  const [a, b] = [scene.start(), scene.start()];
  appendInserts(scene);
  await scene.rebalance([a, [partition]]);
  await scene.takeAll(a);
  scene.log.append(partition, null, 'truncate');
  a.member.deliver(partition, 1);
  await scene.pass(10);
  assert.equal(scene.sink.held.length, 1, 'the first page of deletes is on its way');
  await scene.answerAll(() => unreachable);
  await scene.rebalance([b, [partition]], [a, [other]]);
  await scene.settleDown();
  const deletes = scene.sink.requests.flat().filter(({ action }) => action === 'delete');
  assert.equal(new Set(deletes.map(({ id }) => id)).size, 2, 'no page after the first');
  assertBalanced(a);
  await scene.takeAll(b);
  await scene.settleDown();
  assert.equal(scene.sink.sources().size, 0, 'the new owner reads the truncate again');
});
