import assert from 'node:assert/strict';
import { test } from 'node:test';
import { becameNull } from '../../../src/convert/became-null.ts';
import { conversionNames, namedConversion } from '../../../src/convert/named.ts';
import { conversionOf } from '../../../src/convert/types.ts';
import type { ColumnSchema } from '../../../src/model/change-event.ts';

const column = (type: string, more: Partial<ColumnSchema> = {}): ColumnSchema => ({
  name: 'c',
  type,
  optional: true,
  ...more,
});
const source = (type: string, base = 'string', more: Readonly<Record<string, string>> = {}) =>
  column(base, { parameters: { '__debezium.source.column.type': type, ...more } });
const fieldType = (of: ColumnSchema): unknown => conversionOf(of).field['type'];

test('a logical name says which field a column needs', () => {
  const expected: Readonly<Record<string, string>> = {
    'io.debezium.time.Date': 'date',
    'io.debezium.time.NanoTimestamp': 'date_nanos',
    'io.debezium.time.MicroTime': 'keyword',
    'io.debezium.time.Year': 'integer',
    'io.debezium.time.NanoDuration': 'long',
    'io.debezium.time.StructuredZonedTimestamp': 'date',
    'io.debezium.time.StructuredDuration': 'keyword',
    'io.debezium.data.VariableScaleDecimal': 'keyword',
    'io.debezium.data.Bits': 'keyword',
    'io.debezium.data.EnumSet': 'keyword',
    'io.debezium.data.Json': 'flattened',
    'io.debezium.data.Xml': 'text',
    'io.debezium.data.Tsvector': 'text',
    'io.debezium.data.FloatVector': 'dense_vector',
    'io.debezium.data.SparseDoubleVector': 'rank_features',
    'io.debezium.data.geometry.Point': 'point',
    'io.debezium.data.geometry.Geometry': 'geo_shape',
    'io.debezium.data.geometry.Geography': 'geo_shape',
  };
  const found = Object.keys(expected).map((semantic) => [semantic, fieldType(column('string', { semantic }))]);
  assert.deepEqual(Object.fromEntries(found), expected);
});

test('a decimal’s precision and scale say whether a number holds it', () => {
  const decimal = (precision: number | undefined, scale: number) =>
    fieldType(
      column('bytes', {
        semantic: 'org.apache.kafka.connect.data.Decimal',
        parameters: { scale: String(scale), ...(precision && { 'connect.decimal.precision': String(precision) }) },
      }),
    );
  assert.deepEqual(
    [decimal(18, 0), decimal(19, 0), decimal(20, 0), decimal(15, 2), decimal(16, 2), decimal(undefined, 2)],
    ['long', 'keyword', 'unsigned_long', 'double', 'keyword', 'keyword'],
  );
  const numeric = column('bytes', {
    semantic: 'org.apache.kafka.connect.data.Decimal',
    parameters: { scale: '0', 'connect.decimal.precision': '20', '__debezium.source.column.type': 'NUMERIC' },
  });
  assert.equal(fieldType(numeric), 'keyword', 'it is known not to be unsigned');
  const bits = (length: number) =>
    fieldType(column('bytes', { semantic: 'io.debezium.data.Bits', parameters: { length: String(length) } }));
  assert.deepEqual([bits(63), bits(64), bits(65)], ['long', 'unsigned_long', 'keyword']);
});

test('the database’s own type, where it is propagated, says what a string is', () => {
  const expected: Readonly<Record<string, string>> = {
    INT4RANGE: 'integer_range',
    int8multirange: 'long_range',
    NUMRANGE: 'double_range',
    TSTZRANGE: 'date_range',
    INET: 'ip',
    CIDR: 'ip_range',
    MACADDR: 'keyword',
    BPCHAR: 'keyword',
    JSONB: 'flattened',
    XML: 'text',
    CITEXT: 'text',
    'TIMESTAMP(6) WITH TIME ZONE': 'date',
    VARCHAR: 'text',
    'CHARACTER VARYING': 'text',
  };
  const found = Object.keys(expected).map((type) => [type, fieldType(source(type))]);
  assert.deepEqual(Object.fromEntries(found), expected);
  const numeric = (length: string, scale: string) =>
    fieldType(
      source('NUMERIC', 'string', {
        '__debezium.source.column.length': length,
        '__debezium.source.column.scale': scale,
      }),
    );
  assert.deepEqual([numeric('10', '2'), numeric('131089', '0'), numeric('0', '0')], ['double', 'keyword', 'keyword']);
});

test('the database’s own type says what a number is, and a logical name is heard first', () => {
  assert.equal(fieldType(source('BIGINT UNSIGNED', 'int64')), 'unsigned_long');
  assert.equal(fieldType(source('BIGINT', 'int64')), 'long');
  assert.equal(fieldType(source('INT UNSIGNED', 'int64')), 'long');
  const one = { '__debezium.source.column.length': '1' };
  assert.equal(fieldType(source('TINYINT', 'int16', one)), 'boolean');
  assert.equal(fieldType(source('TINYINT', 'int16')), 'short');
  assert.equal(fieldType({ ...source('JSON'), semantic: 'io.debezium.data.Uuid' }), 'keyword');
});

test('arrays have their elements’ field, structs their members’, maps one for all, and the unknown none that is searched', () => {
  const day = column('int32', { name: 'day', semantic: 'io.debezium.time.Date' });
  assert.equal(fieldType(column('array', { items: day })), 'date');
  assert.equal(fieldType(column('array', { items: column('array', { items: day }) })), 'date');
  assert.equal(fieldType({ ...source('_CIDR', 'array'), items: column('string') }), 'ip_range');
  const vector = column('array', { semantic: 'io.debezium.data.DoubleVector' });
  assert.deepEqual(conversionOf(column('array', { items: vector })).field, { type: 'object', enabled: false });
  const struct = conversionOf(column('struct', { fields: [day, column('string', { name: 's' })] }));
  const properties = struct.field['properties'] as Readonly<Record<string, { readonly type: string }>>;
  assert.deepEqual([properties['day']?.type, properties['s']?.type], ['date', 'text']);
  assert.equal(struct.convert?.('{"day":0,"s":"x"}'), '{"day":"1970-01-01","s":"x"}');
  assert.equal(conversionOf(column('struct', { fields: [column('string', { name: 's' })] })).convert, undefined);
  const map = conversionOf(column('map', { items: day }));
  assert.deepEqual([map.field['type'], map.convert?.('[[7,0]]')], ['flattened', '{"7":"1970-01-01"}']);
  for (const type of ['array', 'struct', 'something-new'])
    assert.deepEqual(conversionOf(column(type)).field, { type: 'object', enabled: false });
});

test('a circle and a line of PostgreSQL are structs like any other', () => {
  const point = column('struct', { name: 'center', semantic: 'io.debezium.data.geometry.Point' });
  const circle = conversionOf(
    column('struct', {
      semantic: 'io.debezium.data.geometry.Circle',
      fields: [point, column('double', { name: 'radius' })],
    }),
  );
  assert.equal(
    circle.convert?.('{"center":{"x":1.0,"y":2.0,"wkb":null,"srid":null},"radius":3.0}'),
    '{"center":{"type":"Point","coordinates":[1.0,2.0]},"radius":3.0}',
  );
});

test('a conversion that is named works on each element of an array, but for those that want the array', () => {
  assert.equal(namedConversion('date-from-days')?.convert?.('[0,null]'), '["1970-01-01",null]');
  assert.equal(namedConversion('vector')?.convert?.('[1,2]'), '[1,2]');
  assert.equal(namedConversion('string')?.convert?.('[1,2]'), '"[1,2]"');
  assert.equal(namedConversion('decimal(2)')?.convert?.('"DQ=="'), '0.13');
  assert.equal(namedConversion('no-such-name'), undefined);
  assert.ok(conversionNames.length > 40);
});

test('a value that became null can be told from one that was', () => {
  assert.deepEqual(
    [becameNull('"NaN"', 'null'), becameNull('null', 'null'), becameNull('"null"', 'null'), becameNull('1', '1')],
    [true, false, false, false],
  );
  assert.equal(becameNull('[1,"NaN"]', '[1,null]'), false);
  assert.equal(becameNull('"x"', undefined), false);
});
