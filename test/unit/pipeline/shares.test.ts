import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Holder } from '../../../src/pipeline/shares.ts';
import { createShares } from '../../../src/pipeline/shares.ts';

interface World {
  readonly holders: readonly Holder[];
  readonly documents?: number;
  readonly blocked?: readonly string[];
  readonly made?: Readonly<Record<string, readonly string[]>>;
}

const sharesOf = ({ holders, documents = 3, blocked = [], made = {} }: World) =>
  createShares({
    ...{ maxBytesHeld: 1000, documents },
    bytesHeld: () => holders.reduce((sum, { bytesHeld }) => sum + bytesHeld, 0),
    holders: () => holders,
    documentsOf: (topic) => made[topic] ?? [topic],
    isBlocked: (topic) => blocked.includes(topic),
  });

const held = (topic: string, bytesHeld: number): Holder => ({ topic, bytesHeld });

test('a document may hold four fifths of what the others leave', () => {
  assert.equal(sharesOf({ holders: [held('a', 799)] })('a'), true);
  assert.equal(sharesOf({ holders: [held('a', 800)] })('a'), false);
  assert.equal(sharesOf({ holders: [held('a', 400), held('b', 500)] })('a'), false);
  assert.equal(sharesOf({ holders: [held('a', 399), held('b', 500)] })('a'), true);
});

test('there is room for a document that holds nothing, however much the others hold', () => {
  assert.equal(sharesOf({ holders: [held('a', 800), held('b', 190)] })('c'), true);
  assert.equal(sharesOf({ holders: [held('a', 800), held('b', 400)] })('c'), true);
});

test('documents that take nothing may hold half of all together', () => {
  const blocked = ['a', 'b'];
  assert.equal(sharesOf({ holders: [held('a', 300), held('b', 199)], blocked })('a'), true);
  assert.equal(sharesOf({ holders: [held('a', 300), held('b', 200)], blocked })('a'), false);
  assert.equal(sharesOf({ holders: [held('a', 300), held('b', 200)], blocked })('c'), true, 'another has room');
});

test('one document alone may hold everything', () => {
  assert.equal(sharesOf({ holders: [held('a', 5000)], documents: 1, blocked: ['a'] })('a'), true);
});

test('topics that make a document together have one share, and so have partitions of a topic', () => {
  const made = { old: ['orders'], new: ['orders', 'lines'] };
  assert.equal(sharesOf({ holders: [held('old', 500), held('new', 300)], made })('old'), false);
  assert.equal(sharesOf({ holders: [held('old', 500), held('old', 300)] })('old'), false);
  assert.equal(sharesOf({ holders: [held('old', 100), held('new', 100), held('a', 300)], made })('old'), true);
});

test('while less than half of all is held nothing is counted', () => {
  let counted = 0;
  const hasShare = createShares({
    ...{ maxBytesHeld: 1000, documents: 500, bytesHeld: () => 499 },
    holders: () => {
      counted += 1;
      return [];
    },
    documentsOf: (topic) => [topic],
    isBlocked: () => true,
  });
  assert.equal(hasShare('a'), true);
  assert.equal(counted, 0);
});
