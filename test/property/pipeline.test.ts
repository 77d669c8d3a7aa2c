import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { ChangeEvent } from '../../src/model/change-event.ts';
import type { DocumentMapper, DocumentWrite } from '../../src/model/document.ts';
import type { Failure } from '../../src/model/outcome.ts';
import { externalVersion } from '../../src/model/position.ts';
import type { TopicPartition } from '../../src/model/record.ts';
import { createPipeline } from '../../src/pipeline/pipeline.ts';
import type { Route } from '../../src/pipeline/pipeline.ts';
import { createManualClock } from '../fakes/manual-clock.ts';
import { createMemoryDeadLetters } from '../fakes/memory-dead-letters.ts';
import { createMemorySink } from '../fakes/memory-sink.ts';
import type { Fault } from '../fakes/memory-sink.ts';
import { createMemorySource } from '../fakes/memory-source.ts';
import { silentObserver } from '../fakes/silent-observer.ts';
import { budget } from './budget.ts';

/** The record's value is `{"poison":true}` for a document that the index refuses, `{…}` for another, null for a delete. */
const poison = '{"poison":true}';
const unreadable = 'not json';

const decode = (record: Parameters<Route['decode']>[0]): ChangeEvent => {
  const said = { record, collection: record.topic, key: null };
  if (record.value === null) return { ...said, op: 'delete', before: null, tombstone: false };
  const text = record.value.toString();
  if (text === unreadable) {
    return { op: 'unreadable', record, failure: { code: 'RECORD_NOT_JSON', message: 'scripted' } };
  }
  const after = { columns: [], text: () => text, value: () => null, json: () => text };
  return { ...said, op: 'update', before: null, after };
};

const mapper: DocumentMapper = (change) => {
  const { record } = change;
  const target = { index: 'docs', id: String(record.key), version: externalVersion(0, record.offset) };
  const write: DocumentWrite =
    change.op === 'delete'
      ? { ...target, action: 'delete' }
      : { ...target, action: 'index', source: change.after.json() };
  return { kind: 'write', write };
};

const partitions: readonly TopicPartition[] = [
  { topic: 't', partition: 0 },
  { topic: 't', partition: 1 },
];

const overloaded: Failure = { code: 'ELASTICSEARCH_OVERLOADED', message: 'scripted', status: 429 };
const unreachable: Failure = { code: 'ELASTICSEARCH_UNREACHABLE', message: 'scripted' };
const missing: Failure = { code: 'INDEX_MISSING', message: 'scripted' };

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), key: fc.nat(5), value: fc.nat(11) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('deliver' as const),
      partition: fc.nat(1),
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('answer' as const), which: fc.nat(), fault: fc.nat(9), seed: fc.nat(7) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(1, 20, 200, 20_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('rebalance' as const), owned: fc.constantFrom([0], [1], [0, 1], []) }),
  },
);

/** Refuses poison always; otherwise gives some items the fault that the action names, or the whole request. */
const faultsOf =
  (fault: number, seed: number) =>
  (write: DocumentWrite): Fault | undefined => {
    const chosen = (Number(write.version) + seed) % 3 === 0;
    if (fault === 9) return { kind: 'retry', failure: unreachable };
    if (write.action === 'index' && write.source === poison) return { kind: 'reject' };
    if (fault === 8) return { kind: 'lost', failure: unreachable };
    if (fault === 7 && chosen) return { kind: 'retry', failure: overloaded };
    if (fault === 6 && chosen) return { kind: 'lost', failure: overloaded };
    if (fault === 5 && chosen) return { kind: 'retry', failure: missing };
    return undefined;
  };

test('any interleaving of deliveries, answers, faults, rebalances and time ends with the index equal to the log (G1–G6, G10)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 120, size: 'max' }), fc.nat(3), async (actions, letterFailures) => {
      const clock = createManualClock();
      const source = createMemorySource();
      const sink = createMemorySink({ hold: true });
      const deadLetters = createMemoryDeadLetters(letterFailures);
      const observer = silentObserver();
      const retry = { initialMs: 10, maxMs: 1000, pauseMs: 5000, random: () => 0.5 };
      const limits = { maxRequests: 3, maxBatchCount: 4, maxBatchBytes: 1000, lingerMs: 10, maxBytesHeld: 30_000 };
      const times = { commitIntervalMs: 100, drainTimeoutMs: 50 };
      const routeOf = (): Route => ({ decode, mappers: [mapper] });
      const pipeline = createPipeline({
        source,
        sink,
        deadLetters,
        clock,
        observer,
        retry,
        routeOf,
        ...limits,
        ...times,
      });
      const stop = new AbortController();
      const running = pipeline.run(stop.signal);
      await source.rebalance(partitions);

      const checkInFlight = (): void => {
        const ids = sink.held.flatMap((request) => request.writes.map((write) => write.id));
        assert.equal(new Set(ids).size, ids.length, 'a document is in two requests at once (G3)');
        assert.ok(sink.held.length <= limits.maxRequests);
      };
      const rebalance = async (owned: readonly TopicPartition[]): Promise<void> => {
        const done = source.rebalance(owned);
        await turn();
        clock.advance(times.drainTimeoutMs);
        await done;
      };

      let texts = 0;
      for (const step of actions) {
        switch (step.kind) {
          case 'append': {
            const to = { topic: 't', partition: step.key % 2 };
            texts += 1;
            const values = [null, null, poison, unreadable];
            source.append(
              to,
              `k${step.key}`,
              values[step.value] === undefined ? `{"n":${texts}}` : (values[step.value] ?? null),
            );
            break;
          }
          case 'deliver':
            source.deliver({ topic: 't', partition: step.partition }, step.count);
            break;
          case 'answer':
            sink.held[step.which % Math.max(1, sink.held.length)]?.answer(faultsOf(step.fault, step.seed));
            break;
          case 'advance':
            clock.advance(step.ms);
            break;
          case 'rebalance':
            await rebalance(step.owned.map((number) => ({ topic: 't', partition: number })));
        }
        await turn();
        checkInFlight();
        for (const partition of partitions) {
          const records = source.log.get(`t/${partition.partition}`) ?? [];
          assertSettledBelow(source.committed(partition), records, sink.documents(), deadLetters.letters.length);
        }
      }

      // No more faults: everything must come to rest by itself.
      await rebalance(partitions);
      for (let idle = 0; idle < 3;) {
        const delivered = partitions.reduce((sum, partition) => sum + source.deliver(partition, 8), 0);
        for (const request of [...sink.held]) request.answer(faultsOf(0, 0));
        await turn();
        checkInFlight();
        clock.advance(200);
        await turn();
        const quiet = delivered === 0 && sink.held.length === 0 && pipeline.status().recordsHeld === 0;
        idle = quiet ? idle + 1 : 0;
        if (!quiet) clock.advanceToNext();
      }

      const expected = new Map<string, string>();
      const lost = new Set<string>();
      for (const records of source.log.values()) {
        for (const record of records) {
          const id = `docs/${String(record.key)}`;
          const text = record.value?.toString();
          if (text === undefined) expected.delete(id);
          else if (text === poison || text === unreadable) lost.add(`${record.partition}/${record.offset}`);
          else expected.set(id, text);
        }
      }
      assert.deepEqual(new Map([...sink.documents()].sort()), new Map([...expected].sort()), 'index = source');
      for (const letter of deadLetters.letters) lost.delete(`${letter.record.partition}/${letter.record.offset}`);
      // A refused write may have been superseded by a newer one before it was ever sent: then nothing is lost.
      for (const place of lost) {
        const [partition, at] = place.split('/').map(Number);
        const records = source.log.get(`t/${String(partition)}`) ?? [];
        const record = records[at ?? 0];
        const newer = records.slice((at ?? 0) + 1).some((other) => String(other.key) === String(record?.key));
        assert.ok(newer && record?.value?.toString() === poison, `${place} is neither indexed nor dead-lettered`);
      }
      for (const partition of partitions) {
        assert.equal(
          source.committed(partition),
          source.log.get(`t/${partition.partition}`)?.length ?? 0,
          'all committed',
        );
      }
      const { accounts } = pipeline.status();
      const ignored = Object.values(accounts.ignored).reduce((sum, count) => sum + count, 0);
      assert.equal(accounts.consumed, accounts.applied + accounts.superseded + accounts.deadLettered + ignored, 'G5');
      assert.equal(pipeline.status().bytesHeld, 0);

      stop.abort();
      await turn();
      clock.advance(times.drainTimeoutMs);
      assert.deepEqual(await running, { recordsLeft: 0 });
      assert.equal(clock.sleepers(), 0, 'a timer was left behind');
    }),
    budget(300),
  );
});

/** G1: of what lies below a committed offset, the last good text of each key is in the index, or something newer is. */
function assertSettledBelow(
  committed: number,
  records: readonly { readonly offset: number; readonly key: Buffer | null; readonly value: Buffer | null }[],
  documents: ReadonlyMap<string, string>,
  letters: number,
): void {
  const last = new Map<string, string | undefined>();
  for (const record of records.slice(0, committed)) {
    const text = record.value?.toString();
    if (text === poison || text === unreadable) {
      assert.ok(letters > 0 || text === poison, 'an unreadable record was committed before its letter was durable');
      continue;
    }
    last.set(String(record.key), text);
  }
  for (const [key, text] of last) {
    const found = documents.get(`docs/${key}`);
    const newer = records.slice(committed).some((record) => String(record.key) === key);
    if (!newer) assert.equal(found, text, `${key} was committed before it was written`);
  }
}
