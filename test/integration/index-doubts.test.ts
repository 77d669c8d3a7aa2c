/** Indexes that do not hold what the group has read: found by `run` and by `check`, and mended by the command that they print. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import type { Rows } from './rows.ts';
import { openRows } from './rows.ts';
import type { SluiceProcess, StatusReport } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());

const environment = { SLUICE_INDEX_LOOK_MS: '500', SLUICE_REBUILD_POLL_MS: '300', SLUICE_RETRY_PAUSE_MS: '300' };
const nameOf = (name: string): string => `${name}-${process.pid}`;
const ids = Array.from({ length: 30 }, (_, n) => n + 1);

type Doubts = NonNullable<StatusReport['doubts']>;
const doubtsOf = async (service: SluiceProcess): Promise<Doubts> => (await service.status()).doubts ?? {};

const countIn = async (rows: Rows, index: string): Promise<number> => {
  await rows.elasticsearch('POST', `${index}/_refresh`);
  const response = await rows.elasticsearch('GET', `${index}/_count`);
  return response.ok ? ((await response.json()) as { count: number }).count : -1;
};

/** What `run` says of a document, and that it is over after the command that it prints. */
async function expectDoubt(rows: Rows, document: string, code: string, words: RegExp, expected: number): Promise<void> {
  await using service = await rows.startService();
  assert.match(service.output(), words);
  assert.match(service.output(), new RegExp(`\`sluice rebuild ${document}\``));
  assert.deepEqual(Object.keys(await doubtsOf(service)), [document]);
  assert.equal((await doubtsOf(service))[document]?.[0]?.code, code);
  assert.match(await service.metrics(), new RegExp(`sluice_index_doubtful\\{index="${document}",code="${code}"\\} 1`));
  const rebuilt = await rows.run('rebuild', document);
  assert.equal(rebuilt.code, 0, rebuilt.stdout + rebuilt.stderr);
  await untilTrue('nothing is doubtful any more', async () => Object.keys(await doubtsOf(service)).length === 0);
  assert.equal(await countIn(rows, document), expected);
  await rows.send([{ id: 1000, after: { n: 1000 } }]);
  await rows.caughtUp();
  assert.equal(await countIn(rows, document), expected + 1);
  await rows.send([{ id: 1000, after: null }]);
  await rows.caughtUp();
  await service.stop();
}

test('an index that was deleted, a document that is new for a topic that was read, and a definition that changed are told until they are rebuilt', async () => {
  await using rows = await openRows({ ...stack.addresses, name: nameOf('doubts'), partitions: 2, environment });
  const { index, folder, topic } = rows;
  await rows.send(ids.map((id) => ({ id, after: { n: id } })));
  {
    await using service = await rows.startService();
    await rows.caughtUp();
    assert.deepEqual(await doubtsOf(service), {});
    await service.stop();
  }
  await rows.elasticsearch('DELETE', `${index}-000001`);
  await expectDoubt(
    rows,
    index,
    'INDEX_INCOMPLETE',
    /There is no index `doubts-\d+`, but the group `doubts-\d+` has read/,
    30,
  );

  const clean = await rows.run('check');
  assert.equal(clean.code, 0, clean.stdout + clean.stderr);
  assert.doesNotMatch(clean.stderr, /sluice rebuild/);

  await writeFile(
    join(folder, 'second.yaml'),
    `document: ${index}-second\nfrom: ${topic}\nwhere: { n: { lte: 10 } }\n`,
  );
  const second = `${index}-second`;
  const checked = await rows.run('check');
  assert.match(checked.stderr, /There is no index `doubts-\d+-second`/);
  {
    // Its first documents are written before anybody rebuilds it.
    await using service = await rows.startService();
    await rows.send([{ id: 1, after: { n: 1, again: true } }]);
    await rows.caughtUp();
    assert.equal(await countIn(rows, second), 1);
    await untilTrue('the index says where it began', async () => {
      const { [second]: failures = [] } = await doubtsOf(service);
      return /`doubts-\d+-second-000001` lacks the records before offset/.test(failures[0]?.message ?? '');
    });
    await service.stop();
  }
  await using service = await rows.startService();
  const rebuilt = await rows.run('rebuild', second);
  assert.equal(rebuilt.code, 0, rebuilt.stdout + rebuilt.stderr);
  assert.equal(await countIn(rows, second), 10);
  await rows.run('rebuild', 'finish', second);
  await untilTrue('nothing is doubtful any more', async () => Object.keys(await doubtsOf(service)).length === 0);
  await service.stop();

  await writeFile(join(folder, 'rows.yaml'), `document: ${index}\nfrom: ${topic}\nfields: { n: { exclude: true } }\n`);
  await expectDoubt(rows, index, 'INDEX_OUTDATED', /has documents that another definition of `doubts-\d+` made/, 30);
  for (const number of [1, 2, 3]) {
    for (const name of [index, second]) await rows.elasticsearch('DELETE', `${name}-00000${number}`);
  }
});
