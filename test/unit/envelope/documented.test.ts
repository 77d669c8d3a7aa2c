import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import { compileDocument } from '../../../src/mapping/compile.ts';
import { documentDefinitionSchema, unmappedDefinition } from '../../../src/mapping/definition.ts';
import type { ChangeEvent } from '../../../src/model/change-event.ts';
import type { FormName } from '../../../src/model/form.ts';
import { documentedNames, documentedRecord } from '../../fixtures/documented.ts';

/** What a careful person expects of a record. */
interface Expected {
  readonly op: string;
  readonly collection?: string;
  readonly position?: string | undefined;
  readonly transaction?: string;
  /** What is written: id and source, or `delete` and id. */
  readonly written?: string;
  /** Of a change that does not carry its row whole: what it sets as a whole. */
  readonly after?: string;
  readonly id?: string;
  readonly patch?: object;
  readonly form?: FormName;
  /** Of what becomes no change: the reason, or the failure's code and what its message holds. */
  readonly reason?: string;
  readonly says?: RegExp;
}

const customers = (rest: string): string => `1004 {"id":1004,${rest}`;
const anne = customers('"first_name":"Anne","last_name":"Kretchmar","email":"annek@noanswer.org"}');
const marie = anne.replace('"Anne"', '"Anne Marie"');
const noPatch = { set: [], removed: [], truncated: [] };
const mongo = { collection: 'inventory.customers', position: '1558965508000:31' };
const cassandra = { collection: 'inventory.customers', position: 'CommitLog-6-123456.log:54' };
const vgtid =
  '[{"keyspace":"commerce","shard":"80-","gtid":"MySQL56/a790d864-9ba1-11ea-99f6-0242ac11000a:1-1512","table_p_ks":[]}]';
const mongoTopic = { collection: 'fulfillment.inventory.customers', position: undefined };

const expectations: Readonly<Record<string, Expected>> = {
  'cassandra/delete': {
    op: 'delete',
    collection: 'inventory.customers',
    position: 'CommitLog-6-123456.log:102',
    written: 'delete 1001:1562202942545',
  },
  'cassandra/delete-partition': { op: 'unreadable', reason: 'RANGE_DELETE_REFUSED', says: /a whole partition/ },
  'cassandra/insert': {
    op: 'create',
    ...cassandra,
    id: '1001:1562202942545',
    after:
      '{"id":1001,"registration_date":1562202942545,"first_name":"Anne","last_name":null,"email":"annek@noanswer.org"}',
    patch: noPatch,
  },
  'cassandra/range-tombstone': { op: 'unreadable', reason: 'RANGE_DELETE_REFUSED', says: /a range of rows/ },
  'cassandra/update-with-schema': {
    op: 'update',
    ...cassandra,
    id: '1001:2019-07-04T01\\:15\\:42.545Z',
    after: '{"id":1001,"registration_date":1562202942545,"email":"annek_new@noanswer.org"}',
    patch: noPatch,
  },
  'cockroachdb/update': {
    op: 'update',
    collection: 'public.customers',
    position: '1783372650063855845.0000000002',
    written:
      'c8b2c5a0-0f3b-4d6c-9b51-3f1f5f3f6f10 {"id":"c8b2c5a0-0f3b-4d6c-9b51-3f1f5f3f6f10","balance":"45.1000000000000000000001"}',
  },
  'db2/update': {
    op: 'update',
    collection: 'DB2INST1.CUSTOMERS',
    position: '00000000:0000e9f2:0000000000004c60:00000000:0000e9f2:0000000000004c5e',
    written: '1004 {"ID":1004,"FIRST_NAME":"Anne Marie","LAST_NAME":"Kretchmar","EMAIL":"annek@noanswer.org"}',
  },
  'informix/create': {
    op: 'create',
    collection: 'informix.customers',
    position: '21484679168:21484666940',
    written: anne,
  },
  'mariadb/delete': {
    op: 'delete',
    collection: 'inventory.customers',
    position: 'mariadb-bin.000003:401:0',
    written: 'delete 1004',
  },
  'mongodb/cloud-event': { op: 'update', ...mongo, written: anne },
  'mongodb/create': { op: 'create', ...mongo, written: anne },
  'mongodb/create-with-object-id': {
    op: 'create',
    ...mongo,
    written: '{"shop":3,"at":"1970-01-01T00:00:00.000Z"} {"id":"own","open":true}',
  },
  'mongodb/delete': { op: 'delete', ...mongo, written: 'delete 1004' },
  'mongodb/read-all-types': {
    op: 'read',
    ...mongo,
    written:
      '596e275826f08b2730779e1f {"id":"596e275826f08b2730779e1f","count":9007199254740993,"small":3,"ratio":0.1,"nothing":null,' +
      '"price":"12345678901234567890.10","made":"2017-02-07T20:49:37.691Z","photo":"AQID","uuid":"12345678-1234-5678-1234-567812345678",' +
      '"at":{"t":1565545664,"i":1},"like":"/^a/i","order":{"$ref":"orders","$id":"596e275826f08b2730779e20"},' +
      '"tags":["a","1970-01-01T00:00:00.000Z"],"a.b":1}',
  },
  'mongodb/tombstone': { op: 'delete', ...mongoTopic, written: 'delete 596e275826f08b2730779e1f' },
  'mongodb/tombstone-of-text-id': { op: 'delete', ...mongoTopic, written: 'delete 1004' },
  'mongodb/update-partial': {
    op: 'update',
    ...mongo,
    id: '1004',
    after: '{"first_name":"Anne Marie","seen":"1970-01-01T00:00:00.000Z"}',
    patch: {
      set: [
        { path: ['address', 'city'], text: '"Berlin"' },
        { path: ['lines', '1', 'price'], text: '"9.90"' },
      ],
      removed: [['nick'], ['address', 'zip']],
      truncated: [{ path: ['lines'], size: 2 }],
    },
  },
  'mongodb/update-removes-id': { op: 'update', ...mongo, id: '1004', after: '{"id":"1004"}', patch: noPatch },
  'mongodb/update-with-schema': { op: 'update', ...mongo, written: marie },
  'mongodb/update-without-image': { op: 'ignored', reason: 'no-image' },
  'mongodb-flattened/create-with-schema': {
    op: 'update',
    ...mongoTopic,
    written:
      '596e275826f08b2730779e1f {"id":"596e275826f08b2730779e1f","made":"2017-02-07T20:49:37.691Z","tags":["a","b"]}',
  },
  'mongodb-flattened/delete-rewritten': { op: 'delete', ...mongoTopic, written: 'delete 596e275826f08b2730779e1f' },
  'mongodb-flattened/update': {
    op: 'update',
    ...mongoTopic,
    written:
      '596e275826f08b2730779e1f {"id":"596e275826f08b2730779e1f","name":"Anne","lines":{"_0":{"item":"a"},"_1":5},' +
      '"address_city":"Berlin","nick":null,"__op":"u"}',
  },
  'mongodb-outbox/event': {
    op: 'create',
    form: 'outbox',
    collection: 'outbox.event.order',
    written:
      '596e275826f08b2730779e1f {"id":"da8d6de63b7745ff8f4457db","lines":[{"id":1,"total":39.98}],"orderDate":"2019-01-31T13:02:01.000Z"}',
  },
  'mysql/by-logical-table-router': {
    op: 'create',
    collection: 'inventory.customers_shard2',
    position: 'mysql-bin.000003:484:0',
    written: anne.replace('1004', '1004:server1.inventory.customers_shard2'),
  },
  'mysql/create-with-schema': {
    op: 'create',
    collection: 'inventory.products',
    position: 'mysql-bin.000003:805:2',
    written:
      '9007199254740993 {"id":9007199254740993,"price":45.13,"made_at":"2018-06-20T15:13:16.945Z",' +
      '"changed_at":"2018-06-20T13:37:03Z","size":"M","is_sold":1,"details":"{\\"weight\\": 3.10}"}',
  },
  'mysql/update': {
    op: 'update',
    collection: 'inventory.customers',
    position: 'mysql-bin.000003:484:0',
    transaction: 'file=mysql-bin.000003,pos=236',
    written: marie,
  },
  'oracle/create-with-schema': {
    op: 'create',
    collection: 'DEBEZIUM.CUSTOMERS',
    position: '2122185:2122184',
    transaction: '6.28.807',
    written: '1004 {"ID":1004,"BALANCE":"45.13","BORN":"1969-12-31T00:00:00.000Z","NOTES":null}',
  },
  'oracle/update-without-lob': {
    op: 'update',
    collection: 'DEBEZIUM.CUSTOMERS',
    position: '2122185:2122184',
    written: '1004 {"ID":1004,"FIRST_NAME":"Anne","LAST_NAME":"Kretchmar","EMAIL":"anne@example.com"}',
  },
  'spanner/update': {
    op: 'update',
    collection: 'database.Users',
    position: '1670955531785:1:0',
    written:
      '1004 {"id":1004,"name":null,"balance":"99999999999999999999999999999.999999999","changed":"2022-12-13T18:18:51.123456789Z"}',
  },
  'spanner/update-of-new-values': {
    op: 'unreadable',
    reason: 'RECORD_FORM_UNKNOWN',
    says: /captures NEW_VALUES, by which a column that was set to null looks like one that was not changed/,
  },
  'spanner/update-of-values': {
    op: 'update',
    collection: 'database.Users',
    position: '1670955531785:1:0',
    id: '1004',
    after: '{"id":1004,"name":"Anne","balance":"2.10","nick":null}',
    patch: noPatch,
  },
  'sqlserver/read': {
    op: 'read',
    collection: 'dbo.customers',
    position: '00000027:00000758:0005',
    written: anne,
  },
  'sqlserver/update': {
    op: 'update',
    collection: 'dbo.customers',
    position: '00000027:00000758:0005:00000027:00000758:0003:2',
    transaction: '00000027:00000758:0005',
    written: marie,
  },
  'tidb/create-with-schema': {
    op: 'create',
    collection: 'test.t2',
    position: '447507027004751877',
    written: '4 {"a":4,"b":9007199254740993}',
  },
  'vitess/update': {
    op: 'update',
    collection: 'commerce.customers',
    position: vgtid,
    transaction: vgtid,
    written: anne.replace('}', ',"balance":"12345678901234567890.10"}'),
  },
};

const definitionOf = (form: FormName = 'auto') => documentDefinitionSchema.parse({ document: 'd', from: 't', form });

/** The id that a key makes, found by deleting what it names. */
function written(event: ChangeEvent): string {
  assert.ok('key' in event && event.op !== 'truncate');
  const mapped = compileDocument(definitionOf()).createMapper()(event);
  assert.ok(mapped.kind === 'write', JSON.stringify(mapped));
  const { write } = mapped;
  return write.action === 'delete' ? `delete ${write.id}` : `${write.id} ${write.source.toString()}`;
}

test('every documented record has an expectation', () => {
  assert.deepEqual(documentedNames, Object.keys(expectations).sort());
});

for (const [name, expected] of Object.entries(expectations)) {
  test(`${name} says what its connector means, and becomes the document that a careful person expects`, () => {
    const record = documentedRecord(name);
    const decode = createDecoder({ ...compileDocument(definitionOf(expected.form)).form });
    // The second is read in the fast way.
    for (const event of [decode(record), decode(record)]) {
      assert.equal(event.op, expected.op, JSON.stringify('failure' in event ? event.failure : undefined));
      if (event.op === 'ignored') {
        assert.equal(event.reason, expected.reason);
        continue;
      }
      if (event.op === 'unreadable') {
        assert.equal(event.failure.code, expected.reason);
        assert.match(event.failure.message, expected.says ?? /never/);
        continue;
      }
      const { collection, position, transaction } = event.origin;
      assert.deepEqual(
        { collection, position, transaction },
        { collection: expected.collection, position: expected.position, transaction: expected.transaction },
      );
      if (expected.written !== undefined) assert.equal(written(event), expected.written);
      if (expected.patch === undefined) {
        assert.ok(!('patch' in event));
        continue;
      }
      assert.ok(event.op === 'update' || event.op === 'create');
      assert.equal(event.after.json(), expected.after);
      assert.deepEqual(event.patch, expected.patch);
      const { record: from, origin, key } = event;
      const named = { op: 'delete', record: from, origin, key, before: null, tombstone: false } as const;
      assert.equal(written(named), `delete ${expected.id}`);
    }
  });
}

test('cells have the types of their values, so that they are converted as any column is', () => {
  const event = createDecoder()(documentedRecord('cassandra/update-with-schema'));
  assert.ok(event.op === 'update');
  assert.deepEqual(
    event.after.schema?.columns.map(({ name, type, semantic }) => [name, type, semantic]),
    [
      ['id', 'int32', undefined],
      ['registration_date', 'int64', 'io.debezium.time.Timestamp'],
      ['first_name', 'string', undefined],
      ['email', 'string', undefined],
    ],
  );
});

test('rows of a schema keep the schema’s identity, however their connector writes them', () => {
  for (const name of ['cassandra/update-with-schema', 'mongodb-flattened/create-with-schema']) {
    const decode = createDecoder();
    const [first, second] = [decode(documentedRecord(name)), decode(documentedRecord(name))];
    assert.ok(first.op === 'update' && second.op === 'update');
    assert.equal(first.after.schema, second.after.schema);
    assert.equal(first.after.columns, second.after.columns);
  }
});

test('an index of a table with an upper-case name has a name that Elasticsearch takes', () => {
  for (const name of ['oracle/update-without-lob', 'db2/update']) {
    assert.equal(unmappedDefinition(documentedRecord(name).topic, '${table}').document, 'customers');
  }
});
