/** Schema ids in headers, from the record to the row: a scripted registry, the client, and the decoder as the service has them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import type { ChangeEvent } from '../../../src/model/change-event.ts';
import { autoForm } from '../../../src/model/form.ts';
import type { RecordSchemas } from '../../../src/model/frame.ts';
import type { SourceRecord } from '../../../src/model/record.ts';
import { defaultHeaderNames } from '../../../src/model/schema-headers.ts';
import { Turns, apicurioSchema, longHeader, recordOf, startScripted } from './scripted-registry.ts';

const rows = { ...autoForm, name: 'rows' } as const;
const decode = (record: SourceRecord, schemas?: RecordSchemas): ChangeEvent => createDecoder(rows, schemas)(record);

/** The row and the key of an event; of one that cannot be read the code. */
function seen(event: ChangeEvent): string {
  if (event.op === 'unreadable') return event.failure.code;
  if (!('after' in event)) return event.op;
  const row = event.after.columns.map((name, at) => `${name}=${event.after.text(at)}`).join(' ');
  const key = event.keyFailure?.code ?? (event.key === null ? 'no key' : event.key.text(0));
  return `${key}: ${row}`;
}

function messageOf(event: ChangeEvent): string {
  if (event.op === 'unreadable') return event.failure.message;
  return 'keyFailure' in event ? event.keyFailure.message : '';
}

const longs = (...names: readonly string[]): string =>
  JSON.stringify({ type: 'record', name: 'Row', fields: names.map((name) => ({ name, type: 'long' })) });
/** A row of five longs, 0, 0, 0, 0 and 3, in bytes that begin like a frame with the id 6. */
const likeFrame = Buffer.from([0, 0, 0, 0, 6]);
const five = longs('a', 'b', 'c', 'd', 'e');
const asFive = 'no key: a=0 b=0 c=0 d=0 e=3';
const guid = '00112233-4455-6677-8899-aabbccddeeff';
const guidHeader = Buffer.from(`01${guid.replaceAll('-', '')}`, 'hex');

for (const version of ['v2', 'v3'] as const) {
  test(`Avro is read by the global or content id in its header, asked of Apicurio ${version}, and not taken for a frame`, async (t) => {
    const { registry, prepare, asked } = await startScripted(t, {
      apicurio: version,
      answers: {
        ...apicurioSchema(version, 'globalId', 41, { text: five }),
        ...apicurioSchema(version, 'contentId', 42, { text: five }),
        '/confluent/schemas/ids/6': { schema: '["null","string"]' },
      },
    });
    const framed = recordOf(undefined, { value: Buffer.from([0, 0, 0, 0, 6, 0]) });
    await prepare(framed);
    for (const [name, id] of [
      ['globalId', 41],
      ['contentId', 42],
    ] as const) {
      const record = recordOf({ [`apicurio.value.${name}`]: longHeader(id) }, { value: likeFrame });
      await prepare(record);
      assert.equal(seen(decode(record, registry)), asFive, name);
      assert.equal(registry.prepare([record]), undefined, 'the schema is fetched once');
    }
    assert.equal(asked.filter((path) => path.includes('/ids/6')).length, 1);
    assert.equal(asked.length, 7, 'three questions a schema');
  });
}

test('Avro is read by the GUID or the id in the header of Confluent', async (t) => {
  const { registry, prepare, asked } = await startScripted(t, {
    answers: { [`/confluent/schemas/guids/${guid}`]: { schema: five }, '/confluent/schemas/ids/7': { schema: five } },
  });
  for (const header of [guidHeader, Buffer.from([0, 0, 0, 0, 7])]) {
    const record = recordOf({ __value_schema_id: header }, { value: likeFrame });
    await prepare(record);
    assert.equal(seen(decode(record, registry)), asFive);
  }
  assert.deepEqual(asked, [`/confluent/schemas/guids/${guid}`, '/confluent/schemas/ids/7']);
});

test('keys are read by their headers, also where their bytes look like JSON, and a damaged one is no text', async (t) => {
  const { registry, prepare } = await startScripted(t, {
    apicurio: 'v2',
    answers: apicurioSchema('v2', 'globalId', 1, { text: '"long"' }),
  });
  const [headers, value] = [{ 'apicurio.key.globalId': longHeader(1) }, Buffer.from('{"name":"x"}')];
  // 24 in Avro is the character 0.
  const record = recordOf(headers, { key: Buffer.from('0'), value });
  assert.equal(seen(decode(record)), 'SCHEMA_IN_HEADER: name="x"', 'without a registry it is no zero');
  await prepare(record);
  assert.equal(seen(decode(record, registry)), '24: name="x"');
  assert.equal(
    seen(decode(recordOf(headers, { key: Buffer.from('SKU'), value }), registry)),
    'RECORD_NOT_JSON: name="x"',
  );
});

test('what a schema of Apicurio refers to is asked of its own interface, and what that refers to', async (t) => {
  const inner = { type: 'record', name: 'a.Inner', fields: [{ name: 'n', type: 'long' }] };
  const middle = { type: 'record', name: 'a.Middle', fields: [{ name: 'inner', type: 'a.Inner' }] };
  const outer = { type: 'record', name: 'a.Outer', fields: [{ name: 'middle', type: 'a.Middle' }] };
  for (const version of ['v2', 'v3'] as const) {
    const base = `/apis/registry/${version}/groups`;
    const content = version === 'v3' ? '/content' : '';
    const { registry, prepare, asked } = await startScripted(t, {
      apicurio: version,
      answers: {
        ...apicurioSchema(version, 'contentId', 3, {
          text: JSON.stringify(outer),
          references: [{ groupId: 'g/1', artifactId: 'middle', version: '2', name: 'a.Middle' }],
        }),
        [`${base}/g%2F1/artifacts/middle/versions/2${content}`]: middle,
        // The default group is named by none.
        [`${base}/g%2F1/artifacts/middle/versions/2/references`]: [
          { artifactId: 'inner', version: '1', name: 'a.Inner' },
        ],
        [`${base}/default/artifacts/inner/versions/1${content}`]: inner,
        [`${base}/default/artifacts/inner/versions/1/references`]: [],
      },
    });
    const record = recordOf({ 'apicurio.value.contentId': longHeader(3) }, { value: Buffer.from([14]) });
    await prepare(record);
    assert.equal(seen(decode(record, registry)), 'no key: middle={"inner":{"n":7}}');
    assert.ok(asked.every((path) => path.startsWith('/apis/registry/')));
  }
});

const orders = `syntax = "proto3"; package shop;
  message First { int64 n = 1; } message Order { int64 n = 1; message Line { int64 m = 1; } }`;
const seven = Buffer.from([8, 7]);

test('a Protobuf message is the one that headers name: by its place in the file, or by its name', async (t) => {
  const single = 'syntax = "proto3"; message Only { int64 n = 1; }';
  const { registry, prepare } = await startScripted(t, {
    apicurio: 'v2',
    answers: {
      ...apicurioSchema('v2', 'globalId', 1, { type: 'PROTOBUF', text: orders }),
      ...apicurioSchema('v2', 'globalId', 2, { type: 'PROTOBUF', text: single }),
      [`/confluent/schemas/guids/${guid}`]: { schema: orders, schemaType: 'PROTOBUF' },
    },
  });
  const confluent = (...indexes: readonly number[]) => ({
    __value_schema_id: Buffer.concat([guidHeader, Buffer.from(indexes)]),
  });
  const apicurio = (id: number, name?: string) => ({
    'apicurio.value.globalId': longHeader(id),
    ...(name !== undefined && { 'apicurio.protobuf.type': Buffer.from(name) }),
  });
  const ref = Buffer.concat([Buffer.from([7, 10, 5]), Buffer.from('Order'), seven]);
  for (const [headers, value, expected] of [
    [confluent(0), seven, 'no key: n=7'],
    [confluent(2, 2), seven, 'no key: n=7'],
    [confluent(4, 2, 0), seven, 'no key: m=7'],
    [confluent(2, 8), seven, 'RECORD_NOT_JSON'],
    [confluent(0, 0), seven, 'RECORD_NOT_JSON'],
    [confluent(), seven, 'RECORD_NOT_JSON'],
    [apicurio(1, 'Line'), seven, 'no key: m=7'],
    [apicurio(1, 'Order'), Buffer.alloc(0), 'no key: n=0'],
    [apicurio(1, 'Nowhere'), seven, 'RECORD_NOT_JSON'],
    [apicurio(1), seven, 'RECORD_NOT_JSON'],
    [apicurio(1), ref, 'no key: n=7'],
    [apicurio(2), seven, 'no key: n=7'],
  ] as const) {
    const record = recordOf(headers, { value });
    await prepare(record);
    assert.equal(seen(decode(record, registry)), expected, JSON.stringify([headers, value]));
  }
});

test('JSON whose schema a header names has the columns of that schema; without a registry it is JSON', async (t) => {
  const text = JSON.stringify({
    type: 'object',
    properties: { at: { type: 'integer', title: 'io.debezium.time.Date', 'connect.type': 'int32' } },
  });
  const { registry, prepare } = await startScripted(t, {
    apicurio: 'v3',
    answers: apicurioSchema('v3', 'contentId', 5, { type: 'JSON', text }),
  });
  const record = recordOf({ 'apicurio.value.contentId': longHeader(5) }, { value: Buffer.from('{"at":1}') });
  await prepare(record);
  const event = decode(record, registry);
  assert.equal(seen(event), 'no key: at=1');
  assert.ok('after' in event);
  assert.equal(event.after.schema?.columns[0]?.semantic, 'io.debezium.time.Date');
  assert.equal(seen(decode(record)), 'no key: at=1');
});

test('of several headers: the content id wins over the global id, the last one of a name, and a header over a frame', async (t) => {
  const { registry, prepare } = await startScripted(t, {
    apicurio: 'v2',
    answers: {
      ...apicurioSchema('v2', 'contentId', 1, { text: longs('content') }),
      ...apicurioSchema('v2', 'globalId', 1, { text: longs('global') }),
      '/confluent/schemas/ids/1': { schema: longs('framed') },
    },
  });
  const both = { 'apicurio.value.globalId': longHeader(1), 'apicurio.value.contentId': longHeader(1) };
  const several = { 'apicurio.value.globalId': [longHeader(9), longHeader(1)] };
  const frame = Buffer.from([0, 0, 0, 0, 1, 2]);
  for (const [headers, value, expected] of [
    [both, Buffer.from([2]), 'no key: content=1'],
    [several, Buffer.from([2]), 'no key: global=1'],
    [several, frame, 'RECORD_NOT_JSON'],
    [undefined, frame, 'no key: framed=1'],
  ] as const) {
    const record = recordOf(headers, { value });
    await prepare(record);
    assert.equal(seen(decode(record, registry)), expected);
  }
});

test('headers that contradict each other, hold no id, or say an encoding that is not read are refused by name', async (t) => {
  const { registry, prepare, asked } = await startScripted(t, { apicurio: 'v2', answers: {} });
  const id = { 'apicurio.value.globalId': longHeader(1) };
  for (const [headers, expected] of [
    [{ ...id, __value_schema_id: guidHeader }, /`apicurio.value.globalId` and `__value_schema_id` both name/],
    [{ 'apicurio.value.globalId': Buffer.alloc(4) }, /`apicurio.value.globalId` has 4 bytes, and an id has 8/],
    [{ __value_schema_id: Buffer.from([1, 2]) }, /`__value_schema_id` holds no schema id/],
    [{ __value_schema_id: Buffer.from([2, ...Buffer.alloc(16)]) }, /`__value_schema_id` holds no schema id/],
    [{ ...id, 'apicurio.value.encoding': Buffer.from('JSON') }, /`apicurio.value.encoding` says JSON/],
  ] as const) {
    for (const schemas of [registry, undefined]) {
      // In Avro's JSON a union has its type beside its value: read as JSON, the row would be wrong.
      const record = recordOf(headers, { value: Buffer.from('{"name":{"string":"x"}}') });
      await prepare(record);
      const event = decode(record, schemas);
      assert.equal(seen(event), 'SCHEMA_IN_HEADER');
      assert.match(messageOf(event), expected);
    }
  }
  assert.deepEqual(asked, []);
});

test('without the URL of the interface that knows the id, the record is refused: nothing is asked, waited for or warned of', async (t) => {
  const { registry, prepare, asked, told } = await startScripted(t, { answers: {} });
  const values = [likeFrame, Buffer.from([0x30]), Buffer.from('"x"')];
  for (const [name, expected] of [
    ['apicurio.value.globalId', /`apicurio.value.globalId`, and `schemaRegistry.apicurioUrls` is not set/],
    ['apicurio.value.contentId', /`schemaRegistry.apicurioUrls` is not set/],
    ['apicurio.value.artifactId', /`apicurio.value.artifactId`, which is no id/],
  ] as const) {
    for (const value of values) {
      const record = recordOf({ [name]: longHeader(1) }, { value });
      await prepare(record);
      const event = decode(record, registry);
      assert.equal(seen(event), 'SCHEMA_IN_HEADER');
      assert.match(messageOf(event), expected);
    }
    const json = recordOf({ [name]: longHeader(1) }, { value: Buffer.from('{"a":1}') });
    assert.equal(seen(decode(json, registry)), 'no key: a=1', 'JSON needs no schema');
  }
  const confluent = decode(recordOf({ __value_schema_id: guidHeader }, { value: likeFrame }));
  assert.match(messageOf(confluent), /`__value_schema_id`, and `schemaRegistry.urls` is not set/);
  assert.deepEqual([asked, told], [[], []]);
});

test("with Apicurio alone, its ids are followed and what Confluent's interface knows is refused: no request, no wait", async (t) => {
  const { registry, prepare, asked, told } = await startScripted(t, {
    ...{ confluent: false, apicurio: 'v2' },
    answers: apicurioSchema('v2', 'globalId', 41, { text: five }),
  });
  const frame = recordOf({}, { value: likeFrame });
  const guid = recordOf({ __value_schema_id: guidHeader }, { value: likeFrame });
  await prepare(frame, guid);
  assert.match(messageOf(decode(frame, registry)), /begins like a frame .* `schemaRegistry.urls` is not set/);
  assert.match(messageOf(decode(guid, registry)), /`__value_schema_id`, and `schemaRegistry.urls` is not set/);
  assert.deepEqual([asked, told], [[], []]);
  const followed = recordOf({ 'apicurio.value.globalId': longHeader(41) }, { value: likeFrame });
  await prepare(followed);
  assert.equal(seen(decode(followed, registry)), asFive);
});

test('an id in a header that the registry does not know is asked for five times, refused, and after a while asked for anew', async (t) => {
  const answers: Record<string, unknown> = {};
  const { registry, prepare, later, asked, told } = await startScripted(t, { apicurio: 'v2', answers });
  const record = recordOf({ 'apicurio.value.globalId': longHeader(8) }, { value: likeFrame });
  await prepare(record);
  assert.equal(asked.length, 5);
  assert.deepEqual(
    told,
    Array.from({ length: 5 }, () => 'SCHEMA_UNKNOWN'),
  );
  const event = decode(record, registry);
  assert.equal(seen(event), 'SCHEMA_UNKNOWN');
  assert.match(messageOf(event), /a schema with globalId 8/);
  Object.assign(answers, apicurioSchema('v2', 'globalId', 8, { text: five }));
  later(61_000);
  await prepare(record);
  assert.equal(seen(decode(record, registry)), asFive);
});

test('Apicurio that is down, refuses us or answers nonsense is waited for; it is sent the credentials of the registry', async (t) => {
  const usual = apicurioSchema('v2', 'globalId', 2, { text: five });
  const [schema = '', references = '', search = ''] = Object.keys(usual);
  const answers = {
    [schema]: new Turns(500, 403, usual[schema]),
    [search]: new Turns('<html>', usual[search]),
    [references]: new Turns({}, usual[references]),
  };
  const { registry, prepare, told } = await startScripted(t, { apicurio: 'v2', answers, bearer: 'secret' });
  const record = recordOf({ 'apicurio.value.globalId': longHeader(2) }, { value: likeFrame });
  await prepare(record);
  const ofAttempts = ['UNREACHABLE', 'UNAUTHORIZED', 'UNREACHABLE', 'UNREACHABLE'];
  assert.deepEqual(
    told,
    ofAttempts.map((what) => `SCHEMA_REGISTRY_${what}`),
  );
  assert.equal(seen(decode(record, registry)), asFive);
});

test('headers have the names that the configuration gives them', async (t) => {
  const headers = { ...defaultHeaderNames, valueGlobalId: 'schema-of-value', valueEncoding: 'how' };
  const answers = apicurioSchema('v2', 'globalId', 1, { text: five });
  const { registry, prepare } = await startScripted(t, { apicurio: 'v2', answers, headers });
  const record = recordOf({ 'schema-of-value': longHeader(1), how: Buffer.from('BINARY') }, { value: likeFrame });
  await prepare(record);
  assert.equal(seen(decode(record, registry)), asFive);
  const usual = recordOf({ 'apicurio.value.globalId': longHeader(1) }, { value: Buffer.from('{"a":1}') });
  assert.equal(seen(decode(usual, registry)), 'no key: a=1', 'a header of another name says nothing');
});
