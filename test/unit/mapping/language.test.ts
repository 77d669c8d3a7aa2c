import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import { documentDefinitionSchema, ofTopic } from '../../../src/mapping/definition.ts';
import type { Fields, Transform } from '../../../src/mapping/transform.ts';
import type { FailureCode } from '../../../src/model/outcome.ts';
import type { Failure } from '../../../src/model/outcome.ts';
import { offset } from '../../../src/model/position.ts';
import type { RecordHeaders } from '../../../src/model/record.ts';
import { codeOf, compile, map, sourceOf, writesOf } from './mapped.ts';

const placeholder = '"__debezium_unavailable_value"';

test('only the selected columns go in, and those that `fields` names', () => {
  const file = { select: ['id'], fields: { mail: { from: 'email' } } };
  assert.equal(sourceOf(map(file, '{"id":1,"email":"a","secret":"x"}')), '{"id":1,"mail":"a"}');
});

test('a constant is in every document, whatever it is', () => {
  const file = { fields: { origin: { value: 'crm' }, tags: { value: [1, null, { a: true }] } } };
  assert.equal(sourceOf(map(file, '{"id":1}')), '{"id":1,"origin":"crm","tags":[1,null,{"a":true}]}');
});

test('fields with a dot are objects, where the first of them stands', () => {
  const file = { fields: { 'address.city': { from: 'city' }, 'address.geo.lat': { from: 'lat' } } };
  assert.equal(
    sourceOf(map(file, '{"city":"Berlin","id":1,"lat":52.50}')),
    '{"address":{"city":"Berlin","geo":{"lat":52.50}},"id":1}',
  );
});

test('a field is filled from inside a column, of JSON text as of a struct, and the column stays', () => {
  const file = { fields: { zip: { from: 'address.zip' }, none: { from: 'address.street.number' } } };
  for (const address of ['{"zip":9007199254740993}', '"{\\"zip\\":9007199254740993}"']) {
    assert.equal(
      sourceOf(map(file, `{"id":1,"address":${address}}`)),
      `{"id":1,"address":${address},"zip":9007199254740993,"none":null}`,
    );
  }
});

test('a withheld value is named by its place in the document', () => {
  const mapped = map({ fields: { 'a.b': { from: 'doc' } } }, `{"id":1,"doc":${placeholder}}`);
  assert.ok(mapped.kind === 'write' && mapped.write.action === 'index');
  assert.deepEqual(mapped.write.steps?.[0]?.withheld, [['a', 'b']]);
});

test('the halves of a primary-key change find each other by the header that names the other key', () => {
  const row = `{"id":2,"doc":${placeholder}}`;
  const created = map({}, row, { key: '{"id":2}', headers: { '__debezium.oldkey': Buffer.from('{"id":1}') } });
  assert.ok(created.kind === 'write' && created.write.action === 'index');
  assert.equal(created.write.steps?.[0]?.formerId, '1');
  const wrapped = Buffer.from('{"schema":{"type":"struct"},"payload":{"id":2}}');
  const deleted = map({}, null, { headers: { '__debezium.newkey': wrapped } });
  assert.ok(deleted.kind === 'write');
  assert.deepEqual(deleted.write.bequeaths, []);
  const plain = map({}, null);
  assert.ok(plain.kind === 'write' && plain.write.bequeaths === undefined);
});

const rows = [
  ['{"status":"active","age":20,"gone":null}', true],
  ['{"status":"gone","age":20,"gone":null}', false],
  ['{"status":"trial","age":17,"gone":null}', false],
  ['{"status":"trial","age":65,"gone":null}', false],
  ['{"status":"trial","age":"18.5","gone":null}', true],
  ['{"status":"trial","age":9007199254740993,"gone":null}', false],
  ['{"status":"active","age":20,"gone":"2024-01-01"}', false],
  ['{"status":"active","age":20}', true],
  ['{"status":"active","age":null,"gone":null}', false],
] as const;

test('a row that does not meet `where` has no document, and one that had is deleted', () => {
  const where = { status: ['active', 'trial'], age: { gte: 18, lt: 65 }, gone: null };
  for (const [row, meets] of rows) {
    assert.deepEqual(writesOf(map({ where }, row, { op: 'u' })), [meets ? 'index 1' : 'delete 1'], row);
    assert.deepEqual(writesOf(map({ where }, row, { op: 'c' })), [meets ? 'index 1' : 'left-out'], row);
  }
  const named = { where: { name: { not: ['x', null], matches: '^[A-Z]' } } };
  const met = ['"Ada"', '"ada"', '"x"', 'null', '1'].map(
    (name) => writesOf(map(named, `{"name":${name}}`, { op: 'r' }))[0],
  );
  assert.deepEqual(met, ['index 1', 'delete 1', 'delete 1', 'delete 1', 'delete 1']);
});

test('`where` compares what is in documents: dates as text, decimals as numbers', () => {
  const where = { born: { gte: '1970-01-02' }, price: { gt: 0.12 } };
  const fields =
    '{"type":"int32","name":"io.debezium.time.Date","field":"born"},' +
    '{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"field":"price"}';
  assert.deepEqual(writesOf(map({ where }, '{"born":1,"price":"DQ=="}', { fields })), ['index 1']);
  assert.deepEqual(writesOf(map({ where }, '{"born":0,"price":"DQ=="}', { fields, op: 'u' })), ['delete 1']);
  assert.deepEqual(writesOf(map({ where }, '{"born":1,"price":"DA=="}', { fields, op: 'u' })), ['delete 1']);
});

test('a value that was not sent decides nothing', () => {
  assert.equal(codeOf(map({ where: { doc: 'x' } }, `{"id":1,"doc":${placeholder}}`)), 'FILTER_UNDECIDED');
});

const byColumns = { id: { from: ['tenant', 'id'] }, routing: 'tenant' };

test('documents are named and routed by columns, and follow them', () => {
  assert.deepEqual(writesOf(map(byColumns, '{"id":1,"tenant":"a"}')), ['index a:1 in a']);
  const moved = map(byColumns, '{"id":1,"tenant":"b"}', { op: 'u', before: '{"id":1,"tenant":"a"}' });
  assert.deepEqual(writesOf(moved), ['index b:1 in b', 'delete a:1 in a']);
  const stayed = map(byColumns, '{"id":1,"tenant":"a"}', { op: 'u', before: '{"id":1,"tenant":"a"}' });
  assert.deepEqual(writesOf(stayed), ['index a:1 in a']);
});

test('a delete finds its document by what the row was, and never by invented values', () => {
  assert.deepEqual(writesOf(map(byColumns, null, { before: '{"id":1,"tenant":"a"}' })), ['delete a:1 in a']);
  for (const before of ['null', '{"id":1}', '{"id":1,"tenant":""}', '{"id":1,"tenant":null}', '{"id":1,"tenant":0}']) {
    assert.equal(codeOf(map(byColumns, null, { before })), 'RECORD_KEY_MISSING', before);
  }
  const key = '{"id":1,"tenant":"a"}';
  assert.deepEqual(writesOf(map(byColumns, null, { key, before: '{"id":1,"tenant":""}' })), ['delete a:1 in a']);
});

test('a table without a key has documents if columns name them', () => {
  assert.deepEqual(writesOf(map({ id: { from: ['id'] } }, '{"id":1}', { key: '' })), ['index 1']);
});

const hashKey = 'a secret of the tests';

test('masked values are unreadable; equal ones have equal hashes, which need the key', () => {
  const file = { fields: { email: { as: 'hash' }, phone: { as: 'mask' } } };
  const hash = (row: string, key = hashKey): string =>
    (JSON.parse(sourceOf(map(file, row, { options: { hashKey: key } }))) as { email: string }).email;
  const [one, same, other] = ['"a@b.org"', '"a@b\\u002eorg"', '"c@d.org"'].map((email) =>
    hash(`{"email":${email},"phone":"1"}`),
  );
  assert.equal(one, same);
  assert.notEqual(one, other);
  assert.notEqual(one, hash('{"email":"a@b.org"}', 'another secret of tests'));
  const source = sourceOf(map(file, '{"email":null,"phone":"0123"}', { options: { hashKey } }));
  assert.equal(source, '{"email":null,"phone":"***"}');
});

test('an id does not tell what its document hides', () => {
  const hashed = map({ fields: { id: { as: 'hash' } } }, '{"id":"a@b.org"}', {
    key: '{"id":"a@b.org"}',
    options: { hashKey },
  });
  assert.match(writesOf(hashed)[0] ?? '', /^index [\w-]{43}$/);
  assert.equal(codeOf(map({ fields: { id: { as: 'mask' } } }, '{"id":1}')), 'RECORD_KEY_MISSING');
});

const letterOf = (given: { value: string; key?: string; headers?: RecordHeaders; code?: FailureCode }) => {
  const { redact } = compile({ fields: { mail: { from: 'email', as: 'mask' } } });
  const record = {
    topic: 't',
    partition: 0,
    offset: offset(1),
    timestampMs: 0,
    headers: given.headers,
    key: Buffer.from(given.key ?? '{"id":1}'),
    value: Buffer.from(given.value),
  };
  const failure = { code: given.code ?? ('DOCUMENT_REJECTED' as const), message: 't[0]@1: an object of a@b.org.' };
  const kept = redact?.({ record, failure });
  const { key = null, value = null, headers = {} } = kept?.record ?? {};
  return { key: String(key), value: String(value), headers, message: kept?.failure.message };
};

test('a dead letter keeps its record without the masked values, wherever they stand', () => {
  const kept = (value: string): string => letterOf({ value }).value;
  assert.equal(
    kept('{"before":{"email":"a@b.org"},"after":{"id":12345678901234567890,"email":"c@d.org"},"op":"u"}'),
    '{"before":{"email":"***"},"after":{"id":12345678901234567890,"email":"***"},"op":"u"}',
  );
  assert.equal(
    kept(JSON.stringify({ after: '{"email":"a@b.org","id":1}' })),
    '{"after":"{\\"email\\":\\"***\\",\\"id\\":1}"}',
  );
  assert.equal(
    kept('{"id":1,"email":"a@b.org","copy":" \\n{\\"email\\": \\"a@b.org\\"}","text":"mail a@b.org"}'),
    '{"id":1,"email":"***","copy":"{\\"email\\":\\"***\\"}","text":"***"}',
  );
});

test('a dead letter of a record that is not understood keeps no value, no key and no header, and says what it withholds', () => {
  const none = { key: 'null', value: 'null', 'x-trace': '***', withheld: 'key,value,headers' };
  const kept = (value: string, code?: FailureCode) => {
    const letter = letterOf({ value, ...(code && { code }), headers: { 'x-trace': 'a@b.org' } });
    const { key, headers } = letter;
    return { key, value: letter.value, 'x-trace': headers['x-trace'], withheld: headers['__sluice.withheld'] };
  };
  for (const value of [
    '{"email":"a@b.org',
    '{"emaiI":"a@b.org","id":1}',
    '"a@b.org"',
    'a@b.org',
    '\u0000\u0001a@b.org',
  ])
    assert.deepEqual(kept(value), none, value);
  assert.deepEqual(kept('{"email":"a@b.org"}', 'RECORD_FORM_UNKNOWN'), none);
  assert.doesNotMatch(letterOf({ value: '{"x":1}', code: 'RECORD_FORM_UNKNOWN' }).message ?? '', /a@b/);
});

test('of headers a dead letter keeps those whose writer is known, and of a key what its names tell', () => {
  const value = '{"id":1,"email":"a@b.org"}';
  const headers = {
    '__debezium.context.connectorName': 'postgresql',
    '__debezium.oldkey': ' {"email":"a@b.org","id":1}',
    __op: 'c',
    __email: 'a@b.org',
    list: '[{"email":"a@b.org"}]',
    several: [Buffer.from('a@b.org'), Buffer.from('x')],
  };
  assert.deepEqual(letterOf({ value, headers }).headers, {
    '__debezium.context.connectorName': 'postgresql',
    '__debezium.oldkey': '{"email":"***","id":1}',
    __op: 'c',
    __email: '***',
    list: '***',
    several: '***',
  });
  assert.equal(letterOf({ value, key: '{"email":"a@b.org"}' }).key, '{"email":"***"}');
  assert.equal(letterOf({ value, key: '"other@b.org"' }).key, 'null');
});

const transformed = <F extends Fields>(transform: Transform<F>, row: string, file = {}) =>
  map(file, row, { op: 'u', options: { transform: { file: '/x/people.ts', transform: transform as Transform } } });

test('a transform gets exact values, and gives the document', () => {
  type Person = Fields & { readonly first: string; readonly last: string };
  const name: Transform<Person> = ({ first, last, ...rest }) => ({ ...rest, name: `${first} ${last}` });
  const row = '{"big":9007199254740993,"exact":0.10000000000000000001,"first":"Ada","last":"King","list":[1.50]}';
  assert.equal(
    sourceOf(transformed(name, row)),
    '{"big":9007199254740993,"exact":0.10000000000000000001,"list":[1.5],"name":"Ada King"}',
  );
});

test('an error of the user’s own making does not bring its name, and a promise that is rejected ends nothing', async () => {
  const named: Transform = () => {
    throw Object.assign(new Error('a@b.org'), { name: 'a@b.org' });
  };
  const mapped = transformed(named, '{"id":1}');
  assert.ok(mapped.kind === 'refused');
  assert.match(mapped.failure.message, /threw Error\.$/);
  const promising = (() => Promise.reject(new Error('a@b.org'))) as unknown as Transform;
  assert.equal(codeOf(transformed(promising, '{"id":1}')), 'TRANSFORM_FAILED');
  // An unhandled rejection would end this process now.
  await new Promise(setImmediate);
});

test('a transform that gives null says that there is no document', () => {
  assert.deepEqual(writesOf(transformed(() => null, '{"id":1}')), ['delete 1']);
});

test('what a transform throws is a dead letter that names file and line, and no value', () => {
  const failing: Transform = () => {
    const error = new TypeError('secret 1');
    error.stack = `TypeError: secret 1\n    at transform (file:///x/people.ts:7:11)\n    at other (file:///y.ts:1:1)`;
    throw error;
  };
  const mapped = transformed(failing, '{"id":1}');
  assert.ok(mapped.kind === 'refused' && mapped.failure.code === 'TRANSFORM_FAILED');
  assert.equal(mapped.failure.message, 't[0]@5: The transform /x/people.ts:7:11 threw TypeError.');
  // What the type forbids can be written in JavaScript all the same.
  const wrong: readonly unknown[] = [1, [], undefined, 'x', Promise.resolve({})];
  for (const result of wrong) {
    assert.equal(codeOf(transformed((() => result) as Transform, '{"id":1}')), 'TRANSFORM_FAILED');
  }
});

test('each topic of a pattern has a document of its own, if the file says so', () => {
  const file = documentDefinitionSchema.parse({ document: 'shop-${table}', from: '/db\\.shop\\..*/' });
  assert.equal(ofTopic(file, 'db.shop.Orders').document, 'shop-orders');
});

test('a mapping file that cannot work is refused with a sentence', () => {
  const mistakes: readonly (readonly [object, RegExp])[] = [
    [{ fields: { a: { value: 1, from: 'b' } } }, /constant/],
    [{ fields: { a: {}, 'a.b': { from: 'c' } } }, /"a" and "a\.b"/],
    [{ fields: { a: { as: 'scramble' } } }, /is no conversion; there are .*hash/],
    [{ where: { a: { matches: '(' } } }, /regular expression|Invalid input/],
    [{ where: { a: { between: 1 } } }, /between/],
  ];
  for (const [file, message] of mistakes) {
    const result = documentDefinitionSchema.safeParse({ document: 'people', from: 't', ...file });
    const sentences = result.error?.issues.map((issue) => issue.message).join('; ');
    assert.match(sentences ?? 'accepted', message);
  }
});

const byTenant = { routing: 'tenant' };
const full = (tenant: string): string => `{"id":1,"tenant":${tenant},"name":"x"}`;

test('a row without a value to be routed by is in the shard of its id', () => {
  for (const row of ['{"id":1,"tenant":null}', '{"id":1,"tenant":""}']) {
    assert.deepEqual(writesOf(map(byTenant, row)), ['index 1']);
  }
  assert.equal(codeOf(map(byTenant, '{"id":1}')), 'RECORD_KEY_MISSING', 'a column that is not there is another matter');
});

test('a document whose routing changes leaves its old shard, whichever of the values is null', () => {
  const moves: readonly (readonly [before: string, after: string, writes: readonly string[]])[] = [
    ['"a"', '"b"', ['index 1 in b', 'delete 1 in a']],
    ['"a"', 'null', ['index 1', 'delete 1 in a']],
    ['"a"', '""', ['index 1', 'delete 1 in a']],
    ['null', '"a"', ['index 1 in a', 'delete 1']],
    ['null', '""', ['index 1']],
    ['"a"', '"a"', ['index 1 in a']],
  ];
  for (const [before, after, writes] of moves) {
    assert.deepEqual(writesOf(map(byTenant, full(after), { op: 'u', before: full(before) })), writes);
  }
});

test('a delete trusts an empty value only in a row that is whole', () => {
  for (const tenant of ['null', '""']) {
    assert.deepEqual(writesOf(map(byTenant, null, { before: full(tenant) })), ['delete 1']);
    // PostgreSQL’s default identity: what may be null is null, what may not is a zero or an empty text.
    const invented = `{"id":1,"tenant":${tenant},"name":"","at":0,"day":"1970-01-01","ok":false,"n":null}`;
    assert.equal(codeOf(map(byTenant, null, { before: invented })), 'RECORD_KEY_MISSING');
  }
  assert.deepEqual(writesOf(map(byTenant, null, { before: full('"0"') })), ['delete 1 in 0']);
  const fields = '{"type":"string","optional":true,"field":"tenant"},{"type":"int32","optional":true,"field":"n"}';
  const zero = map(byTenant, null, { fields, before: '{"tenant":null,"n":0}' });
  assert.deepEqual(writesOf(zero), ['delete 1'], 'a column that may be null would be null');
});

test('a value that PostgreSQL’s connector writes for what it does not know proves nothing: a default, or empty JSON', () => {
  const withDefault = (name: string, text: string): string =>
    `{"type":"string","optional":true,"default":"${text}","field":"${name}"}`;
  const deletion = (fields: string, before: string) => map(byTenant, null, { fields, before });
  const named = `{"type":"string","optional":true,"field":"tenant"},${withDefault('name', 'x')}`;
  assert.equal(codeOf(deletion(named, '{"tenant":null,"name":"x"}')), 'RECORD_KEY_MISSING');
  assert.deepEqual(writesOf(deletion(named, '{"tenant":null,"name":"y"}')), ['delete 1']);
  const placed = withDefault('tenant', 'eu');
  assert.equal(codeOf(deletion(placed, '{"tenant":"eu"}')), 'RECORD_KEY_MISSING', 'it may be invented itself');
  assert.deepEqual(writesOf(deletion(placed, '{"tenant":"us"}')), ['delete 1 in us']);
  const counted = '{"type":"bytes","default":"AA==","field":"n"},{"type":"string","field":"tenant"}';
  assert.equal(codeOf(deletion(counted, '{"tenant":"","n":"BQ=="}')), 'RECORD_KEY_MISSING');
  assert.equal(codeOf(map(byTenant, null, { before: '{"tenant":null,"doc":"{}"}' })), 'RECORD_KEY_MISSING');
});

test('a connector that always writes the whole row is believed, and so is a mapping file that says it', () => {
  const before = '{"id":1,"tenant":null}';
  const of = (connectorName: string) => ({ before, headers: { '__debezium.context.connectorName': connectorName } });
  assert.deepEqual(writesOf(map(byTenant, null, of('mysql'))), ['delete 1']);
  assert.equal(codeOf(map(byTenant, null, of('postgresql'))), 'RECORD_KEY_MISSING');
  const stated = { ...byTenant, id: { deletesCarryKey: true } };
  assert.deepEqual(writesOf(map(stated, null, of('postgresql'))), ['delete 1']);
});

test('a delete whose value proves nothing is refused with what is in doubt, and one without the value with what is missing', () => {
  const messageOf = (before: string, connectorName = 'postgresql'): string => {
    const headers = { '__debezium.context.connectorName': connectorName };
    const mapped = map(byTenant, null, { before, headers });
    return mapped.kind === 'refused' ? mapped.failure.message : '';
  };
  assert.match(
    messageOf('{"id":1,"tenant":null}'),
    /"tenant", and nothing shows that .* If the table has REPLICA IDENTITY FULL, set `id: \{ deletesCarryKey: true \}`/,
  );
  assert.match(messageOf('{"id":1}'), /does not tell "tenant".* needs REPLICA IDENTITY FULL/);
  assert.match(messageOf('null', 'mongodb'), /does not tell "tenant".* connector must send the deleted row/);
});

test('an update that does not say where its document was is refused if it may have moved to null, and is else told once', () => {
  const doubts: string[] = [];
  const options = { doubted: ({ code }: Failure) => doubts.push(code) };
  assert.equal(codeOf(map(byTenant, full('null'), { op: 'u', options })), 'FORMER_PLACE_UNKNOWN');
  assert.deepEqual(doubts, []);
  assert.deepEqual(writesOf(map(byTenant, full('"a"'), { op: 'u', options })), ['index 1 in a']);
  assert.deepEqual(doubts, ['FORMER_PLACE_UNKNOWN']);
  const key = '{"id":1,"tenant":"a"}';
  assert.deepEqual(writesOf(map(byTenant, full('"a"'), { op: 'u', key, options })), ['index 1:a in a']);
  assert.equal(doubts.length, 1, 'a column of the key changes with it');
});

test('an update that moves its document and holds only a part of the row is refused: the rest stays where it was', () => {
  const change = (fields: object, before: object | null): string => {
    const envelope = {
      ...{ before: before && JSON.stringify(before), after: null, op: 'u' },
      updateDescription: { updatedFields: JSON.stringify(fields), removedFields: null, truncatedArrays: null },
      source: { connector: 'mongodb', db: 'd', collection: 't' },
    };
    const record = { topic: 't', partition: 0, offset: offset(5), timestampMs: 0, headers: undefined };
    const event = createDecoder()({
      ...{ ...record, key: Buffer.from('{"id":"1"}') },
      value: Buffer.from(JSON.stringify(envelope)),
    });
    assert.ok('after' in event, JSON.stringify(event));
    return writesOf(compile(byTenant).createMapper()(event)).join();
  };
  assert.equal(change({ tenant: 'b' }, null), 'FORMER_PLACE_UNKNOWN', 'MongoDB names only what changed');
  assert.equal(change({ tenant: 'b' }, { _id: 1, tenant: 'a', name: 'x' }), 'FORMER_PLACE_UNKNOWN');
  assert.equal(change({ tenant: 'b', name: 'y' }, { _id: 1, tenant: 'b', name: 'x' }), 'index 1 in b');
});

test('a key that may name another document is a dead letter, unless columns name the document', () => {
  const decode = createDecoder();
  const eventOf = (id: string) => {
    const source = { connector: 'mongodb', db: 'shop', collection: 'people', ts_ms: 1, ord: 1 };
    const value = JSON.stringify({ before: null, after: '{"name":"x"}', updateDescription: null, source, op: 'c' });
    const place = { topic: 't', partition: 0, offset: offset(5), timestampMs: 0, headers: undefined };
    return decode({ ...place, key: Buffer.from(JSON.stringify({ id })), value: Buffer.from(value) });
  };
  eventOf('1004');
  const event = eventOf('"1004"');
  assert.ok(event.op === 'create');
  assert.equal(codeOf(compile({}).createMapper()(event)), 'KEY_TYPES_MIXED');
  assert.deepEqual(writesOf(compile({ id: { from: ['name'] } }).createMapper()(event)), ['index x']);
});
