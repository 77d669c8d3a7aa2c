import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupOffset } from '../../../src/model/group-offsets.ts';
import type { TopicOrigin } from '../../../src/model/topic-origin.ts';
import { findMovedOffsets } from '../../../src/documents/moved-offsets.ts';

const origin: TopicOrigin = { partitions: 1, epoch: 0 };
const none: readonly GroupOffset[] = [{ topic: 't', partition: 0, committed: undefined, isForeign: false }];

/** An index of one topic, which another instance begins to write at the moment when the group is asked, if it was not written before. */
async function codes(wasWritten: boolean, offsets: readonly GroupOffset[] | undefined) {
  let isWritten = wasWritten;
  const moved = await findMovedOffsets({
    groupId: 'g',
    routes: { aliases: ['a'], topicOriginsOf: () => new Map([['t', origin]]) },
    remembered: () => Promise.resolve(new Map(isWritten ? [['t', origin]] : [])),
    idleOffsets: () => {
      isWritten = true;
      return Promise.resolve(offsets);
    },
  });
  return moved?.get('a')?.map(({ code }) => code);
}

test('a group that has no offsets of an index that was written before is told', async () => {
  assert.deepEqual(await codes(true, none), ['OFFSETS_MOVED']);
});

test('what another instance begins to write while this one starts was not written before', async () => {
  assert.deepEqual(await codes(false, none), []);
});

test('of a group with members nothing is said: nobody can have moved it', async () => {
  assert.equal(await codes(true, undefined), undefined);
});
