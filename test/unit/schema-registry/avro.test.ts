import assert from 'node:assert/strict';
import { test } from 'node:test';
import avsc from 'avsc';
import { createAvroReader } from '../../../src/schema-registry/avro.ts';

/** As Debezium's envelope is registered by a Connect converter. */
const value = {
  type: 'record',
  name: 'Value',
  namespace: 'shop.inventory.customers',
  'connect.name': 'shop.inventory.customers.Value',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'small', type: { type: 'int', 'connect.type': 'int16' } },
    { name: 'email', type: ['null', 'string'], default: null },
    {
      name: 'created',
      type: { type: 'long', 'connect.version': 1, 'connect.name': 'io.debezium.time.MicroTimestamp' },
    },
    {
      name: 'price',
      type: [
        'null',
        {
          type: 'bytes',
          scale: 2,
          precision: 10,
          'connect.version': 1,
          'connect.parameters': { scale: '2', 'connect.decimal.precision': '10' },
          'connect.name': 'org.apache.kafka.connect.data.Decimal',
          logicalType: 'decimal',
        },
      ],
      default: null,
    },
    { name: 'tags', type: { type: 'array', items: ['null', 'string'] } },
  ],
};
const envelope = {
  type: 'record',
  name: 'Envelope',
  namespace: 'shop.inventory.customers',
  'connect.name': 'shop.inventory.customers.Envelope',
  fields: [
    { name: 'before', type: ['null', value], default: null },
    { name: 'after', type: ['null', 'Value'], default: null },
    { name: 'op', type: 'string' },
  ],
};

function readerOf(schema: unknown, references: readonly unknown[] = []) {
  const reader = createAvroReader(
    JSON.stringify(schema),
    references.map((reference) => JSON.stringify(reference)),
  );
  assert.ok(typeof reader !== 'string');
  return reader;
}

test('an envelope’s schema tells of its rows what their columns mean', () => {
  const { schema } = readerOf(envelope);
  assert.equal(schema.name, 'shop.inventory.customers.Envelope');
  assert.equal(schema.image?.name, 'shop.inventory.customers.Value');
  assert.deepEqual(schema.image.columns, [
    { name: 'id', type: 'int32', optional: false },
    { name: 'small', type: 'int16', optional: false },
    { name: 'email', type: 'string', optional: true },
    { name: 'created', type: 'int64', semantic: 'io.debezium.time.MicroTimestamp', optional: false },
    {
      name: 'price',
      type: 'bytes',
      semantic: 'org.apache.kafka.connect.data.Decimal',
      optional: true,
      parameters: { scale: '2', 'connect.decimal.precision': '10' },
    },
    { name: 'tags', type: 'array', optional: false, items: { name: '', type: 'string', optional: true } },
  ]);
});

test('producers that are not Connect are understood by Avro’s own logical types', () => {
  const fields = [
    ['date', 'int', 'org.apache.kafka.connect.data.Date'],
    ['timestamp-millis', 'long', 'org.apache.kafka.connect.data.Timestamp'],
    ['timestamp-micros', 'long', 'io.debezium.time.MicroTimestamp'],
    ['uuid', 'string', 'io.debezium.data.Uuid'],
    ['no such type', 'string', undefined],
  ] as const;
  const { schema } = readerOf({
    type: 'record',
    name: 'R',
    fields: [
      ...fields.map(([logicalType, type], at) => ({ name: `f${at}`, type: { type, logicalType } })),
      { name: 'd', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 3 } },
    ],
  });
  assert.deepEqual(
    schema.row?.columns.map(({ semantic }) => semantic),
    [...fields.map(([, , semantic]) => semantic), 'org.apache.kafka.connect.data.Decimal'],
  );
  assert.deepEqual(schema.row.columns.at(-1)?.parameters, { scale: '3', 'connect.decimal.precision': '9' });
});

test('a map whose keys are no strings is an array of pairs, as JsonConverter writes it', () => {
  const entry = {
    type: 'record',
    name: 'MapEntry',
    namespace: 'io.confluent.connect.avro',
    'connect.internal.type': 'MapEntry',
    fields: [
      { name: 'key', type: 'int' },
      { name: 'value', type: 'string' },
    ],
  };
  const schema = { type: 'array', items: entry };
  const bytes = avsc.Type.forSchema(schema as avsc.Schema).toBuffer([
    { key: 1, value: 'a' },
    { key: 2, value: 'b' },
  ]);
  assert.equal(readerOf(schema).read(bytes, 0)?.text, '[[1,"a"],[2,"b"]]');
});

test('a schema may hold itself, and refer to others', () => {
  const node = {
    type: 'record',
    name: 'a.Node',
    fields: [
      { name: 'n', type: 'int' },
      { name: 'next', type: ['null', 'Node'] },
    ],
  };
  const bytes = avsc.Type.forSchema(node as avsc.Schema).toBuffer({ n: 1, next: { n: 2, next: null } });
  assert.equal(readerOf(node).read(bytes, 0)?.text, '{"n":1,"next":{"n":2,"next":null}}');
  const list = { type: 'record', name: 'b.List', fields: [{ name: 'first', type: 'a.Node' }] };
  assert.equal(readerOf(list, [node]).read(bytes, 0)?.text, '{"first":{"n":1,"next":{"n":2,"next":null}}}');
  const deep = Buffer.alloc(1_000_000, Buffer.from([2, 2]));
  assert.equal(readerOf(node).read(deep, 0)?.text, undefined, 'nested deeper than any stack');
});

test('a schema that cannot be used is a sentence', () => {
  assert.equal(createAvroReader('"no.such.Name"'), 'it refers to "no.such.Name", which is not there');
  assert.equal(createAvroReader('{"type":7}'), 'it is no Avro schema');
});

test('an array that promises more items than there are bytes is refused at once', () => {
  const reader = readerOf({ type: 'array', items: 'null' });
  assert.equal(reader.read(Buffer.from([0xfe, 0xff, 0xff, 0xff, 0xff, 0x7f, 0]), 0)?.text, undefined);
});

test('an integer is exact in however many bytes it comes, and refused where it is beyond 64 bits', () => {
  const reader = createAvroReader('"long"');
  assert.ok(typeof reader !== 'string');
  const read = (hex: string): string | undefined => reader.read(Buffer.from(hex, 'hex'), 0)?.text;
  const whole = 'ff'.repeat(9);
  assert.equal(read('feffffffffffff0f'), '4503599627370495');
  assert.equal(read('feffffffffffff1f'), '9007199254740991');
  assert.equal(read(`${'80'.repeat(7)}20`), '9007199254740992');
  assert.equal(read('feffffffffffff7f'), '36028797018963967');
  assert.equal(read(`fe${'ff'.repeat(8)}01`), '9223372036854775807');
  assert.equal(read(`${whole}01`), '-9223372036854775808');
  assert.equal(read(`${whole}02`), undefined);
  assert.equal(read(`${whole}ff01`), undefined);
});

test('text beside text of other bytes is what it was, escaped where JSON asks for it', () => {
  const reader = createAvroReader('{"type":"array","items":"string"}');
  assert.ok(typeof reader !== 'string');
  const texts = ['plain', 'é', 'a"b', '\u0000', '\u007f', '😀', '', 'plain'];
  const bytes = avsc.Type.forSchema({ type: 'array', items: 'string' }).toBuffer(texts);
  assert.equal(reader.read(bytes, 0)?.text, JSON.stringify(texts));
});
