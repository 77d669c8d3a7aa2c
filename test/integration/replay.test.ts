/**
 * Offsets are set back, or another group begins anew, on an index that has forgotten its deletes: it is said, and when the replay is
 * at its end no deleted document is back.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProofReport } from '../../src/cli/proof.ts';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import type { Rows } from './rows.ts';
import { openRows } from './rows.ts';
import type { SluiceProcess } from './sluice-process.ts';
import { startReadySluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());

const rowCount = 20_000;
/** The first rows: their inserts are written long before their deletes are read. */
const deleted = Array.from({ length: 40 }, (_, n) => n + 1);
const deletedAndBack = Array.from({ length: 10 }, (_, n) => n + 41);

async function history(rows: Rows): Promise<void> {
  await rows.send(Array.from({ length: rowCount }, (_, n) => ({ id: n + 1, after: { n } })));
  await rows.send([...deleted, ...deletedAndBack].map((id) => ({ id, after: { n: -1 }, op: 'u' })));
  await rows.send([...deleted, ...deletedAndBack].map((id) => ({ id, after: null })));
  await rows.send(deletedAndBack.map((id) => ({ id, after: { n: -2 } })));
}

/** Waits until an index whose `gc_deletes` is short has forgotten what was deleted before. */
async function deletesForgotten({ index, elasticsearch }: Rows): Promise<void> {
  const probe = (method: string, version: number): Promise<Response> =>
    elasticsearch(
      method,
      `${index}/_doc/probe?version_type=external&version=${version}`,
      method === 'PUT' ? {} : undefined,
    );
  await probe('PUT', 2);
  assert.ok((await probe('DELETE', 3)).ok);
  assert.equal((await probe('PUT', 1)).status, 409);
  await untilTrue('the deletes are forgotten', async () => {
    await elasticsearch('POST', `${index}/_refresh`);
    return (await probe('PUT', 1)).ok;
  });
  await probe('DELETE', 4);
}

async function expectRight(rows: Rows): Promise<void> {
  const { code, stdout } = await rows.run('verify', rows.index, '--json');
  const report = JSON.parse(stdout) as ProofReport;
  assert.deepEqual([code, report.counts, report.documents], [0, {}, rowCount - deleted.length]);
  for (const [ids, status] of [
    [deleted, 404],
    [deletedAndBack, 200],
  ] as const) {
    for (const id of ids) assert.equal((await rows.elasticsearch('GET', `${rows.index}/_doc/${id}`)).status, status);
  }
}

const moved = /"code":"OFFSETS_MOVED"/g;
const sayings = (sluice: SluiceProcess): number => [...sluice.output().matchAll(moved)].length;

const mapping = 'index: { settings: { index.gc_deletes: 1s } }\n';

test('offsets that are set back are told by check and by the log, and the replay brings no deleted document back', async () => {
  // Less is held than lies between: an insert that waits beside its delete would never be sent.
  const environment = { SLUICE_KAFKA_MAX_BYTES_PER_FETCH: '64KiB', SLUICE_LIMITS_MAX_BYTES_HELD: '1MiB' };
  await using rows = await openRows({ ...stack.addresses, name: 'replay-back', partitions: 2, mapping, environment });
  const { topic, index } = rows;
  {
    await using service = await rows.startService();
    await using another = await rows.startService();
    await history(rows);
    await rows.caughtUp();
    await another.stop();
    await service.stop();
    assert.deepEqual([sayings(service), sayings(another)], [0, 0]);
  }
  const before = await rows.run('check');
  assert.match(before.stdout, /✔ group replay-back: nobody moved its offsets\n/);
  {
    await using service = await rows.startService();
    await rows.send([{ id: rowCount, after: { n: 0 } }]);
    await rows.caughtUp();
    assert.equal(sayings(service), 0);
    assert.match((await rows.run('check')).stdout, /✔ group replay-back: instances run\n/);
    await service.stop();
  }
  await deletesForgotten(rows);
  const partitions = [0, 1].map((partition) => ({ partition, offset: '0' }));
  await rows.admin.setOffsets({ groupId: index, topic, partitions });
  const { code, stdout } = await rows.run('check');
  assert.equal(code, 0);
  assert.match(
    stdout,
    /group replay-back: moved\n {4}The offsets of group "replay-back" for replay-back\.public\.rows\[0, 1\], of which replay-back is made, were not committed by Sluice: .* "Offsets were reset"/,
  );
  await using service = await rows.startService();
  await rows.caughtUp();
  assert.equal(sayings(service), 1, service.output());
  // The inserts of deleted rows went in again, and then the deletes: had the index remembered, those inserts would be superseded.
  const { accounts } = await service.status();
  assert.ok(accounts.applied >= 2 * deleted.length, JSON.stringify(accounts));
  await expectRight(rows);
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
});

test('another group on an index that was written before is told, and brings no deleted document back', async () => {
  await using rows = await openRows({ ...stack.addresses, name: 'replay-group', partitions: 2, mapping });
  const { topic, folder, admin } = rows;
  {
    await using service = await rows.startService();
    await history(rows);
    await rows.caughtUp();
    await service.stop();
  }
  await deletesForgotten(rows);
  const groupId = `replay-group-${process.pid}`;
  await using service = await startReadySluice({ ...stack.addresses, groupId, documents: folder });
  await untilTrue('the group is at the end', async () => {
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
    const ends = await admin.fetchTopicOffsets(topic);
    return ends.every(({ partition, high }) =>
      committed?.partitions.some((one) => one.partition === partition && one.offset === high),
    );
  });
  assert.equal(sayings(service), 1, service.output());
  assert.match(
    service.output(),
    /The group "replay-group-\d+" has no offsets of "replay-group\.public\.rows", of which replay-group is made/,
  );
  await expectRight(rows);
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
});
