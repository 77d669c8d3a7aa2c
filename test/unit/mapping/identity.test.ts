/** Which document a record is about, where its key is odd. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import { keyConversionOf } from '../../../src/mapping/key-conversion.ts';
import type { Mapped } from '../../../src/model/document.ts';
import { offset } from '../../../src/model/position.ts';
import { codeOf, compile, map, writesOf } from './mapped.ts';

test('ids of usual values are what they were before keys had conversions of their own', () => {
  const idOf = (schema: object, text: string): string | undefined => {
    const column = { name: 'c', type: 'string', optional: false, ...schema };
    const convert = keyConversionOf(column);
    return convert === undefined ? text : convert(text);
  };
  const source = (type: string) => ({ parameters: { '__debezium.source.column.type': type } });
  assert.equal(idOf({ type: 'int32', semantic: 'io.debezium.time.Date' }, '16816'), '"2016-01-16"');
  assert.equal(
    idOf(
      { type: 'int16', parameters: { ...source('TINYINT').parameters, '__debezium.source.column.length': '1' } },
      '1',
    ),
    'true',
  );
  assert.equal(idOf(source('INET'), '"10.0.0.7"'), '"10.0.0.7"');
  assert.equal(idOf(source('CIDR'), '"10.0.0.0/8"'), '"10.0.0.0/8"');
  assert.equal(idOf(source('INT4RANGE'), '"[1,10)"'), '{"gte":1,"lt":10}');
  assert.equal(
    idOf(
      { semantic: 'io.debezium.data.VariableScaleDecimal', type: 'struct', fields: [] },
      '{"scale":1,"value":"Dw=="}',
    ),
    '"1.5"',
  );
  assert.equal(idOf({ type: 'double' }, '1.5'), '1.5');
});

test('an infinity has one id in a snapshot and in the stream after it, and each sign has its own', () => {
  const schema = '{"type":"int32","name":"io.debezium.time.Date","field":"day"}';
  const idOf = (day: number): readonly string[] =>
    writesOf(map({ id: { from: ['day'] } }, `{"day":${day}}`, { fields: schema }));
  assert.deepEqual([-622191234, -2147472692].map(idOf), [['index infinity'], ['index infinity']]);
  assert.deepEqual([-625821272, -2147472691].map(idOf), [['index -infinity'], ['index -infinity']]);
});

test('an empty key, NaN and the infinities name documents, and nothing else has their ids', () => {
  const idOf = (key: string): readonly string[] => writesOf(map({}, '{"a":1}', { key }));
  assert.deepEqual(['{"id":""}', '{"id":"\\\\E"}', '{"id":"\\\\\\\\E"}'].map(idOf), [
    ['index \\E'],
    ['index \\\\E'],
    ['index \\\\\\E'],
  ]);
  assert.deepEqual(['{"id":"NaN"}', '{"id":"-Infinity"}'].map(idOf), [['index NaN'], ['index -Infinity']]);
  assert.deepEqual(idOf('{"id":null}'), ['RECORD_KEY_MISSING']);
});

test('half a surrogate pair names no document, for all halves have the same bytes', () => {
  for (const half of ['\\ud800', '\\ud801', 'x\\udfff']) {
    assert.equal(codeOf(map({}, '{"a":1}', { key: `{"id":"${half}"}` })), 'RECORD_KEY_MISSING');
  }
  assert.deepEqual(writesOf(map({}, '{"a":1}', { key: '{"id":"\\ud83d\\ude00"}' })), ['index 😀']);
  const file = { id: { from: ['mail'] }, fields: { mail: { as: 'hash' } } };
  const hashed = (half: string) => writesOf(map(file, `{"mail":"${half}"}`, { options: { hashKey: 'a key' } }))[0];
  assert.notEqual(hashed('\\ud800'), hashed('\\ud801'));
});

test('a text that looks like the digest of an overlong key is not taken for it', () => {
  const file = { id: { overlong: 'hash' } };
  const [digest = ''] = writesOf(map(file, '{"a":1}', { key: JSON.stringify({ id: 'x'.repeat(600) }) }));
  const text = digest.replace('index ', '');
  assert.match(text, /^sha256-/);
  assert.notDeepEqual(writesOf(map(file, '{"a":1}', { key: JSON.stringify({ id: text }) })), [digest]);
});

const postgres = { '__debezium.context.connectorName': 'postgresql' };

/** What becomes of the changes of one topic, in their order: key, `before`, `after`. */
function changes(
  definition: object,
  given: readonly (readonly [key: string, before: string, after: string])[],
  headers: Readonly<Record<string, string>> = postgres,
): readonly Mapped[] {
  const decode = createDecoder();
  const mapper = compile(definition).createMapper();
  return given.map(([key, before, after]) => {
    const op = after === 'null' ? 'd' : 'c';
    const event = decode({
      topic: 't',
      partition: 0,
      offset: offset(5),
      timestampMs: 0,
      headers,
      key: Buffer.from(key),
      value:
        after === ''
          ? null
          : Buffer.from(`{"before":${before},"after":${after},"source":{"connector":"postgresql"},"op":"${op}"}`),
    });
    assert.ok('key' in event && event.op !== 'truncate');
    return mapper(event);
  });
}

const rows = [1, 2, 3].map((id) => [`{"tenant":${id},"id":${id}}`, 'null', `{"tenant":${id},"id":${id}}`] as const);

test('a delete whose key has null names no document: a primary key has none, and FULL is the remedy', () => {
  const deletion = ['{"tenant":null,"id":2}', '{"id":2,"tenant":null}', 'null'] as const;
  const [refused] = changes({}, [deletion]);
  assert.ok(refused?.kind === 'refused' && refused.failure.code === 'RECORD_KEY_MISSING');
  assert.match(refused.failure.message, /"tenant".*REPLICA IDENTITY FULL/);
  const [byColumns] = changes({ id: { from: ['tenant', 'id'] } }, [deletion]);
  assert.ok(byColumns?.kind === 'refused');
  // The tombstone after it is not another one.
  const [, second] = changes({}, [deletion, [deletion[0], '', '']]);
  assert.ok(second?.kind === 'ignored');
  assert.deepEqual(changes({ id: { deletesCarryKey: true } }, [deletion]).map(writesOf), [['delete \\N:2']]);
  const mysql = { '__debezium.context.connectorName': 'mysql' };
  assert.deepEqual(changes({}, [deletion], mysql).map(writesOf), [['delete \\N:2']]);
});

test('an insert may have null in its key: a unique index takes it', () => {
  assert.deepEqual(changes({}, [['{"tenant":null,"id":2}', 'null', '{"id":2}']]).map(writesOf), [['index \\N:2']]);
});

test('a delete with an invented zero or text in its key is refused where rows had other values', () => {
  const codes = (deletion: readonly [string, string, string]) =>
    changes({}, [...rows, deletion])
      .map(codeOf)
      .at(-1);
  assert.equal(codes(['{"tenant":0,"id":2}', '{"tenant":0,"id":2,"name":null,"n":0}', 'null']), 'RECORD_KEY_MISSING');
  // As PostgreSQL's connector was seen to invent them.
  const invented =
    '{"tenant":0,"id":2,"region":"","ok":false,"d":0,"t":"1970-01-01T00:00:00Z","u":"","m":"AA==","ts":0}';
  assert.equal(codes(['{"tenant":0,"id":2}', invented, 'null']), 'RECORD_KEY_MISSING');
  assert.equal(codes(['{"tenant":"","id":2}', '{"tenant":"","id":2}', 'null']), 'RECORD_KEY_MISSING');
  // The image is whole.
  assert.equal(codes(['{"tenant":0,"id":2}', '{"tenant":0,"id":2,"name":"x"}', 'null']), 'a write');
});

test('a delete of a row whose primary key has a zero is applied', () => {
  const zero = ['{"tenant":0,"id":2}', 'null', '{"tenant":0,"id":2}'] as const;
  const deletion = ['{"tenant":0,"id":2}', '{"tenant":0,"id":2,"name":null}', 'null'] as const;
  assert.deepEqual(
    changes({}, [...rows, zero, deletion])
      .map(writesOf)
      .at(-1),
    ['delete 0:2'],
  );
  assert.deepEqual(changes({}, [deletion]).map(writesOf), [['delete 0:2']]);
  const other = ['{"tenant":1,"id":1}', '{"tenant":1,"id":1,"name":null}', 'null'] as const;
  assert.deepEqual(
    changes({}, [...rows, other, deletion])
      .map(writesOf)
      .at(-1),
    ['delete 0:2'],
  );
  assert.deepEqual(
    changes({}, [...rows, deletion], {})
      .map(writesOf)
      .at(-1),
    ['delete 0:2'],
  );
});

test('who asks for `_id` is told what the column is called', () => {
  const refused = map({ id: { from: ['_id'] } }, '{"id":1}');
  assert.ok(refused.kind === 'refused');
  assert.match(refused.failure.message, /"_id".*is called `id`/);
});
