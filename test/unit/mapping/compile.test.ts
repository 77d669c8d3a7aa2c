import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import { unmappedDefinition } from '../../../src/mapping/definition.ts';
import { dynamicMapping } from '../../../src/mapping/dynamic-fields.ts';
import { createSchemasMet } from '../../../src/mapping/rows-met.ts';
import { offset } from '../../../src/model/position.ts';
import { codeOf, compile, map, sourceOf } from './mapped.ts';

test('without fields a document is its row, digit for digit', () => {
  const row = '{"id":1,"big":9007199254740993,"exact":0.1000,"text":"\\u00e9"}';
  assert.equal(sourceOf(map({}, row)), row);
});

test('fields are renamed, converted and left out; a name that another column takes is that column’s', () => {
  const fields = {
    mail: { from: 'email', as: 'lowercase' },
    secret: { exclude: true },
    id: { from: 'number' },
    born: { as: 'date-from-days' },
    price: { as: 'decimal(2)' },
  };
  const row = '{"id":1,"number":7,"email":"A@B.ORG","secret":"x","born":0,"price":"DQ=="}';
  assert.equal(sourceOf(map({ fields }, row)), '{"id":7,"mail":"a@b.org","born":"1970-01-01","price":0.13}');
});

test('a schema says how its columns are converted; an index of which no schema was met has what its file says', () => {
  const fields =
    '{"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"at"},{"type":"string","field":"text"}';
  const document = compile({ index: { mappings: { properties: { text: { type: 'keyword' } } } } });
  assert.equal(
    sourceOf(map({}, '{"at":1500000,"text":"x"}', { fields })),
    '{"at":"1970-01-01T00:00:01.500000Z","text":"x"}',
  );
  assert.deepEqual(document.indexDefinition(), {
    alias: 'people',
    settings: { 'index.gc_deletes': '1h' },
    mappings: { ...dynamicMapping, properties: { text: { type: 'keyword' } } },
    unwritten: ['index.gc_deletes', ...Object.keys(dynamicMapping)],
  });
});

test('G9: a value that the database withheld is named, and its placeholder is in no document', () => {
  const withheld = '"__debezium_unavailable_value"';
  const fields = { text: { from: 'doc' } };
  const mapped = map({ fields }, `{"id":1,"doc":${withheld},"n":2}`);
  assert.equal(sourceOf(mapped), '{"id":1,"n":2}');
  const source = Buffer.from('{"id":1,"n":2}');
  assert.ok(mapped.kind === 'write' && mapped.write.action === 'index');
  assert.deepEqual(mapped.write.steps, [{ source, withheld: [['text']] }]);
  const quoted = '{"doc":"it says __debezium_unavailable_value here"}';
  const whole = map({}, quoted);
  assert.equal(sourceOf(whole), quoted);
  assert.ok(whole.kind === 'write' && whole.write.action === 'index' && whole.write.steps === undefined);
});

test('a delete deletes, with the version of its offset and epoch', () => {
  const mapped = map({ epoch: 2 }, null);
  assert.deepEqual(mapped, {
    kind: 'write',
    write: { action: 'delete', index: 'people', id: '1', version: String(2n * 2n ** 48n + 5n) },
  });
});

test('an index knows its columns though the first record of its topic was a delete', () => {
  const document = compile({});
  const column = '{"type":"struct","fields":[{"type":"boolean","field":"paid"}],"field":"before"}';
  const payload = '{"before":{"paid":false},"after":null,"source":{"table":"t"},"op":"d"}';
  const place = { topic: 't', partition: 0, offset: offset(5), timestampMs: 0, headers: undefined };
  const value = Buffer.from(`{"schema":{"type":"struct","fields":[${column}]},"payload":${payload}}`);
  const event = createDecoder()({ ...place, key: Buffer.from('{"id":1}'), value });
  assert.ok(event.op === 'delete');
  document.createMapper()(event);
  const { mappings } = document.indexDefinition();
  assert.deepEqual(mappings, { dynamic: false, properties: { paid: { type: 'boolean' } } });
});

test('a row that cannot become a document says why, without its values', () => {
  assert.equal(codeOf(map({}, '{"id":1}', { key: '' })), 'RECORD_KEY_MISSING');
  assert.equal(codeOf(map({}, '{"id":1}', { key: `{"id":"${'x'.repeat(513)}"}` })), 'ID_TOO_LONG');
  const mapped = map({ fields: { born: { as: 'date-from-days' } } }, '{"born":"secret"}');
  assert.ok(mapped.kind === 'refused' && mapped.failure.code === 'VALUE_NOT_CONVERTIBLE');
  assert.match(mapped.failure.message, /^t\[0\]@5: Column "born"/);
  assert.ok(!mapped.failure.message.includes('secret'));
});

test('topics are matched by name or as a whole by a pattern', () => {
  const document = compile({ from: ['a.b', '/shop\\.(x|y)/'] });
  const topics = ['a.b', 'a.b.c', 'shop.x', 'shop.y', 'shop.xy', 'my.shop.x'];
  assert.deepEqual(
    topics.filter((topic) => document.matches(topic)),
    ['a.b', 'shop.x', 'shop.y'],
  );
});

test('a topic without a file makes an index of a legal name', () => {
  const names = [
    ['db.inventory.Customers', '${table}', 'customers'],
    ['db.inventory._Odd Name', 'x-${table}', 'x-_odd-name'],
    ['db.s.t', '${topic}', 'db.s.t'],
  ] as const;
  for (const [topic, template, name] of names) assert.equal(unmappedDefinition(topic, template).document, name);
});

test('what is malformed inside of a value is refused where something must look into it, and nothing throws', () => {
  const bad = '{"id":1,"a":{"b":"\\q"},"c":"\\q","d":"__debezium_unavailable_value"}';
  assert.equal(codeOf(map({}, bad)), 'RECORD_NOT_JSON');
  const whole = '{"id":1,"a":{"b":"\\q"},"c":"\\q"}';
  assert.equal(codeOf(map({ fields: { inside: { from: 'a.b' } } }, whole)), 'VALUE_NOT_CONVERTIBLE');
  assert.equal(codeOf(map({ where: { c: 'x' } }, whole)), 'RECORD_NOT_JSON');
  assert.equal(codeOf(map({ id: { from: ['c'] } }, whole)), 'RECORD_NOT_JSON');
});

test('a column `__deleted` that is the table’s own in one row does not become so in another', () => {
  const decode = createDecoder();
  const mapper = compile({}).createMapper();
  const documentOf = (deleted: string): string => {
    const value = Buffer.from(`{"id":1,"n":2,"__deleted":${deleted}}`);
    const event = decode({
      ...{ topic: 't', partition: 0, offset: offset(1), timestampMs: 0, headers: undefined },
      key: Buffer.from('{"id":1}'),
      value,
    });
    assert.equal(event.op, 'update');
    return sourceOf(mapper(event));
  };
  for (let turn = 0; turn < 2; turn += 1) {
    assert.equal(documentOf('"false"'), '{"id":1,"n":2}');
    assert.equal(documentOf('"maybe"'), '{"id":1,"n":2,"__deleted":"maybe"}');
  }
});

test('a topic whose schemas never end fills no memory: the latest tell of the index', () => {
  const schemas = createSchemasMet();
  const schemaOf = (name: string) => ({ columns: [{ name, type: 'string', optional: false }] });
  for (let turn = 0; turn < 3; turn += 1) schemas.add(schemaOf('same'));
  assert.equal(schemas.all().length, 1);
  for (let nth = 0; nth < 500; nth += 1) schemas.add(schemaOf(`c${nth}`));
  assert.equal(schemas.all().length, 64);
  assert.equal(schemas.all().at(-1)?.columns[0]?.name, 'c499');
});
