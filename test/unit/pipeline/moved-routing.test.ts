/** A document whose routing changes keeps its id and may change its shard: the old one is deleted, whatever is sent together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import { compileDocument } from '../../../src/mapping/compile.ts';
import { documentDefinitionSchema } from '../../../src/mapping/definition.ts';
import type { DocumentWrite } from '../../../src/model/document.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { createMemoryDeadLetters } from '../../fakes/memory-dead-letters.ts';
import { createMemoryLog } from '../../fakes/memory-log.ts';
import type { Fault } from '../../fakes/memory-sink.ts';
import { createMemorySink } from '../../fakes/memory-sink.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';

const partition = { topic: 'branches', partition: 0 };
const unavailable = { code: 'ELASTICSEARCH_UNAVAILABLE', message: 'scripted', status: 503 } as const;

/** The regions of the row with id 1, one after the other, the first of its insert. Undefined: deleted. */
async function follow(regions: readonly (string | null | undefined)[], { tellsBefore = true } = {}) {
  const log = createMemoryLog();
  const member = log.join();
  const shards = createMemorySink({ hold: true });
  const clock = createManualClock();
  const definition = documentDefinitionSchema.parse({ document: 'branches', from: 'branches', routing: 'region' });
  const pipeline = createPipeline({
    ...{ source: member, sink: shards, deadLetters: createMemoryDeadLetters(), clock, observer: silentObserver() },
    retry: { initialMs: 10, maxMs: 1000, pauseMs: 5000, random: () => 0.5 },
    routeOf: () => ({ decode: createDecoder(), mappers: [compileDocument(definition).createMapper()] }),
    ...{ maxRequests: 2, maxBatchCount: 10, maxBatchBytes: 10_000, lingerMs: 10, maxBytesHeld: 1_000_000 },
    ...{ commitIntervalMs: 100, drainTimeoutMs: 50 },
  });
  const stopping = new AbortController();
  const running = pipeline.run(stopping.signal);
  await log.rebalance(new Map([[member, [partition]]]));
  const rowOf = (region: string | null | undefined) => (region === undefined ? null : { id: 1, region, name: 'a' });
  const append = (before: object | null, after: object | null): void => {
    const op = after === null ? 'd' : before === null ? 'c' : 'u';
    const source = { connector: 'postgresql', schema: 's', table: 'branches' };
    const told = tellsBefore ? before : null;
    log.append(partition, '{"id":1}', JSON.stringify({ before: told, after, source, op }));
  };
  for (const [at, region] of regions.entries()) {
    const [before, after] = [rowOf(at === 0 ? undefined : regions[at - 1]), rowOf(region)];
    append(before, after);
  }
  member.deliver(partition, regions.length);
  await turn();
  const settle = async (faultOf?: (write: DocumentWrite) => Fault | undefined): Promise<void> => {
    for (let round = 0; round < 10; round += 1) {
      for (const request of [...shards.held]) request.answer(faultOf);
      await turn();
      clock.advance(2000);
      await turn();
    }
  };
  return {
    settle,
    /** Another change of the row, which stays in its region; then all requests in flight are answered. */
    changeAndAnswer: async (region: string | null): Promise<void> => {
      append(rowOf(region) ?? null, rowOf(region) ?? null);
      member.deliver(partition, 1);
      for (const request of [...shards.held]) request.answer();
      await turn();
    },
    status: () => pipeline.status(),
    /** In the order in which they were sent. */
    sent: () =>
      shards.requests.flat().map(({ action, routing = 'none', version }) => `${action} in ${routing} at ${version}`),
    /** Of a shard for all routings. */
    sources: () => [...shards.sources().values()],
    end: async () => {
      stopping.abort();
      clock.advance(100);
      await turn();
      clock.advance(100);
      await running;
    },
  };
}

test('the old document is deleted after the new one is written, also where both are sent at once', async () => {
  for (const [from, to] of [
    ['north', null],
    [null, 'north'],
    ['north', 'south'],
    ['north', ''],
  ] as const) {
    const { settle, sent, sources, status, end } = await follow([from, to]);
    const fails: DocumentWrite[] = [];
    await settle((write) => {
      // The first answer to each is that it must be tried again.
      if (fails.some(({ action, routing }) => action === write.action && routing === write.routing)) return undefined;
      fails.push(write);
      return { kind: 'retry', failure: unavailable };
    });
    const writes = [...new Set(sent())];
    assert.deepEqual(writes.slice(-2), [
      `index in ${to === null || to === '' ? 'none' : to} at 1`,
      `delete in ${from ?? 'none'} at 1`,
    ]);
    assert.deepEqual(sources(), [JSON.stringify({ id: 1, region: to, name: 'a' })], 'one shard takes the newest');
    const { accounts, recordsHeld, documentsInFlight } = status();
    assert.deepEqual([accounts.consumed, recordsHeld, documentsInFlight], [2, 0, 0]);
    await end();
  }
});

test('a row that moved often leaves nothing behind where it was, and is where it is now', async () => {
  const { settle, sent, sources, end } = await follow(['a', 'b', 'c', 'b', null]);
  await settle();
  assert.deepEqual(sent(), ['index in none at 4', ...['delete in b at 4', 'delete in c at 3', 'delete in a at 1']]);
  assert.deepEqual(sources(), ['{"id":1,"region":null,"name":"a"}']);
  await end();
});

test('a row that moved and was deleted is nowhere', async () => {
  const { settle, sent, sources, end } = await follow(['a', null, undefined]);
  await settle();
  assert.deepEqual(sent(), ['delete in none at 2', 'delete in a at 1']);
  assert.deepEqual(sources(), []);
  await end();
});

test('a row that changes all the time does not keep the old document alive', async () => {
  const { changeAndAnswer, sent, settle, end } = await follow(['a', null]);
  for (let round = 0; round < 4; round += 1) await changeAndAnswer(null);
  assert.ok(sent().includes('delete in a at 1'), sent().join());
  await settle();
  await end();
});

test('without the row as it was nothing is written under the former routing, or deleted', async () => {
  const { sent, settle, end } = await follow(['a', 'b'], { tellsBefore: false });
  await settle();
  assert.deepEqual(sent(), ['index in b at 1']);
  await end();
});
