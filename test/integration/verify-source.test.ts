/** `sluice verify --source` finds each planted fault against the rows in SQL, and nothing else, also while they change. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../stack/ports.ts';
import { startStack } from '../stack/stack.ts';
import { inventoryTables } from '../stack/versions.ts';
import type { Scene } from './scene.ts';
import { setScene } from './scene.ts';
import type { SluiceOptions } from './sluice-process.ts';
import { runCommand, startReadySluice } from './sluice-process.ts';
import { verifySource } from './source-command.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());
const { kafka, elasticsearch } = stack.addresses;

const name = 'verify_source';
/** Rows of a table that changes all the time; memory and time were measured with 1,000,000. */
const keys = Number(process.env['SLUICE_TEST_VERIFY_ROWS'] ?? 2000);
/** Rows of which a document needs another routing, id, form and choice than its key. */
const parcels = `
  CREATE TABLE inventory.parcels (
    depot text, number integer, region text NOT NULL, weight numeric(9,3), secret text, state text NOT NULL, note text,
    PRIMARY KEY (depot, number));
  ALTER TABLE inventory.parcels REPLICA IDENTITY FULL;
  INSERT INTO inventory.parcels
    SELECT 'D:' || n % 3, n, 'r' || n % 5, n / 8.0, 'secret ' || n, CASE WHEN n % 10 = 0 THEN 'lost' ELSE 'sent' END, NULL
    FROM generate_series(1, 200) AS n`;
const busy = `
  CREATE TABLE inventory.busy (id integer PRIMARY KEY, n integer NOT NULL, at timestamptz NOT NULL DEFAULT now(), note text);
  INSERT INTO inventory.busy (id, n, note) SELECT n, n, 'note ' || n FROM generate_series(1, ${keys}) AS n`;
const logged = `
  CREATE TABLE inventory.logged (id integer PRIMARY KEY, line text);
  CREATE TABLE inventory.logged_too (id integer PRIMARY KEY, line text);
  INSERT INTO inventory.logged VALUES (1, 'one');
  INSERT INTO inventory.logged_too VALUES (2, 'two')`;

const scene: Scene = await setScene({
  ...stack.addresses,
  name,
  tables: [
    { name: 'parcels', key: 'number', sql: parcels },
    { name: 'busy', key: 'id', sql: busy },
    { name: 'logged', key: 'id', sql: logged },
    { name: 'logged_too', key: 'id', sql: '' },
  ],
  mappings: {
    parcels: `document: ${name}-parcels
from: ${name}.inventory.parcels
routing: region
where: { state: sent }
fields:
  secret: { as: hash }
  what.weight: { from: weight }
  note: { exclude: true }
  kind: { value: parcel }
`,
    busy: `document: ${name}-busy\nfrom: ${name}.inventory.busy\n`,
    logged: `document: ${name}-logged\nfrom: [${name}.inventory.logged, ${name}.inventory.logged_too]\nrowsStayInTopic: true\ntransform: ./shout.mjs\n`,
  },
});
test.after(() => scene[Symbol.asyncDispose]());
await writeFile(
  join(scene.documents, 'shout.mjs'),
  'export const transform = (document) => ({ ...document, line: document.line?.toUpperCase() });\n',
);
const address = new URL(stack.addresses.postgres);
address.pathname = name;

const options: SluiceOptions = {
  ...{ kafka, elasticsearch, groupId: name, documents: scene.documents },
  environment: { SLUICE_MASKING_HASH_KEY: 'a secret of sixteen', SLUICE_SOURCE: address.href },
};
const service = await startReadySluice(options);
test.after(() => service.stop());

const verified = (table: string, ...args: readonly string[]) =>
  verifySource(options, [scene.indexOf(table), '--source', '--patience', '3', ...args]);

async function es(method: string, path: string, body?: object): Promise<void> {
  const response = await fetch(`${elasticsearch}/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.text()}`);
}

async function documentOf(path: string): Promise<Record<string, unknown>> {
  const answer = (await (await fetch(`${elasticsearch}/${path}`)).json()) as { _source: Record<string, unknown> };
  return answer._source;
}

test('after a snapshot and changes, every document is found to be as its row', async () => {
  await scene.inventory.query(`
    INSERT INTO inventory.customers (first_name, last_name, email) VALUES ('Zoë', 'Ünal', 'z@example.com'), ('A', 'B', 'c');
    UPDATE inventory.customers SET last_name = 'Changed' WHERE id = 1002;
    UPDATE inventory.orders SET quantity = quantity + 1, order_date = '2020-02-29';
    DELETE FROM inventory.products_on_hand WHERE product_id = 103;
    UPDATE inventory.products SET weight = 0.1 + 0.2, description = NULL WHERE id = 104;
    UPDATE inventory.parcels SET region = 'moved' WHERE number = 7;
    UPDATE inventory.parcels SET state = 'lost' WHERE number = 8;
    UPDATE inventory.parcels SET number = 1009 WHERE number = 9;
    UPDATE inventory.logged SET line = 'two'`);
  await scene.caughtUp({ withinMs: 300_000 });
  for (const table of [...inventoryTables, 'parcels', 'busy', 'logged']) {
    const found = await verified(table);
    assert.deepEqual([found.code, found.counts, found.uncompared, found.untold], [0, {}, [], {}], table);
    assert.equal(found.documents, found.expected);
    assert.equal(found.refused, 0);
    assert.ok(found.rows > 0);
    const at = String.raw`@[0-9A-F]+/[0-9A-F]+`;
    const too = table === 'logged' ? `,inventory.logged_too${at}` : '';
    assert.match(found.upTo.join(), new RegExp(`^inventory\\.${table}${at}${too}$`));
    if (table === 'busy')
      process.stderr.write(`verify: ${found.rows} rows in ${found.seconds} s, at most ${found.peakMemoryMiB} MiB\n`);
  }
});

test('each planted fault is found, with its fields and without any value, and nothing else', async () => {
  const index = scene.indexOf('parcels');
  const right = await documentOf(`${index}/_doc/D%5C:1:1?routing=r1`);
  await es('DELETE', `${index}/_doc/D%5C:2:2?routing=r2`);
  await es('PUT', `${index}/_doc/D%5C:0:3?routing=r3`, {
    ...(await documentOf(`${index}/_doc/D%5C:0:3?routing=r3`)),
    what: { weight: 0.376 },
  });
  // A value that a document never got, as of a column that was not sent.
  const { depot, ...lacking } = await documentOf(`${index}/_doc/D%5C:1:4?routing=r4`);
  assert.equal(depot, 'D:1');
  await es('PUT', `${index}/_doc/D%5C:1:4?routing=r4`, { ...lacking, secret: 'secret 4', more: 1 });
  await es('PUT', `${index}/_doc/D%5C:1:1?routing=elsewhere`, right);
  await es('PUT', `${index}/_doc/of-no-row`, { number: 0 });
  // Of a row that `where` leaves out.
  await es('PUT', `${index}/_doc/D%5C:1:10?routing=r0`, right);
  // Another order of the fields, and a null more, are no faults.
  const other = Object.entries(await documentOf(`${index}/_doc/D%5C:2:5?routing=r0`)).reverse();
  await es('PUT', `${index}/_doc/D%5C:2:5?routing=r0`, { more: null, ...Object.fromEntries(other) });

  const found = await verified('parcels', '--examples', '9');
  assert.deepEqual(found.examples, {
    differing: ['D\\:0:3', 'D\\:1:4'],
    misrouted: ['D\\:1:1'],
    missing: ['D\\:2:2'],
    surplus: ['D\\:1:10', 'of-no-row'],
  });
  assert.deepEqual(found.differs, {
    'D\\:0:3': ['what.weight'],
    'D\\:1:4': ['depot', 'secret', 'more'],
  });
  assert.deepEqual(found.fields, { 'what.weight': 1, depot: 1, secret: 1, more: 1 });
  assert.equal(found.code, 1);

  const said = await runCommand(options, ['verify', index, '--source', '--patience', '1']);
  assert.equal(said.code, 1);
  assert.match(said.stdout, /^✖ 2 differing \(of another content than their row\): D\\:0:3, D\\:1:4$/m);
  assert.match(said.stdout, /^ {4}D\\:0:3 differs in what\.weight$/m);
  assert.doesNotMatch(said.stdout + said.stderr, /secret \d|0\.37|parcel\b/);
});

test('while rows change, come and go some hundred times a second, nothing is blamed but what somebody changed', async () => {
  const client = new pg.Client({ connectionString: address.href });
  await client.connect();
  const stopping = new AbortController();
  let changes = 0;
  const traffic = (async () => {
    for (let turn = 1; !stopping.signal.aborted; turn += 1) {
      const ids = Array.from({ length: 50 }, (_, n) => 1 + ((turn * 131 + n * 17) % (keys - 100)));
      const gone = ids.filter((id) => (id + turn) % 3 === 0);
      const back = ids.filter((id) => (id + turn) % 3 !== 0);
      await client.query('DELETE FROM inventory.busy WHERE id = ANY($1)', [gone]);
      await client.query(
        `INSERT INTO inventory.busy (id, n, note) SELECT id, $2::int, 'turn ' || $2::int FROM unnest($1::int[]) AS id
         ON CONFLICT (id) DO UPDATE SET n = excluded.n, note = excluded.note, at = now()`,
        [back, turn],
      );
      await client.query(`INSERT INTO inventory.busy (id, n) VALUES ($1, 0)`, [10 * keys + turn]);
      changes += ids.length + 1;
      await delay(150, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  try {
    // As often as it takes for so many changes: a quick one sees few.
    for (const before = changes; changes <= before + 500;) {
      const clean = await verified('busy', '--patience', '8');
      const { moving = 0, ...others } = clean.counts;
      assert.deepEqual(others, {}, JSON.stringify(clean));
      assert.ok(moving < 50, `${moving} moving`);
    }
    // Of those that nobody changes.
    const index = scene.indexOf('busy');
    await es('PUT', `${index}/_doc/${keys}`, { id: keys, n: -1 });
    await es('DELETE', `${index}/_doc/${keys - 1}`);
    await es('PUT', `${index}/_doc/none`, { id: 0 });
    const found = await verified('busy', '--patience', '8');
    const faults = { ...found.counts, moving: 0 };
    assert.deepEqual(faults, { moving: 0, differing: 1, missing: 1, surplus: 1 }, JSON.stringify(found));
    assert.deepEqual(found.differs, { [keys]: ['n', 'at', 'note'] });
  } finally {
    stopping.abort();
    await traffic;
    await client.end();
  }
});

test('what cannot be compared is refused with one sentence, and no password', async () => {
  const index = scene.indexOf('customers');
  const url = (change: (url: URL) => void): string => {
    const changed = new URL(address);
    change(changed);
    return changed.href;
  };
  await scene.inventory.query(`
    CREATE ROLE reader LOGIN; CREATE VIEW inventory.some AS SELECT * FROM inventory.customers;
    CREATE TABLE inventory.other (name text)`);
  const closed = await freePort();
  const source = ['--source', address.href];
  const cases: readonly (readonly [what: string, args: readonly string[], says: RegExp])[] = [
    [
      'nobody listens',
      ['--source', url((to) => (to.port = String(closed)))],
      /cannot be reached: ECONNREFUSED\. Check/,
    ],
    [
      'the user is unknown',
      ['--source', url((to) => ([to.username, to.password] = ['nobody', 'hidden']))],
      /refuses the user or the password\. Check the user of/,
    ],
    [
      'the database is unknown',
      ['--source', url((to) => (to.pathname = '/none'))],
      /The server has no database .*\/none\./,
    ],
    [
      'the user may not read',
      ['--source', url((to) => (to.username = 'reader'))],
      /permission denied for schema inventory\. GRANT SELECT/,
    ],
    ['it is no URL', ['--source', 'postgres://hidden@[/'], /`--source` is no URL such as/],
    [
      'the table is unknown',
      [...source, '--table', 'inventory.none'],
      /has no table "inventory\.none"\. Name the table/,
    ],
    ['the table is a view', [...source, '--table', 'inventory.some'], /"inventory\.some" is a view/],
    [
      'the key is not in it',
      [...source, '--table', 'inventory.other'],
      /inventory\.other has no column "id", which is in the key/,
    ],
    ['no source is meant', ['--table', 'inventory.other'], /`--table` says something only together with `--source`/],
    [
      'tables are too many',
      [...source, '--table', 'a', 'b'],
      /is made of 1 topics \(.*\), and `--table` names 2 tables/,
    ],
  ];
  for (const [what, args, says] of cases) {
    const { code, stdout, stderr } = await runCommand(options, ['verify', index, ...args]);
    assert.deepEqual([code, stdout], [2, ''], `${what}: ${stderr}`);
    assert.match(stderr, says, what);
    assert.doesNotMatch(stderr, /hidden|postgres:\/\/\w+:/, what);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
  const environment = { SLUICE_MASKING_HASH_KEY: 'a secret of sixteen' };
  const without = await runCommand({ ...options, environment }, ['verify', index, '--source']);
  assert.match(without.stderr, /neither `source` of the configuration nor SLUICE_SOURCE has one/);
  assert.equal(without.code, 2);
  const wrong = { ...options, environment: { ...environment, SLUICE_SOURCE: 'oracle://me:hidden@host/db' } };
  const unusable = await runCommand(wrong, ['verify', index, '--source']);
  assert.match(unusable.stderr, /SLUICE_SOURCE: `source` is no URL such as postgres/);
  assert.doesNotMatch(unusable.stderr, /hidden/);
  const file = join(scene.documents, 'source-url');
  await writeFile(file, `${address.href}\n`);
  const fromFile = { ...options, environment: { ...environment, SLUICE_SOURCE_FILE: file } };
  assert.equal((await verifySource(fromFile, [index, '--source'])).code, 0);
});
