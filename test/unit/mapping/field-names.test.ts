import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentDefinitionSchema } from '../../../src/mapping/definition.ts';
import { defineIndex } from '../../../src/mapping/infer.ts';
import type { RowSchema } from '../../../src/model/change-event.ts';
import { fieldName } from '../../../src/model/field-name.ts';
import { afterRow, codeOf, compile, map, sourceOf } from './mapped.ts';

const definition = (file: object = {}) => documentDefinitionSchema.parse({ document: 'people', from: 't', ...file });
const schema = (...names: readonly string[]): RowSchema => ({
  columns: names.map((name) => ({ name, type: 'string', optional: true })),
});
const propertiesOf = (file: object, ...names: readonly string[]): readonly string[] =>
  Object.keys(defineIndex(definition(file), [schema(...names)]).mappings['properties'] ?? {});
const string = (name: string): string => `{"type":"string","optional":true,"field":${JSON.stringify(name)}}`;

/** Names that Elasticsearch 9.5 refuses, or takes and then breaks on, and what stands for each. */
const odd: Readonly<Record<string, string>> = {
  _id: '%5Fid',
  _version: '%5Fversion',
  _source: '%5Fsource',
  '_routing.a': '%5Frouting.a',
  __soft_deletes: '%5F_soft_deletes',
  '.': '%2E',
  '..': '%2E%2E',
  '': '%',
  ' ': '%20',
  '\t\u2003': '%09%E2%80%83',
  'a.': 'a%2E',
  '.a': '%2Ea',
  'a..b': 'a%2E%2Eb',
  'a. .b': 'a%2E %2Eb',
  '50%.': '50%25%2E',
};

test('a column whose name no index can hold has a name of its own there, and all others keep theirs', () => {
  for (const [column, field] of Object.entries(odd)) {
    assert.equal(fieldName(column), field);
    assert.deepEqual(propertiesOf({}, 'id', column), ['id', field]);
    const row = JSON.stringify({ id: '1', [column]: 'x' });
    for (const fields of ['', `${string('id')},${string(column)}`]) {
      assert.equal(sourceOf(map({}, row, { fields })), JSON.stringify({ id: '1', [field]: 'x' }));
    }
  }
  for (const column of ['a', 'a.b', ' a', 'a b', '%5Fid', '100%', '_class', 'o._id', '\u00a0', 'a*', 'é']) {
    assert.equal(fieldName(column), column);
  }
  assert.equal(fieldName(Array(20).fill('a').join('.')).includes('.'), true);
  assert.equal(fieldName(Array(21).fill('a').join('.')).includes('.'), false, 'deeper than an index goes');
});

test('two columns never have one name: the rule is injective, and a column that has the name already is refused', () => {
  const columns = Object.keys(odd);
  assert.equal(new Set(columns.map(fieldName)).size, columns.length);
  const { problem } = defineIndex(definition(), [schema('_id', '%5Fid')]);
  assert.equal(problem?.code, 'FIELDS_COLLIDE');
  assert.match(problem.message, /`_id` and `%5Fid`/);
  assert.equal(codeOf(map({}, '{"_id":1,"%5Fid":2}')), 'FIELDS_COLLIDE', 'without a schema, the row is refused');
  assert.equal(
    defineIndex(definition({ fields: { x: { from: '_id' } } }), [schema('_id', '%5Fid')]).problem,
    undefined,
  );
});

test('a column with a dot is a path, except beside a column that would be a value on its way', () => {
  assert.deepEqual(propertiesOf({}, 'a.b'), ['a.b']);
  assert.deepEqual(propertiesOf({}, 'a', 'a.b', 'a.b.c'), ['a', 'a%2Eb', 'a%2Eb%2Ec']);
  assert.equal(sourceOf(map({}, '{"a":1,"a.b":2}')), '{"a":1,"a%2Eb":2}');
  assert.equal(sourceOf(map({}, '{"a.b":2,"c":1}')), '{"a.b":2,"c":1}');
  const explicit = { fields: { 'x.y.z': { from: 'id' } } };
  assert.deepEqual(propertiesOf(explicit, 'id', 'x.y'), ['x.y.z', 'x%2Ey']);
});

test('a mapping file uses the names of the source', () => {
  const hidden = { fields: { _id: { exclude: true }, '.': { as: 'uppercase' }, 'a.b': { as: 'uppercase' } } };
  const row = '{"_id":"i",".":"d","a":"x","a.b":"y"}';
  assert.equal(sourceOf(map(hidden, row)), '{"%2E":"D","a":"x","a%2Eb":"Y"}');
  const mappings = { properties: { _id: { type: 'keyword' }, 'a.b': { type: 'keyword' } } };
  const made = defineIndex(definition({ index: { mappings } }), [schema('_id', 'a', 'a.b')]);
  assert.deepEqual((made.mappings['properties'] as Record<string, unknown>)['%5Fid'], { type: 'keyword' });
  assert.deepEqual((made.mappings['properties'] as Record<string, unknown>)['a%2Eb'], { type: 'keyword' });
  assert.deepEqual(made.renamed, { _id: '%5Fid', 'a.b': 'a%2Eb' });
});

test('a file whose fields are a value and an object of one name is refused when the columns are known', () => {
  const file = definition({ fields: { a: { as: 'string' }, 'a.b': { as: 'string' } } });
  assert.equal(defineIndex(file, [schema('a')]).problem?.code, 'FIELDS_COLLIDE');
  assert.equal(defineIndex(file, [schema('a', 'a.b')]).problem, undefined);
});

test('an index can have as many fields as its columns need, and some more', () => {
  const limitOf = (count: number, file: object = {}) =>
    defineIndex(definition(file), [schema(...Array.from({ length: count }, (_, n) => `c${n}`))]).settings[
      'index.mapping.total_fields.limit'
    ];
  assert.equal(limitOf(250), undefined, 'Elasticsearch’s own limit does');
  assert.equal(limitOf(251), 2000);
  assert.equal(limitOf(600), 2000);
  assert.equal(limitOf(751), 3000);
  const settings = { mapping: { total_fields: { limit: 1500 } } };
  assert.equal(limitOf(600, { index: { settings } }), 1500, 'what the file says stays');
  const wide = compile({});
  const row = JSON.stringify(Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`c${n}`, 'x'])));
  const { settings: without } = afterRow(wide, row);
  assert.equal(without['index.mapping.total_fields.limit'], 2000, 'without a schema, rows tell the columns');
});

test('the names that columns have in the index are known from rows without a schema', () => {
  assert.deepEqual(afterRow(compile({}), '{"id":1,"_id":2}').renamed, { _id: '%5Fid' });
});
