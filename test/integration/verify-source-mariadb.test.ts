/**
 * `sluice verify --source` and `sluice repair --source` against MariaDB: every type of column that its connector knows is compared as
 * the connector wrote it, in its snapshot and its stream, or is named; what differs is found and mended.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mariadbStage } from '../fixtures/databases.ts';
import { untilMarked } from '../fixtures/read-topics.ts';
import type { Setting } from '../fixtures/settings.ts';
import { startConnect } from '../stack/connect.ts';
import { deleteConnector, registerConnector } from '../stack/connectors.ts';
import { deleteTopics } from '../stack/inventory.ts';
import { startMariadb } from '../stack/mariadb.ts';
import { startStack } from '../stack/stack.ts';
import { isCommitted } from './committed.ts';
import { untilTrue } from './poll.ts';
import { runCommand, startReadySluice } from './sluice-process.ts';
import { verifySource } from './source-command.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
const [mariadb, connect] = await Promise.all([
  startMariadb(),
  startConnect({ kafka: stack.addresses.kafka, database: 'mariadb', group: 'connect-verify-mariadb' }),
]);
test.after(async () => {
  await Promise.all([connect.stop(), mariadb.stop()]);
  await stack.stop();
});
const { kafka, elasticsearch } = stack.addresses;

const tables = ['numbers', 'times', 'texts', 'binaries', 'shapes'] as const;
const more = `
  CREATE TABLE fixtures.more (id bigint PRIMARY KEY, name varchar(20) NOT NULL, quantity integer NOT NULL,
    twice integer AS (quantity * 2) VIRTUAL, total decimal(12,2) AS (quantity * 1.5) STORED,
    at_3 timestamp(3) NULL, at_0 datetime(1), ratio float, big decimal(30,0), bits bit(12));
  CREATE TABLE fixtures.parts (code varchar(10) CHARACTER SET latin1, raw varbinary(4), sum decimal(9,2), day date, n integer,
    PRIMARY KEY (code, raw, sum, day))`;
const rows = (from: number): string => `
  INSERT INTO fixtures.more (id, name, quantity, at_3, at_0, ratio, big, bits) VALUES
    (${from + 1}, 'one', 1, '2020-01-02 03:04:05.500', '2020-01-02 03:04:05.5', 0.1, 1, b'101'),
    (${from + 2}, 'two', 2, '2020-01-02 03:04:05', '1969-12-31 23:59:59', 16777217, -12345678901234567890, b'0'),
    (9007199254740${from + 993}, 'Zoë', 3, NULL, NULL, 1e-45, 0, NULL);
  INSERT INTO fixtures.parts VALUES ('ä', x'00ff', ${from}.50, '2020-02-29', 1), ('Ä', x'00', ${from}.50, '2020-02-29', 2)`;

/** Columns that are not compared, and those of which so many values are not. */
const uncompared: Readonly<Record<string, readonly string[]>> = { shapes: ['c_point', 'c_linestring', 'c_geometry'] };
const untold: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  // Days that are none.
  times: { c_date_required: 10, c_date: 4, c_datetime_6: 2 },
  // Fractions that end with zeros.
  more: { at_3: 4 },
};
/** Documents that differ: the connector wrote what the row does not say. */
const differs: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  // What the binary log says of it is written with a backslash that nobody wrote.
  texts: { '102': ['c_enum'] },
};

test('every type of column is compared with MariaDB as its connector writes it, and what differs is mended', async () => {
  // The worker's own topics remember the place of a connector in the log of a server that is gone.
  const name = `verify_mariadb_${process.pid}`;
  const setting: Setting = { name, database: 'mariadb', tables: [...tables], stories: [], config: {} };
  await using stage = await mariadbStage({ setting, topicPrefix: name, address: mariadb.address, kafka });
  await stage.run(more);
  await stage.run(rows(0));
  const documents = await mkdtemp(join(tmpdir(), `${name}-`));
  const json = {
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  };
  await registerConnector(connect.address, name, { ...stage.config, ...json });
  try {
    await untilMarked(kafka, name, 1);
    for (const step of stage.steps) await stage.run(step);
    await stage.run(rows(100));
    await stage.run("UPDATE fixtures.more SET name = 'changed' WHERE id = 2");
    await stage.run('INSERT INTO fixtures.marks VALUES (2)');
    await untilMarked(kafka, name, 2);
    const environment = {
      SLUICE_UNMAPPED_TOPICS: `${name}\\.fixtures\\..*`,
      SLUICE_UNMAPPED_INDEX: `${name}-\${table}`,
      SLUICE_SOURCE: new URL('/fixtures', mariadb.address).href,
    };
    const options = { kafka, elasticsearch, groupId: name, documents, environment };
    await using sluice = await startReadySluice(options);
    const isWritten = () => untilTrue('all of it is committed', () => isCommitted(kafka, name, `${name}.fixtures.`));
    await isWritten();
    const verified = (table: string) =>
      verifySource(options, [`${name}-${table}`, '--source', '--patience', '1', '--examples', '50']);
    for (const table of [...tables, 'more', 'parts']) {
      const found = await verified(table);
      const of = (column: string): string => `fixtures.${table}.${column}`;
      assert.deepEqual(
        found.uncompared.map(({ column }) => column),
        (uncompared[table] ?? []).map(of),
      );
      const values = Object.entries(untold[table] ?? {}).map(([column, count]) => [of(column), count] as const);
      assert.deepEqual(found.untold, Object.fromEntries(values));
      assert.deepEqual(found.differs, differs[table] ?? {}, JSON.stringify(found));
      // MariaDB's binary log has generated columns.
      assert.deepEqual([found.unsent, found.documents, found.refused], [[], found.expected, 0], table);
      const { differing = 0, ...others } = found.counts;
      assert.deepEqual([differing, others], [Object.keys(differs[table] ?? {}).length, {}]);
      assert.match(found.upTo.join(), new RegExp(String.raw`^fixtures\.${table}@0-\d+-\d+$`));
    }

    const index = `${name}-more`;
    /** Under the version that the document has, as a mistake of the connector would be. */
    const change = async (id: string, method: 'PUT' | 'DELETE', known?: number): Promise<void> => {
      const url = `${elasticsearch}/${index}/_doc/${id}`;
      const { _version: version } = (await (await fetch(url)).json()) as { _version?: number };
      const answer = await fetch(`${url}?version=${known ?? version ?? ''}&version_type=external_gte`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(method === 'PUT' && { body: JSON.stringify({ id: 2, name: 'other' }) }),
      });
      assert.ok(answer.ok, await answer.text());
    };
    await change('2', 'PUT');
    await change('9007199254740993', 'DELETE');
    await change('5', 'PUT', 1);
    const repaired = await runCommand(options, ['repair', index, '--source', '--patience', '1', '--yes']);
    assert.equal(repaired.code, 0, repaired.stdout + repaired.stderr);
    assert.match(repaired.stdout, /Wrote 2 documents and deleted 1; looked again:/);
    const again = await verified('more');
    assert.deepEqual([again.code, again.counts], [0, {}]);

    await stage.run("UPDATE fixtures.more SET name = 'again', quantity = 4 WHERE id IN (2, 9007199254740993)");
    await stage.run('CREATE VIEW fixtures.some AS SELECT * FROM fixtures.more');
    await stage.run('INSERT INTO fixtures.marks VALUES (3)');
    await untilMarked(kafka, name, 3);
    await isWritten();
    assert.deepEqual((await verified('more')).counts, {});

    const url = (change: (url: URL) => void): string => {
      const changed = new URL('/fixtures', mariadb.address);
      change(changed);
      return changed.href.replace('mysql:', 'mariadb:');
    };
    const cases: readonly (readonly [args: readonly string[], says: RegExp])[] = [
      [[url((to) => (to.password = 'hidden'))], /refuses the user or the password\. Check the user of/],
      [[url((to) => (to.pathname = '/hidden'))], /The server has no database .*\. Check host, port/],
      [[url(() => ''), '--table', 'some'], /"fixtures\.some" is a view/],
      [[url(() => ''), '--table', 'none'], /has no table "fixtures\.none"\. Name the table/],
    ];
    for (const [args, says] of cases) {
      const { code, stderr } = await runCommand(options, ['verify', index, '--source', ...args]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /mariadb:|mysql:\/\/\w/);
    }
    await sluice.stop();
  } finally {
    await deleteConnector(connect.address, name);
    await Promise.all([deleteTopics(kafka, name), deleteTopics(kafka, `history.${name}`)]);
    for (const table of [...tables, 'more', 'parts', 'marks'])
      await fetch(`${elasticsearch}/${name}-${table}-000001`, { method: 'DELETE' });
    await rm(documents, { recursive: true });
  }
});
