/** Whatever is asked for and whatever is there: what can be added is added once, and adding never takes anything away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Drift, LiveIndex } from '../../src/elasticsearch/index/drift.ts';
import { drift } from '../../src/elasticsearch/index/drift.ts';
import { comparable, isDefault } from '../../src/elasticsearch/index/field-parameters.ts';
import type { IndexDefinition } from '../../src/model/document.ts';
import { flatSettings, settingText } from '../../src/model/index-settings.ts';
import { budget } from './budget.ts';

type Part = Readonly<Record<string, unknown>>;

const isPart = (value: unknown): value is Part => typeof value === 'object' && value !== null && !Array.isArray(value);
const partOf = (value: unknown): Part => (isPart(value) ? value : {});

const parameters = fc.record(
  {
    ignore_above: fc.constantFrom(10, '10', 256, 2147483647),
    ignore_malformed: fc.boolean(),
    copy_to: fc.constantFrom('a', ['a'], ['a', 'b'], []),
    index: fc.constantFrom(true, false, 'true'),
    analyzer: fc.constantFrom('default', 'english'),
    null_value: fc.constantFrom('x', 1, null),
    meta: fc.constantFrom({}, { unit: 'm' }),
  },
  { requiredKeys: [] },
);
const types = fc.constantFrom('keyword', 'text', 'long', 'integer', 'date', 'scaled_float', 'double');
const scalar = fc.tuple(types, parameters).map(([type, others]): Part => ({ type, ...others }));
const names = fc.constantFrom('a', 'b', 'c', 'd', 'a.b', 'b.c.d');
const plainNames = fc.constantFrom('a', 'b', 'c', 'd');

const { field } = fc.letrec<{ field: Part }>((tie) => ({
  field: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc
      .tuple(scalar, fc.dictionary(plainNames, scalar, { maxKeys: 2, noNullPrototype: true }))
      .map(([own, fields]): Part => ({ ...own, fields })),
    fc
      .tuple(
        fc.constantFrom({}, { type: 'object' }, { type: 'nested' }, { dynamic: false }),
        fc.dictionary(names, tie('field'), { maxKeys: 3, noNullPrototype: true }),
      )
      .map(([own, properties]): Part => ({ ...own, properties })),
  ),
}));

const settings = fc.record(
  {
    'index.refresh_interval': fc.constantFrom('1s', '5s', '60s', '1m', -1),
    number_of_replicas: fc.constantFrom(0, '1', 2),
    'index.number_of_shards': fc.constantFrom(1, 2),
    'index.max_result_window': fc.constantFrom(10000, 5),
  },
  { requiredKeys: [] },
);
const definition: fc.Arbitrary<IndexDefinition> = fc
  .record({
    properties: fc.dictionary(names, field, { maxKeys: 4, noNullPrototype: true }).filter(isConsistent),
    others: fc.record(
      { dynamic: fc.constantFrom(true, false, 'strict'), date_detection: fc.boolean() },
      { requiredKeys: [] },
    ),
    settings,
    inferred: fc.subarray(['a', 'b', 'c', 'a.b']),
  })
  .map(({ properties, others, settings: asked, inferred }) => ({
    alias: 'x',
    settings: asked,
    mappings: { ...others, properties },
    inferred,
  }));

/** A server refuses a name that is a value and an object, and one that is written twice. */
function isConsistent(properties: Part): boolean {
  const paths = pathsOf(properties, []);
  const values = new Set(paths.filter(({ isValue }) => isValue).map(({ path }) => path));
  const objects = paths.filter(({ isValue }) => !isValue).map(({ path }) => path);
  const written = paths.filter(({ isWritten }) => isWritten).map(({ path }) => path);
  return !objects.some((path) => values.has(path)) && new Set(written).size === written.length;
}

function pathsOf(
  properties: Part,
  within: readonly string[],
): { path: string; isValue: boolean; isWritten: boolean }[] {
  return Object.entries(properties).flatMap(([name, value]) => {
    const parts = name.split('.');
    const outer = parts.slice(1).map((_, end) => [...within, ...parts.slice(0, end + 1)].join('.'));
    const path = [...within, ...parts];
    const inside = partOf(value)['properties'];
    return [
      ...outer.map((one) => ({ path: one, isValue: false, isWritten: false })),
      { path: path.join('.'), isValue: inside === undefined, isWritten: true },
      ...pathsOf(partOf(inside), path),
    ];
  });
}

/** A server that takes a new index, or what is put into the mapping of one: as the engines do, without their rules. */
function normalised(properties: Part): Part {
  const made: Record<string, Part> = {};
  for (const [name, value] of Object.entries(properties)) {
    const [outer = name, ...inner] = name.split('.');
    const asked = inner.length > 0 ? { properties: { [inner.join('.')]: value } } : partOf(value);
    made[outer] = mergedField(made[outer], asked);
  }
  return made;
}

function mergedField(there: Part | undefined, asked: Part): Part {
  const { properties, fields, type, ...others } = asked;
  const { properties: oldProperties, fields: oldFields, type: oldType, ...oldOthers } = there ?? {};
  const kind = type ?? oldType;
  const said = Object.entries(others).filter(([name, value]) => !isDefault(String(kind), name, value, others));
  const isObject = kind === undefined || kind === 'object' || kind === 'nested';
  return {
    ...(kind !== undefined && !(kind === 'object' && properties !== undefined) && { type: kind }),
    // What an object is not asked again, it keeps; a value's parameters are all said again.
    ...(isObject && oldOthers),
    ...Object.fromEntries(said.map(([name, value]) => [name, name === 'dynamic' ? String(value) : value])),
    ...(isObject && { properties: merged(partOf(oldProperties), normalised(partOf(properties))) }),
    ...((fields ?? oldFields) !== undefined && { fields: merged(partOf(oldFields), normalised(partOf(fields))) }),
  };
}

function merged(there: Part, asked: Part): Part {
  const both = Object.entries(asked).map(
    ([name, value]) => [name, mergedField(partOf(there[name]), partOf(value))] as const,
  );
  return { ...there, ...Object.fromEntries(both) };
}

const liveOf = ({ mappings, settings: asked }: IndexDefinition): LiveIndex =>
  put({ mappings: {}, settings: {} }, mappings, asked);

function put(live: LiveIndex, mappings: Part, asked: Part): LiveIndex {
  const { properties, ...others } = mappings;
  const texts = Object.entries(flatSettings(asked)).map(([name, value]) => [name, settingText(value)] as const);
  return {
    mappings: {
      ...live.mappings,
      ...Object.fromEntries(Object.entries(others).map(([name, value]) => [name, comparable(value)])),
      properties: merged(partOf(live.mappings['properties']), normalised(partOf(properties))),
    },
    settings: { ...live.settings, ...Object.fromEntries(texts) },
  };
}

const extended = (live: LiveIndex, { mappings, settings: changed }: Drift['additive']): LiveIndex =>
  put(live, mappings ?? {}, changed ?? {});

function fieldNames(properties: unknown, prefix = ''): readonly string[] {
  return Object.entries(partOf(properties)).flatMap(([name, value]) => {
    const path = prefix + name;
    const { properties: inside, fields } = partOf(value);
    return [path, ...fieldNames(inside, `${path}.`), ...fieldNames(fields, `${path}:`)];
  });
}

test('an index that was made of a definition has no drift from it', () => {
  fc.assert(
    fc.property(definition, (asked) => {
      const { additive, incompatible } = drift(asked, liveOf(asked));
      assert.deepEqual({ additive: additive.differences, incompatible }, { additive: [], incompatible: [] });
    }),
    budget(500),
  );
});

test('applying the additive part leaves no additive part, the same incompatible one, and every field that was there', () => {
  fc.assert(
    fc.property(definition, definition, (asked, made) => {
      const before = liveOf(made);
      const found = drift(asked, before);
      const after = extended(before, found.additive);
      const left = drift(asked, after);
      assert.deepEqual(left.additive.differences, []);
      assert.equal(left.additive.mappings, undefined);
      assert.equal(left.additive.settings, undefined);
      assert.deepEqual(left.incompatible, found.incompatible);
      const names = new Set(fieldNames(after.mappings['properties']));
      for (const name of fieldNames(before.mappings['properties'])) assert.ok(names.has(name), name);
    }),
    budget(1000),
  );
});
