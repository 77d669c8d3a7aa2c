/** Live indexes held to their definitions, on real servers: Elasticsearch 9 and 8, and OpenSearch. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differencesText } from '../../src/model/difference.ts';
import { isFailure } from '../../src/model/outcome.ts';
import type { IndexState } from '../../src/documents/ports.ts';
import { conversionNames } from '../../src/convert/named.ts';
import { documentDefinitionSchema } from '../../src/mapping/definition.ts';
import { defineIndex } from '../../src/mapping/infer.ts';
import type { ColumnSchema } from '../../src/model/change-event.ts';
import type { IndexDefinition } from '../../src/model/document.ts';
import { startElasticsearch } from '../stack/elasticsearch.ts';
import { startStack } from '../stack/stack.ts';
import { versions } from '../stack/versions.ts';
import { openEngine, write } from './engines.ts';

const stack = await startStack({ servers: ['elasticsearch', 'opensearch'] });
test.after(() => stack.stop());
const eight = await startElasticsearch({ version: versions.elasticsearchForJava17 });
test.after(() => eight.stop());

const engines = [
  ['Elasticsearch 9', openEngine('elasticsearch', stack.addresses.elasticsearch)],
  ['Elasticsearch 8', openEngine('elasticsearch', eight.address)],
  ['OpenSearch', openEngine('opensearch', stack.addresses.opensearch)],
] as const;

const { signal } = new AbortController();

/** Every name of the conversion table (docs/decisions/0003-values.md), by the base type that it comes in. */
const semantics: Readonly<Record<string, readonly string[]>> = {
  int32: ['time.Date', 'time.Time', 'time.Year'],
  int64: [
    'time.MicroTime',
    'time.NanoTime',
    'time.Timestamp',
    'time.MicroTimestamp',
    'time.NanoTimestamp',
    'time.MicroDuration',
    'time.NanoDuration',
  ],
  string: [
    'time.ZonedTimestamp',
    'time.ZonedTime',
    'time.Interval',
    'time.IsoDate',
    'time.IsoTime',
    'time.IsoTimestamp',
    'data.Uuid',
    'data.Enum',
    'data.EnumSet',
    'data.Json',
    'data.Xml',
    'data.Ltree',
    'data.Tsvector',
  ],
  struct: [
    'time.StructuredDate',
    'time.StructuredTime',
    'time.StructuredTimestamp',
    'time.StructuredDuration',
    'data.VariableScaleDecimal',
    'data.SparseDoubleVector',
    'data.geometry.Point',
    'data.geometry.Geometry',
    'data.geometry.Geography',
  ],
  array: ['data.DoubleVector', 'data.FloatVector'],
  bytes: ['data.Bits'],
};
const bases = [
  'int8',
  'int16',
  'int32',
  'int64',
  'float32',
  'float64',
  'boolean',
  'string',
  'bytes',
  'struct',
  'map',
  'nothing-known',
];
const ofDatabases = [
  'INT4RANGE',
  'INT8RANGE',
  'NUMRANGE',
  'DATERANGE',
  'INET',
  'CIDR',
  'CITEXT',
  'JSONB',
  'NUMERIC',
  'TSVECTOR',
  'BPCHAR',
];

function columnsOfEveryType(): readonly ColumnSchema[] {
  const columns: Omit<ColumnSchema, 'name' | 'optional'>[] = [
    ...bases.map((type) => ({ type })),
    { type: 'array', items: { name: '', type: 'int64', optional: true } },
    ...Object.entries(semantics).flatMap(([type, names]) =>
      names.map((name) => ({
        type,
        semantic: `io.debezium.${name}`,
        ...(type === 'array' && { items: { name: '', type: 'float64', optional: true } }),
      })),
    ),
    ...[2, 12, 20, 38].map((precision) => ({
      type: 'bytes',
      semantic: 'org.apache.kafka.connect.data.Decimal',
      parameters: { scale: '2', 'connect.decimal.precision': String(precision) },
    })),
    ...ofDatabases.map((type) => ({ type: 'string', parameters: { '__debezium.source.column.type': type } })),
    { type: 'int64', parameters: { '__debezium.source.column.type': 'BIGINT UNSIGNED' } },
    { type: 'array', semantic: 'io.debezium.data.FloatVector', parameters: { '__debezium.source.column.length': '3' } },
  ];
  return columns.map((column, position) => ({ name: `c${position}`, optional: true, ...column }));
}

/** Parameters that say what is so anyway, and values written otherwise than a server writes them. */
const defaultsWritten: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  kw: {
    type: 'keyword',
    index: true,
    doc_values: true,
    store: false,
    norms: false,
    index_options: 'docs',
    ignore_above: 2147483647,
    similarity: 'BM25',
    meta: {},
    fields: {},
  },
  kw2: { type: 'keyword', ignore_above: '256', null_value: 'x', copy_to: 'kw', eager_global_ordinals: 'false' },
  tx: {
    type: 'text',
    index: true,
    norms: true,
    index_options: 'positions',
    term_vector: 'no',
    fielddata: false,
    position_increment_gap: 100,
    index_phrases: false,
  },
  tx2: {
    type: 'text',
    analyzer: 'standard',
    search_analyzer: 'standard',
    fields: { raw: { type: 'keyword', doc_values: true } },
  },
  tx3: { type: 'text', analyzer: 'default' },
  lo: { type: 'long', coerce: true, ignore_malformed: false, null_value: '7' },
  da: { type: 'date', format: 'strict_date_optional_time||epoch_millis', locale: 'ROOT' },
  da2: { type: 'date', locale: 'en', format: 'yyyy-MM-dd||epoch_millis' },
  bo: { type: 'boolean', store: 'false' },
  bi: { type: 'binary', doc_values: false },
  gp: { type: 'geo_point', ignore_malformed: false, ignore_z_value: true },
  ob: { type: 'object', enabled: true, dynamic: false, properties: { 'x.y': { type: 'long' } } },
  'ob2.c.d': { type: 'long' },
  off: { type: 'object', enabled: false },
  ne: { type: 'nested', include_in_parent: false, properties: { z: { type: 'keyword' } } },
  ra: { type: 'integer_range', coerce: true },
  co: { type: 'completion', analyzer: 'simple', max_input_length: 50 },
  al: { type: 'alias', path: 'kw' },
};

function present(state: IndexState): Extract<IndexState, { state: 'present' }> {
  assert.ok(state.state === 'present', JSON.stringify(state));
  return state;
}

function failureIn(state: IndexState, code: string): string {
  assert.ok(state.state === 'failed' && state.failure.code === code, JSON.stringify(state));
  return state.failure.message;
}

const noDrift = (state: IndexState): void => {
  const { pending, added, warnings } = present(state);
  assert.deepEqual([differencesText(pending), differencesText(added), warnings], ['', '', []]);
};

for (const [name, engine] of engines) {
  const { address, admin, adopt, generations, newName, sink } = engine;
  const send = async (method: string, path: string, body?: object): Promise<string> => {
    const response = await fetch(`${address}/${path}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.ok(response.ok, text);
    return text;
  };
  const define = (properties: object, more: Partial<IndexDefinition> = {}): IndexDefinition => ({
    alias: newName(),
    settings: { 'index.gc_deletes': '1h' },
    mappings: { dynamic: false, properties },
    unwritten: ['index.gc_deletes', 'dynamic'],
    ...more,
  });
  const make = async (definition: IndexDefinition): Promise<string> => {
    const made = await admin.ensure(definition);
    assert.ok(made.state === 'created', JSON.stringify(made));
    return made.generation.index;
  };

  test(`${name}: a new index with a column of every type of the conversion table has no drift, nor when it is defined anew`, async () => {
    const alias = newName();
    const fields = Object.fromEntries(
      conversionNames.map((as, position) => [
        `named${position}`,
        { from: `f${position}`, as: as.replace('SCALE', '2') },
      ]),
    );
    const parsed = documentDefinitionSchema.parse({ document: alias, from: 't', fields });
    const definition = defineIndex(parsed, [{ columns: columnsOfEveryType() }]);
    await make(definition);
    noDrift(await admin.inspect(definition));
    // Not the definition that is in `_meta` any more, so that the server's words are all there is.
    const other = { ...definition, mappings: { ...definition.mappings, _meta: {} } };
    noDrift(await admin.inspect(other));
  });

  test(`${name}: defaults that are written, and values that the server writes otherwise, are no drift`, async () => {
    const settings = {
      number_of_shards: 1,
      index: { refresh_interval: '60s', 'sort.field': ['kw'] },
      codec: 'default',
      gc_deletes: '60m',
    };
    const root = { dynamic: true, date_detection: true, _source: { enabled: true }, _routing: { required: false } };
    const definition = define({}, { settings, mappings: { ...root, properties: defaultsWritten } });
    await make(definition);
    noDrift(await admin.inspect(definition));
    noDrift(await admin.inspect({ ...definition, mappings: { ...definition.mappings, _meta: {} } }));
  });

  test(`${name}: a new field, subfield, parameter and setting are given to the index, once, and what was there stays`, async () => {
    const before = define({ name: { type: 'text', analyzer: 'simple' }, code: { type: 'keyword', ignore_above: 50 } });
    const index = await make(before);
    const subfields = { raw: { type: 'keyword' } };
    const after: IndexDefinition = {
      ...before,
      settings: { ...before.settings, 'index.refresh_interval': '5s' },
      mappings: {
        dynamic: false,
        properties: {
          name: { type: 'text', analyzer: 'simple', fields: subfields },
          code: { type: 'keyword', ignore_above: 100 },
          phone: { type: 'keyword' },
          'address.city': { type: 'keyword' },
        },
      },
    };
    const pending = present(await admin.inspect(after)).pending;
    const states = await Promise.all([admin.ensure(after), admin.align(after), admin.ensure(after)]);
    for (const state of states) present(state);
    assert.ok(states.some((state) => differencesText(present(state).added) === differencesText(pending)));
    assert.equal(
      differencesText(pending),
      'subfield "name.raw" is missing, should be keyword; `ignore_above` of field "code" is 50, should be 100; ' +
        'field "phone" is missing, should be keyword; field "address" is missing, should be object; ' +
        'setting "index.refresh_interval" is 1s, should be 5s',
    );
    noDrift(await admin.inspect(after));
    await sink.write([write(after.alias, 'a', '{"phone":"1","name":"A b","address":{"city":"c"}}')], signal);
    await send('POST', `${index}/_refresh`);
    for (const query of ['phone:1', 'name.raw:"A b"', 'address.city:c']) {
      assert.match(await send('GET', `${index}/_count?q=${encodeURIComponent(query)}`), /"count":1/, query);
    }
    assert.match(await send('GET', `${index}/_mapping`), /"analyzer":"simple"/);
  });

  test(`${name}: a parameter that is written no more is what it was before it was written`, async () => {
    const before = define({ code: { type: 'keyword', ignore_above: 5 } });
    await make(before);
    const after = { ...before, mappings: { dynamic: false, properties: { code: { type: 'keyword' } } } };
    assert.equal(present(await admin.ensure(after)).added.length, 1);
    noDrift(await admin.inspect(after));
  });

  test(`${name}: another type or analyzer, a subfield that is gone and a fixed setting are refused, and nothing is changed`, async () => {
    const fields = { raw: { type: 'keyword' } };
    const before = define(
      { n: { type: 'integer' }, t: { type: 'text', fields } },
      { settings: { number_of_shards: 1 } },
    );
    const index = await make(before);
    const seen = await send('GET', index);
    const properties = { n: { type: 'keyword' }, t: { type: 'text', analyzer: 'simple' }, more: { type: 'long' } };
    const after = { ...before, mappings: { properties }, settings: { number_of_shards: 2, refresh_interval: '9s' } };
    for (const state of [await admin.inspect(after), await admin.align(after), await admin.ensure(after)]) {
      assert.equal(
        failureIn(state, 'INDEX_INCOMPATIBLE'),
        `The index ${index} is not as it should be: field "n" is integer, should be keyword; ` +
          '`analyzer` of field "t" is not set, should be simple; subfield "t.raw" is keyword, should be none; ' +
          'setting "index.number_of_shards" is 1, should be 2.',
      );
    }
    assert.equal(await send('GET', index), seen);
  });

  test(`${name}: what the server alone knows to be incompatible is refused with its words`, async () => {
    const before = define({ g: { type: 'geo_point' } });
    await make(before);
    const after = { ...before, settings: { 'index.no_such_setting': 1 } };
    assert.match(failureIn(await admin.ensure(after), 'INDEX_INCOMPATIBLE'), /no_such_setting/);
  });

  test(`${name}: a field that comes later gets a stand-in too, and that is no drift`, async () => {
    const before = define({});
    await make(before);
    const inner = { type: 'object', properties: { price: { type: 'scaled_float', scaling_factor: 100 } } };
    const properties = { shape: { type: 'shape' }, inner, 'a.shape': { type: 'shape' } };
    const after = { ...before, mappings: { dynamic: false, properties }, inferred: ['shape', 'inner', 'a.shape'] };
    assert.equal(present(await admin.ensure(after)).added.length, 3);
    noDrift(await admin.inspect(after));
    const meta = present(await admin.inspect(after)).generation.meta;
    assert.equal(meta?.standIns?.['shape'], 'shape');
    const written = { ...before, mappings: { properties: { x: { type: 'shape' } } } };
    assert.match(
      failureIn(await admin.ensure(written), 'INDEX_INCOMPATIBLE'),
      /type \[shape\] declared on field \[x\]/,
    );
  });

  test(`${name}: an index that must not be touched is left as it is, and refused where its documents would be`, async () => {
    const before = define({}, { apply: 'never' });
    const index = await make(before);
    const after = { ...before, mappings: { properties: { n: { type: 'long' } } } };
    const { added, pending } = present(await admin.ensure(after));
    assert.deepEqual([added.length, differencesText(pending)], [0, 'field "n" is missing, should be long']);
    assert.doesNotMatch(await send('GET', `${index}/_mapping`), /long/);
    await send('PUT', `${index}/_mapping`, { dynamic: 'strict' });
    assert.match(failureIn(await admin.ensure(after), 'INDEX_INCOMPATIBLE'), /field "n" is missing, should be long/);
  });

  test(`${name}: a lower epoch is refused, a higher one is noted, whether something else is to be changed or not`, async () => {
    const definition = define({}, { epoch: 2 });
    await make(definition);
    failureIn(await admin.inspect({ ...definition, epoch: 1 }), 'EPOCH_LOWERED');
    failureIn(await admin.ensure({ ...definition, epoch: 0 }), 'EPOCH_LOWERED');
    await admin.ensure({ ...definition, epoch: 3, apply: 'never' });
    assert.equal(present(await admin.inspect({ ...definition, epoch: 3 })).generation.meta?.epoch, 3);
    failureIn(await admin.align(definition), 'EPOCH_LOWERED');
    noDrift(await admin.inspect({ ...definition, epoch: 3 }));
  });

  test(`${name}: an index that forgets deleted versions too soon is warned of, unless the file says so`, async () => {
    const definition = define({});
    const index = await make(definition);
    await send('PUT', `${index}/_settings`, { 'index.gc_deletes': '5m' });
    const { warnings, pending } = present(await admin.ensure(definition));
    assert.deepEqual([warnings.map(({ code }) => code), pending], [['GC_DELETES_SHORT'], []]);
    assert.match(warnings[0]?.message ?? '', /forgets deleted documents after 5m, sooner than after 1h/);
    const { added } = present(await admin.ensure({ ...definition, unwritten: [] }));
    assert.equal(differencesText(added), 'setting "index.gc_deletes" is 5m, should be 1h');
  });

  test(`${name}: an alias that is lost, divided, filtered, or names an index of someone else is refused, each in a sentence`, async () => {
    const lost = define({});
    const lostIndex = await make(lost);
    await send('DELETE', `${lostIndex}/_alias/${lost.alias}`);
    for (const state of [await admin.inspect(lost), await admin.ensure(lost)])
      assert.match(failureIn(state, 'ALIAS_LOST'), new RegExp(`${lostIndex} is there, but no alias`));

    const divided = define({});
    await make(divided);
    await send('PUT', `${divided.alias}-other`);
    await send('PUT', `${divided.alias}-other/_alias/${divided.alias}`);
    assert.match(failureIn(await admin.ensure(divided), 'ALIAS_UNUSABLE'), /names several indexes/);

    const filtered = define({});
    const filteredIndex = await make(filtered);
    await send('PUT', `${filteredIndex}/_alias/${filtered.alias}`, { filter: { term: { n: 1 } } });
    assert.match(failureIn(await admin.ensure(filtered), 'ALIAS_UNUSABLE'), /has a filter/);

    const foreign = define({});
    await send('PUT', `${foreign.alias}_v1`, { aliases: { [foreign.alias]: {} } });
    assert.match(failureIn(await admin.ensure(foreign), 'INDEX_NOT_ADOPTED'), /was not made by Sluice/);

    const taken = define({});
    await send('PUT', `${taken.alias}-000001`);
    assert.match(
      failureIn(await admin.ensure(taken), 'INDEX_FOREIGN'),
      /-000001" is there, and Sluice did not make it/,
    );

    const crossed = define({});
    await send('PUT', `${filteredIndex}/_alias/${crossed.alias}`);
    assert.match(failureIn(await admin.ensure(crossed), 'INDEX_NOT_ADOPTED'), /holds the documents of/);
  });

  test(`${name}: a lost alias is given back, to the only generation or to that which is named`, async () => {
    const definition = define({});
    const index = await make(definition);
    await send('DELETE', `${index}/_alias/${definition.alias}`);
    const second = await generations.create(definition, { loading: false });
    assert.ok(!isFailure(second));
    const unclear = await adopt(definition, undefined);
    assert.ok(isFailure(unclear) && /several generations/.test(unclear.message), JSON.stringify(unclear));
    const adopted = await adopt(definition, second.index);
    assert.ok(!isFailure(adopted), JSON.stringify(adopted));
    noDrift(await admin.inspect(definition));
    const again = await adopt(definition, undefined);
    assert.ok(!isFailure(again) && again.generation.index === second.index, JSON.stringify(again));
    const elsewhere = await adopt(definition, index);
    assert.ok(
      isFailure(elsewhere) && /names .+-000002, not .+-000001/.test(elsewhere.message),
      JSON.stringify(elsewhere),
    );
  });

  test(`${name}: an index of someone else is taken over with what it lacks; its versions ask for an epoch`, async () => {
    const definition = define({ n: { type: 'long' }, phone: { type: 'keyword' } });
    const { alias } = definition;
    const index = `${alias}_v7`;
    const mappings = { _meta: { team: 'x' }, properties: { n: { type: 'long' } } };
    await send('PUT', index, { aliases: { [alias]: {} }, mappings });
    await send('PUT', `${index}/_doc/a?refresh=true`, { n: 1 });
    const refused = await adopt(definition, undefined);
    assert.ok(isFailure(refused) && /set `epoch: 1`/.test(refused.message), JSON.stringify(refused));
    const raised = { ...definition, epoch: 1 };
    const wrong = await adopt({ ...raised, mappings: { properties: { n: { type: 'keyword' } } } }, index);
    assert.ok(isFailure(wrong) && wrong.code === 'INDEX_INCOMPATIBLE', JSON.stringify(wrong));
    assert.doesNotMatch(await send('GET', index), /sluice/);
    const adopted = await adopt(raised, undefined);
    assert.ok(!isFailure(adopted), JSON.stringify(adopted));
    assert.equal(
      differencesText(adopted.added),
      'field "phone" is missing, should be keyword; setting "index.gc_deletes" is 60s, should be 1h',
    );
    noDrift(await admin.ensure(raised));
    const { generation } = present(await admin.inspect(raised));
    assert.deepEqual([generation.index, generation.number, generation.meta?.createdBy], [index, 0, 'test']);
    assert.match(await send('GET', `${index}/_mapping`), /"team":"x"/);
    const [outcome] = await sink.write([{ ...write(generation.writes, 'b', '{"phone":"1"}') }], signal);
    assert.deepEqual(outcome, { status: 'applied' });
    assert.equal(((await generations.create(raised, { loading: true })) as { number?: number }).number, 1);
  });

  test(`${name}: what cannot be taken over says why: its own name, another's documents, half a load, nothing there`, async () => {
    const named = define({});
    await send('PUT', named.alias);
    const other = define({});
    const otherIndex = await make(other);
    const half = define({});
    const loading = await generations.create(half, { loading: true });
    assert.ok(!isFailure(loading));
    const cases = [
      [await adopt(named, undefined), /can have no alias of its name/],
      [await adopt(define({}), otherIndex), /holds the documents of/],
      [await adopt(half, undefined), /is being loaded, and is not whole/],
      [await adopt(define({}), 'no-such-index'), /There is no index "no-such-index"/],
      [await adopt(define({}), undefined), /name one with `--index`/],
    ] as const;
    for (const [answer, says] of cases) {
      assert.ok(isFailure(answer) && answer.code === 'ADOPTION_REFUSED', JSON.stringify(answer));
      assert.match(answer.message, says);
    }
    assert.equal(await generations.current(half.alias), undefined);
  });

  test(`${name}: a document that was renamed takes its index with it`, async () => {
    const old = define({});
    const index = await make(old);
    await send('DELETE', `${index}/_alias/${old.alias}`);
    const renamed = { ...old, alias: newName() };
    const adopted = await adopt(renamed, index);
    assert.ok(!isFailure(adopted), JSON.stringify(adopted));
    noDrift(await admin.ensure(renamed));
  });

  test(`${name}: a generation that is being loaded is given a column that comes meanwhile, and keeps its settings`, async () => {
    const definition = define(
      { a: { type: 'long' } },
      { settings: { 'index.gc_deletes': '1h', refresh_interval: '3s' } },
    );
    await make(definition);
    const loading = await generations.create(definition, { loading: true });
    assert.ok(!isFailure(loading));
    const wider = {
      ...definition,
      mappings: { dynamic: false, properties: { a: { type: 'long' }, b: { type: 'keyword' } } },
    };
    assert.equal(await generations.extend(loading, wider), undefined);
    const seen = await send('GET', `${loading.index}?flat_settings=true`);
    assert.match(seen, /"b":\{"type":"keyword"\}/);
    assert.match(seen, /"index\.refresh_interval":"-1"/);
    const clash = { ...definition, mappings: { properties: { a: { type: 'keyword' } } } };
    assert.equal((await generations.extend(loading, clash))?.code, 'INDEX_INCOMPATIBLE');
    assert.equal(await generations.finishLoading(loading, { withinMs: 30_000 }), undefined);
    assert.match(await send('GET', `${loading.index}?flat_settings=true`), /"index\.refresh_interval":"3s"/);
  });
}
