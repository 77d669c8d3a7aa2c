import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExternalVersion } from '../../../src/model/position.ts';
import { externalVersion, offset } from '../../../src/model/position.ts';
import type { Entry } from '../../../src/pipeline/write/lane.ts';
import { isNewer, merge } from '../../../src/pipeline/write/lane.ts';
import { createOffsetTracker } from '../../../src/pipeline/settle/offset-tracker.ts';
import { fakeBooks } from '../../fakes/books.ts';

function entry(at: number): Entry {
  const record = {
    topic: 't',
    partition: 0,
    offset: offset(at),
    timestampMs: 0,
    headers: undefined,
    key: null,
    value: null,
  };
  const write = { action: 'delete', index: 'i', id: '1', version: externalVersion(0, offset(at)) } as const;
  return {
    write,
    ticket: createOffsetTracker(offset(at), fakeBooks()).open(record) ?? assert.fail(),
    older: undefined,
  };
}

function versions(top: Entry): ExternalVersion[] {
  const found: ExternalVersion[] = [];
  for (let at: Entry | undefined = top; at !== undefined; at = at.older) found.push(at.write.version);
  return found;
}

test('the newer of two writes is on top, in whichever order they come', () => {
  assert.deepEqual(versions(merge(entry(9), entry(10))), ['10', '9']);
  assert.deepEqual(versions(merge(entry(10), entry(9))), ['10', '9']);
});

test('what two writes stand for stays, newest first', () => {
  const upper = merge(merge(entry(1), entry(3)), entry(7));
  const lower = merge(entry(2), entry(5));
  assert.deepEqual(versions(merge(upper, lower)), ['7', '5', '3', '2', '1'].sort().reverse());
});

test('versions are compared as numbers, beyond 2^53 too', () => {
  const low = externalVersion(40, offset(9));
  const high = externalVersion(40, offset(10));
  assert.ok(isNewer(high, low));
  assert.ok(!isNewer(low, high));
  assert.ok(!isNewer(low, low));
  assert.ok(isNewer(externalVersion(1, offset(0)), externalVersion(0, offset(999_999_999))));
});
