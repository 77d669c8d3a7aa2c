import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupOffset } from '../../../src/model/group-offsets.ts';
import { movedOffsets } from '../../../src/model/group-offsets.ts';
import type { Epochs } from '../../../src/model/position.ts';

const offset = (partition: number, committed: number | undefined, isForeign = false): GroupOffset => ({
  ...{ topic: 't', partition, committed, isForeign },
});

interface Case {
  /** Partitions that the index remembers. */
  readonly known?: number;
  readonly epoch?: Epochs;
  /** The topic that the index remembers. */
  readonly topic?: string;
}

function messages(
  offsets: readonly GroupOffset[],
  { known = 2, epoch = 0, topic = 't' }: Case = {},
): readonly string[] {
  const before = new Map([[topic, { partitions: known, epoch: 0 }]]);
  const now = new Map([['t', { partitions: 4, epoch }]]);
  return movedOffsets('g', { alias: 'a', before, now }, offsets).map(({ message }) => message);
}

test('a group that stands where Sluice left it is no news', () => {
  assert.deepEqual(messages([offset(0, 7), offset(1, 9)]), []);
});

test('a topic without any offset of the group is told, if the index was made of it', () => {
  const [message, ...more] = messages([offset(0, undefined), offset(1, undefined)]);
  assert.match(message ?? '', /^The group "g" has no offsets of "t", of which a is made/);
  assert.deepEqual(more, []);
  assert.deepEqual(messages([offset(0, undefined), offset(1, undefined)], { topic: 'another' }), []);
});

test('a partition without an offset beside one that has one had no records', () => {
  assert.deepEqual(messages([offset(0, 7), offset(1, undefined)]), []);
});

test('offsets that others committed are told, by their partitions', () => {
  const [message] = messages([offset(0, 7), offset(1, 0, true)]);
  assert.match(message ?? '', /^The offsets of group "g" for t\[1\], of which a is made, were not committed by Sluice/);
});

test('partitions that are new, or whose epoch was raised, were not written before', () => {
  assert.deepEqual(messages([offset(0, 7), offset(1, 7), offset(2, 0, true), offset(3, undefined)]), []);
  assert.deepEqual(messages([offset(0, undefined), offset(1, undefined)], { epoch: 1 }), []);
  assert.deepEqual(messages([offset(0, 7), offset(1, 0, true)], { epoch: { 0: 0, 1: 1 } }), []);
});
