/** `sluice verify` and `repair` on OpenSearch, of documents whose rows come in parts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { openRows } from './rows.ts';

const stack = await startStack({ servers: ['kafka', 'opensearch'] });
test.after(() => stack.stop());

test('on OpenSearch, too, faults are found and mended, also in documents of which values were withheld', async () => {
  await using rows = await openRows({
    kafka: stack.addresses.kafka,
    elasticsearch: stack.addresses.opensearch,
    name: 'verify-opensearch',
    environment: { SLUICE_ELASTICSEARCH_ENGINE: 'opensearch' },
  });
  await using service = await rows.startService();
  const { index } = rows;
  const ids = Array.from({ length: 1500 }, (_, n) => n + 1);
  await rows.send(ids.map((id) => ({ id, after: { n: 0, large: `large ${id}` } })));
  await rows.send(
    ids.slice(0, 20).map((id) => ({ id, op: 'u', after: { n: 1, large: '__debezium_unavailable_value' } })),
  );
  await rows.caughtUp();
  const clean = await rows.run('verify', index);
  assert.equal(clean.code, 0, clean.stdout + clean.stderr);
  assert.match(clean.stdout, /1500 documents and 1520 records.*\n✔ No document is other than its topics say\./);

  assert.ok((await rows.elasticsearch('DELETE', `${index}/_doc/1`)).ok);
  assert.ok((await rows.elasticsearch('PUT', `${index}/_doc/2`, { id: 2, n: 1, large: 'other' })).ok);
  const repaired = await rows.run('repair', index, '--yes');
  assert.equal(repaired.code, 0, repaired.stdout + repaired.stderr);
  assert.match(repaired.stdout, /✖ 1 missing .*: 1\n/);
  assert.match(repaired.stdout, /✖ 1 differing .*: 2\n/);
  for (const id of [1, 2]) {
    const source = await (await rows.elasticsearch('GET', `${index}/_source/${id}`)).json();
    assert.deepEqual(source, { id, n: 1, large: `large ${id}` });
  }
  await service.stop();
});
