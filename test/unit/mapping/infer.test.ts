import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentDefinitionSchema } from '../../../src/mapping/definition.ts';
import { dynamicMapping } from '../../../src/mapping/dynamic-fields.ts';
import { defineIndex } from '../../../src/mapping/infer.ts';
import type { RowSchema } from '../../../src/model/change-event.ts';

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
