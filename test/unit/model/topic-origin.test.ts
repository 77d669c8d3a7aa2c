import assert from 'node:assert/strict';
import { test } from 'node:test';
import { epochAt, externalVersion, offset } from '../../../src/model/position.ts';
import type { Epochs } from '../../../src/model/position.ts';
import { changeOf, originFailure } from '../../../src/model/topic-origin.ts';

const originOf = (id: string | undefined, partitions: number, epoch: Epochs) => ({ id, partitions, epoch });
const codeOf = (...topics: readonly [ReturnType<typeof originOf>, ReturnType<typeof originOf>]): string | undefined =>
  originFailure('t', ...topics)?.code;

test('a topic with another id, or with fewer partitions, is another topic, until every epoch is higher than every one before', () => {
  assert.equal(codeOf(originOf('a', 2, 0), originOf('a', 2, 0)), undefined);
  assert.equal(codeOf(originOf('a', 2, 0), originOf('b', 2, 0)), 'TOPIC_RECREATED');
  assert.equal(codeOf(originOf(undefined, 2, 0), originOf(undefined, 1, 0)), 'TOPIC_RECREATED');
  assert.equal(
    codeOf(originOf(undefined, 2, 0), originOf('b', 2, 0)),
    undefined,
    'a broker that was upgraded tells ids',
  );
  assert.equal(codeOf(originOf('a', 2, 0), originOf('b', 2, 1)), undefined);
  assert.equal(codeOf(originOf('a', 4, { 0: 0, 2: 1 }), originOf('b', 4, 1)), 'TOPIC_RECREATED');
  assert.equal(codeOf(originOf('a', 4, { 0: 0, 2: 1 }), originOf('b', 4, 2)), undefined);
});

test('more partitions are refused, until the new ones have a higher epoch and their number is a multiple, or all are higher', () => {
  assert.equal(codeOf(originOf('a', 2, 0), originOf('a', 4, 0)), 'PARTITIONS_CHANGED');
  assert.equal(codeOf(originOf('a', 2, 0), originOf('a', 4, { 0: 0, 2: 1 })), undefined);
  assert.equal(codeOf(originOf('a', 2, 0), originOf('a', 4, { 0: 0, 3: 1 })), 'PARTITIONS_CHANGED');
  assert.equal(
    codeOf(originOf('a', 2, 0), originOf('a', 3, { 0: 0, 2: 1 })),
    'PARTITIONS_CHANGED',
    'old keys move too',
  );
  assert.equal(codeOf(originOf('a', 2, 0), originOf('a', 3, 1)), undefined);
  assert.equal(
    codeOf(originOf('a', 2, { 0: 0, 2: 1 }), originOf('a', 4, { 0: 0, 2: 1 })),
    undefined,
    'said beforehand',
  );
  assert.equal(changeOf('t', { partitions: 1 }, { partitions: 2 }, 0)?.code, 'PARTITIONS_CHANGED');
  assert.equal(changeOf('t', { partitions: 1 }, { partitions: 2 }, { 0: 0, 1: 1 }), undefined);
  assert.equal(changeOf('t', { id: 'a', partitions: 1 }, { id: 'b', partitions: 1 }, 5)?.code, 'TOPIC_RECREATED');
});

test('where a key moves to a partition of a higher epoch, whatever it says there is newer', () => {
  const epochs = { 0: 0, 2: 1, 4: 2 };
  assert.deepEqual(
    [0, 1, 2, 3, 4, 9].map((partition) => epochAt(epochs, partition)),
    [0, 0, 1, 1, 2, 2],
  );
  const before = BigInt(externalVersion(epochAt(epochs, 1), offset(2 ** 40)));
  assert.ok(BigInt(externalVersion(epochAt(epochs, 3), offset(0))) > before);
});
