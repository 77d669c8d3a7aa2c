import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentDefinitionSchema } from '../../../src/mapping/definition.ts';
import { dynamicMapping, dynamicNumber } from '../../../src/mapping/dynamic-fields.ts';
import { defineIndex } from '../../../src/mapping/infer.ts';
import type { RowSchema } from '../../../src/model/change-event.ts';
import { afterRow, compile } from './mapped.ts';

const parsed = (index: object = {}) => documentDefinitionSchema.parse({ document: 'a', from: 't', index });
const schema = (columns: Record<string, string>): RowSchema => ({
  columns: Object.entries(columns).map(([name, type]) => ({ name, type, optional: true })),
});

const typesOf = (schemas: readonly RowSchema[]): Record<string, unknown> => {
  const properties = defineIndex(parsed(), schemas).mappings['properties'] as Record<string, { type: string }>;
  return Object.fromEntries(Object.entries(properties).map(([name, { type }]) => [name, type]));
};

test('an index has the columns of all schemas, and of a column that was widened the wider, in whichever order they come', () => {
  const old = schema({ id: 'int32', gone: 'string' });
  const later = schema({ id: 'int64', added: 'boolean' });
  const expected = { id: 'long', gone: 'text', added: 'boolean' };
  assert.deepEqual(typesOf([old, later]), expected);
  assert.deepEqual(typesOf([later, old]), expected);
  assert.equal(typesOf([schema({ id: 'string' }), old])['id'], 'integer');
});

test('settings are the file’s, however they are written, and what nobody wrote is told apart', () => {
  assert.deepEqual(defineIndex(parsed(), []).unwritten, ['index.gc_deletes', ...Object.keys(dynamicMapping)]);
  for (const settings of [{ gc_deletes: '5m' }, { index: { gc_deletes: '5m' } }, { 'index.gc_deletes': '5m' }]) {
    const made = defineIndex(parsed({ settings, mappings: { dynamic: 'strict' } }), [schema({ id: 'int32' })]);
    assert.deepEqual(made.settings, { 'index.gc_deletes': '5m' });
    assert.deepEqual(made.unwritten, []);
  }
});

test('columns in which a null may be a value that was not sent are told, if they fill a field and can be null', () => {
  const array = (name: string, type: string, semantic?: string, optional = true) => ({
    ...{ name, type: 'array', optional },
    items: { name: '', type, optional: true, ...(semantic !== undefined && { semantic }) },
  });
  const source = (name: string, type: string) => ({
    ...{ name, type: 'string', optional: true, parameters: { '__debezium.source.column.type': type } },
  });
  const columns = [
    ...[array('smalls', 'int16'), array('reals', 'float'), array('doubles', 'double'), array('flags', 'boolean')],
    ...[
      array('sums', 'bytes', 'org.apache.kafka.connect.data.Decimal'),
      array('moods', 'string', 'io.debezium.data.Enum'),
    ],
    ...[
      array('times', 'int64', 'io.debezium.time.MicroTime'),
      array('stamps', 'int64', 'io.debezium.time.MicroTimestamp'),
    ],
    ...[source('addresses', '_INET'), source('bits', 'VARBIT')],
    // These have placeholders, or none is needed.
    ...[array('texts', 'string'), array('ints', 'int32'), array('days', 'int32', 'io.debezium.time.Date')],
    ...[array('required', 'int16', undefined, false), array('out', 'int16'), source('text', 'TEXT')],
  ];
  const definition = documentDefinitionSchema.parse({ document: 'a', from: 't', fields: { out: { exclude: true } } });
  const told = 'smalls reals doubles flags sums moods times stamps addresses bits';
  assert.deepEqual(defineIndex(definition, [{ columns }]).nullInDoubt, told.split(' '));
  assert.equal(defineIndex(definition, [schema({ id: 'int32' })]).nullInDoubt, undefined);
});

test('a column whose first value is NaN or an infinity is a number, and one that begins with anything else is left to its value', () => {
  const columns: Readonly<Record<string, boolean>> = {
    '"NaN"': true,
    '"-Infinity"': true,
    '[null,"NaN",1]': true,
    '"NaN "': false,
    '"nan"': false,
    '["a","NaN"]': false,
    '1.5': false,
    '""': false,
    '{"x":"NaN"}': false,
  };
  const document = compile({});
  const names = Object.keys(columns).map((_, at) => `c${at}`);
  const rowOf = (values: readonly string[]) => `{${names.map((name, at) => `"${name}":${values[at]}`).join(',')}}`;
  afterRow(document, rowOf(names.map((_, at) => (at % 2 === 0 ? 'null' : '[]'))));
  const made = afterRow(document, rowOf(Object.keys(columns)));
  const numbers = names.filter((_, at) => Object.values(columns)[at]);
  assert.deepEqual(made.mappings['properties'], Object.fromEntries(numbers.map((name) => [name, dynamicNumber])));
  assert.deepEqual([...(made.inferred ?? [])].sort(), numbers);
  const own = compile({ index: { mappings: { dynamic: false } } });
  assert.deepEqual(afterRow(own, '{"a":"NaN"}').mappings['properties'], {}, 'the file says what becomes of fields');
});

test('once a column has had a value, its later values decide nothing', () => {
  const document = compile({});
  const mapper = document.createMapper();
  const inFirst = afterRow(document, '{"id":1,"a":"x"}', mapper);
  assert.deepEqual(afterRow(document, '{"id":1,"a":"NaN"}', mapper).mappings, inFirst.mappings);
});
