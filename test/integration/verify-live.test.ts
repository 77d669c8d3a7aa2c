/** `sluice verify` beside live traffic: some hundred changes a second, deletes and inserts of the same keys, and no false alarm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProofReport } from '../../src/cli/proof.ts';
import { startStack } from '../stack/stack.ts';
import { openRows } from './rows.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());

const withheld = '__debezium_unavailable_value';

test('while rows change, come and go some hundred times a second, nothing is blamed; one document that somebody changed is', async () => {
  await using rows = await openRows({ ...stack.addresses, name: 'verify-live', partitions: 2 });
  await using service = await rows.startService();
  const { index } = rows;
  const keys = 2000;
  await rows.send(Array.from({ length: keys }, (_, n) => ({ id: n + 1, after: { n, large: `large ${n}` } })));
  await rows.caughtUp();

  const stopping = new AbortController();
  let changes = 0;
  const traffic = (async () => {
    for (let turn = 0; !stopping.signal.aborted; turn += 1) {
      const ids = Array.from({ length: 60 }, (_, n) => 1 + ((turn * 131 + n * 17) % (keys - 100)));
      // A third are deleted, a third keep a value that is not sent.
      await rows.send(
        ids.map((id) => {
          if ((id + turn) % 3 === 0) return { id, after: null };
          return { id, op: 'u', after: { n: turn, large: (id + turn) % 3 === 1 ? `large ${turn}` : withheld } };
        }),
      );
      changes += ids.length;
      await delay(150, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();

  const verify = async (): Promise<ProofReport> => {
    const { stdout, stderr } = await rows.run('verify', index, '--json');
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as ProofReport;
  };
  try {
    for (let round = 0; round < 2; round += 1) {
      const before = changes;
      const found = await verify();
      assert.ok(changes > before + 100, `${changes - before} changes`);
      const { moving = 0, ...others } = found.counts;
      // A value that was withheld of a document that is not there is nowhere: nothing can be said of that field.
      assert.deepEqual(others, {}, JSON.stringify(found));
      assert.ok(moving < 20);
    }
    // Of those that nobody changes.
    const path = `${index}/_doc/${keys}`;
    assert.ok((await rows.elasticsearch('PUT', path, { id: keys, n: -1 })).ok);
    assert.ok((await rows.elasticsearch('DELETE', `${index}/_doc/${keys - 1}`)).ok);
    const { moving = 0, ...found } = (await verify()).counts;
    assert.deepEqual(found, { differing: 1, missing: 1 });
    assert.ok(moving < 20);
  } finally {
    stopping.abort();
    await traffic;
  }
  await rows.caughtUp();
  assert.equal((await rows.run('repair', index, '--yes')).code, 0);
  assert.deepEqual((await verify()).counts, {});
  await service.stop();

  // Without a service, what it has not written yet is no fault, and is not said to be proved.
  await rows.send([{ id: keys, after: { n: 7, large: 'later' } }]);
  const pending = await rows.run('verify', index, '--patience', '1');
  assert.equal(pending.code, 3, pending.stdout);
  assert.match(pending.stdout, /– 1 pending \(not judged: the service has not written their records yet/);
});
