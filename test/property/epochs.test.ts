import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { epochAt, externalVersion, offset } from '../../src/model/position.ts';
import { originFailure } from '../../src/model/topic-origin.ts';
import { budget } from './budget.ts';

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('write' as const), key: fc.nat(2 ** 31) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('raise' as const), by: fc.integer({ min: 2, max: 3 }) }) },
);

test('where partitions are multiplied and the new ones get a higher epoch, every record of a key has a higher version than the one before', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 9 }),
      (steps, first, keys) => {
        let partitions = first;
        let epoch: Record<string, number> = { 0: 0 };
        const ends = new Map<number, number>();
        const newest = new Map<number, bigint>();
        for (const one of steps) {
          if (one.kind === 'raise') {
            const known = { partitions, epoch };
            epoch = { ...epoch, [partitions]: Object.keys(epoch).length };
            partitions *= one.by;
            assert.equal(originFailure('t', known, { partitions, epoch }), undefined, 'it is accepted');
            continue;
          }
          // Few keys, so that each is written often, with hashes far apart.
          const key = ((one.key % keys) * 2_654_435_761) % 2 ** 31;
          const partition = key % partitions;
          const at = ends.get(partition) ?? 0;
          ends.set(partition, at + 1);
          const version = BigInt(externalVersion(epochAt(epoch, partition), offset(at)));
          assert.ok(version > (newest.get(key) ?? -1n), `key ${key} in partition ${partition}`);
          newest.set(key, version);
        }
      },
    ),
    budget(2000),
  );
});
