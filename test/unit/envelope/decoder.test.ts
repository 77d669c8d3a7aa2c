import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import type { ChangeEvent } from '../../../src/model/change-event.ts';
import { autoForm } from '../../../src/model/form.ts';
import { offset } from '../../../src/model/position.ts';
import type { SourceRecord } from '../../../src/model/record.ts';

type Bytes = string | Buffer | null;

const recordOf = (key: Bytes, value: Bytes): SourceRecord => ({
  topic: 'shop.public.customers',
  partition: 0,
  offset: offset(7),
  timestampMs: 0,
  headers: undefined,
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
});

const decode = (key: Bytes, value: Bytes): ChangeEvent => createDecoder()(recordOf(key, value));

const source =
  '{"version":"3.6.1.Final","connector":"postgresql","db":"shop","schema":"public","table":"customers","lsn":24023128,"txId":555}';
const envelope = (op: string, before: string, after: string): string =>
  `{"before":${before},"after":${after},"source":${source},"transaction":{"id":"555:1","total_order":1},"op":"${op}","ts_ms":1}`;
const row = '{"id":1,"name":"Sally"}';
const key = '{"id":1}';

const keySchema =
  '{"type":"struct","fields":[{"type":"int32","optional":false,"field":"id"}],"optional":false,"name":"Key"}';
const rowFields =
  '[{"type":"int32","optional":false,"field":"id"},{"type":"int32","optional":true,"name":"io.debezium.time.Date","version":1,"field":"born"}]';
const valueSchema = `{"type":"struct","fields":[{"type":"struct","fields":${rowFields},"optional":true,"name":"Value","field":"before"},{"type":"struct","fields":${rowFields},"optional":true,"name":"Value","field":"after"}],"name":"Envelope"}`;
const wrapped = (schema: string, payload: string): string => `{"schema":${schema},"payload":${payload}}`;

test('every operation is what Debezium means by it', () => {
  const ops = [
    ['r', 'read'],
    ['c', 'create'],
    ['u', 'update'],
    ['d', 'delete'],
    ['t', 'truncate'],
  ] as const;
  for (const [op, expected] of ops) {
    const event = decode(key, envelope(op, op === 'd' ? row : 'null', op === 'd' ? 'null' : row));
    assert.equal(event.op, expected);
  }
  const message = decode('{"prefix":"p"}', envelope('m', 'null', 'null'));
  assert.deepEqual(message.op === 'ignored' && message.reason, 'logical-message');
});

test('an event knows where it comes from', () => {
  const event = decode(key, envelope('u', 'null', row));
  assert.ok(event.op === 'update');
  const { collection, position, transaction } = event.origin;
  assert.deepEqual(
    { collection, position, transaction },
    { collection: 'public.customers', position: '24023128', transaction: '555:1' },
  );
});

test('every form of nothing deletes, and without a key there is nothing to delete', () => {
  const nothings = [null, 'null', '{"payload":null}', '{"schema":null,"payload":null}', wrapped(valueSchema, 'null')];
  for (const nothing of nothings) {
    const event = decode(key, nothing);
    assert.ok(event.op === 'delete' && event.tombstone, String(nothing));
    assert.equal(event.key?.text(0), '1');
  }
  const decoder = createDecoder({ ...autoForm, name: 'envelope' });
  const keyless = decoder(recordOf(null, null));
  assert.equal(keyless.op === 'ignored' && keyless.reason, 'tombstone-without-key');
});

test('a schema gives its columns to every row that carries it, and others to rows that carry another', () => {
  const decoder = createDecoder();
  const plain = valueSchema.replaceAll(',"name":"io.debezium.time.Date","version":1', '');
  const semantics = [valueSchema, plain, valueSchema, plain, valueSchema].map((schema) => {
    const payload = envelope('c', 'null', '{"id":1,"born":3}');
    const event = decoder(recordOf(wrapped(keySchema, key), wrapped(schema, payload)));
    assert.ok(event.op === 'create');
    assert.equal(event.key?.schema?.columns[0]?.type, 'int32');
    assert.equal(event.after.json(), '{"id":1,"born":3}');
    return event.after.schema;
  });
  assert.deepEqual(
    semantics.map((schema) => schema?.columns[1]?.semantic),
    ['io.debezium.time.Date', undefined, 'io.debezium.time.Date', undefined, 'io.debezium.time.Date'],
  );
  assert.equal(semantics[0], semantics[4], 'one object for all records of a schema');
});

test('columns that are called like parts of an envelope confuse nothing', () => {
  const tricky =
    '{"op":"d","schema":{"type":"x"},"payload":null,"before":null,"after":"x","source":{},"__deleted":"true"}';
  const event = decode(key, envelope('c', 'null', tricky));
  assert.ok(event.op === 'create');
  assert.equal(event.after.json(), tricky);
  const table = decode(key, '{"op":"d","source":"web","name":"a plain row"}');
  assert.equal(table.op === 'unreadable' && table.failure.code, 'RECORD_FORM_UNKNOWN');
  const business = decode(key, envelope('c', 'null', '{"schema":{"type":"a"},"payload":1}'));
  assert.ok(business.op === 'create');
  assert.equal(business.after.columns.length, 2);
});

test('a key that is no object is a row of one column', () => {
  for (const [text, value] of [
    ['"abc"', 'abc'],
    ['1001', 1001],
    [wrapped('{"type":"string"}', '"abc"'), 'abc'],
  ] as const) {
    const event = decode(text, null);
    assert.ok(event.op === 'delete');
    assert.equal(event.key?.value(0), value);
  }
});

test('what shares the prefix and is no row is ignored, with its reason', () => {
  const others = [
    ['{"ts_ms":1}', 'heartbeat'],
    ['{"status":"BEGIN","id":"1:2","ts_ms":1,"event_count":null,"data_collections":null}', 'transaction-metadata'],
    [
      `{"source":${source},"ts_ms":1,"databaseName":"d","schemaName":null,"ddl":"CREATE","tableChanges":[]}`,
      'schema-change',
    ],
    [
      '{"id":"1","type":"COMPLETED","aggregate_type":"Initial Snapshot","additional_data":{},"timestamp":1}',
      'notification',
    ],
    [
      wrapped('{"type":"struct","name":"io.debezium.connector.common.Heartbeat","fields":[]}', '{"ts_ms":1}'),
      'heartbeat',
    ],
  ] as const;
  for (const [value, reason] of others) {
    const event = decode(key, value);
    assert.equal(event.op === 'ignored' && event.reason, reason, value);
  }
});

test('a record over several lines is read, and its rows are on one', () => {
  const event = decode(key, JSON.stringify(JSON.parse(envelope('c', 'null', row)), null, 2));
  assert.ok(event.op === 'create');
  assert.ok(!event.after.json().includes('\n'));
  assert.deepEqual(JSON.parse(event.after.json()), JSON.parse(row));
});

test('what cannot be read says what was seen and where, and no value', () => {
  const secret = envelope('c', 'null', '{"id":1,"name":"secret"}');
  const damaged: readonly (readonly [Bytes, RegExp])[] = [
    [secret.slice(0, -30), /it breaks off or is malformed/],
    [`${secret} x`, /something follows its end/],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /it is not UTF-8/],
    ['{"after":"se\ncret"}', /a string in it has a line break/],
    ['[1,2]', /no JSON object but an array/],
    ['', /it breaks off/],
    [envelope('u', 'null', 'null'), /operation "u" has no row in `after`/],
  ];
  for (const [value, says] of damaged) {
    const event = decode(key, value);
    assert.ok(event.op === 'unreadable', String(value));
    assert.match(event.failure.message, says);
    assert.match(event.failure.message, /^shop\.public\.customers\[0\]@7: /);
    assert.ok(!event.failure.message.includes('secret'));
  }
  const unnamed = decode('{"id":', secret);
  assert.ok(unnamed.op === 'create' && unnamed.key === null);
  assert.match(unnamed.keyFailure?.message ?? '', /^the key cannot be read: it breaks off/);
});
