/** `sluice verify` finds each planted fault among many documents and nothing else; `sluice repair` mends exactly those. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProofReport } from '../../src/cli/proof.ts';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import type { Rows } from './rows.ts';
import { openRows } from './rows.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());

/** Of every kind of fault in every way; `verify-million.test.ts` has more documents. */
const documents = 40_000;
const memoryLimitMiB = 512;

const row = (id: number, turn = 0): object => ({
  name: `row ${id} of turn ${turn}`,
  big: 9007199254740993,
  amount: '12.50',
  ratio: id / 8,
  tags: ['a', String(id % 7)],
  inner: { b: id % 2 === 0, a: null },
});

async function report(rows: Rows, ...args: readonly string[]): Promise<ProofReport & { readonly code: number }> {
  const { code, stdout, stderr } = await rows.run(...args, '--json');
  assert.notEqual(stdout, '', stderr);
  return { ...(JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as ProofReport), code };
}

test('each planted fault is found and nothing else, repair mends exactly those, and memory is bounded', async () => {
  const mapping = 'index: { settings: { number_of_shards: 2 } }\n';
  await using rows = await openRows({ ...stack.addresses, name: 'verify-planted', partitions: 2, mapping });
  await using service = await rows.startService();
  const { index } = rows;
  for (let from = 1; from <= documents; from += 50_000) {
    const ids = Array.from({ length: Math.min(50_000, documents - from + 1) }, (_, n) => from + n);
    await rows.send(ids.map((id) => ({ id, after: row(id) })));
  }
  await rows.send(
    Array.from({ length: documents / 20 }, (_, n) => ({ id: 20 * (n + 1), after: row(20 * (n + 1), 1) })),
  );
  await rows.send(Array.from({ length: documents / 100 }, (_, n) => ({ id: 100 * (n + 1), after: null })));
  await rows.caughtUp();

  const clean = await report(rows, 'verify', index);
  assert.deepEqual(clean.counts, {});
  assert.equal(clean.code, 0);
  assert.equal(clean.documents, documents - documents / 100);
  assert.equal(clean.expected, clean.documents);

  const es = async (method: string, path: string, body?: object): Promise<void> => {
    const response = await rows.elasticsearch(method, path, body);
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.text()}`);
  };
  const versionOf = async (id: number): Promise<number> =>
    ((await (await rows.elasticsearch('GET', `${index}/_doc/${id}`)).json()) as { _version: number })._version;
  const gte = (version: number): string => `version_type=external_gte&version=${version}`;
  // Older: what its first record was, once the index has forgotten its delete.
  await es('PUT', `${index}/_settings`, { index: { gc_deletes: '0s' } });
  await es('DELETE', `${index}/_doc/20?${gte(await versionOf(20))}`);
  await untilTrue('the delete is forgotten', async () => {
    await es('POST', `${index}/_refresh`);
    const path = `${index}/_doc/20?version_type=external&version=1`;
    return (await rows.elasticsearch('PUT', path, { id: 20, ...row(20) })).ok;
  });
  await es('PUT', `${index}/_settings`, { index: { gc_deletes: '1h' } });
  // Removed, by hand and under its own version.
  await es('DELETE', `${index}/_doc/1`);
  await es('DELETE', `${index}/_doc/2?${gte(await versionOf(2))}`);
  // Changed, by hand and under its own version; one only in the last digit of a number, one by a field more.
  await es('PUT', `${index}/_doc/3`, { id: 3, other: true });
  await es('PUT', `${index}/_doc/4?${gte(await versionOf(4))}`, { id: 4, ...row(4), ratio: 4 / 8 + 0.001 });
  await es('PUT', `${index}/_doc/5?${gte(await versionOf(5))}`, { id: 5, ...row(5), more: null });
  // Another order of fields is no fault.
  await es('PUT', `${index}/_doc/6?${gte(await versionOf(6))}`, { ...row(6), id: 6 });
  // Added: of no row, and of a deleted one.
  await es('PUT', `${index}/_doc/none`, { id: 0 });
  await es('PUT', `${index}/_doc/100`, { id: 100 });
  // Under another routing: in another shard, beside the right one; and in its own, in the place of the right one and under its version.
  const shardOf = async (routing: string | number): Promise<string> => {
    const { shards } = (await (
      await rows.elasticsearch('GET', `${index}/_search_shards?routing=${routing}`)
    ).json()) as {
      shards: readonly (readonly { shard: number }[])[];
    };
    return String(shards[0]?.[0]?.shard);
  };
  const routingTo = async (shard: string, isSame: boolean): Promise<string> => {
    for (let n = 0; ; n += 1) if (((await shardOf(`r${n}`)) === shard) === isSame) return `r${n}`;
  };
  const beside = await routingTo(await shardOf(7), false);
  await es('PUT', `${index}/_doc/7?routing=${beside}&${gte(await versionOf(7))}`, { id: 7, ...row(7) });
  const instead = await routingTo(await shardOf(8), true);
  await es('PUT', `${index}/_doc/8?routing=${instead}&${gte(await versionOf(8))}`, { id: 8, ...row(8) });
  await rows.elasticsearch('POST', `${index}/_refresh`);

  const found = await report(rows, 'verify', index, '--examples', '10');
  assert.deepEqual(found.examples, {
    differing: ['3', '4', '5'],
    misrouted: ['7', '8'],
    missing: ['1', '2'],
    stale: ['20'],
    surplus: ['100', 'none'],
  });
  assert.equal(found.code, 1);
  process.stderr.write(`verify: ${documents} documents in ${found.seconds} s, at most ${found.peakMemoryMiB} MiB\n`);
  assert.ok(found.peakMemoryMiB < memoryLimitMiB, `${found.peakMemoryMiB} MiB`);

  const shown = await rows.run('repair', index);
  assert.equal(shown.code, 1);
  assert.match(shown.stderr, /Nothing was changed\. `--yes` writes or deletes these 10 documents\./);
  const limited = await rows.run('repair', index, '--yes', '--max', '9');
  assert.equal(limited.code, 1);
  assert.match(limited.stderr, /10 documents would be changed, which is more than `--max 9`; nothing was\./);

  const repaired = await rows.run('repair', index, '--yes');
  assert.equal(repaired.code, 0, repaired.stdout + repaired.stderr);
  assert.match(repaired.stdout, /Wrote 8 documents and deleted 4; looked again:/);
  const after = await report(rows, 'verify', index);
  assert.deepEqual(after.counts, {});
  assert.equal(after.documents, clean.documents);

  // What was mended takes its next changes.
  const touched = [1, 2, 3, 4, 5, 7, 8, 20];
  await rows.send([...touched.map((id) => ({ id, after: row(id, 2) })), { id: 100, after: row(100, 2) }]);
  await rows.caughtUp();
  const later = await report(rows, 'verify', index);
  assert.deepEqual([later.counts, later.documents], [{}, clean.documents + 1]);
  await service.stop();
});

test('vectors are compared, with the digits that the index keeps of them; one that somebody changed is found and mended', async () => {
  const vector = 'type: dense_vector, dims: 3, similarity: l2_norm';
  const mapping = `index:
  mappings:
    properties:
      flat: { ${vector} }
      inner: { properties: { deep: { ${vector} } } }
`;
  await using rows = await openRows({ ...stack.addresses, name: 'verify-vectors', mapping });
  await using service = await rows.startService();
  const { index } = rows;
  const vectors = (id: number): object => ({
    flat: id % 3 === 0 ? null : [id / 7, 1e-8, 0.123456789012],
    inner: { deep: [0.1, id, 16777217], n: 0.123456789012 },
  });
  await rows.send(Array.from({ length: 30 }, (_, n) => ({ id: n + 1, after: vectors(n + 1) })));
  await rows.caughtUp();
  const clean = await report(rows, 'verify', index);
  assert.deepEqual([clean.code, clean.counts, clean.documents], [0, {}, 30]);

  const change = async (id: number, changed: object): Promise<void> => {
    const stored = (await (await rows.elasticsearch('GET', `${index}/_doc/${id}`)).json()) as { _version: number };
    const path = `${index}/_doc/${id}?version_type=external_gte&version=${stored._version}`;
    assert.ok((await rows.elasticsearch('PUT', path, { id, ...vectors(id), ...changed })).ok);
  };
  await change(1, { flat: [1 / 7, 1e-8, 0.1234568] });
  await change(2, { flat: null });
  await change(3, { flat: [1, 2, 3] });
  await change(4, { inner: { deep: [0.1, 4, 16777218], n: 0.123456789012 } });
  await change(5, { inner: { deep: [0.1, 5, 16777217], n: 0.12345679 } });
  // What the index keeps of it is the same.
  await change(7, { flat: [1, 1e-8, 0.1234567890123] });
  const found = await report(rows, 'verify', index);
  assert.deepEqual([found.code, found.examples], [1, { differing: ['1', '2', '3', '4', '5'] }]);
  assert.equal((await rows.run('repair', index, '--yes')).code, 0);
  assert.deepEqual((await report(rows, 'verify', index)).counts, {});
  await service.stop();
});

test('verify and repair of a document without an index name the command that makes it, and do not read its topics first', async () => {
  await using rows = await openRows({ ...stack.addresses, name: `verify-missing-${process.pid}` });
  await rows.send([{ id: 1, after: row(1) }]);
  for (const args of [['verify'], ['repair', '--yes']]) {
    const [command = '', ...options] = args;
    const { code, stderr } = await rows.run(command, rows.index, ...options);
    assert.equal(code, 1, stderr);
    assert.match(stderr, /There is no index or alias `verify-missing-\d+` to compare\. .*`sluice rebuild DOCUMENT`/);
  }
});

test('a dead-lettered insert is missing, a dead-lettered update leaves the document stale, and the report says where to look', async () => {
  const mapping = 'index: { mappings: { properties: { n: { type: integer } } } }\n';
  await using rows = await openRows({ ...stack.addresses, name: `verify-letters-${process.pid}`, mapping });
  await using service = await rows.startService();
  await rows.send([
    { id: 1, after: { n: 1 } },
    { id: 1, after: { n: 'no number' } },
    { id: 2, after: { n: 'no number' } },
  ]);
  await rows.caughtUp();
  const { code, stdout } = await rows.run('verify', rows.index);
  assert.equal(code, 1);
  assert.match(stdout, /✖ 1 missing \(.*inserts are dead letters\): 2/);
  assert.match(stdout, /✖ 1 stale \(.*updates may be dead letters\): 1/);
  await service.stop();
});
