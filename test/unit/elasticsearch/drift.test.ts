import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveIndex } from '../../../src/elasticsearch/index/drift.ts';
import { differencesText } from '../../../src/model/difference.ts';
import { drift } from '../../../src/elasticsearch/index/drift.ts';
import { digestOf } from '../../../src/elasticsearch/index/generation-meta.ts';
import type { IndexDefinition } from '../../../src/model/document.ts';

type Part = Readonly<Record<string, unknown>>;

const asked = (mappings: Part, more: Partial<IndexDefinition> = {}): IndexDefinition => ({
  alias: 'a',
  settings: {},
  mappings,
  ...more,
});
const live = (mappings: Part, settings: Part = {}): LiveIndex => ({ mappings, settings });

/** What is told of one field, asked for and live. */
function told(field: Part, there: Part, inferred: readonly string[] = []): { additive: string; incompatible: string } {
  const { additive, incompatible } = drift(
    asked({ properties: { f: field } }, { inferred }),
    live({ properties: { f: there } }),
  );
  return { additive: differencesText(additive.differences), incompatible: differencesText(incompatible) };
}

const nothing = { additive: '', incompatible: '' };

test('what a server leaves out or writes otherwise is no drift', () => {
  const same: readonly (readonly [Part, Part])[] = [
    [{ type: 'keyword', index: true, doc_values: true, store: false }, { type: 'keyword' }],
    [
      { type: 'keyword', ignore_above: '256', copy_to: 'g' },
      { type: 'keyword', ignore_above: 256, copy_to: ['g'] },
    ],
    [{ type: 'text', analyzer: 'default', norms: true }, { type: 'text' }],
    [{ type: 'date', format: 'strict_date_optional_time||epoch_millis' }, { type: 'date' }],
    [
      { type: 'date', locale: 'ROOT' },
      { type: 'date', locale: '' },
    ],
    [
      { type: 'scaled_float', scaling_factor: 100 },
      { type: 'scaled_float', scaling_factor: 100.0 },
    ],
    [{ type: 'object' }, { properties: { x: { type: 'long' } } }],
    [{ properties: { x: { type: 'long' } } }, { type: 'object', properties: { x: { type: 'long' } } }],
    [
      { dynamic: false, properties: {} },
      { dynamic: 'false', type: 'object' },
    ],
    [
      { type: 'dense_vector', dims: 3 },
      { type: 'dense_vector', dims: 3, index: true, similarity: 'cosine', index_options: { type: 'int8_hnsw' } },
    ],
    [{ type: 'keyword', null_value: null, meta: {} }, { type: 'keyword' }],
  ];
  for (const [field, there] of same) assert.deepEqual(told(field, there), nothing, JSON.stringify(field));
});

test('a field of an object is the same whether its name is written with a dot or not', () => {
  const properties = {
    'a.b': { type: 'long' },
    'a.c.d': { type: 'keyword' },
    a: { properties: { e: { type: 'date' } } },
  };
  const there = {
    a: { properties: { b: { type: 'long' }, c: { properties: { d: { type: 'keyword' } } }, e: { type: 'date' } } },
  };
  const { additive, incompatible } = drift(asked({ properties }), live({ properties: there }));
  assert.deepEqual([additive.mappings, incompatible], [undefined, []]);
});

test('a new field, a new subfield and a parameter that may change are additive, and put with what is there', () => {
  const { additive, incompatible } = drift(
    asked({
      properties: {
        name: { type: 'text', analyzer: 'simple', fields: { raw: { type: 'keyword' }, exact: { type: 'keyword' } } },
        code: { type: 'keyword', ignore_above: 100 },
        address: { properties: { city: { type: 'text' } } },
        phone: { type: 'keyword' },
      },
    }),
    live({
      properties: {
        name: { type: 'text', analyzer: 'simple', fields: { raw: { type: 'keyword' } } },
        code: { type: 'keyword', ignore_above: 50, null_value: '-' },
        address: { properties: { zip: { type: 'keyword' } } },
        gone: { type: 'long' },
      },
    }),
  );
  assert.deepEqual(differencesText(incompatible), '`null_value` of field "code" is -, should be not set');
  assert.equal(
    differencesText(additive.differences),
    'subfield "name.exact" is missing, should be keyword; `ignore_above` of field "code" is 50, should be 100; ' +
      'field "address.city" is missing, should be text; field "phone" is missing, should be keyword',
  );
  assert.deepEqual(additive.mappings, {
    properties: {
      name: { type: 'text', analyzer: 'simple', fields: { raw: { type: 'keyword' }, exact: { type: 'keyword' } } },
      code: { type: 'keyword', ignore_above: 100, null_value: '-' },
      address: { properties: { city: { type: 'text' } } },
      phone: { type: 'keyword' },
    },
  });
});

test('another type, another analyzer, a subfield that is gone and a fixed setting are incompatible, each told exactly', () => {
  const cases: readonly (readonly [Part, Part, string])[] = [
    [{ type: 'text' }, { type: 'keyword' }, 'field "f" is keyword, should be text'],
    [{ type: 'nested' }, { properties: {} }, 'field "f" is object, should be nested'],
    [{ type: 'text', analyzer: 'english' }, { type: 'text' }, '`analyzer` of field "f" is not set, should be english'],
    [{ type: 'text' }, { type: 'text', analyzer: 'english' }, '`analyzer` of field "f" is english, should be not set'],
    [{ type: 'date', format: 'yyyy' }, { type: 'date' }, '`format` of field "f" is not set, should be yyyy'],
    [{ type: 'keyword', index: false }, { type: 'keyword' }, '`index` of field "f" is not set, should be false'],
    [
      { type: 'text' },
      { type: 'text', fields: { raw: { type: 'keyword' } } },
      'subfield "f.raw" is keyword, should be none',
    ],
    [
      { type: 'text', fields: { raw: { type: 'keyword' } } },
      { type: 'text', fields: { raw: { type: 'long' } } },
      'field "f.raw" is long, should be keyword',
    ],
    [{ type: 'object', enabled: false }, { type: 'object' }, '`enabled` of field "f" is not set, should be false'],
  ];
  for (const [field, there, says] of cases) assert.deepEqual(told(field, there), { additive: '', incompatible: says });
  const shards = drift(asked({}, { settings: { number_of_shards: 2 } }), live({}, { 'index.number_of_shards': '1' }));
  assert.equal(differencesText(shards.incompatible), 'setting "index.number_of_shards" is 1, should be 2');
});

test('an inferred field may be wider, or have a stand-in, or more than was inferred; a written one may not', () => {
  const accepted: readonly (readonly [Part, Part])[] = [
    [{ type: 'integer' }, { type: 'long' }],
    [{ type: 'float' }, { type: 'double' }],
    [{ type: 'scaled_float', scaling_factor: 10 }, { type: 'double' }],
    [{ type: 'wildcard' }, { type: 'keyword' }],
    [{ type: 'shape' }, { type: 'object', enabled: false }],
    [{ type: 'text' }, { type: 'text', analyzer: 'english', fields: { raw: { type: 'keyword' } } }],
  ];
  for (const [field, there] of accepted) {
    assert.deepEqual(told(field, there, ['f']), nothing, JSON.stringify(field));
    assert.notDeepEqual(told(field, there), nothing, JSON.stringify(field));
  }
  assert.equal(told({ type: 'long' }, { type: 'integer' }, ['f']).incompatible, 'field "f" is integer, should be long');
  const lenient = told({ type: 'date', ignore_malformed: true }, { type: 'date' }, ['f']);
  assert.deepEqual(lenient, {
    additive: '`ignore_malformed` of field "f" is not set, should be true',
    incompatible: '',
  });
});

test('what nobody wrote is not held against an index: defaults of ours, settings of others, fields of columns that are gone', () => {
  const definition = asked(
    { dynamic: false, properties: {} },
    { settings: { 'index.gc_deletes': '1h' }, unwritten: ['index.gc_deletes', 'dynamic'] },
  );
  const there = live(
    { dynamic: 'strict', _meta: { team: 'b' }, properties: { old: { type: 'long' } } },
    { 'index.number_of_replicas': '2', 'index.gc_deletes': '5m' },
  );
  const { additive, incompatible } = drift(definition, there);
  assert.deepEqual([additive.differences, incompatible], [[], []]);
});

test('settings mean the same however they are written, and dynamic ones are additive', () => {
  const settings = {
    index: { refresh_interval: '60s', number_of_replicas: 0 },
    max_result_window: 500,
    'sort.field': ['a'],
  };
  const same = {
    'index.refresh_interval': '1m',
    'index.number_of_replicas': '0',
    'index.max_result_window': '500',
    'index.sort.field': 'a',
  };
  assert.deepEqual(drift(asked({}, { settings }), live({}, same)).additive.settings, undefined);
  const { additive, incompatible } = drift(
    asked({}, { settings }),
    live({}, { ...same, 'index.refresh_interval': '1s' }),
  );
  assert.deepEqual(additive.settings, { 'index.refresh_interval': '60s' });
  assert.equal(differencesText(additive.differences), 'setting "index.refresh_interval" is 1s, should be 60s');
  assert.deepEqual(incompatible, []);
});

test('an index that was made of this very definition has every parameter that its server does not say', () => {
  const definition = asked({ properties: { f: { type: 'strange', odd: 'x' } } });
  const properties = { f: { type: 'strange' } };
  assert.equal(drift(definition, live({ properties })).incompatible.length, 1);
  const _meta = { sluice: { document: 'a', definition: digestOf(definition) } };
  assert.equal(drift(definition, live({ properties, _meta })).incompatible.length, 0);
});

test('what people keep in `_meta` is kept and completed', () => {
  const definition = asked({ _meta: { team: 'a', since: 2024 } });
  const { additive } = drift(definition, live({ _meta: { team: 'b', other: 1, sluice: { document: 'a' } } }));
  assert.deepEqual(additive.mappings, { _meta: { team: 'a', since: 2024, other: 1, sluice: { document: 'a' } } });
});

const templates = { dynamic_templates: [{ sluice_long: { match_mapping_type: 'long', mapping: { type: 'double' } } }] };
const unwritten = ['dynamic_templates', 'index.mapping.total_fields.limit'];

test('an index of an earlier version is given the rules for new fields, once, and is never refused for want of them', () => {
  const definition = asked(templates, { unwritten });
  const { additive, incompatible } = drift(definition, live({ date_detection: false }));
  assert.deepEqual(additive.mappings, templates);
  assert.deepEqual(incompatible, []);
  for (const there of [templates, { dynamic: 'false' }, { dynamic_templates: [{ own: { mapping: {} } }] }]) {
    const { additive: none, incompatible: neither } = drift(definition, live(there));
    assert.deepEqual([none.mappings, none.settings, neither], [undefined, undefined, []], JSON.stringify(there));
  }
});

test('the limit of fields is raised when columns need it, and never lowered', () => {
  const name = 'index.mapping.total_fields.limit';
  const settingsFor = (there: Part): unknown =>
    drift(asked({}, { settings: { [name]: 2000 }, unwritten }), live({}, there)).additive.settings;
  assert.deepEqual(settingsFor({}), { [name]: 2000 });
  assert.deepEqual(settingsFor({ [name]: '1500' }), { [name]: 2000 });
  assert.equal(settingsFor({ [name]: '5000' }), undefined);
});
