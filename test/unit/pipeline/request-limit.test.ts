import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRequestLimit } from '../../../src/pipeline/write/request-limit.ts';

test('a 429 halves the limit, down to one request', () => {
  const limit = createRequestLimit(8);
  assert.equal(limit.current(), 8);
  const seen = [1, 2, 3, 4, 5].map((ms) => {
    limit.overloaded(ms, ms);
    return limit.current();
  });
  assert.deepEqual(seen, [4, 2, 1, 1, 1]);
});

test('requests that were sent before the last halving do not halve again', () => {
  const limit = createRequestLimit(8);
  limit.overloaded(10, 20);
  limit.overloaded(11, 21);
  limit.overloaded(19, 22);
  assert.equal(limit.current(), 4);
  limit.overloaded(20, 30);
  assert.equal(limit.current(), 2);
});

test('requests that go well raise a limit that is used, by one for each limit of them, up to the most', () => {
  const limit = createRequestLimit(3);
  limit.overloaded(1, 1);
  limit.overloaded(2, 2);
  assert.equal(limit.current(), 1);
  limit.succeeded(1, 100);
  assert.equal(limit.current(), 2);
  limit.succeeded(1, 100);
  limit.succeeded(1, 100);
  assert.equal(limit.current(), 2, 'it was not used up');
  let needed = 0;
  while (limit.current() < 3 && needed < 10) {
    limit.succeeded(2, 100);
    needed += 1;
  }
  assert.equal(needed, 3, 'about as many as may be in flight');
  for (let more = 0; more < 10; more += 1) limit.succeeded(3, 100);
  assert.equal(limit.current(), 3);
});

test('a request that was sent before the last halving raises nothing', () => {
  const limit = createRequestLimit(4);
  limit.overloaded(10, 20);
  for (let answers = 0; answers < 10; answers += 1) limit.succeeded(4, 19);
  assert.equal(limit.current(), 2);
});
