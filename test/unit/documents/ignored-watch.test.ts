import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IgnoredValues } from '../../../src/documents/ports.ts';
import { watchIgnored } from '../../../src/documents/ignored-watch.ts';
import type { Failure } from '../../../src/model/outcome.ts';

test('documents with ignored values are counted at each look, and each of their fields is told once', async () => {
  const looks: readonly (IgnoredValues | Failure)[] = [
    { documents: 2, fields: ['price'] },
    { code: 'ELASTICSEARCH_UNREACHABLE', message: 'scripted' },
    { documents: 3, fields: ['flag', 'price'] },
    { documents: 0, fields: [] },
  ];
  const over = new AbortController();
  const counts: number[] = [];
  const told: string[] = [];
  let look = 0;
  await watchIgnored(
    {
      aliases: ['a'],
      read: () => Promise.resolve(looks[look] ?? { documents: 0, fields: [] }),
      counted: (_, documents) => counts.push(documents),
      warned: ({ code, message }) => told.push(`${code} ${message}`),
      everyMs: 60_000,
      clock: {
        nowMs: () => 0,
        sleep: (ms) => {
          assert.equal(ms, 60_000);
          look = counts.length === 0 && told.length === 0 ? 0 : look + 1;
          if (look === looks.length) over.abort();
          return Promise.resolve();
        },
      },
    },
    over.signal,
  );
  assert.deepEqual(counts, [2, 3, 0]);
  assert.equal(told.length, 2);
  assert.match(told[0] ?? '', /VALUES_IGNORED .*`price`/);
  assert.match(told[1] ?? '', /`flag`/);
  assert.doesNotMatch(told[1] ?? '', /`price`/);
});
