import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import type { ColumnSchema } from '../../../src/model/change-event.ts';
import { autoForm } from '../../../src/model/form.ts';
import type { Failure } from '../../../src/model/outcome.ts';
import { offset } from '../../../src/model/position.ts';
import type { SourceRecord } from '../../../src/model/record.ts';
import type { RegistryClient } from '../../../src/schema-registry/client.ts';
import type { RegisteredSchema } from '../../../src/schema-registry/connect-schema.ts';
import { createAvroReader } from '../../../src/schema-registry/avro.ts';
import { createJsonSchemaReader } from '../../../src/schema-registry/json-schema.ts';
import { createRegistry } from '../../../src/schema-registry/registry.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';

const text: RegisteredSchema = { type: 'AVRO', text: '"string"', references: [] };
const down: Failure = { code: 'SCHEMA_REGISTRY_UNREACHABLE', message: 'scripted' };
const unknown: Failure = { code: 'SCHEMA_UNKNOWN', message: 'scripted' };

/** A frame of the string "a". */
const frame = (id: number): Buffer => Buffer.from([0, 0, 0, 0, id, 2, 0x61]);
const recordOf = (key: Buffer | null, value: Buffer | null): SourceRecord => ({
  topic: 't',
  partition: 0,
  offset: offset(0),
  timestampMs: 0,
  headers: undefined,
  key,
  value,
});

function worldOf(answers: readonly (RegisteredSchema | Failure)[]) {
  const clock = createManualClock();
  const asked: number[] = [];
  const waited: string[] = [];
  const client: RegistryClient = {
    schemaOf: (id) => {
      asked.push(id);
      return Promise.resolve(answers[Math.min(asked.length, answers.length) - 1] ?? down);
    },
    check: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
  const { signal } = new AbortController();
  const observer = silentObserver({ waiting: ({ code }) => waited.push(code) });
  const registry = createRegistry({ client, clock, observer, signal });
  /** Lets time pass until nothing is waited for. */
  const settle = async (ready: Promise<void> | undefined): Promise<void> => {
    let done = ready === undefined;
    void ready?.then(() => (done = true));
    while (!done) {
      await new Promise(setImmediate);
      clock.advanceToNext();
    }
  };
  return { registry, asked, waited, clock, settle };
}

test('a schema is fetched once, for keys and values of all partitions, and records without frames need none', async () => {
  const { registry, asked, settle } = worldOf([text]);
  assert.equal(registry.prepare([recordOf(Buffer.from('{}'), null), recordOf(null, Buffer.from([0, 1]))]), undefined);
  const first = registry.prepare([recordOf(frame(1), frame(2)), recordOf(frame(1), frame(2))]);
  const second = registry.prepare([recordOf(frame(2), null)]);
  await settle(first);
  await settle(second);
  assert.deepEqual(asked, [1, 2]);
  assert.equal(registry.prepare([recordOf(frame(1), frame(2))]), undefined);
  const read = registry.readFrame(frame(1));
  assert.ok('text' in read);
  assert.equal(read.text, '"a"');
});

test('a registry that is down is waited for, however long, and nothing is given up', async () => {
  const { registry, asked, waited, settle } = worldOf([...Array.from({ length: 50 }, () => down), text]);
  await settle(registry.prepare([recordOf(null, frame(1))]));
  assert.equal(asked.length, 51);
  assert.deepEqual(new Set(waited), new Set(['SCHEMA_REGISTRY_UNREACHABLE']));
  assert.ok('text' in registry.readFrame(frame(1)));
});

test('an id that the registry does not know is asked for again, then refused, and after a while asked for anew', async () => {
  const { registry, asked, waited, clock, settle } = worldOf([unknown, unknown, unknown, unknown, unknown, text]);
  const records = [recordOf(null, frame(9))];
  await settle(registry.prepare(records));
  assert.equal(asked.length, 5);
  assert.equal(waited.length, 4);
  const refused = registry.readFrame(frame(9));
  assert.equal('code' in refused && refused.code, 'SCHEMA_UNKNOWN');
  assert.equal(registry.prepare(records), undefined, 'it is not asked at every record');
  clock.advance(61_000);
  await settle(registry.prepare(records));
  assert.ok('text' in registry.readFrame(frame(9)));
});

test('bytes that are not what their schema promises, and schemas that cannot be used, are refused with a sentence', async () => {
  const { registry, settle } = worldOf([text, { ...text, text: '"no.such"' }]);
  await settle(registry.prepare([recordOf(frame(1), null)]));
  await settle(registry.prepare([recordOf(frame(2), null)]));
  const bytes = registry.readFrame(Buffer.from([0, 0, 0, 0, 1, 200, 1]));
  assert.equal('code' in bytes && bytes.code, 'RECORD_NOT_JSON');
  const schema = registry.readFrame(frame(2));
  assert.equal('code' in schema && schema.code, 'SCHEMA_UNUSABLE');
});

test('schemas that alternate in a partition: each record is read by the one that wrote it', async () => {
  const before = 'syntax = "proto3"; message Row { int32 id = 1; string name = 2; }';
  const after = 'syntax = "proto3"; message Row { int32 id = 1; reserved 2; optional string mail = 3; }';
  const { registry, asked, settle } = worldOf([
    { type: 'PROTOBUF', text: before, references: [] },
    { type: 'PROTOBUF', text: after, references: [] },
  ]);
  const row = (id: number, ...body: number[]): Buffer => Buffer.from([0, 0, 0, 0, id, 0, 8, 7, ...body]);
  const old = row(1, 18, 1, 0x61);
  const fresh = row(2, 26, 1, 0x62);
  await settle(registry.prepare([old, fresh, old, fresh].map((value) => recordOf(null, value))));
  assert.deepEqual(asked, [1, 2]);
  const texts = [old, fresh, old]
    .map((value) => registry.readFrame(value))
    .map((read) => ('text' in read ? read.text : ''));
  assert.deepEqual(texts, ['{"id":7,"name":"a"}', '{"id":7,"mail":"b"}', '{"id":7,"name":"a"}']);
  const [first, second] = [registry.readFrame(old), registry.readFrame(old)];
  assert.ok(
    'schema' in first && 'schema' in second && first.schema === second.schema,
    'one schema for all of its values',
  );
});

test('schemas of kinds that nobody reads, and those that make no sense, are refused and not asked for again', async () => {
  const texts = ['{"type":"struct"}', 'null', '{', 'message {', '{"$ref":"#/a","a":{"$ref":"#/a"}}'];
  const types = ['KCONNECT', 'AVRO', 'JSON', 'PROTOBUF', 'JSON'];
  const { registry, asked, settle } = worldOf(
    texts.map((each, at) => ({ type: types[at] ?? '', text: each, references: [] })),
  );
  for (const id of [1, 2, 3, 4, 5]) {
    const records = [recordOf(null, frame(id))];
    await settle(registry.prepare(records));
    assert.equal(registry.prepare(records), undefined);
    const read = registry.readFrame(frame(id));
    if (id !== 2 && id !== 5) assert.equal('code' in read && read.code, 'SCHEMA_UNUSABLE', types[id - 1]);
  }
  assert.deepEqual(asked, [1, 2, 3, 4, 5]);
});

test('JSON Schema finds what it refers to: in the document, beside it, and in what that refers to', async () => {
  const root = {
    $id: 'https://example.org/a/order.json',
    type: 'object',
    properties: {
      lines: { type: 'array', items: { $ref: 'line.json#/definitions/Line' }, 'connect.index': 1 },
      buyer: { oneOf: [{ type: 'null' }, { $ref: '#/definitions/a~1b' }], 'connect.index': 0 },
      at: { type: 'string', format: 'date-time', 'connect.index': 2 },
      lost: { $ref: 'nowhere.json', 'connect.index': 3 },
    },
    definitions: { 'a/b': { type: 'object', title: 's.Buyer', properties: { name: { type: 'string' } } } },
  };
  const line = {
    $id: 'https://example.org/a/line.json',
    definitions: {
      Line: { type: 'object', properties: { n: { $ref: '#/definitions/Count' } } },
      Count: { type: 'integer', 'connect.type': 'int16' },
    },
  };
  const references = [{ name: 'anything', text: JSON.stringify(line) }];
  const { registry, settle } = worldOf([{ type: 'JSON', text: JSON.stringify(root), references }]);
  const value = Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), Buffer.from('{}')]);
  await settle(registry.prepare([recordOf(null, value)]));
  const read = registry.readFrame(value);
  assert.ok('schema' in read);
  assert.deepEqual(read.schema.row?.columns, [
    {
      name: 'buyer',
      type: 'struct',
      semantic: 's.Buyer',
      optional: true,
      fields: [{ name: 'name', type: 'string', optional: false }],
    },
    {
      name: 'lines',
      type: 'array',
      optional: false,
      items: { name: '', type: 'struct', optional: false, fields: [{ name: 'n', type: 'int16', optional: false }] },
    },
    { name: 'at', type: 'string', semantic: 'io.debezium.time.ZonedTimestamp', optional: false },
    { name: 'lost', type: 'string', optional: false },
  ]);
});

test('JSON Schema may hold itself, and make very many columns of few', () => {
  const itself = { type: 'object', properties: { a: { $ref: '#' }, b: { $ref: '#' }, c: { type: 'string' } } };
  const reader = createJsonSchemaReader(JSON.stringify(itself), []);
  assert.ok(typeof reader !== 'string');
  const names = (columns: readonly ColumnSchema[] | undefined) => columns?.map(({ name }) => name);
  assert.deepEqual(names(reader.schema.row?.columns), ['a', 'b', 'c']);
  const twice = (at: number) => ({
    type: 'object',
    properties: { a: { $ref: `#/d/${at}` }, b: { $ref: `#/d/${at}` } },
  });
  const many = { ...twice(0), d: Array.from({ length: 60 }, (_, at) => twice(at + 1)) };
  assert.ok(typeof createJsonSchemaReader(JSON.stringify(many), []) !== 'string');
});

test('JSON Schema says what columns are, in the order that Connect gave them', async () => {
  const schema = {
    type: 'object',
    title: 's.Value',
    properties: {
      born: {
        oneOf: [
          { type: 'null' },
          { type: 'integer', title: 'io.debezium.time.Date', 'connect.index': 1, 'connect.type': 'int32' },
        ],
      },
      id: { type: 'integer', 'connect.index': 0, 'connect.type': 'int64' },
      price: {
        type: 'number',
        title: 'org.apache.kafka.connect.data.Decimal',
        'connect.index': 2,
        'connect.type': 'bytes',
        'connect.parameters': { scale: '2' },
      },
      address: { $ref: 'address.json' },
    },
  };
  const address = { type: 'object', properties: { city: { type: 'string' } } };
  const { registry, settle } = worldOf([
    {
      type: 'JSON',
      text: JSON.stringify(schema),
      references: [{ name: 'address.json', text: JSON.stringify(address) }],
    },
  ]);
  await settle(registry.prepare([recordOf(null, frame(3))]));
  const read = registry.readFrame(
    Buffer.concat([Buffer.from([0, 0, 0, 0, 3]), Buffer.from('{"id":9007199254740993}')]),
  );
  assert.ok('text' in read);
  assert.equal(read.text, '{"id":9007199254740993}');
  const columns = new Map(read.schema.row?.columns.map((column) => [column.name, column]));
  assert.deepEqual(columns.get('born'), {
    name: 'born',
    type: 'int32',
    semantic: 'io.debezium.time.Date',
    optional: true,
  });
  assert.deepEqual(columns.get('id'), { name: 'id', type: 'int64', optional: false });
  assert.deepEqual(columns.get('price')?.parameters, { scale: '2' });
  assert.deepEqual(columns.get('address')?.fields, [{ name: 'city', type: 'string', optional: false }]);
});

test('the schema of a CloudEvent’s data is fetched too, whether the event is JSON or a frame itself', async () => {
  const event = (id: number): string =>
    `{"id":"1","dataschema":"http://registry/apis/v2/schemas/ids/${id}","data":"AA=="}`;
  const json = worldOf([text]);
  await json.settle(json.registry.prepare([recordOf(null, Buffer.from(event(7)))]));
  assert.deepEqual(json.asked, [7]);
  assert.ok('text' in json.registry.readFrame(frame(7)));

  const fields = ['id', 'dataschema', 'data'].map((name) => ({ name, type: 'string' }));
  const record: RegisteredSchema = {
    type: 'AVRO',
    text: JSON.stringify({ type: 'record', name: 'Envelope', fields }),
    references: [],
  };
  const framed = worldOf([record, text]);
  const avroString = (value: string): Buffer => Buffer.concat([Buffer.from([value.length * 2]), Buffer.from(value)]);
  const values = ['1', 'http://registry/schemas/ids/8', 'AA=='].map(avroString);
  const bytes = Buffer.concat([Buffer.from([0, 0, 0, 0, 3]), ...values]);
  await framed.settle(framed.registry.prepare([recordOf(null, bytes)]));
  assert.deepEqual(framed.asked, [3, 8]);
  assert.equal(framed.registry.prepare([recordOf(null, bytes)]), undefined);
});

test('a value whose schema a header names is no frame, whatever its first bytes: no registry is asked, and the header is named', async () => {
  const { registry, asked, settle } = worldOf([text]);
  const decode = createDecoder({ ...autoForm, name: 'rows' }, registry);
  const headersOf = (name: string) => ({ [name]: Buffer.from([0, 0, 0, 0, 0, 0, 0, 7]) });
  const named = ['apicurio.value.globalId', 'apicurio.value.contentId', '__value_schema_id'];
  for (const name of named) {
    for (const bytes of [frame(9), Buffer.from([2, 0x61]), Buffer.from([0, 2, 0x61])]) {
      const record = { ...recordOf(null, bytes), headers: headersOf(name) };
      assert.equal(registry.prepare([record]), undefined, name);
      const event = decode(record);
      assert.ok(event.op === 'unreadable' && event.failure.code === 'SCHEMA_IN_HEADER', name);
      assert.ok(event.failure.message.includes(`\`${name}\``));
    }
  }
  assert.deepEqual(asked, []);
  // A first byte of zero, and an id that is known by chance.
  await settle(registry.prepare([recordOf(null, frame(7))]));
  const chance = decode({ ...recordOf(null, frame(7)), headers: headersOf('__value_schema_id') });
  assert.ok(chance.op === 'unreadable' && chance.failure.code === 'SCHEMA_IN_HEADER');
  const key = { ...recordOf(frame(9), Buffer.from('{"id":1}')), headers: headersOf('__key_schema_id') };
  const event = decode(key);
  assert.ok(event.op === 'update' && event.keyFailure?.code === 'SCHEMA_IN_HEADER');
});

test('the default of a column is known, for converters write it for null', () => {
  const avro = {
    ...{ type: 'record', name: 'Row' },
    fields: [
      { name: 'region', type: ['string', 'null'], default: 'eu' },
      { name: 'none', type: ['null', 'string'], default: null },
    ],
  };
  const json = {
    type: 'object',
    properties: {
      region: { oneOf: [{ type: 'null' }, { type: 'string' }], default: 'eu' },
      none: { type: 'string' },
    },
  };
  for (const reader of [createAvroReader(JSON.stringify(avro)), createJsonSchemaReader(JSON.stringify(json), [])]) {
    assert.ok(typeof reader !== 'string');
    assert.deepEqual(
      reader.schema.row?.columns.map((column) => [column.name, column.default]),
      [
        ['region', { value: 'eu' }],
        ['none', undefined],
      ],
    );
  }
});
