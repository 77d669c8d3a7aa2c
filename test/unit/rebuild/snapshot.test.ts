import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import { offset } from '../../../src/model/position.ts';
import { watchSnapshots } from '../../../src/rebuild/snapshot.ts';

const topic = 't';

/** What was seen, partition by partition: offset → what the record says of a snapshot, and when it was written. */
function startsOf(...partitions: readonly (readonly (readonly [snapshot: string, timestampMs: number])[])[]) {
  const watch = watchSnapshots(partitions.map((_, partition) => ({ topic, partition })));
  const decode = createDecoder();
  for (const [partition, records] of partitions.entries()) {
    for (const [at, [snapshot, timestampMs]] of records.entries()) {
      const op = snapshot === 'false' ? 'c' : 'r';
      const value = { op, before: null, after: { id: 1 }, source: { connector: 'postgresql', snapshot }, ts_ms: 1 };
      watch.see(
        decode({
          ...{ topic, partition, offset: offset(at), timestampMs, headers: undefined },
          key: Buffer.from('{"id":1}'),
          value: Buffer.from(JSON.stringify(value)),
        }),
        partition,
      );
    }
  }
  return watch.starts();
}

test('the last complete snapshot begins with its first row, and in other partitions with what was written since', () => {
  const starts = startsOf(
    [
      ['first', 1],
      ['last', 2],
      ['false', 3],
      ['first_in_data_collection', 10],
      ['true', 11],
      ['false', 12],
    ],
    [
      ['true', 1],
      ['false', 9],
      ['true', 10],
      ['last_in_data_collection', 12],
    ],
    [['false', 4]],
  );
  assert.deepEqual(starts, [3, 2, 1]);
});

test('a snapshot that has not ended, and one that does not say where it began, are refused', () => {
  const cases = [
    {
      records: [['first', 1] as const, ['true', 2] as const],
      says: /The snapshot that began at t\[0\]@0 is not complete/,
    },
    {
      records: [
        ['first', 1],
        ['last', 2],
        ['first', 3],
      ] as const,
      says: /began at t\[0\]@2 is not complete/,
    },
    { records: [['incremental', 1]] as const, says: /an incremental snapshot does not say where it began/ },
    { records: [['false', 1]] as const, says: /no record says that a snapshot began there/ },
  ];
  for (const { records, says } of cases) {
    const starts = startsOf(records);
    assert.ok('code' in starts);
    assert.equal(starts.code, 'SNAPSHOT_UNKNOWN');
    assert.match(starts.message, says);
  }
});
