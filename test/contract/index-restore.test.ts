/** An index that was restored from a snapshot is known by what it remembers, on a real server: as a new index, and over a closed one. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createIndexOrigins } from '../../src/elasticsearch/index/index-origins.ts';
import { createIndexWatch } from '../../src/documents/index-watch.ts';
import { startElasticsearch } from '../stack/elasticsearch.ts';
import { openEngine, requestTimeoutMs } from './engines.ts';

const repository = await mkdtemp(join(tmpdir(), 'snapshots-'));
// The server may run as another user.
await chmod(repository, 0o777);
const server = await startElasticsearch({ settings: { 'path.repo': repository } });
test.after(async () => {
  await server.stop();
  await rm(repository, { recursive: true, force: true });
});
const { client, newIndex, address } = openEngine('elasticsearch', server.address);

const request = async (method: string, path: string, body?: object): Promise<void> => {
  const response = await fetch(`${address}/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  assert.ok(response.ok, `${method} ${path}: ${await response.text()}`);
};

test('an index that is restored, over a closed one or as a new one, is doubtful for a group that has read on', async () => {
  const alias = await newIndex();
  const index = `${alias}-000001`;
  const watch = createIndexWatch({
    groupId: 'group',
    documents: [{ alias, content: 'c', topics: ['t'] }],
    places: () => Promise.resolve([{ topic: 't', partition: 0, start: 0, committed: 10 }]),
    origins: createIndexOrigins({ client, requestTimeoutMs }),
    mayRemember: true,
    isLost: () => Promise.resolve(false),
    holdRows: () => Promise.resolve(true),
  });
  const codes = async (): Promise<readonly string[]> => {
    const doubts = await watch.look();
    assert.ok(!('code' in doubts), JSON.stringify(doubts));
    return (doubts.get(alias) ?? []).map(({ code }) => code);
  };
  // The first look takes the index over, the second finds what it remembers.
  assert.deepEqual([await codes(), await codes()], [[], []]);
  await request('PUT', '_snapshot/s', { type: 'fs', settings: { location: repository } });
  const indices = { indices: index, include_global_state: false };
  await request('PUT', '_snapshot/s/one?wait_for_completion=true', indices);
  assert.deepEqual(await codes(), []);

  await request('POST', `${index}/_close`);
  await request('POST', '_snapshot/s/one/_restore?wait_for_completion=true', indices);
  assert.deepEqual([await codes(), await codes()], [['INDEX_RESTORED'], ['INDEX_RESTORED']]);

  await request('DELETE', index);
  assert.deepEqual(await codes(), ['INDEX_INCOMPLETE']);
  await request('POST', '_snapshot/s/one/_restore?wait_for_completion=true', indices);
  assert.deepEqual([await codes(), await codes()], [['INDEX_RESTORED'], ['INDEX_RESTORED']]);
});
