/** How a table of MySQL or MariaDB is asked for its rows, with a connection that answers what the test says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MySql } from '../../../src/mysql/client.ts';
import { isMariadbVersion } from '../../../src/mysql/client.ts';
import { openMysqlTable } from '../../../src/mysql/table.ts';
import { wireSchema } from '../../../src/rebuild/source-schema.ts';

const columns = [
  ['id', 'bigint', 'bigint(20) unsigned', '', '', '20'],
  ['name', 'varchar', 'varchar(9)', '', '', ''],
  ['data', 'blob', 'blob', '', '', ''],
  ['flags', 'bit', 'bit(3)', '', '', '3'],
  ['weight', 'float', 'float', '', '', '12'],
  ['total', 'int', 'int(11)', '', 'STORED GENERATED', '10'],
];

async function setUp(isMariadb = true) {
  const asked: { readonly text: string; readonly parameters: readonly string[] }[] = [];
  const sql: MySql = {
    ...{ database: 'd', isMariadb },
    query: (text, parameters = []) => {
      asked.push({ text, parameters });
      if (text.includes('information_schema.tables')) return Promise.resolve([['BASE TABLE', '5']]);
      if (text.includes('information_schema.columns')) return Promise.resolve(columns);
      return Promise.resolve(text.includes('gtid') ? [['0-1-7,\n1-2-8']] : []);
    },
    async *pages(text) {
      asked.push({ text, parameters: [] });
      yield await Promise.resolve([['1', 'x', null, null, null, null]]);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { asked, table: await openMysqlTable(sql, { schema: 'd', table: 't' }) };
}

test('the server is MariaDB if its version says so', () => {
  const versions = [
    '11.4.2-MariaDB',
    '10.6.18-MariaDB-0ubuntu-log',
    '5.5.5-10.11.6-mariadb',
    '8.4.0',
    '9.1.0-cloud',
    '',
  ];
  assert.deepEqual(versions.map(isMariadbVersion), [true, true, true, false, false, false]);
});

test('the position of a reading is asked for by the name that the server knows', async () => {
  for (const [isMariadb, variable] of [
    [true, '@@GLOBAL.gtid_binlog_pos'],
    [false, '@@GLOBAL.gtid_executed'],
  ] as const) {
    const { asked, table } = await setUp(isMariadb);
    const mark = await table.read(['id'], undefined, () => undefined, new AbortController().signal);
    assert.equal('position' in mark && mark.position, '0-1-7,1-2-8');
    assert.deepEqual(
      asked.filter(({ text }) => text.includes('gtid')).map(({ text }) => text),
      [`SELECT ${variable}`],
    );
  }
});

test('numbers are compared as numbers, bytes as bytes and bits as bits; nothing else of a key is in the text of a query', async () => {
  const { asked, table } = await setUp();
  await table.find(['id'], ['id', 'name', 'data', 'flags'], [['9007199254740993', "x' OR 1", 'ff00', '101']]);
  const { text = '', parameters = [] } = asked.at(-1) ?? {};
  assert.ok(
    text.endsWith("WHERE (`id` <=> 9007199254740993 AND `name` <=> ? AND `data` <=> UNHEX(?) AND `flags` <=> b'101')"),
    text,
  );
  assert.deepEqual(parameters, ["x' OR 1", 'ff00']);
});

test('bytes, bits and floats are asked for in texts that lose nothing', async () => {
  const { asked, table } = await setUp();
  await table.find(['data', 'flags', 'weight'], ['id'], [['1']]);
  assert.match(
    asked.at(-1)?.text ?? '',
    /SELECT HEX\(`data`\), LPAD\(BIN\(`flags` \+ 0\), 3, '0'\), `weight` \+ 0e0 FROM/,
  );
});

test('columns have the types of MySQL and MariaDB, by which they are compared', async () => {
  const { table } = await setUp();
  assert.equal(table.dialect, 'mysql');
  assert.deepEqual(
    table.columns.map(({ name, isGenerated, type }) => [name, type.name, isGenerated]),
    [
      ['id', 'bigint unsigned', false],
      ['name', 'varchar', false],
      ['data', 'blob', false],
      ['flags', 'bit', false],
      ['weight', 'float', false],
      ['total', 'int', true],
    ],
  );
  const type = { name: 'int unsigned', isArray: false, isEnum: false, digits: undefined };
  assert.equal(wireSchema('n', type, undefined, 'mysql')?.type, 'int64');
  assert.equal(wireSchema('n', type, undefined, 'postgresql'), undefined);
});
