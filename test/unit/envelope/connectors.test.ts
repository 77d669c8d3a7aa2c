import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import type { ChangeEvent } from '../../../src/model/change-event.ts';
import type { FormName } from '../../../src/model/form.ts';
import { autoForm } from '../../../src/model/form.ts';
import { offset } from '../../../src/model/position.ts';

type Headers = Readonly<Record<string, string>>;

const recordOf = (key: string | null, value: string | null, headers: Headers = {}) => ({
  topic: 'shop.inventory.customers',
  partition: 0,
  offset: offset(7),
  timestampMs: 0,
  headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
});

const mongoEnvelope = (op: string, after: string | null, more: object = {}): string =>
  JSON.stringify({
    before: null,
    after,
    updateDescription: null,
    source: { connector: 'mongodb', db: 'inventory', collection: 'customers', ts_ms: 1, ord: 1 },
    op,
    ...more,
  });
const mongoKey = (id: string): string => JSON.stringify({ id });

const cassandraEnvelope = (op: string, after: object | null): string =>
  JSON.stringify({
    ts_ms: 1,
    op,
    source: { connector: 'cassandra', keyspace: 'k', table: 't', file: 'f', pos: 1 },
    after,
  });
const cell = (value: unknown) => ({ value, deletion_ts: null, set: true });

/** The row that a record carries, or what else it is. */
function said(event: ChangeEvent): string {
  if (event.op === 'unreadable') return event.failure.message;
  if (event.op === 'ignored') return event.reason;
  if (event.op === 'truncate' || event.op === 'delete') return `${event.op} ${event.key?.text(0) ?? ''}`;
  return event.after.json();
}

const read = (key: string | null, value: string | null, headers?: Headers): string =>
  said(createDecoder()(recordOf(key, value, headers)));

test('an id of any type names its document: a number by its digits, a text by its characters, an object by its JSON', () => {
  const ids = [
    ['1004', '1004'],
    ['9007199254740993', '9007199254740993'],
    ['"1004"', '"1004"'],
    ['"a\\"b"', '"a\\"b"'],
    ['{"$oid": "596e275826f08b2730779e1f"}', '"596e275826f08b2730779e1f"'],
    ['{"$numberDecimal": "1.10"}', '"1.10"'],
    ['{"$binary": {"base64": "EjRWeBI0VngSNFZ4EjRWeA==", "subType": "04"}}', '"12345678-1234-5678-1234-567812345678"'],
    ['{"b": 1,"a": {"$oid": "5"}}', '{"b":1,"a":"5"}'],
    ['true', 'true'],
    ['no JSON', '"no JSON"'],
  ] as const;
  for (const [id, text] of ids) assert.equal(read(mongoKey(id), mongoEnvelope('d', null)), `delete ${text}`);
});

/** What becomes of records with these ids, one after the other, in one topic; `tombstone` first, where a record has no value. */
function keysOf(...ids: readonly (string | readonly ['tombstone', string])[]): readonly string[] {
  const decode = createDecoder();
  return ids.map((id) => {
    const isTombstone = typeof id !== 'string';
    const key = mongoKey(isTombstone ? id[1] : id);
    const event = decode(recordOf(key, isTombstone ? null : mongoEnvelope('c', '{"a":1}')));
    return 'keyFailure' in event ? event.keyFailure.code : event.op;
  });
}

test('an id whose text one of another type has is refused, with its deletes; ids that look unlike each other are not', () => {
  const oid = '{"$oid": "596e275826f08b2730779e1f"}';
  const mixed = 'KEY_TYPES_MIXED';
  assert.deepEqual(keysOf('1004', '"1005"', '7'), ['create', mixed, 'create']);
  assert.deepEqual(keysOf('"1004"', '{"$numberLong": "1004"}', ['tombstone', '1004']), ['create', mixed, mixed]);
  assert.deepEqual(keysOf(oid, '"596e275826f08b2730779e1e"', '"home"', '7'), ['create', mixed, 'create', 'create']);
  assert.deepEqual(keysOf('{"$binary": {"base64": "aG9t", "subType": "00"}}', '"home"'), ['create', mixed]);
  assert.deepEqual(keysOf('true', '"home"', '"true"'), ['create', 'create', mixed]);
  assert.deepEqual(keysOf('{"a":1}', '"{\\"a\\":1}"'), ['create', mixed]);
  // One number, whatever its type: MongoDB takes equal numbers for one `_id`.
  assert.deepEqual(keysOf('1', '{"$numberLong": "2"}', '{"$numberDecimal": "3"}', '4.5'), Array(4).fill('create'));
  assert.deepEqual(keysOf(oid, '{"$oid": "123456789012345678901234"}', '7'), ['create', 'create', 'create']);
});

test('an embedded id that holds what JSON has no value for is refused: all such values would be null', () => {
  assert.deepEqual(keysOf('{"a": {"$numberDouble": "NaN"}}', '{"a": {"$minKey": 1}}', '{"a": null}'), [
    'KEY_TYPES_MIXED',
    'KEY_TYPES_MIXED',
    'create',
  ]);
  assert.deepEqual(keysOf('{"a": {"$oid": "5"}, "b": {"$numberDouble": "1.5"}}'), ['create']);
});

test('a tombstone deletes the document of its MongoDB id, also where nothing was read before it', () => {
  const key = mongoKey('{"$oid": "596e275826f08b2730779e1f"}');
  assert.equal(read(key, null), 'delete "596e275826f08b2730779e1f"');
  const quoted = mongoKey('"1004"');
  assert.equal(read(quoted, null, { '__debezium.context.connectorName': 'mongodb' }), 'delete "1004"');
  assert.equal(read(quoted, null, { '__debezium.context.connectorName': 'postgresql' }), 'delete "\\"1004\\""');
  const decode = createDecoder();
  decode(recordOf(quoted, mongoEnvelope('c', '{"_id": "1004"}')));
  assert.equal(said(decode(recordOf(quoted, null))), 'delete "1004"');
});

test('keys of flattened documents are plain, and stay as they are', () => {
  const headers = { '__debezium.context.connectorName': 'mongodb' };
  const decode = createDecoder();
  assert.equal(said(decode(recordOf(mongoKey('[1, 2]'), '{"_id":"[1, 2]","a":1}', headers))), '{"id":"[1, 2]","a":1}');
  assert.equal(said(decode(recordOf(mongoKey('[1, 2]'), null, headers))), 'delete "[1, 2]"');
});

test('a key to which a router added a column keeps it', () => {
  const event = createDecoder()(
    recordOf('{"id":"\\"a\\"","__dbz__physicalTableIdentifier":"x.y"}', mongoEnvelope('d', null)),
  );
  assert.ok(event.op === 'delete');
  assert.equal(event.key?.json(), '{"id":"a","__dbz__physicalTableIdentifier":"x.y"}');
});

test('a document is named by `id` inside, wherever its `_id` stands, and a field `id` of its own stays', () => {
  const documents = [
    ['{"_id": 1,"a": 2}', '{"id":1,"a":2}'],
    ['{"a": {"id": 3},"_id": 1}', '{"a":{"id":3},"id":1}'],
    ['{"_id": 1,"id": 2}', '{"id":2}'],
    ['{"id": 2,"_id": 1}', '{"id":2}'],
    ['{"id": 2,"_id": {"x": 1},"b": 1}', '{"id":2,"b":1}'],
    ['{"a": {"_id": 1}}', '{"a":{"_id":1}}'],
    ['{}', '{}'],
  ] as const;
  for (const [document, plain] of documents) assert.equal(read(mongoKey('1'), mongoEnvelope('c', document)), plain);
});

test('fields of documents that are called like parts of an envelope confuse nothing', () => {
  const document =
    '{"_id":1,"op":"d","after":null,"before":{},"source":{"connector":"x"},"updateDescription":{},"payload":1,"schema":{"type":"s"},"__deleted":"true","$set":{"a":1}}';
  assert.equal(read(mongoKey('1'), mongoEnvelope('c', document)), document.replace('"_id"', '"id"'));
  const cells = {
    op: cell('d'),
    value: cell(1),
    set: cell(false),
    deletion_ts: cell(5),
    after: cell(null),
    source: cell({}),
  };
  assert.equal(
    read('{"op":"d"}', cassandraEnvelope('u', cells)),
    '{"op":"d","value":1,"set":false,"deletion_ts":5,"after":null,"source":{}}',
  );
});

test('columns that are called like parts of other forms are a flattened row’s own', () => {
  const row =
    '{"op":"c","schema":{"a":1},"payload":2,"before":null,"after":{"b":1},"source":{"connector":"x"},"updateDescription":{},"specversion":"1","data":3,"iodebeziumop":"d"}';
  const schema = '{"type":"struct","name":"shop.inventory.customers.Value","fields":[{"type":"string","field":"op"}]}';
  assert.equal(read('{"id":1}', `{"schema":${schema},"payload":${row}}`), row);
  const forms: readonly FormName[] = ['flattened', 'rows'];
  for (const name of forms) assert.equal(said(createDecoder({ ...autoForm, name })(recordOf('{"id":1}', row))), row);
});

test('what is left of an envelope is no flattened row, whatever its headers say', () => {
  const decode = createDecoder(autoForm);
  const headers = { '__debezium.context.connectorName': 'postgresql' };
  const kindOf = (value: string): string => decode({ ...recordOf('{"id":1}', value), headers }).op;
  for (const rest of [
    '{"before":null,"after":{"id":1},"op":"c","ts_ms":1}',
    '{"after":{"id":1},"op":"u"}',
    '{"before":{"id":1},"op":"d","transaction":null}',
    '{"before":null,"after":{"id":1},"source":{"connector":"postgresql"}}',
    '{"before":null,"after":null,"op":"d"}',
  ]) {
    assert.equal(kindOf(rest), 'unreadable', rest);
  }
  for (const row of [
    '{"id":1,"op":"c","after":"x"}',
    '{"id":1,"op":"credit","after":null}',
    '{"id":1,"op":"c"}',
    '{"before":1,"after":2}',
  ]) {
    assert.equal(kindOf(row), 'update', row);
  }
});

test('an update says what it changed, or it is ignored; a change without an image is no guess', () => {
  const update = (more: object): string => read(mongoKey('1'), mongoEnvelope('u', null, more));
  assert.equal(update({}), 'no-image');
  assert.equal(
    update({ updateDescription: { removedFields: null, updatedFields: null, truncatedArrays: null } }),
    '{}',
  );
  assert.equal(
    update({ updateDescription: { updatedFields: '{"_id":1,"id":2,"a":{"$oid":"x"}}' } }),
    '{"id":2,"a":"x"}',
  );
  for (const broken of [
    { updatedFields: '{"a":' },
    { updatedFields: '[]' },
    { removedFields: 'a' },
    { removedFields: [1] },
    { truncatedArrays: [{ field: 'a' }] },
    { truncatedArrays: {} },
    { truncatedArrays: [{ field: 'a', size: -1 }] },
  ]) {
    assert.match(update({ updateDescription: broken }), /`updateDescription` cannot be read/);
  }
  assert.match(update({ patch: '{"$set":{"a":1}}' }), /a `patch`, as Debezium wrote before 2\.0/);
  assert.match(read(mongoKey('1'), mongoEnvelope('c', null)), /operation "c" has no document in `after`/);
  for (const broken of ['{"a"', '[1]', '1', 'secret']) {
    const message = read(mongoKey('1'), mongoEnvelope('c', broken));
    assert.match(message, /`after` is no document in extended JSON/);
    assert.ok(!message.includes('secret'));
  }
});

test('a column of Cassandra that is no cell is not guessed to be one', () => {
  assert.match(read('{"a":1}', cassandraEnvelope('u', { a: 1 })), /column "a" in `after` is no cell/);
  assert.match(read('{"a":1}', cassandraEnvelope('i', { a: { value: 1 } })), /column "a" in `after` is no cell/);
  assert.match(read('{"a":1}', cassandraEnvelope('i', null)), /operation "i" has no cells in `after`/);
});

test('a CloudEvent of Spanner says as an envelope does which columns were captured', () => {
  const event = (captured: string): string =>
    JSON.stringify({
      specversion: '1.0',
      iodebeziumop: 'u',
      iodebeziumconnector: 'spanner',
      iodebeziumvaluecapturetype: captured,
      data: { before: { id: 1, a: null, b: 1 }, after: { id: 1, a: null, b: null } },
    });
  assert.equal(read('{"id":1}', event('OLD_AND_NEW_VALUES')), '{"id":1,"b":null}');
  assert.equal(read('{"id":1}', event('NEW_ROW')), '{"id":1,"a":null,"b":null}');
});

test('the connector is what the records say, and a record that does not say decides nothing for the next', () => {
  const decode = createDecoder();
  const silent = cassandraEnvelope('u', { a: cell(1) }).replace('"connector":"cassandra",', '');
  assert.equal(said(decode(recordOf('{"a":1}', silent))), '{"a":{"value":1,"deletion_ts":null,"set":true}}');
  assert.equal(said(decode(recordOf('{"a":1}', cassandraEnvelope('u', { a: cell(1) })))), '{"a":1}');
});

test('the payload of an outbox of MongoDB’s means what its extended JSON says, and any other payload stays as it is', () => {
  const form = { ...autoForm, name: 'outbox' as const };
  const payload = '{"total": {"$numberInt": "3"}}';
  const made = (headers: Headers): string =>
    said(createDecoder(form)(recordOf('a', payload, { id: 'e1', ...headers })));
  assert.equal(made({ '__debezium.context.connectorName': 'mongodb' }), '{"total":3}');
  assert.equal(made({}), '{"total":{"$numberInt": "3"}}');
});

test('a damaged schema is no schema', () => {
  const damaged = [
    '{"type":"struct","name":1}',
    '{"type":"struct","fields":1}',
    '{"type":"struct","fields":[1]}',
    '{"type":"array","items":1}',
  ];
  for (const schema of damaged) {
    assert.match(
      read('{"id":1}', `{"schema":${schema},"payload":{"a":1}}`),
      /in no form that tells itself: an object of schema, payload/,
    );
  }
});
