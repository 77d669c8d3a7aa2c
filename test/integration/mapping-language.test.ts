/** What a mapping file can say, on the real servers: documents follow their rows, and masked values are seen nowhere. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { startStack } from '../stack/stack.ts';
import { readLetters } from './letters.ts';
import { setScene } from './scene.ts';
import { startReadySluice } from './sluice-process.ts';
import { expectBalanced } from './story.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());
const { elasticsearch } = stack.addresses;
const name = 'language';
const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

const sql = `
  CREATE TABLE inventory.accounts (
    id integer PRIMARY KEY, tenant text NOT NULL, status text NOT NULL, email text, city text, born date, attributes jsonb);
  ALTER TABLE inventory.accounts REPLICA IDENTITY FULL;
  INSERT INTO inventory.accounts VALUES
    (1, 'a', 'active', 'Ada@Example.org', 'London', '1815-12-10', '{"vip": true, "score": 12345678901234567890}'),
    (2, 'a', 'gone', 'bob@example.org', 'Paris', NULL, '{}'),
    (3, 'b', 'active', NULL, 'Oslo', '2001-01-01', NULL)`;

const mapping = `
document: ${name}-accounts
from: ${name}.inventory.accounts
select: [id, tenant, status]
fields:
  mail: { from: email, as: hash }
  address.city: { from: city }
  score: { from: attributes.score }
  origin: { value: crm }
id: { from: [tenant, id] }
routing: tenant
where: { status: { not: gone } }
transform: ./accounts.ts
index:
  settings: { number_of_shards: 3 }
  mappings: { properties: { tenant: { type: keyword }, score: { type: unsigned_long_or_so } } }
`.replace('unsigned_long_or_so', 'double');

const transform = `
interface Account { readonly id: number; readonly status: string }
export const transform = (document: Account) => {
  if (document.status === 'broken') throw new Error('holds a value: ' + document.status);
  return document.status === 'hidden' ? null : { ...document, label: \`#\${document.id}\` };
};
`;

/** The column by which documents are routed may be null or empty. */
const branches = `
  CREATE TABLE inventory.branches (id integer PRIMARY KEY, region text, name text NOT NULL DEFAULT 'a branch');
  ALTER TABLE inventory.branches REPLICA IDENTITY FULL;
  INSERT INTO inventory.branches VALUES (1, 'north', 'x'), (2, NULL, 'x')`;
const branchesMapping = `
document: ${name}-branches
from: ${name}.inventory.branches
routing: region
index: { settings: { number_of_shards: 3 } }
`;

/** Without REPLICA IDENTITY FULL, a delete has the default where the region was. */
const depots = `
  CREATE TABLE inventory.depots (id integer PRIMARY KEY, region text DEFAULT 'eu');
  INSERT INTO inventory.depots VALUES (1, 'us')`;
const depotsMapping = `document: ${name}-depots\nfrom: ${name}.inventory.depots\nrouting: region\n`;

const environment = { SLUICE_MASKING_HASH_KEY: 'a secret of the tests' };

test('documents follow their rows through filters, moves and transforms, and dead letters hide what is masked', async () => {
  await using scene = await setScene({
    ...stack.addresses,
    name,
    tables: [
      { name: 'accounts', key: 'id', sql },
      { name: 'branches', key: 'id', sql: branches },
      { name: 'depots', key: 'id', sql: depots },
    ],
    mappings: { accounts: mapping, branches: branchesMapping, depots: depotsMapping },
  });
  await writeFile(join(scene.documents, 'accounts.ts'), transform);
  await using sluice = await startReadySluice({ ...stack.addresses, ...scene, environment });
  const change = async (statement: string): Promise<void> => {
    await scene.inventory.query(statement);
    await scene.caughtUp();
    await fetch(`${elasticsearch}/${name}-accounts/_refresh`, { method: 'POST' });
  };
  /** `tenant:id routing text` of each document, found by a search in its shard. */
  const documents = async (): Promise<readonly string[]> => {
    const answer = await fetch(`${elasticsearch}/${name}-accounts/_search?size=100&sort=id`);
    const { hits } = (await answer.json()) as {
      hits: { hits: { _id: string; _routing?: string; _source: { mail: string | null } }[] };
    };
    return hits.hits.map(({ _id, _routing, _source: { mail, ...rest } }) => {
      assert.ok(mail === null || /^[\w-]{43}$/.test(mail), 'an email is a digest');
      return `${_id} ${String(_routing)} ${JSON.stringify(rest)}`;
    });
  };
  /** `id routing region` of each. */
  const shards = async (): Promise<readonly string[]> => {
    await fetch(`${elasticsearch}/${name}-branches/_refresh`, { method: 'POST' });
    const answer = await fetch(`${elasticsearch}/${name}-branches/_search?size=100&sort=id`);
    const { hits } = (await answer.json()) as {
      hits: { hits: { _id: string; _routing?: string; _source: { region: string | null } }[] };
    };
    return hits.hits.map(({ _id, _routing = 'none', _source: { region } }) => `${_id} ${_routing} ${String(region)}`);
  };
  const of = (tenant: string, id: number, status: string, city: string, score: string): string =>
    `${tenant}:${id} ${tenant} {"id":${id},"tenant":"${tenant}","status":"${status}","address":{"city":"${city}"},"score":${score},"origin":"crm","label":"#${id}"}`;

  await change('SELECT 1');
  const score = String(12345678901234567890);
  assert.deepEqual(await documents(), [of('a', 1, 'active', 'London', score), of('b', 3, 'active', 'Oslo', 'null')]);

  assert.deepEqual(await shards(), ['1 north north', '2 none null']);

  await change(`
    UPDATE inventory.accounts SET status = 'active' WHERE id = 2;
    INSERT INTO inventory.branches VALUES
      (3, NULL, 'x'), (4, '', 'x'), (5, 'south', 'x'), (6, 'south', 'x'), (7, NULL, 'x'), (8, '', 'x')`);
  assert.deepEqual((await shards()).slice(2), [
    ...['3 none null', '4 none ', '5 south south', '6 south south', '7 none null', '8 none '],
  ]);
  await change(`
    UPDATE inventory.accounts SET status = 'gone' WHERE id = 1;
    UPDATE inventory.branches SET region = NULL WHERE id IN (1, 4);
    UPDATE inventory.branches SET region = 'east' WHERE id = 2;
    UPDATE inventory.branches SET region = '' WHERE id IN (3, 5);
    DELETE FROM inventory.branches WHERE id IN (6, 7, 8)`);
  assert.deepEqual(
    await shards(),
    ['1 none null', '2 east east', '3 none ', '4 none null', '5 none '],
    'nothing stays behind',
  );
  await change(`UPDATE inventory.accounts SET tenant = 'c' WHERE id = 3`);
  assert.deepEqual(await documents(), [of('a', 2, 'active', 'Paris', 'null'), of('c', 3, 'active', 'Oslo', 'null')]);

  await change(`UPDATE inventory.accounts SET status = 'hidden' WHERE id = 2`);
  await change(`DELETE FROM inventory.accounts WHERE id = 3`);
  assert.deepEqual(await documents(), []);
  await expectBalanced(sluice);
  const check = await runCheck(scene.documents, scene.groupId);
  assert.match(check, /✔ topic language\.inventory\.accounts: \d+ last records, \d+ of them rows/);

  await change(`INSERT INTO inventory.accounts VALUES (4, 'd', 'broken', 'eve@example.org', 'Rome', NULL, NULL)`);
  assert.deepEqual(await documents(), []);
  const kafka = new Kafka({ brokers: [stack.addresses.kafka], logLevel: logLevel.NOTHING });
  await change('DELETE FROM inventory.depots WHERE id = 1');
  const letters = await readLetters(kafka, `${scene.groupId}-dead-letters`, 2);
  const reasons = letters.map(({ headers }) => String(headers?.['__connect.errors.exception.message']));
  assert.match(reasons.join('\n'), /depots\[0\]@\d+: The document is found by "region", and nothing shows that/);
  const letter = letters.find(({ value }) => value?.includes('"email"'));
  const reason = letter?.headers?.['__connect.errors.exception.message']?.toString() ?? '';
  const kept = letter?.value?.toString() ?? '';
  assert.match(reason, /accounts\.ts:4:\d+ threw Error/);
  assert.ok(!kept.includes('eve@example.org') && kept.includes('"email":"***"'), kept);
  assert.ok(!sluice.output().includes('example.org') && !reason.includes('broken'));

  // A mapping file that does not fit the topic is told so, with its place.
  await writeFile(
    join(scene.documents, 'accounts.yaml'),
    mapping.replace('from: email', 'from: emial').replace('score: { type: double }', 'status: { type: integer }'),
  );
  const wrong = await runCheck(scene.documents, scene.groupId);
  assert.match(
    wrong,
    /accounts\.yaml:6:\d+: the rows of "language\.inventory\.accounts" have no column "emial"; did you mean "email"\?/,
  );
  assert.match(wrong, /accounts\.yaml:16:\d+: "status" is integer in the index, and a string in rows/);
});

/** Everything that `sluice check` prints. */
async function runCheck(documents: string, groupId: string): Promise<string> {
  return new Promise((resolve) => {
    const env = {
      ...environment,
      SLUICE_KAFKA_BROKERS: stack.addresses.kafka,
      SLUICE_KAFKA_GROUP_ID: groupId,
      SLUICE_ELASTICSEARCH_NODES: elasticsearch,
      SLUICE_DOCUMENTS: documents,
    };
    execFile(process.execPath, [main, 'check'], { cwd: documents, env }, (_, stdout, stderr) => {
      resolve(`${stdout}\n${stderr}`);
    });
  });
}
