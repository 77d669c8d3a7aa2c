import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DocumentWrite } from '../../../src/model/document.ts';
import type { Failure } from '../../../src/model/outcome.ts';
import type { Fault } from '../../fakes/memory-sink.ts';
import { always, blocked, createWriterWorld, lingerMs, overloaded, unreachable } from './writer-world.ts';

const names = (count: number, prefix = 'd'): string[] => Array.from({ length: count }, (_, n) => `${prefix}${n}`);

/** Concerns a document and not the cluster. */
const ofOneDocument: Failure = { code: 'HANDOVER_CHANGED', message: 'scripted' };

const faultOf =
  (id: string, fault: Fault) =>
  (write: DocumentWrite): Fault | undefined =>
    write.id === id ? fault : undefined;

test('a batch is sent at once when nothing is in flight, when it is full, and else after it has lingered', async () => {
  const { submit, sent, pass } = createWriterWorld({ maxBatchCount: 3 });
  submit(['a']);
  assert.deepEqual(sent(), ['a'], 'an idle writer adds no latency');
  submit(['b']);
  await pass(lingerMs - 1);
  submit(['c']);
  assert.deepEqual(sent(), ['a'], 'it fills while a request is in flight');
  await pass(1);
  assert.deepEqual(sent(), ['a', 'b,c'], 'it has lingered');
  submit(['d', 'e', 'f']);
  assert.deepEqual(sent(), ['a', 'b,c', 'd,e,f'], 'it is full');
});

test('an answer sends what has come together meanwhile, without lingering', async () => {
  const { submit, sent, answer } = createWriterWorld({});
  submit(['a']);
  submit(['b', 'c']);
  await answer();
  assert.deepEqual(sent(), ['a', 'b,c']);
});

test('a batch ends before the write that would make it larger than `maxBatchBytes`, but one write always fits', async () => {
  const { submit, sent, answer } = createWriterWorld({ maxBatchBytes: 1000, maxRequests: 1 });
  submit(['first']);
  submit(names(5), 300);
  submit(['large', 'last'], 5000);
  for (let requests = 1; requests <= 5; requests += 1) await answer();
  assert.deepEqual(sent(), ['first', 'd0,d1', 'd2,d3', 'd4', 'large', 'last']);
});

test('a batch whose bytes are full is sent at once', () => {
  const { submit, sent } = createWriterWorld({ maxBatchBytes: 1000 });
  submit(['first']);
  submit(names(2), 600);
  assert.deepEqual(sent(), ['first', 'd0']);
});

test('a 429 for a part of a request halves the requests in flight; requests that go well raise them again', async () => {
  const { submit, held, answer, pass } = createWriterWorld({ maxBatchCount: 2, maxRequests: 4 });
  submit(names(200));
  assert.equal(held.length, 4);
  await pass(1);
  await answer(faultOf('d0', { kind: 'retry', failure: overloaded }));
  assert.equal(held.length, 3, 'not even the slot that is free now is taken again');
  for (let left = 3; left > 0; left -= 1) await answer();
  assert.equal(held.length, 2, 'half as many');
  await pass(1000);
  let most = 0;
  for (let answers = 0; answers < 20; answers += 1) {
    await answer();
    most = Math.max(most, held.length);
  }
  assert.equal(most, 4, 'as many as before');
});

test('while the cluster as a whole fails, nothing is sent before the wait is over, and then one request at a time', async () => {
  const { submit, held, sent, answer, pass, told } = createWriterWorld({ maxBatchCount: 1, maxRequests: 3 });
  submit(names(6));
  assert.equal(held.length, 3);
  await answer(always(unreachable));
  assert.equal(held.length, 2, 'nobody sends');
  await answer(always(unreachable));
  await answer(always(unreachable));
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['waiting'],
    'three requests that failed together are one failure',
  );
  await pass(49);
  assert.equal(held.length, 0);
  await pass(1);
  assert.equal(held.length, 1, 'one tries');
  submit(['other']);
  assert.equal(held.length, 1);
  await answer();
  assert.equal(held.length, 3, 'it went well');
  assert.equal(sent().length, 3 + 1 + 3);
});

test('writes that failed with the cluster return to the front of the queue, in their order', async () => {
  const { submit, sent, answer, pass } = createWriterWorld({ maxBatchCount: 2, maxRequests: 1 });
  submit(['a', 'b', 'c', 'd']);
  await answer(always(unreachable));
  await pass(50);
  await answer();
  await answer();
  assert.deepEqual(sent(), ['a,b', 'a,b', 'c,d']);
});

test('each attempt in trouble waits longer; what was waited for is told when it is over, with how long it took', async () => {
  const { submit, answer, pass, told } = createWriterWorld({});
  submit(['a']);
  for (const delayMs of [50, 100, 200]) {
    await answer(always(unreachable));
    await pass(delayMs);
  }
  await answer();
  assert.deepEqual(told, [
    { kind: 'waiting', code: 'ELASTICSEARCH_UNREACHABLE', attempt: 1, delayMs: 50 },
    { kind: 'waiting', code: 'ELASTICSEARCH_UNREACHABLE', attempt: 2, delayMs: 100 },
    { kind: 'waiting', code: 'ELASTICSEARCH_UNREACHABLE', attempt: 3, delayMs: 200 },
    { kind: 'recovered', code: 'ELASTICSEARCH_UNREACHABLE', afterMs: 350 },
  ]);
  submit(['b']);
  await answer(always(unreachable));
  assert.deepEqual(told.at(-1), {
    kind: 'waiting',
    code: 'ELASTICSEARCH_UNREACHABLE',
    attempt: 1,
    delayMs: 50,
  });
});

test('a request that was sent before the trouble does not end it', async () => {
  const { submit, answer, pass, told, held } = createWriterWorld({ maxBatchCount: 1, maxRequests: 2 });
  submit(['a', 'b']);
  await pass(1);
  await answer(always(unreachable));
  await answer();
  assert.equal(held.length, 0, 'the wait goes on');
  assert.equal(told.length, 1);
});

test('a write that is parked waits longer with each attempt, and the others go on', async () => {
  const { submit, sent, answer, pass, told } = createWriterWorld({ maxRequests: 1 });
  submit(['a']);
  for (const [attempt, delayMs] of [50, 100, 200].entries()) {
    await answer(always(ofOneDocument));
    await pass(delayMs - 1);
    submit([`b${attempt}`]);
    await answer();
    assert.equal(sent().at(-1), `b${attempt}`, 'it is not due yet');
    await pass(1);
    assert.equal(sent().at(-1), 'a');
  }
  assert.deepEqual(
    told.map((each) => (each.kind === 'waiting' ? each.attempt : each.kind)),
    [1, 2, 3],
  );
});

test('where someone must act, the next attempt comes after the pause and not after the back-off', async () => {
  const { submit, sent, answer, pass, told } = createWriterWorld({});
  submit(['a']);
  await answer(always(blocked));
  await pass(4999);
  assert.deepEqual(sent(), ['a']);
  await pass(1);
  assert.deepEqual(sent(), ['a', 'a']);
  assert.deepEqual(told, [{ kind: 'waiting', code: 'INDEX_BLOCKED', attempt: 1, delayMs: 5000 }]);
});

test('after a success the attempts of a document count from one', async () => {
  const { submit, answer, pass, told } = createWriterWorld({});
  for (let round = 0; round < 2; round += 1) {
    submit(['a']);
    await answer(always(ofOneDocument));
    await pass(50);
    await answer();
  }
  assert.deepEqual(
    told.map((each) => (each.kind === 'waiting' ? each.attempt : each.kind)),
    [1, 'recovered', 1, 'recovered'],
    'each wait of an index is told to be over',
  );
});

test('writes that a newer one replaced before they were sent are counted and settled as coalesced', async () => {
  const { submit, sent, answer, count, settled } = createWriterWorld({});
  submit(['a']);
  submit(['b', 'b', 'b']);
  await answer();
  await answer();
  assert.deepEqual(sent(), ['a', 'b']);
  assert.equal(count('coalesced'), 2);
  assert.equal(count('applied'), 2);
  assert.deepEqual([...settled].sort(), [
    [0, 'applied'],
    [1, 'coalesced'],
    [2, 'coalesced'],
    [3, 'applied'],
  ]);
});

test('when a write is refused, the write that it had replaced is written', async () => {
  const { submit, sent, answer, refused, settled } = createWriterWorld({});
  submit(['a']);
  submit(['b', 'b']);
  await answer();
  await answer((): Fault => ({ kind: 'reject' }));
  await answer();
  assert.deepEqual(sent(), ['a', 'b', 'b']);
  assert.deepEqual(refused, [2]);
  assert.deepEqual(settled, [
    [0, 'applied'],
    [1, 'applied'],
  ]);
});

test('when everything that waits is lost with its partition, nothing waits any more, and that is told', async () => {
  for (const failure of [unreachable, blocked]) {
    const { submit, answer, lose, told, pass } = createWriterWorld({});
    const kinds = (): readonly string[] => told.map(({ kind }) => kind);
    submit(['a', 'b']);
    // One document of an index that takes others waits alone; what cannot be reached holds everybody.
    await answer((write) => (failure === unreachable || write.id === 'a' ? { kind: 'retry', failure } : undefined));
    assert.deepEqual(kinds(), ['waiting']);
    await lose();
    // A document that waits alone is forgotten when its wait is over.
    if (failure === blocked) await pass(5000);
    assert.deepEqual(kinds(), ['waiting', 'recovered']);
  }
});

test('a request that is broken off by a join is sent again, and is no trouble of Elasticsearch', async () => {
  let owned = new AbortController();
  const { submit, sent, told, pass } = createWriterWorld({ ownership: () => owned.signal });
  submit(['a', 'b']);
  const before = owned;
  owned = new AbortController();
  before.abort();
  await pass(0);
  assert.deepEqual(sent(), ['a,b', 'a,b']);
  assert.deepEqual(told, []);
});
