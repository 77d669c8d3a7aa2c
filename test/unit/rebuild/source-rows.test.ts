/** Rows become what their documents should be; what cannot be told is named, left out, or refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import type { CompileOptions } from '../../../src/mapping/compile.ts';
import type { Row } from '../../../src/model/change-event.ts';
import type { Failure } from '../../../src/model/outcome.ts';
import { offset } from '../../../src/model/position.ts';
import type { SourceRows } from '../../../src/rebuild/source-rows.ts';
import { createSourceRows } from '../../../src/rebuild/source-rows.ts';
import type { SourceColumn, SourceRow, SourceTable } from '../../../src/rebuild/verify-ports.ts';
import { compile } from '../mapping/mapped.ts';

const fields = `{"type":"int32","field":"id"},{"type":"string","field":"name"},{"type":"bytes","name":"io.debezium.time.Odd","field":"odd"},
  {"type":"array","items":{"type":"int32"},"field":"list"},{"type":"string","field":"gone"}`;

const type = (name: string, isArray = false) => ({ name, isArray, isEnum: false, digits: undefined });

function changeOf(columns: string, after: string, keyed = true) {
  const schema = `{"type":"struct","fields":[{"type":"struct","fields":[${columns}],"field":"after"}]}`;
  const value = `{"schema":${schema},"payload":{"before":null,"after":${after},"source":{"table":"t"},"op":"c"}}`;
  const place = { topic: 't', partition: 0, offset: offset(0), timestampMs: 0, headers: undefined };
  const change = createDecoder()({ ...place, key: keyed ? Buffer.from('{"id":1}') : null, value: Buffer.from(value) });
  assert.ok(change.op === 'create');
  return change;
}

const imageOf = (columns: string, after: string): Row => changeOf(columns, after).after;

interface More {
  readonly generated?: readonly SourceColumn[];
  readonly older?: readonly Row[];
}

function rowsOf(
  definition: object,
  options: CompileOptions = {},
  keyed = true,
  { generated = [], older = [] }: More = {},
): SourceRows | Failure {
  const sample = changeOf(fields, '{"id":1,"name":"a","odd":"x","list":[1],"gone":"g"}', keyed);
  const table: SourceTable = {
    ...{ name: 'public.t', dialect: 'postgresql', estimate: 0 },
    columns: [
      { name: 'id', type: type('int4') },
      { name: 'name', type: type('text') },
      { name: 'odd', type: type('tsrange') },
      { name: 'list', type: type('int4', true) },
      { name: 'new', type: type('int4') },
      ...generated,
    ],
    read: () => Promise.reject(new Error('not read')),
    find: () => Promise.reject(new Error('not read')),
  };
  const document = compile(definition, options);
  return createSourceRows({ topic: 't', table, document, mapper: document.createMapper(), sample, older });
}

function usable(rows: SourceRows | Failure): SourceRows {
  assert.ok(!('code' in rows), JSON.stringify(rows));
  return rows;
}

const row = (...values: (string | null)[]): SourceRow => ({ values, writtenBy: 7 });

test('columns that cannot be told are named, and their fields left out', () => {
  const rows = usable(rowsOf({ fields: { 'deep.odd': { from: 'odd' } } }));
  assert.deepEqual(rows.columns, ['id', 'name', 'list']);
  assert.deepEqual(
    rows.uncompared.map(({ column }) => column),
    ['odd', 'gone', 'new'],
  );
  assert.deepEqual(rows.leftOut, [['deep', 'odd'], ['gone'], ['new']]);
  assert.deepEqual(rows.documentOf(row('5', 'Zoë "Z"', '{1,NULL}')), {
    ...{ id: '5', routing: undefined, is: 'told', lacking: [], key: ['5'], writtenBy: 7 },
    text: String.raw`{"id":5,"name":"Zoë \"Z\"","deep":{"odd":null},"list":[1,null],"gone":null}`,
  });
});

test('columns that are in no document are not named', () => {
  const rows = usable(rowsOf({ select: ['id'] }));
  assert.deepEqual(rows.uncompared, []);
});

test('a generated column that the records lack is compared, in the form of older records or of its type', () => {
  const isGenerated = true;
  const more = ['total', 'twice', 'span'].map((name) => ({ name, isGenerated }));
  const types = [type('numeric'), type('int4'), type('interval')];
  const total =
    '{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"field":"total"}';
  const older = [imageOf(`${fields},${total}`, '{"id":1,"total":"AA=="}')];
  const generated = more.map((column, at) => ({ ...column, type: types[at] ?? type('text') }));
  const rows = usable(rowsOf({ select: ['id', 'total', 'twice', 'span'] }, {}, true, { generated, older }));
  assert.deepEqual(rows.unsent, ['total', 'twice']);
  assert.deepEqual(
    rows.uncompared.map(({ column }) => column),
    ['span'],
  );
  // A document of the snapshot has a value of it, which nothing can be said about.
  assert.deepEqual(rows.leftOut, [['span']]);
  assert.equal(rows.columns.join(), 'id,name,list,total,twice');
  const made = rows.documentOf(row('5', 'a', '{}', '1.50', '10'));
  assert.deepEqual([made?.is, made?.text], ['told', '{"id":5,"total":"1.50","twice":10,"span":null}']);
});

test('a value that cannot be told is left out of its document alone, and counted', () => {
  const rows = usable(rowsOf({}));
  assert.deepEqual(rows.documentOf(row('5', 'a', '{{1},{2}}'))?.lacking, [['list']]);
  assert.deepEqual(rows.documentOf(row('6', 'a', '{}'))?.lacking, []);
  assert.deepEqual([...rows.untold], [['list', 1]]);
});

test('a row that `where` leaves out is left out, and one that cannot be mapped is expected all the same', () => {
  const rows = usable(rowsOf({ where: { name: { not: 'out' } }, fields: { n: { from: 'name', as: 'boolean' } } }));
  assert.equal(rows.documentOf(row('5', 'out', null))?.is, 'left-out');
  assert.equal(rows.documentOf(row('5', 'true', null))?.is, 'told');
  const refused = rows.documentOf(row('5', 'neither', null));
  assert.deepEqual([refused?.is, refused?.id], ['untold', '5']);
});

test('where a document depends on what cannot be told, there is no comparison', () => {
  const transform = { file: 't.mjs', transform: <T>(document: T): T => document };
  const cases: readonly (readonly [object, CompileOptions, RegExp])[] = [
    [{ where: { odd: 'x' } }, {}, /"odd" of public\.t, by which documents are chosen or found, is tsrange/],
    [{ routing: 'gone' }, {}, /"gone" of public\.t, by which documents are chosen or found, is not in the table\./],
    [{}, { transform }, /"odd" of public\.t, which `transform` is given/],
  ];
  for (const [definition, options, says] of cases) {
    const rows = rowsOf(definition, options);
    assert.ok('code' in rows);
    assert.equal(rows.code, 'SOURCE_UNUSABLE');
    assert.match(rows.message, says);
  }
  const keyless = rowsOf({}, {}, false);
  assert.match('code' in keyless ? keyless.message : '', /have no key, so no row can be found again/);
  assert.deepEqual(usable(rowsOf({ id: { from: ['name'] } }, {}, false)).keyColumns, ['name']);
  const chosen = { fields: { odd: { exclude: true }, gone: { exclude: true } } };
  assert.equal(usable(rowsOf(chosen, { transform })).documentOf(row('1', 'a', '{}'))?.is, 'told');
});
