/** One table that PostgreSQL's connector writes to several topics: refused by `check` and `run`, or in the index as in SQL. */
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
INSERT INTO inventory.jobs VALUES (81, 'done')`;

const mapping = (id: string): string =>
  `document: ${name}-jobs\nfrom: [${name}.inventory.jobs_open, ${name}.inventory.jobs_done]\nid: ${id}\n`;

test('a row that moves between the partitions of a table is refused with the remedies, or is in the index as in SQL', async () => {
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
  await sluice.stop();
  await fetch(`${elasticsearch}/${name}-jobs-000001`, { method: 'DELETE' });
});
