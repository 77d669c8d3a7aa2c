/** Indexes that take nothing, before a writer that has others to write (G6). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DocumentWrite } from '../../../src/model/document.ts';
import type { Failure } from '../../../src/model/outcome.ts';
import type { Fault } from '../../fakes/memory-sink.ts';
import { always, blocked, createWriterWorld } from './writer-world.ts';

const unavailable: Failure = {
  ...{ code: 'ELASTICSEARCH_UNAVAILABLE', message: 'scripted' },
  ...{ status: 503, type: 'unavailable_shards_exception' },
};
const names = (index: string, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, n) => `${index}/${index}${from + n}`);
const idsOf = (index: string, from: number, to: number): string =>
  names(index, from, to)
    .map((name) => name.slice(index.length + 1))
    .join();

const of =
  (index: string, failure: Failure) =>
  (write: DocumentWrite): Fault | undefined =>
    write.index === index ? { kind: 'retry', failure } : undefined;

test('an index that refuses its writes keeps no place in the requests of others', async () => {
  const { submit, sent, answer } = createWriterWorld({ maxBatchCount: 4, maxRequests: 1 });
  submit([...names('a', 0, 2), ...names('b', 0, 1), ...names('a', 2, 9), ...names('b', 1, 5)]);
  await answer(of('a', blocked));
  await answer();
  submit(names('a', 9, 12));
  submit(names('b', 5, 6));
  assert.deepEqual(sent(), ['a0,a1,b0,a2', 'b1,b2,b3,b4', 'b5']);
});

test('after each pause ten of its writes try; when one is taken, all that waited goes first, in its order', async () => {
  const { submit, sent, answer, pass, told } = createWriterWorld({ maxBatchCount: 100, maxRequests: 1 });
  submit(names('a', 0, 1));
  submit(names('a', 1, 30));
  await answer(always(blocked));
  assert.deepEqual(sent(), ['a0']);
  await pass(4999);
  assert.equal(sent().length, 1, 'it is not due yet');
  await pass(1);
  assert.equal(sent().at(-1), idsOf('a', 0, 10));
  submit(names('b', 0, 1));
  assert.equal(sent().at(-1), 'b0', 'the probe is beside the limit of requests');
  submit(names('b', 1, 3));
  // The oldest in flight is the probe.
  await answer();
  await answer();
  assert.equal(sent().at(-1), `${idsOf('a', 10, 30)},b1,b2`);
  assert.deepEqual(told, [
    { kind: 'waiting', code: 'INDEX_BLOCKED', attempt: 1, delayMs: 5000 },
    { kind: 'recovered', code: 'INDEX_BLOCKED', afterMs: 5000 },
  ]);
});

test('while it is still blocked nothing more than the probe is sent, and the same writes try again', async () => {
  const { submit, sent, answer, pass, told } = createWriterWorld({});
  submit(names('a', 0, 20));
  await answer(always(blocked));
  for (let round = 0; round < 3; round += 1) {
    await pass(5000);
    await answer(always(blocked));
  }
  assert.deepEqual(
    sent().slice(1),
    Array.from({ length: 3 }, () => idsOf('a', 0, 10)),
  );
  assert.deepEqual(
    told.map((each) => (each.kind === 'waiting' ? each.attempt : each.kind)),
    [1, 2, 3, 4],
  );
});

test('a probe that meets trouble of any kind leaves the index held', async () => {
  const { submit, sent, answer, pass, held } = createWriterWorld({});
  submit(names('a', 0, 20));
  await answer(always(blocked));
  await pass(5000);
  await answer(always({ code: 'ELASTICSEARCH_UNREACHABLE', message: 'scripted' }));
  submit(names('b', 0, 1));
  assert.equal(sent().at(-1), 'b0', 'the others do not wait for it');
  await answer();
  assert.equal(held.length, 0);
});

test('a document that is refused for itself shows that its index takes writes again', async () => {
  const { submit, sent, answer, pass, refused } = createWriterWorld({});
  submit(names('a', 0, 12));
  await answer(always(blocked));
  await pass(5000);
  await answer((write) => (write.id === 'a0' ? { kind: 'reject' } : { kind: 'retry', failure: blocked }));
  assert.deepEqual(refused, [0]);
  assert.equal(sent().at(-1), 'a10,a11');
});

test('503 for all writes of one index is trouble of that index, and others go on with as many requests', async () => {
  const { submit, held, answer, sent } = createWriterWorld({ maxBatchCount: 1, maxRequests: 2 });
  submit([...names('a', 0, 1), ...names('b', 0, 6)]);
  assert.equal(held.length, 2);
  await answer(of('a', unavailable));
  assert.equal(held.length, 2, 'nobody else waits');
  for (let left = 6; left > 0; left -= 1) await answer();
  assert.deepEqual(sent(), ['a0', 'b0', 'b1', 'b2', 'b3', 'b4', 'b5']);
});

test('503 for all writes of several indexes is trouble of the cluster', async () => {
  const { submit, held, answer, pass } = createWriterWorld({});
  submit([...names('a', 0, 2), ...names('b', 0, 2)]);
  await answer(always(unavailable));
  submit(names('c', 0, 1));
  assert.equal(held.length, 0, 'everybody waits');
  await pass(50);
  assert.equal(held.length, 1);
});

test('503 for a request as a whole, which says nothing of an index, is trouble of the cluster', async () => {
  const { submit, held, answer, sent, pass } = createWriterWorld({});
  submit(names('a', 0, 20));
  await answer(always({ code: 'ELASTICSEARCH_UNAVAILABLE', message: 'scripted', status: 503 }));
  submit(names('b', 0, 1));
  assert.equal(held.length, 0, 'everybody waits');
  await pass(50);
  assert.equal(sent().at(-1), `${idsOf('a', 0, 20)},b0`, 'and all is sent again, not ten');
});

test('an index that is blocked by 429, as a full disk does, halves no requests', async () => {
  const { submit, held, answer } = createWriterWorld({ maxBatchCount: 1, maxRequests: 4 });
  submit([...names('a', 0, 1), ...names('b', 0, 20)]);
  await answer(of('a', { ...blocked, status: 429 }));
  assert.equal(held.length, 4);
});

test('a newer write of a document takes the place of the one that is held', async () => {
  const { submit, sent, answer, pass, settled } = createWriterWorld({});
  submit(['a/x']);
  await answer(always(blocked));
  submit(['a/x', 'a/y', 'a/x']);
  await pass(5000);
  await answer();
  assert.deepEqual(sent(), ['x', 'x,y']);
  assert.deepEqual(settled.map(([at, outcome]) => `${at} ${outcome}`).sort(), [
    '0 coalesced',
    '1 coalesced',
    '2 applied',
    '3 applied',
  ]);
});

test('requests that were under way when the index was held are refused without another wait', async () => {
  const { submit, sent, answer, pass, told } = createWriterWorld({ maxBatchCount: 2, maxRequests: 3 });
  submit(names('a', 0, 6));
  for (let requests = 0; requests < 3; requests += 1) await answer(always(blocked));
  assert.equal(told.length, 1);
  await pass(5000);
  assert.equal(sent().length, 4);
});

test('writes that are held are dropped when their tenure is lost, and then nothing waits any more', async () => {
  const { submit, sent, answer, lose, pass, told } = createWriterWorld({});
  submit(names('a', 0, 20));
  await answer(always(blocked));
  await lose();
  await pass(5000);
  assert.equal(sent().length, 1);
  assert.equal(told.at(-1)?.kind, 'recovered');
});
