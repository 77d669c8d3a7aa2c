import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitted, lackingType, replaceableTypes } from '../../../src/elasticsearch/index/field-types.ts';

const definition = (properties: Record<string, unknown>, inferred: readonly string[]) => ({
  alias: 'a',
  settings: {},
  mappings: { dynamic: false, properties },
  inferred,
});

const fit = (field: Record<string, unknown>, ...lacking: string[]) => {
  const { mappings, replaced } = fitted(definition({ f: field }, ['f']), new Set(lacking));
  return { field: (mappings['properties'] as { f: unknown }).f, replaced };
};

test('nothing is changed for a server that lacks nothing', () => {
  const asked = definition({ f: { type: 'geo_shape' } }, ['f']);
  const { mappings, replaced } = fitted(asked, new Set());
  assert.equal(mappings, asked.mappings);
  assert.deepEqual(replaced, []);
});

test('each type is replaced by its stand-in, and by the next one where the server lacks that too', () => {
  const cases: readonly (readonly [Record<string, unknown>, readonly string[], Record<string, unknown>])[] = [
    [{ type: 'geo_shape' }, [], { type: 'object', enabled: false }],
    [{ type: 'shape' }, [], { type: 'xy_shape' }],
    [{ type: 'shape' }, ['xy_shape'], { type: 'object', enabled: false }],
    [{ type: 'point' }, ['xy_point'], { type: 'object', enabled: false }],
    [
      { type: 'unsigned_long' },
      [],
      { type: 'keyword', ignore_above: 8191, fields: { number: { type: 'double', ignore_malformed: true } } },
    ],
    [{ type: 'scaled_float', scaling_factor: 100 }, [], { type: 'double', ignore_malformed: true }],
    [{ type: 'wildcard' }, [], { type: 'keyword', ignore_above: 8191 }],
    [{ type: 'wildcard', ignore_above: 100 }, [], { type: 'keyword', ignore_above: 100 }],
    [{ type: 'wildcard', ignore_above: 9000 }, [], { type: 'keyword', ignore_above: 8191 }],
    [{ type: 'flattened', depth_limit: 5 }, [], { type: 'object', enabled: false }],
    [{ type: 'point', ignore_malformed: true }, [], { type: 'xy_point', ignore_malformed: true }],
    [{ type: 'dense_vector', dims: 3, similarity: 'cosine' }, [], { type: 'knn_vector', dimension: 3 }],
    [{ type: 'dense_vector' }, [], { type: 'object', enabled: false }],
    [{ type: 'dense_vector', dims: 3 }, ['knn_vector'], { type: 'object', enabled: false }],
    [{ type: 'sparse_vector' }, [], { type: 'rank_features' }],
    [{ type: 'rank_feature', positive_score_impact: false }, [], { type: 'float', ignore_malformed: true }],
    [{ type: 'search_as_you_type', max_shingle_size: 3 }, [], { type: 'text' }],
  ];
  for (const [field, alsoLacking, expected] of cases) {
    const type = String(field['type']);
    const { field: made, replaced } = fit(field, type, ...alsoLacking);
    assert.deepEqual(made, expected, type);
    assert.deepEqual(replaced, [{ field: 'f', type, by: expected['type'] }]);
  }
});

test('every type of the table has a stand-in that depends on no module or plugin', () => {
  const core = new Set(['object', 'keyword', 'text', 'double', 'float']);
  const lacking = [...replaceableTypes, 'xy_shape', 'xy_point', 'knn_vector'];
  for (const type of replaceableTypes) {
    const { field } = fit({ type, dims: 3 }, ...lacking);
    assert.ok(core.has(String((field as { type: unknown }).type)), type);
  }
});

test('only inferred fields are replaced, with their subfields, whatever the rest is', () => {
  const { mappings, replaced } = fitted(
    definition(
      {
        mine: { type: 'geo_shape' },
        nested: { type: 'nested', properties: { at: { type: 'geo_shape' }, n: { type: 'long' } } },
        name: { type: 'text', fields: { like: { type: 'wildcard' }, raw: { type: 'keyword' } } },
        code: { type: 'wildcard', fields: { words: { type: 'text' } } },
        odd: { type: 'keyword', fields: { tree: { type: 'flattened' } } },
        unknown: { type: 'no_such_type' },
      },
      ['nested', 'name', 'code', 'odd', 'unknown'],
    ),
    new Set(['geo_shape', 'wildcard', 'flattened', 'no_such_type']),
  );
  const likeKeyword = { type: 'keyword', ignore_above: 8191 };
  assert.deepEqual(mappings, {
    dynamic: false,
    properties: {
      mine: { type: 'geo_shape' },
      nested: { type: 'nested', properties: { at: { type: 'object', enabled: false }, n: { type: 'long' } } },
      name: { type: 'text', fields: { like: likeKeyword, raw: { type: 'keyword' } } },
      code: { ...likeKeyword, fields: { words: { type: 'text' } } },
      // A value cannot have an object beside it.
      odd: { type: 'keyword', fields: {} },
      unknown: { type: 'no_such_type' },
    },
  });
  assert.deepEqual(
    replaced.map(({ field, by }) => `${field} ${by}`),
    ['nested.at object', 'name.like keyword', 'code keyword', 'odd.tree object'],
  );
});

test('the type that a server lacks is read from the words of either engine, and from no others', () => {
  const said = 'Failed to parse mapping [_doc]: No handler for type [geo_shape] declared on field [f]';
  assert.equal(lackingType(said), 'geo_shape');
  assert.equal(
    lackingType('Failed to parse mapping: The mapper type [wildcard] declared on field [f] does not exist. It might'),
    'wildcard',
  );
  assert.equal(lackingType('failed to parse field [f] of type [long]'), undefined);
  assert.equal(lackingType(undefined), undefined);
});
