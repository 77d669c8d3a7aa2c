import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import { compileDocument } from '../../../src/mapping/compile.ts';
import { documentDefinitionSchema } from '../../../src/mapping/definition.ts';
import type { ChangeEvent } from '../../../src/model/change-event.ts';
import { offset } from '../../../src/model/position.ts';
import type { SourceRecord } from '../../../src/model/record.ts';

interface Given {
  readonly key: string | null;
  readonly value: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

const recordOf = ({ key, value, headers = {} }: Given): SourceRecord => ({
  topic: 'shop.public.customers',
  partition: 0,
  offset: offset(7),
  timestampMs: 0,
  headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)])),
  key: key === null ? null : Buffer.from(key),
  value: value === null ? null : Buffer.from(value),
});

/** What a topic's records become: documents as text, or what else happens, in a word. */
function documents(file: object, given: readonly Given[]): readonly (string | undefined)[] {
  const compiled = compileDocument(documentDefinitionSchema.parse({ document: 'd', from: 't', ...file }));
  const decode = createDecoder(compiled.form);
  const map = compiled.createMapper();
  return given.map((each) => {
    const event: ChangeEvent = decode(recordOf(each));
    if (event.op === 'unreadable') return event.failure.message;
    if (event.op === 'ignored') return `ignored: ${event.reason}`;
    if (event.op === 'truncate') return 'truncate';
    const mapped = map(event);
    if (mapped.kind === 'refused') return mapped.failure.code;
    if (mapped.kind === 'ignored') return `ignored: ${mapped.reason}`;
    const { write } = mapped;
    return write.action === 'delete' ? `delete ${write.id}` : `${write.id} ${write.source.toString()}`;
  });
}

const key = '{"id":1}';
const fromConnector = { '__debezium.context.connectorName': 'postgresql' };

test('a flattened row tells itself by the headers of its connector, its schema or its marks', () => {
  const schema = (name: string) =>
    `{"type":"struct","fields":[{"type":"int32","field":"id"},{"type":"int32","name":"io.debezium.time.Date","field":"born"}],"name":"${name}"}`;
  const row = '{"id":1,"born":3}';
  assert.deepEqual(
    documents({}, [
      { key, value: row, headers: fromConnector },
      { key, value: `{"schema":${schema('shop.public.customers.Value')},"payload":${row}}` },
      { key, value: '{"id":1,"born":3,"__deleted":"false"}' },
      { key, value: '{"id":1,"__op":"u","born":3}' },
    ]),
    ['1 {"id":1,"born":3}', '1 {"id":1,"born":"1970-01-04"}', '1 {"id":1,"born":3}', '1 {"id":1,"__op":"u","born":3}'],
  );
});

test('a row that nobody wrote as a change is not guessed into an index, and the sentence says what was seen', () => {
  const [seen, other] = documents({}, [
    { key, value: '{"id":1,"name":"x"}' },
    { key, value: '{"op":"d","source":"web","id":1}' },
  ]);
  assert.match(seen ?? '', /in no form that tells itself: an object of id, name; `form` in the mapping file says/);
  assert.match(other ?? '', /an object of op, source, id/);
});

test('every mode of deleting in a flattened topic deletes: tombstones in each form, rewritten rows by their mark', () => {
  const deletes = [
    { key, value: null },
    { key, value: 'null' },
    { key, value: '{"schema":null,"payload":null}' },
    { key, value: '{"schema":{"type":"struct","name":"s.Value","fields":[]},"payload":null}' },
    { key, value: '{"id":1,"name":"","__deleted":"true"}' },
    { key, value: '{"id":1,"__deleted":true,"name":""}' },
  ];
  for (const form of ['auto', 'flattened']) {
    assert.deepEqual(
      documents({ form }, deletes),
      deletes.map(() => 'delete 1'),
      form,
    );
  }
});

test('a mark goes wherever it stands, and a column of that name with other values stays', () => {
  assert.deepEqual(
    documents({ form: 'flattened' }, [
      { key, value: '{"__deleted":"false","id":1,"n":[1,2]}' },
      { key, value: '{"id":1,"__deleted":"false","n":[1,2]}' },
      { key, value: '{"id":1,"n":[1,2],"__deleted":false}' },
      { key, value: '{"__deleted":"false"}' },
      { key, value: '{"id":1,"__deleted":"on request"}' },
    ]),
    [
      '1 {"id":1,"n":[1,2]}',
      '1 {"id":1,"n":[1,2]}',
      '1 {"id":1,"n":[1,2]}',
      '1 {}',
      '1 {"id":1,"__deleted":"on request"}',
    ],
  );
});

test('rows of which nothing is special keep every column, also those that are called like parts of other forms', () => {
  const row = '{"op":"d","schema":{"x":1},"payload":null,"before":{"id":9},"source":{},"__deleted":"true","ts_ms":1}';
  assert.deepEqual(
    documents({ form: 'rows' }, [
      { key: 'plain text', value: row },
      { key, value: '{"ts_ms":1}' },
    ]),
    [`plain text ${row}`, '1 {"ts_ms":1}'],
  );
});

const cloudEvent = (op: string, data: string): string =>
  `{"id":"name:s;lsn:29274832;txId:565","source":"/debezium/postgresql/s","specversion":"1.0",` +
  `"type":"io.debezium.connector.postgresql.DataChangeEvent","time":"2020-01-13T13:55:39.738Z","datacontenttype":"application/json",` +
  `"iodebeziumop":"${op}","iodebeziumschema":"public","iodebeziumtable":"customers","iodebeziumlsn":"29274832","iodebeziumtxid":"565","data":${data}}`;

test('a CloudEvent is the change in its data, with and without schemas, and knows where it comes from', () => {
  const fields = '[{"type":"int32","name":"io.debezium.time.Date","field":"born"}]';
  const dataSchema = `{"type":"struct","fields":[{"type":"struct","fields":${fields},"field":"before"},{"type":"struct","fields":${fields},"field":"after"}],"name":"x"}`;
  const data = '{"before":null,"after":{"born":3}}';
  const withDataSchema = `{"schema":${dataSchema},"payload":${data}}`;
  const outer = `{"schema":{"type":"struct","fields":[${dataSchema.slice(0, -1)},"field":"data"}]},"payload":${cloudEvent('c', data)}}`;
  assert.deepEqual(
    documents({}, [
      { key, value: cloudEvent('r', '{"before":null,"after":{"pk":1,"name":"Bob"}}') },
      { key, value: cloudEvent('u', withDataSchema) },
      { key, value: outer },
      { key, value: cloudEvent('d', '{"before":{"pk":1},"after":null}') },
      { key, value: cloudEvent('t', '{"before":null,"after":null}') },
    ]),
    ['1 {"pk":1,"name":"Bob"}', '1 {"born":"1970-01-04"}', '1 {"born":"1970-01-04"}', 'delete 1', 'truncate'],
  );
  const event = createDecoder()(recordOf({ key, value: cloudEvent('d', data) }));
  assert.ok(event.op === 'delete');
  const { collection, position, transaction } = event.origin;
  assert.deepEqual([collection, position, transaction], ['public.customers', '29274832', '565']);
});

test('an outbox event is one document, whichever way its payload is wrapped', () => {
  const headers = { id: '4d47e190', eventType: 'OrderCreated' };
  const outbox = { headers: { type: 'eventType' } };
  const payload = '{"id": 1, "lines": [{"id": 9007199254740993}]}';
  const made = '4d47e190 {"type":"OrderCreated","id":1,"lines":[{"id": 9007199254740993}]}';
  const values = [
    JSON.stringify(payload),
    payload,
    `{"schema":{"type":"string"},"payload":${JSON.stringify(payload)}}`,
    `{"payload":${JSON.stringify(payload)}}`,
  ];
  assert.deepEqual(
    documents(
      { form: 'outbox', outbox },
      values.map((value) => ({ key: '"1"', value, headers })),
    ),
    values.map(() => made),
  );
  assert.deepEqual(
    documents({ form: 'outbox' }, [
      { key: '1', value: `{"payload":${JSON.stringify(payload)},"eventType":"OrderCreated","ts":5}`, headers },
      { key: '1', value: '"no JSON"', headers },
      { key: '1', value: '[1,2]', headers },
    ]),
    [
      '4d47e190 {"eventType":"OrderCreated","ts":5,"id":1,"lines":[{"id": 9007199254740993}]}',
      '4d47e190 {"payload":"no JSON"}',
      '4d47e190 {"payload":[1,2]}',
    ],
  );
});

test('an outbox of aggregates keeps one document a key and deletes it by an empty payload; without the header there is no event', () => {
  const value = '"{\\"total\\":3}"';
  assert.deepEqual(
    documents({ form: 'outbox', outbox: { id: 'key' } }, [
      { key: 'order-7', value },
      { key: '"order-7"', value },
      { key: 'order-7', value: null },
    ]),
    ['order-7 {"total":3}', 'order-7 {"total":3}', 'delete order-7'],
  );
  const [missing] = documents({ form: 'outbox' }, [{ key: '"1"', value }]);
  assert.match(missing ?? '', /no header "id"/);
});

test('what is damaged is no row because its connector’s headers are on it', () => {
  const broken = [
    '{"schema":{"type":1},"payload":{"id":1}}',
    '{"id":"x","specversion":"1.0","iodebeziumconnector":"postgresql","data":{"id":1}}',
    '{"schema":{"type":"struct","fields":[{"type":"string","field":"id","parameters":{"a":1}}]},"payload":{"id":1}}',
  ];
  for (const message of documents(
    {},
    broken.map((value) => ({ key, value, headers: fromConnector })),
  )) {
    assert.match(message ?? '', /in no form that tells itself/);
  }
});

test('an outbox event is not taken for a row: beside the connector’s headers it has the event’s, and another table’s schema', () => {
  const routed = { ...fromConnector, id: '4d47e190-0402-4048-bc2c-89dd54343cdc' };
  const schema = '{"type":"struct","fields":[{"type":"string","field":"payload"}],"name":"shop.public.outbox.Value"}';
  const events = documents({}, [
    { key, value: '{"id":1001,"total":3}', headers: routed },
    { key, value: `{"schema":${schema},"payload":{"payload":"x"}}` },
    { key, value: `{"schema":${schema},"payload":{"payload":"x"}}`, headers: routed },
  ]);
  for (const seen of events) assert.match(seen ?? '', /`form` in the mapping file says what it is/);
  const own = schema.replace('shop.public.outbox', 'shop.public.customers');
  assert.deepEqual(documents({}, [{ key, value: `{"schema":${own},"payload":{"payload":"x"}}` }]), [
    '1 {"payload":"x"}',
  ]);
});

test('a record without a value on a topic that has no rows is never a delete, in any form', () => {
  const keyOf = (name: string, column: string) =>
    `{"schema":{"type":"struct","fields":[{"type":"string","field":"${column}"}],"name":"io.debezium.connector.${name}"},"payload":{"${column}":"x"}}`;
  const others = [
    [keyOf('postgresql.MessageKey', 'prefix'), 'logical-message'],
    [keyOf('common.TransactionMetadataKey', 'id'), 'transaction-metadata'],
    [keyOf('common.ServerNameKey', 'serverName'), 'heartbeat'],
    [keyOf('mysql.SchemaChangeKey', 'databaseName'), 'schema-change'],
  ] as const;
  for (const form of ['auto', 'envelope', 'flattened', 'rows', 'cloud-events']) {
    for (const [given, reason] of others) {
      assert.deepEqual(documents({ form }, [{ key: given, value: null }]), [`ignored: ${reason}`], form);
    }
  }
  // Without a schema, what the topic's values were tells it.
  const transaction = '{"status":"BEGIN","id":"5:1","event_count":null,"data_collections":null,"ts_ms":1}';
  assert.deepEqual(
    documents({}, [
      { key: '{"id":"5:1"}', value: transaction },
      { key: '{"id":"5:1"}', value: null },
    ]),
    ['ignored: transaction-metadata', 'ignored: transaction-metadata'],
  );
});

test('a delete without key and value is refused where nothing else tells of it, and ignored where an envelope did', () => {
  const file = { id: { from: ['email'] } };
  const row = { key: null, value: '{"email":"a"}', headers: fromConnector };
  const nothing = { key: null, value: null };
  assert.deepEqual(documents(file, [row, nothing]), ['a {"email":"a"}', 'RECORD_KEY_MISSING']);
  assert.deepEqual(documents({ ...file, form: 'flattened' }, [nothing]), ['RECORD_KEY_MISSING']);
  assert.deepEqual(documents({ ...file, form: 'flattened' }, [{ key, value: null }]), ['RECORD_KEY_MISSING']);
  const marked = { key: null, value: '{"email":"a","__deleted":"true"}' };
  assert.deepEqual(documents(file, [marked, nothing]), ['delete a', 'ignored: tombstone-without-key']);
  const envelope = '{"before":{"email":"a"},"after":null,"source":{"connector":"postgresql"},"op":"d"}';
  assert.deepEqual(
    documents(file, [
      { key, value: envelope },
      { key, value: null },
    ]),
    ['delete a', 'ignored: tombstone-without-id'],
  );
});

const change = '{"before":null,"after":{"id":1},"source":{"connector":"postgresql"},"op":"c"}';
const ids = (file: object, keys: readonly string[]): readonly string[] =>
  documents(
    file,
    keys.map((text) => ({ key: text, value: change })),
  ).map((said) => said?.replace(/ \{"id":1\}$/, '') ?? '');

test('plain-text keys name documents: UUIDs, articles, numbers with leading zeros', () => {
  const keys = ['SKU-1', '007', '7', '4d47e190-0402-4048-bc2c-89dd54343cdc', 'true', '1e3', ''];
  assert.deepEqual(ids({}, keys), [...keys.slice(0, -1), '\\E']);
  assert.deepEqual(ids({ key: 'text' }, keys), [...keys.slice(0, -1), '\\E']);
});

test('a key that may be JSON or text is refused where the other keys are of the other kind, unless `key` says which', () => {
  const [text, ...refused] = ids({}, ['SKU-1', '"SKU-1"', 'null', '{"id":1}', ' 7']);
  assert.equal(text, 'SKU-1');
  for (const said of refused) assert.equal(said, 'RECORD_NOT_JSON');
  assert.deepEqual(ids({}, ['{"id":1}', 'SKU-1']), ['1', 'RECORD_NOT_JSON']);
  assert.deepEqual(ids({}, ['{"id":']), ['RECORD_NOT_JSON'], 'damaged JSON is not guessed to be text');
  const either = ['"x"', 'null', '{"id":1}', ' 7'];
  assert.deepEqual(ids({ key: 'text' }, ['SKU-1', ...either]), ['SKU-1', ...either]);
  assert.deepEqual(ids({ key: 'json' }, ['SKU-1', '"x"']), ['RECORD_NOT_JSON', 'x']);
});

test('where columns name documents, a key that cannot be read does not matter', () => {
  assert.deepEqual(ids({ id: { from: ['id'] } }, ['{"damaged', '{"id":1}', 'x']), ['1', '1', '1']);
});

test('a flattened row that lacks what a header lists as unchanged changes only what it has', () => {
  const patched = (headers: Readonly<Record<string, string>>, file: object = {}): string => {
    const compiled = compileDocument(
      documentDefinitionSchema.parse({ document: 'd', from: 't', form: 'flattened', ...file }),
    );
    const decode = createDecoder(compiled.form);
    // A whole row before it, as a snapshot has it.
    decode(recordOf({ key, value: '{"id":1,"a":"x","b":"y"}', headers: { Changed: '[]', Unchanged: '[]' } }));
    const event = decode(recordOf({ key, value: '{"id":1,"a":"z"}', headers }));
    if (event.op === 'unreadable') return event.failure.message;
    assert.ok(event.op === 'update');
    const mapped = compiled.createMapper()(event);
    assert.ok(mapped.kind === 'write' && mapped.write.action === 'index');
    return mapped.write.steps?.[0]?.patch === undefined ? 'whole' : 'a part';
  };
  assert.equal(patched({ Changed: '["a"]', Unchanged: '["id","b"]' }), 'a part');
  assert.equal(patched({ Unchanged: '["id","b"]' }), 'a part');
  assert.equal(patched({ Changed: '["a"]' }), 'a part');
  assert.equal(patched({ Unchanged: '{"schema":{"type":"array"},"payload":["id","b"]}' }), 'a part');
  assert.equal(patched({ same: '["id","b"]' }, { partial: { unchanged: 'same' } }), 'a part');
  assert.equal(patched({ Changed: '[]', Unchanged: '["id","a"]' }), 'whole');
  assert.equal(patched({ tags: '["red"]', Changed: '[]' }), 'whole');
  assert.match(
    patched({ same: '["id","b"]' }),
    /the header "same" lists columns that the row does not have: b; .*unchanged: same/,
  );
});

test('a payload without its schema is what it holds, in keys as in values; in rows of an application it is a column', () => {
  const half = `{"payload":${change}}`;
  assert.deepEqual(
    documents({}, [
      { key: '{"payload":{"id":7}}', value: half },
      { key: '7', value: change },
    ]),
    ['7 {"id":1}', '7 {"id":1}'],
  );
  assert.deepEqual(documents({ form: 'flattened' }, [{ key, value: '{"payload":{"id":1}}' }]), ['1 {"id":1}']);
  assert.deepEqual(documents({ form: 'rows' }, [{ key, value: '{"payload":{"id":1}}' }]), ['1 {"payload":{"id":1}}']);
  assert.match(documents({}, [{ key, value: '{"payload":{"a":1}}' }])[0] ?? '', /an object of a;/);
});
