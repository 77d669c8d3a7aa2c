/** Tables change under Sluice, and their rows are read again: afterwards every document equals its row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registerConnector } from '../stack/connectors.ts';
import { startStack } from '../stack/stack.ts';
import { expectIndexEqualsTable } from './equality.ts';
import { untilTrue } from './poll.ts';
import type { Scene } from './scene.ts';
import { setScene } from './scene.ts';
import { startReadySluice } from './sluice-process.ts';
import { expectBalanced } from './story.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

const { elasticsearch, connect } = stack.addresses;
const rows = 200;
const people = {
  name: 'people',
  key: 'id',
  sql: `CREATE TABLE inventory.people (id integer PRIMARY KEY, name text, n integer);
        INSERT INTO inventory.people SELECT n, 'name ' || n, n FROM generate_series(1, ${rows}) n;
        CREATE TABLE inventory.signals (id text PRIMARY KEY, type text NOT NULL, data text)`,
};

const sceneOf = (name: string, schemas = true): Promise<Scene> =>
  setScene({
    ...stack.addresses,
    name,
    tables: [people],
    mappings: { people: `document: ${name}-people\nfrom: ${name}.inventory.people\n` },
    settings: {
      'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'key.converter.schemas.enable': String(schemas),
      'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'value.converter.schemas.enable': String(schemas),
      'signal.data.collection': 'inventory.signals',
      'incremental.snapshot.chunk.size': '16',
    },
  });

/** Changes rows, but those whose id is a multiple of 50, at the pace at which Kafka takes them, while `work` is done. */
async function underTraffic(scene: Scene, work: () => Promise<unknown>): Promise<void> {
  const traffic = { isOver: false };
  const done = work().finally(() => (traffic.isOver = true));
  done.catch(() => undefined);
  const endOf = async (): Promise<number> => {
    const ends = await scene.admin.fetchTopicOffsets(scene.topicOf('people'));
    return ends.reduce((sum, { high }) => sum + Number(high), 0);
  };
  for (let n = 1; !traffic.isOver; n += 1) {
    const before = await endOf();
    const id = 1 + ((n * 7) % 49);
    await scene.inventory.query(`UPDATE inventory.people SET id = id WHERE id % 97 = ${n % 97} AND id % 50 > 0;
      DELETE FROM inventory.people WHERE id = ${id}; INSERT INTO inventory.people (id) VALUES (${id})`);
    await untilTrue('the changes are in Kafka', async () => traffic.isOver || (await endOf()) > before);
  }
  await done;
}

const touchAll = 'UPDATE inventory.people SET id = id';

async function sourceOf(scene: Scene, id: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const found = await fetch(`${elasticsearch}/${scene.indexOf('people')}/_doc/${id}`);
  return ((await found.json()) as { _source?: Readonly<Record<string, unknown>> })._source;
}

/** Ids of documents with a value that a field ignored. */
async function ignoredOf(scene: Scene): Promise<readonly string[]> {
  await fetch(`${elasticsearch}/${scene.indexOf('people')}/_refresh`, { method: 'POST' });
  const query = '_search?q=_ignored:n&_source=false&sort=_doc';
  const found = await fetch(`${elasticsearch}/${scene.indexOf('people')}/${query}`);
  const { hits } = (await found.json()) as { hits: { hits: readonly { _id: string }[] } };
  return hits.hits.map(({ _id }) => _id).sort();
}

for (const schemas of [true, false]) {
  const form = schemas ? 'with schemas' : 'without schemas';
  test(`columns are added, dropped, renamed and retyped under traffic; rows that change afterwards equal their documents: JSON ${form}`, async () => {
    await using scene = await sceneOf(`columns_${schemas ? 'schemas' : 'plain'}`, schemas);
    await using sluice = await startReadySluice({ ...stack.addresses, ...scene });
    await scene.caughtUp();
    const { query } = scene.inventory;
    await scene.expectEqual();
    const untouched = await sourceOf(scene, '100');
    for (const ddl of [
      'ALTER TABLE inventory.people ADD COLUMN age integer DEFAULT 7',
      'ALTER TABLE inventory.people RENAME COLUMN name TO full_name',
      'ALTER TABLE inventory.people ALTER COLUMN n TYPE bigint; UPDATE inventory.people SET n = 2147483647 WHERE id = 3',
      // Without a schema, nothing tells what Connect's base64 of a decimal is: a mapping file would have to.
      ...(schemas ? ['ALTER TABLE inventory.people ALTER COLUMN age TYPE numeric(10, 2)'] : []),
      'ALTER TABLE inventory.people DROP COLUMN age',
      'ALTER TABLE inventory.people DROP COLUMN full_name; ALTER TABLE inventory.people ADD COLUMN full_name jsonb',
    ]) {
      await underTraffic(scene, () => query(ddl));
      if (ddl.includes('ADD COLUMN age') && schemas) {
        await scene.caughtUp();
        assert.ok(untouched !== undefined && 'name' in untouched && !('age' in untouched));
      }
      await query(touchAll);
      await scene.caughtUp();
      await scene.expectEqual();
    }
    await expectBalanced(sluice);

    // What does not fit the type that the index has is kept in `_source`; with a schema, Sluice says that the column has another
    // type now. The document is written, and so are the others.
    await query(`ALTER TABLE inventory.people ALTER COLUMN n TYPE text;
      UPDATE inventory.people SET n = 'many' WHERE id = 5; UPDATE inventory.people SET n = '6' WHERE id = 6`);
    await scene.caughtUp();
    const { accounts } = await sluice.status();
    assert.equal(accounts.deadLettered, 0);
    assert.equal((await sourceOf(scene, '6'))?.['n'], '6');
    assert.equal((await sourceOf(scene, '5'))?.['n'], 'many');
    if (schemas) assert.match(sluice.output(), /COLUMN_RETYPED/);
    else assert.deepEqual(await ignoredOf(scene), ['5', '6'], 'counted, since a search by number does not find them');
  });
}

test('after another column has become the primary key, as documented, documents equal rows under their new ids', async () => {
  await using scene = await sceneOf('key_changed');
  const { query } = scene.inventory;
  const options = { ...stack.addresses, ...scene };
  const index = scene.indexOf('people');
  const config = await configOf(scene);
  await query("ALTER TABLE inventory.people ADD COLUMN code text; UPDATE inventory.people SET code = 'c' || id");
  {
    await using sluice = await startReadySluice(options);
    await scene.caughtUp();
    // Nobody writes. Everything that was said with the old key has been read: now, and only now, the key changes.
    await pause(scene, true);
    await query(
      'ALTER TABLE inventory.people DROP CONSTRAINT people_pkey; ALTER TABLE inventory.people ADD PRIMARY KEY (code)',
    );
    await deleteAll(index);
    await pause(scene, false);
    await registerConnector(connect, scene.groupId, { ...config, 'snapshot.mode': 'always' });
    // A connector that is restarted within a transaction and reads the table anew goes on after the snapshot: deletes before it are lost.
    await scene.caughtUp();
    await query(
      "UPDATE inventory.people SET n = 0; DELETE FROM inventory.people WHERE id < 10; INSERT INTO inventory.people (id, code) VALUES (1, 'new')",
    );
    await scene.caughtUp();
    const compared = { query, elasticsearch, index, table: 'inventory.people', key: 'code' };
    assert.equal(await expectIndexEqualsTable(compared), rows - 9 + 1);
    assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  }
});

/** What `_delete_by_query` does, which the servers of the tests lack. */
async function deleteAll(index: string): Promise<void> {
  const post = (path: string, type: string, body: string): Promise<Response> =>
    fetch(`${elasticsearch}/${path}`, { method: 'POST', headers: { 'content-type': type }, body });
  const query = JSON.stringify({ size: 10_000, _source: false });
  await fetch(`${elasticsearch}/${index}/_refresh`, { method: 'POST' });
  const { hits } = (await (await post(`${index}/_search`, 'application/json', query)).json()) as {
    hits: { hits: readonly { _id: string }[] };
  };
  const deletes = hits.hits.map(({ _id }) => `${JSON.stringify({ delete: { _id } })}\n`).join('');
  const answer = await post(`${index}/_bulk?refresh=true`, 'application/x-ndjson', deletes);
  assert.equal(((await answer.json()) as { errors: boolean }).errors, false);
}

async function configOf(scene: Scene): Promise<Record<string, string>> {
  const answer = await fetch(`${connect}/connectors/${scene.groupId}/config`);
  return (await answer.json()) as Record<string, string>;
}

async function pause({ groupId }: Scene, paused: boolean): Promise<void> {
  await fetch(`${connect}/connectors/${groupId}/${paused ? 'pause' : 'resume'}`, { method: 'PUT' });
  await untilTrue('the connector is told', async () => {
    const answer = await fetch(`${connect}/connectors/${groupId}/status`);
    const { tasks } = (await answer.json()) as { tasks: readonly { state: string }[] };
    return tasks.length > 0 && tasks.every(({ state }) => state === (paused ? 'PAUSED' : 'RUNNING'));
  });
}

/** Takes documents out of the index without a trace that a later write would have to beat. */
async function lose(scene: Scene, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const place = `${elasticsearch}/${scene.indexOf('people')}/_doc/${id}`;
    const { _version } = (await (await fetch(place)).json()) as { _version: number };
    await fetch(`${place}?version_type=external_gte&version=${_version}`, { method: 'DELETE' });
  }
}

test('snapshots by signal, incremental and blocking, and a snapshot anew, interleaved with changes: documents equal rows', async () => {
  await using scene = await sceneOf('snapshots');
  await using sluice = await startReadySluice({ ...stack.addresses, ...scene });
  await scene.caughtUp();
  await scene.expectEqual();
  const lost = ['50', '100', '150'];
  const isBack = async (): Promise<boolean> =>
    (await Promise.all(lost.map((id) => sourceOf(scene, id)))).every((source) => source !== undefined);
  const signal = (type: string): Promise<unknown> =>
    scene.inventory.query(`INSERT INTO inventory.signals VALUES ('${type}', 'execute-snapshot',
      '{"data-collections": ["inventory.people"], "type": "${type}"}')`);
  const config = await configOf(scene);
  const again: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['incremental', () => signal('incremental')],
    ['blocking', () => signal('blocking')],
    ['anew', () => registerConnector(connect, scene.groupId, { ...config, 'snapshot.mode': 'always' })],
  ];
  for (const [claim, take] of again) {
    await lose(scene, lost);
    await underTraffic(scene, async () => {
      await take();
      await untilTrue(`what was lost is back by a snapshot: ${claim}`, isBack, { withinMs: 90_000 });
    });
    await scene.caughtUp();
    await scene.expectEqual();
  }
  await expectBalanced(sluice);
  const answer = await fetch(`${elasticsearch}/_cat/indices/*signals*?format=json`);
  assert.deepEqual(await answer.json(), [], 'the watermarks of the signal table are nobody’s documents');
});
