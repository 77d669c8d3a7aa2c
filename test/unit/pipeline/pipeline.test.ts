import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ChangeEvent } from '../../../src/model/change-event.ts';
import type { DocumentMapper, TruncatePolicy, TruncatedDocument } from '../../../src/model/document.ts';
import type { Failure } from '../../../src/model/outcome.ts';
import { externalVersion } from '../../../src/model/position.ts';
import type { SourceRecord } from '../../../src/model/record.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import type { PipelineOptions } from '../../../src/pipeline/pipeline.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { createMemoryDeadLetters } from '../../fakes/memory-dead-letters.ts';
import { createMemoryLog } from '../../fakes/memory-log.ts';
import { createMemorySink } from '../../fakes/memory-sink.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';
import { textRow } from '../../fakes/text-row.ts';

const partition = { topic: 't', partition: 0 };
const commitIntervalMs = 100;

function updated(record: SourceRecord): ChangeEvent {
  const text = record.value?.toString() ?? 'null';
  return { op: 'update', record, origin: { collection: record.topic }, key: null, before: null, after: textRow(text) };
}

const writesTo =
  (index: string): DocumentMapper =>
  (change) => ({
    kind: 'write',
    write: {
      action: 'index',
      index,
      id: String(change.record.key),
      version: externalVersion(0, change.record.offset),
      source: Buffer.from('{}'),
    },
  });

/** A pipeline that owns one partition of a log in memory; everything stands still until the test moves it. */
async function setUp(options: Partial<PipelineOptions> & { readonly hold?: boolean }) {
  const log = createMemoryLog();
  const member = log.join();
  const sink = createMemorySink({ hold: options.hold ?? false });
  const clock = createManualClock();
  const deadLetters = createMemoryDeadLetters();
  const warnings: Failure[] = [];
  const pipeline = createPipeline({
    source: member,
    sink,
    deadLetters,
    clock,
    observer: silentObserver({ warned: (failure) => warnings.push(failure) }),
    retry: { initialMs: 10, maxMs: 1000, pauseMs: 5000, random: () => 0.5 },
    routeOf: () => ({ decode: updated, mappers: [writesTo('docs')] }),
    maxRequests: 2,
    maxBatchCount: 10,
    maxBatchBytes: 10_000,
    lingerMs: 10,
    maxBytesHeld: 1_000_000,
    commitIntervalMs,
    drainTimeoutMs: 50,
    ...options,
  });
  const stopping = new AbortController();
  const running = pipeline.run(stopping.signal);
  await log.rebalance(new Map([[member, [partition]]]));
  return {
    log,
    member,
    sink,
    clock,
    deadLetters,
    warnings,
    pipeline,
    running,
    stop: () => {
      stopping.abort();
    },
  };
}

test('G8: beyond the limit of bytes held nothing more is taken until something is settled', async () => {
  const { log, member, sink, pipeline } = await setUp({ hold: true, maxBytesHeld: 3000 });
  for (let n = 0; n < 10; n += 1) log.append(partition, `k${n}`, 'x'.repeat(700));
  let taken = 0;
  for (let delivered = -1; delivered !== 0; taken += delivered) delivered = member.deliver(partition, 1);
  assert.equal(taken, 2, 'a record of 702 bytes is held as 1916');
  assert.ok(pipeline.status().bytesHeld < 3000 + 1916);
  sink.held[0]?.answer();
  await turn();
  assert.equal(member.deliver(partition, 1), 1, 'there is room again');
});

test('G15: what a record threw may name itself by a value, and its dead letter tells the kind alone', async () => {
  const named = Object.defineProperty(new RangeError('eve@example.org'), 'name', { value: 'eve@example.org' });
  const { log, member, deadLetters } = await setUp({
    routeOf: () => ({
      decode: updated,
      mappers: [
        () => {
          throw named;
        },
      ],
    }),
  });
  log.append(partition, 'k', '{}');
  member.deliver(partition, 1);
  await turn();
  const [letter] = deadLetters.letters;
  assert.match(letter?.failure.message ?? '', /^Handling .* threw RangeError\.$/);
});

const blockedIndex: Failure = { code: 'INDEX_BLOCKED', message: 'scripted', status: 403 };

/** Two topics of one document each, with room for some ten records, of which `a` takes nothing when the test says so. */
async function setUpTwo(options: Partial<PipelineOptions> = {}) {
  const [a, b] = [
    { topic: 'a', partition: 0 },
    { topic: 'b', partition: 0 },
  ];
  const world = await setUp({
    ...{ hold: true, maxBytesHeld: 10_000, documents: 2 },
    routeOf: (topic) => ({ decode: updated, mappers: [writesTo(topic)], documents: [topic] }),
    ...options,
  });
  await world.log.rebalance(new Map([[world.member, [a, b]]]));
  for (let n = 0; n < 40; n += 1) {
    world.log.append(a, `k${n}`, 'x'.repeat(200));
    world.log.append(b, `k${n}`, 'x'.repeat(200));
  }
  const answerAll = async (isBlocked: boolean): Promise<void> => {
    for (const request of [...world.sink.held]) {
      request.answer(({ index }) =>
        isBlocked && index === 'a' ? { kind: 'retry', failure: blockedIndex } : undefined,
      );
    }
    await turn();
  };
  const deliverAll = (from: { readonly topic: string; readonly partition: number }): number => {
    let taken = 0;
    for (let delivered = -1; delivered !== 0; taken += Math.max(0, delivered))
      delivered = world.member.deliver(from, 1);
    return taken;
  };
  return { ...world, a, b, answerAll, deliverAll };
}

test('G6: a document whose index takes nothing holds half of the memory, and the records of others pass it by', async () => {
  const { a, b, sink, clock, pipeline, answerAll, deliverAll, member } = await setUpTwo();
  member.deliver(a, 1);
  await answerAll(true);
  deliverAll(a);
  await answerAll(true);
  const { bytesHeld } = pipeline.status();
  assert.ok(bytesHeld >= 5000 && bytesHeld < 6000, `${bytesHeld} bytes are held`);
  const writtenOf = (index: string): number =>
    [...sink.sources().keys()].filter((key) => key.startsWith(`${index}/`)).length;
  for (let round = 0; round < 60 && writtenOf('b') < 40; round += 1) {
    deliverAll(b);
    await answerAll(true);
    clock.advance(10);
    await turn();
  }
  assert.deepEqual([writtenOf('a'), writtenOf('b')], [0, 40]);
  clock.advance(5000);
  await turn();
  for (let round = 0; round < 40; round += 1) {
    deliverAll(a);
    await answerAll(false);
    clock.advance(10);
    await turn();
  }
  assert.equal(sink.sources().size, 80);
  assert.equal(pipeline.status().bytesHeld, 0);
});

test('a document that is slow leaves room for the others', async () => {
  const { a, b, pipeline, deliverAll } = await setUpTwo();
  deliverAll(a);
  const { bytesHeld } = pipeline.status();
  assert.ok(bytesHeld >= 8000 && bytesHeld < 9000, `${bytesHeld} bytes are held`);
  assert.ok(deliverAll(b) > 0);
});

test('G6: when the whole memory is held, a document that holds nothing still has room for one piece', async () => {
  const { a, b, clock, answerAll, deliverAll } = await setUpTwo({ maxBytesHeld: 900 });
  assert.equal(deliverAll(a), 1, 'one record is more than the limit');
  assert.equal(deliverAll(b), 1);
  for (let round = 0; round < 3; round += 1) {
    await answerAll(true);
    clock.advance(10);
    await turn();
  }
  assert.deepEqual([deliverAll(a), deliverAll(b)], [0, 1], 'the other was written, and goes on');
});

test('changes of a document that waits for its columns count in its share', async () => {
  const held: Failure = { code: 'COLUMN_UNKNOWN', message: 'scripted' };
  const { a, b, pipeline, deliverAll } = await setUpTwo({
    routeOf: (topic) => ({
      decode: updated,
      mappers: [topic === 'a' ? () => ({ kind: 'held', of: 'a', failure: held, looked: undefined }) : writesTo(topic)],
      documents: [topic],
    }),
  });
  deliverAll(a);
  const { bytesHeld } = pipeline.status();
  assert.ok(bytesHeld >= 5000 && bytesHeld < 6000, `${bytesHeld} bytes are held`);
  assert.ok(deliverAll(b) > 0);
});

test('records that are given up with their partition are no part of a share any more', async () => {
  const { a, b, log, member, clock, pipeline, deliverAll } = await setUpTwo();
  deliverAll(a);
  const rebalanced = log.rebalance(new Map([[member, [b]]]));
  await turn();
  clock.advance(50);
  await rebalanced;
  assert.equal(pipeline.status().bytesHeld, 0);
  const taken = deliverAll(b);
  assert.ok(taken >= 8, `${taken} records`);
});

test('G6: a defect in decoding or mapping dead-letters its record alone', async () => {
  const fails = (text: string, record: SourceRecord): void => {
    if (record.value?.toString() === text) throw new TypeError('a defect');
  };
  const { log, member, sink, deadLetters, pipeline } = await setUp({
    routeOf: () => ({
      decode: (record) => {
        fails('undecodable', record);
        return updated(record);
      },
      mappers: [
        (change) => {
          fails('unmappable', change.record);
          return writesTo('docs')(change);
        },
      ],
    }),
  });
  ['{}', 'undecodable', 'unmappable', '{}'].forEach((value, n) => log.append(partition, `k${n}`, value));
  member.deliver(partition, 4);
  await turn();
  assert.deepEqual([...sink.sources().keys()], ['docs/k0', 'docs/k3']);
  assert.deepEqual(
    deadLetters.letters.map(({ record, failure }) => [record.offset, failure.code]),
    [
      [1, 'RECORD_NOT_HANDLED'],
      [2, 'RECORD_NOT_HANDLED'],
    ],
  );
  assert.deepEqual(pipeline.status().accounts, {
    consumed: 4,
    applied: 2,
    superseded: 0,
    coalesced: 0,
    deadLettered: 2,
    abandoned: 0,
    ignored: {},
  });
});

test('a record that makes two documents is settled when both are', async () => {
  const { log, member, sink, clock, pipeline } = await setUp({
    hold: true,
    maxBatchCount: 1,
    routeOf: () => ({ decode: updated, mappers: [writesTo('a'), writesTo('b')] }),
  });
  log.append(partition, 'k', '{}');
  member.deliver(partition, 1);
  sink.held[0]?.answer();
  await turn();
  clock.advance(commitIntervalMs);
  await turn();
  assert.equal(log.committed(partition), 0, 'one of its writes is not settled');
  sink.held[0]?.answer();
  await turn();
  clock.advance(commitIntervalMs);
  await turn();
  assert.equal(log.committed(partition), 1);
  assert.deepEqual([...sink.sources().keys()], ['a/k', 'b/k']);
  assert.equal(pipeline.status().accounts.applied, 1, 'records are accounted for, not writes');
});

test('progress moves `movedAtMs`, and nothing else does while records are held', async () => {
  const { log, member, sink, clock, pipeline } = await setUp({ hold: true, maxBatchCount: 1, maxRequests: 2 });
  for (const key of ['a', 'b', 'c']) log.append(partition, key, '{}');
  clock.advance(1000);
  assert.equal(pipeline.status().movedAtMs, 1000, 'nothing is held');
  member.deliver(partition, 2);
  clock.advance(500);
  member.deliver(partition, 1);
  await turn();
  assert.equal(pipeline.status().movedAtMs, 1000, 'to take more is no progress');
  sink.held[0]?.answer(() => ({ kind: 'retry', failure: { code: 'INDEX_BLOCKED', message: 'scripted' } }));
  await turn();
  assert.equal(pipeline.status().movedAtMs, 1000, 'to fail is no progress');
  clock.advance(200);
  sink.held[0]?.answer();
  await turn();
  clock.advance(300);
  assert.equal(pipeline.status().movedAtMs, 1700, 'when something was settled');
});

test('G5: at every moment what was consumed is settled, ignored, dead-lettered or held', async () => {
  const { log, member, sink, pipeline } = await setUp({
    hold: true,
    maxBatchCount: 1,
    routeOf: () => ({ decode: truncatedOrUpdated, mappers: [writesTo('a'), writesTo('b')], truncated: [] }),
  });
  const balance = (): number => {
    const { accounts, recordsHeld } = pipeline.status();
    const { consumed, applied, superseded, coalesced, deadLettered } = accounts;
    const ignored = Object.values(accounts.ignored).reduce((sum, count) => sum + count, 0);
    assert.equal(consumed, applied + superseded + coalesced + deadLettered + ignored + recordsHeld);
    return recordsHeld;
  };
  for (const key of ['x', null, 'y', 'z']) log.append(partition, key, '{}');
  member.deliver(partition, 4);
  assert.equal(balance(), 3);
  const held: number[] = [];
  for (let answers = 0; sink.held.length > 0; answers += 1) {
    sink.held[0]?.answer((write) => (write.id === 'y' ? { kind: 'reject' } : undefined));
    for (let turns = 0; turns < 3; turns += 1) await turn();
    held.push(balance());
  }
  assert.deepEqual(held, [3, 2, 2, 1, 1, 0]);
});

test('what is settled is committed before the assignment is given up', async () => {
  const { log, member, stop, running } = await setUp({});
  log.append(partition, 'k', '{}');
  member.deliver(partition, 1);
  await turn();
  stop();
  assert.deepEqual(await running, { recordsLeft: 0 });
  assert.equal(log.committed(partition), 1, 'though no commit was due yet');
});

test('a stop waits for what is in flight, but no longer than the drain may take', async () => {
  const { log, member, clock, stop, running } = await setUp({ hold: true });
  log.append(partition, 'k', '{}');
  member.deliver(partition, 1);
  stop();
  await turn();
  clock.advance(50);
  assert.deepEqual(await running, { recordsLeft: 1 });
  assert.equal(log.committed(partition), 0);
});

const truncatedOrUpdated = (record: SourceRecord): ChangeEvent =>
  record.key === null
    ? { op: 'truncate', record, origin: { collection: 'shop.customers' }, key: null }
    : updated(record);

const documentOf = (index: string, policy: TruncatePolicy): TruncatedDocument => ({
  index,
  policy,
  versionOf: ({ offset }) => externalVersion(0, offset),
});

test('a truncated table and a topic without documents are counted, with their reason', async () => {
  const { log, member, sink, pipeline } = await setUp({
    routeOf: (topic) => ({
      decode: truncatedOrUpdated,
      mappers: [],
      truncated: topic === 't' ? [documentOf('docs', 'ignore')] : [],
    }),
  });
  log.append(partition, null, null);
  log.append(partition, 'k', '{}');
  member.deliver(partition, 2);
  await turn();
  assert.deepEqual(pipeline.status().accounts.ignored, { truncate: 1, 'not-mapped': 1 });
  assert.equal(sink.requests.length, 0);
});

test('each document of a truncated table has its own policy: one is refused, one ignored, one emptied', async () => {
  const world: Awaited<ReturnType<typeof setUp>> = await setUp({
    scan: { documents: (index, signal) => world.sink.documents(index, signal) },
    routeOf: () => ({
      decode: truncatedOrUpdated,
      mappers: [writesTo('refused'), writesTo('ignored'), writesTo('emptied')],
      truncated: [documentOf('refused', 'refuse'), documentOf('ignored', 'ignore'), documentOf('emptied', 'delete')],
    }),
  });
  const { log, member, sink, deadLetters, warnings, pipeline } = world;
  for (const key of ['a', 'b', 'c', null, 'd']) log.append(partition, key, '{}');
  member.deliver(partition, 5);
  for (let n = 0; n < 10; n += 1) await turn();
  const indexed = [...sink.sources().keys()];
  assert.deepEqual(
    indexed.filter((place) => place.startsWith('emptied/')),
    ['emptied/d'],
  );
  assert.equal(indexed.length, 4 + 4 + 1);
  assert.deepEqual(
    deadLetters.letters.map(({ record, failure }) => [record.offset, failure.code]),
    [[3, 'TRUNCATE_REFUSED']],
  );
  const [warning] = warnings;
  assert.match(
    warning?.message ?? '',
    /^shop\.customers was truncated at t\[0\]@3; the documents of refused were left/,
  );
  assert.deepEqual(pipeline.status().accounts, {
    consumed: 5,
    applied: 4,
    superseded: 0,
    coalesced: 0,
    deadLettered: 1,
    abandoned: 0,
    ignored: {},
  });
});

test('a truncate waits for what was written before it, and its offset for its deletes', async () => {
  const world: Awaited<ReturnType<typeof setUp>> = await setUp({
    hold: true,
    scan: { documents: (index, signal) => world.sink.documents(index, signal) },
    routeOf: () => ({
      decode: truncatedOrUpdated,
      mappers: [writesTo('docs')],
      truncated: [documentOf('docs', 'delete')],
    }),
  });
  const { log, member, sink, clock } = world;
  const commit = async (): Promise<number> => {
    clock.advance(commitIntervalMs);
    await turn();
    return log.committed(partition);
  };
  for (const key of ['a', null, 'b']) log.append(partition, key, '{}');
  member.deliver(partition, 3);
  await turn();
  assert.deepEqual(
    sink.held.map(({ writes }) => writes.map(({ action, id }) => `${action} ${id}`)),
    [['index a', 'index b']],
    'what comes after it goes on, but nothing is deleted yet',
  );
  sink.held[0]?.answer();
  for (let n = 0; n < 5; n += 1) await turn();
  assert.equal(await commit(), 1);
  assert.deepEqual(
    sink.held.map(({ writes }) => writes.map(({ action, id, version }) => `${action} ${id} ${version}`)),
    [['delete a 1']],
    'with the version of the truncate, and not what is newer',
  );
  sink.held[0]?.answer();
  for (let n = 0; n < 5; n += 1) await turn();
  assert.equal(await commit(), 3);
});
