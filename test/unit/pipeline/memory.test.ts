import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offset } from '../../../src/model/position.ts';
import type { SourceRecord } from '../../../src/model/record.ts';
import { createMemory } from '../../../src/pipeline/memory.ts';

interface World {
  readonly holders: readonly SourceRecord[];
  readonly documents?: number;
  readonly blocked?: readonly string[];
  readonly made?: Readonly<Record<string, readonly string[]>>;
}

/** Of 1,000 units of 1,024 bytes. */
function memoryOf({ holders, documents = 3, blocked = [], made = {} }: World) {
  const memory = createMemory({
    ...{ maxBytesHeld: 1000 * 1024, documents },
    documentsOf: (topic) => made[topic] ?? [topic],
    isBlocked: (topic) => blocked.includes(topic),
  });
  for (const record of holders) memory.take(record);
  return memory;
}

/** A record that takes so many units: twice its bytes, and 512. */
const held = (topic: string, units: number): SourceRecord => ({
  ...{ topic, partition: 0, offset: offset(0), timestampMs: 0, headers: undefined, key: null, value: null },
  byteLength: units * 512 - 256,
});

test('a document may hold four fifths of what the others leave', () => {
  assert.equal(memoryOf({ holders: [held('a', 799)] }).hasShare('a'), true);
  assert.equal(memoryOf({ holders: [held('a', 800)] }).hasShare('a'), false);
  assert.equal(memoryOf({ holders: [held('a', 400), held('b', 500)] }).hasShare('a'), false);
  assert.equal(memoryOf({ holders: [held('a', 399), held('b', 500)] }).hasShare('a'), true);
});

test('there is room for a document that holds nothing, however much the others hold', () => {
  assert.equal(memoryOf({ holders: [held('a', 800), held('b', 190)] }).hasShare('c'), true);
  assert.equal(memoryOf({ holders: [held('a', 800), held('b', 400)] }).hasShare('c'), true);
});

test('documents that take nothing may hold half of all together', () => {
  const blocked = ['a', 'b'];
  assert.equal(memoryOf({ holders: [held('a', 300), held('b', 199)], blocked }).hasShare('a'), true);
  assert.equal(memoryOf({ holders: [held('a', 300), held('b', 200)], blocked }).hasShare('a'), false);
  assert.equal(
    memoryOf({ holders: [held('a', 300), held('b', 200)], blocked }).hasShare('c'),
    true,
    'another has room',
  );
});

test('one document alone may hold everything', () => {
  assert.equal(memoryOf({ holders: [held('a', 5000)], documents: 1, blocked: ['a'] }).hasShare('a'), true);
});

test('topics that make a document together have one share, and so have partitions of a topic', () => {
  const made = { old: ['orders'], new: ['orders', 'lines'] };
  assert.equal(memoryOf({ holders: [held('old', 500), held('new', 300)], made }).hasShare('old'), false);
  assert.equal(memoryOf({ holders: [held('old', 500), held('old', 300)] }).hasShare('old'), false);
  assert.equal(memoryOf({ holders: [held('old', 100), held('new', 100), held('a', 300)], made }).hasShare('old'), true);
});

test('a topic whose records wait for another document takes no share from a topic that goes on', () => {
  const made = { old: ['orders'], new: ['orders', 'lines'] };
  // `lines` is blocked: with it the records of `new`, which are held for `orders` as well.
  const world = { made, blocked: ['new'], documents: 4 };
  assert.equal(
    memoryOf({ ...world, holders: [held('new', 500), held('old', 50), held('a', 400)] }).hasShare('old'),
    true,
  );
  assert.equal(memoryOf({ ...world, holders: [held('new', 600), held('a', 600)] }).hasShare('old'), true);
  assert.equal(memoryOf({ ...world, holders: [held('new', 500), held('old', 400)] }).hasShare('old'), false);
  assert.equal(memoryOf({ ...world, holders: [held('new', 500), held('a', 400)] }).hasShare('new'), false);
});

test('what is given back leaves the share', () => {
  const big = held('a', 800);
  const memory = memoryOf({ holders: [big, held('a', 1), held('b', 600)] });
  assert.equal(memory.hasShare('a'), false);
  memory.give(big);
  assert.equal(memory.hasShare('a'), true);
  assert.deepEqual([memory.bytesHeld(), memory.recordsHeld()], [601 * 1024, 2]);
});

test('one document alone has room until the memory is full; of several, one that holds nothing has room even then', () => {
  assert.equal(memoryOf({ holders: [held('a', 999)], documents: 1 }).hasRoom('a'), true);
  assert.equal(memoryOf({ holders: [held('a', 1000)], documents: 1 }).hasRoom('a'), false);
  const several = memoryOf({ holders: [held('a', 1000)] });
  assert.deepEqual([several.hasRoom('a'), several.hasRoom('b')], [false, true]);
});

test('while less than half of all is held nothing is counted', () => {
  let asked = 0;
  const memory = createMemory({
    ...{ maxBytesHeld: 1000 * 1024, documents: 500 },
    documentsOf: (topic) => {
      asked += 1;
      return [topic];
    },
    isBlocked: () => {
      asked += 1;
      return true;
    },
  });
  memory.take(held('b', 499));
  assert.equal(memory.hasShare('a'), true);
  assert.equal(asked, 0);
});
