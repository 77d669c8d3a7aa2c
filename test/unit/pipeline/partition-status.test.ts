import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offset } from '../../../src/model/position.ts';
import type { RecordBatch } from '../../../src/model/record.ts';
import { createPartitionWatch } from '../../../src/pipeline/partition-status.ts';

const place = { topic: 't', partition: 0 };
const postponed = (end: number): RecordBatch => ({
  ...place,
  records: [
    {
      ...{ ...place, offset: offset(3), timestampMs: 7, headers: {} },
      ...{ key: null, value: null },
    },
  ],
  ...{ next: offset(4), highWatermark: offset(end) },
});

test('the end of a partition is as old as the fetch that told it, however often pieces of that fetch are offered', () => {
  let nowMs = 100;
  const watch = createPartitionWatch({ partitions: () => [place], stateOf: () => undefined }, () => nowMs);
  const ends = (): unknown =>
    watch.statuses().map(({ end, endSinceMs, lagRecords }) => [Number(end), endSinceMs, lagRecords]);
  watch.postponed(postponed(9));
  nowMs = 200;
  watch.postponed(postponed(9));
  assert.deepEqual(ends(), [[9, 100, 6]]);
  watch.postponed(postponed(12));
  assert.deepEqual(ends(), [[12, 200, 9]]);
});
