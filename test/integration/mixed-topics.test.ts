/**
 * On a real connector: one table on several topics is refused by `check` and `run`, or in the index as in SQL; and a document whose
 * mapping file names a column that the table does not have is held, alone, until the table has it.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import { setScene } from './scene.ts';
import { runCommand, startReadySluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'connect', 'postgres', 'elasticsearch'] });
test.after(() => stack.stop());

const name = 'mixed';
const { elasticsearch } = stack.addresses;

const sql = `
CREATE TABLE inventory.jobs (id integer, state text, PRIMARY KEY (id, state)) PARTITION BY LIST (state);
CREATE TABLE inventory.jobs_open PARTITION OF inventory.jobs FOR VALUES IN ('open');
CREATE TABLE inventory.jobs_done PARTITION OF inventory.jobs FOR VALUES IN ('done');
ALTER TABLE inventory.jobs_open REPLICA IDENTITY FULL;
ALTER TABLE inventory.jobs_done REPLICA IDENTITY FULL;
INSERT INTO inventory.jobs SELECT id, 'open' FROM generate_series(1, 80) id;
INSERT INTO inventory.jobs VALUES (81, 'done');
CREATE TABLE inventory.people (id integer PRIMARY KEY, email text, status text);
INSERT INTO inventory.people VALUES (1, 'secret@example.org', 'active')`;

const people = `document: ${name}-people
from: ${name}.inventory.people
fields: { emial: { exclude: true }, email: { exclude: true } }
where: { stauts: active }
`;

const mapping = (id: string): string =>
  `document: ${name}-jobs\nfrom: [${name}.inventory.jobs_open, ${name}.inventory.jobs_done]\nid: ${id}\n`;

test('a row that moves between the partitions of a table is refused with the remedies, or is in the index as in SQL', async () => {
  await using indexes = new AsyncDisposableStack();
  for (const table of ['people', 'jobs']) {
    indexes.defer(async () => {
      await fetch(`${elasticsearch}/${name}-${table}-000001`, { method: 'DELETE' });
    });
  }
  await using scene = await setScene({ ...stack.addresses, name, tables: [], setup: sql });
  const options = { ...stack.addresses, groupId: name, documents: scene.documents };
  const topics = ['jobs_open', 'jobs_done'].map(scene.topicOf);
  await untilTrue('the snapshot has written both partitions', async () => {
    const existing = await scene.admin.listTopics();
    return topics.every((topic) => existing.includes(topic));
  });
  const file = join(scene.documents, 'jobs.yaml');
  await writeFile(file, mapping('{ from: [id] }'));
  for (const command of ['check', 'run']) {
    const { code, stderr } = await runCommand(options, [command]);
    assert.equal(code, 2, command);
    assert.match(stderr, /"mixed\.inventory\.jobs_done" and "mixed\.inventory\.jobs_open" would write into one index/);
    assert.match(stderr, /publish\.via\.partition\.root=true.*ByLogicalTableRouter.*rowsStayInTopic/);
  }
  const verified = await runCommand(options, ['verify', `${name}-jobs`]);
  assert.equal(verified.code, 2, verified.stdout);
  assert.match(verified.stderr, /would write into one index/);

  await writeFile(join(scene.documents, 'people.yaml'), people);
  await writeFile(file, mapping('{ from: [id], topic: true }'));
  await using sluice = await startReadySluice(options);
  await scene.inventory.query("UPDATE inventory.jobs SET state = 'done' WHERE id = 3");
  await scene.caughtUp();
  const wanted = Array.from({ length: 81 }, (_, at) => (at === 2 || at === 80 ? 'done' : 'open'));
  await untilTrue('the index is as the table', async () => {
    await fetch(`${elasticsearch}/${name}-jobs/_refresh`, { method: 'POST' });
    const answer = await fetch(`${elasticsearch}/${name}-jobs/_search?size=100&sort=id`);
    const { hits } = (await answer.json()) as { hits: { hits: { _id: string; _source: { state: string } }[] } };
    const states = hits.hits.map(({ _source }) => _source.state);
    return JSON.stringify(states) === JSON.stringify(wanted);
  });

  const unknown =
    /people\.yaml:3:\d+: the rows of "mixed\.inventory\.people" have no column "emial"; did you mean "email"\?/;
  const countOf = async (index: string): Promise<number> => {
    await fetch(`${elasticsearch}/${index}/_refresh`, { method: 'POST' });
    const answer = await fetch(`${elasticsearch}/${index}/_count`);
    return answer.ok ? ((await answer.json()) as { count: number }).count : 0;
  };
  await untilTrue('the held document is told', () => Promise.resolve(sluice.output().includes('COLUMN_UNKNOWN')));
  assert.match(sluice.output(), unknown);
  assert.equal(await countOf(`${name}-people`), 0);
  assert.equal(await scene.expectEqual(), 33, 'other documents are written');
  for (const [command = '', ...args] of [['rebuild', `${name}-people`]]) {
    const { code, stderr } = await runCommand(options, [command, ...args]);
    assert.deepEqual([code, unknown.test(stderr)], [2, true], `${command}: ${stderr}`);
  }
  const add = 'ALTER TABLE inventory.people ADD emial text, ADD stauts text';
  await scene.inventory.query(`${add}; INSERT INTO inventory.people VALUES (2, 'b@example.org', NULL, 'x', 'active')`);
  await scene.caughtUp();
  await untilTrue(
    'the document is written once its columns are there',
    async () => (await countOf(`${name}-people`)) === 1,
  );
  assert.match(sluice.output(), /COLUMN_UNKNOWN \(mixed-people\) is over/);
  await sluice.stop();
});
