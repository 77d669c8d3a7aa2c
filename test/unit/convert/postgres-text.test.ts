/** PostgreSQL's texts become what the connector writes; what was never seen to be told is not guessed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrayElements, hstoreMembers, intervalParts } from '../../../src/convert/postgres-literals.ts';
import type { SqlType } from '../../../src/convert/postgres-text.ts';
import { fromSql } from '../../../src/convert/postgres-text.ts';
import { conversionOf } from '../../../src/convert/types.ts';
import type { ColumnSchema } from '../../../src/model/change-event.ts';

const column = (type: string, semantic?: string, parameters?: Record<string, string>): ColumnSchema => ({
  ...{ name: 'c', type, optional: true },
  ...(semantic !== undefined && { semantic }),
  ...(parameters && { parameters }),
});
const sqlType = (name: string, given: Partial<SqlType> = {}): SqlType => ({
  ...{ name, isArray: false, isEnum: false, digits: undefined },
  ...given,
});

/** What the document has of a value, by its schema. */
function documentText(schema: ColumnSchema, type: SqlType, text: string): string | undefined {
  const told = fromSql(schema, type)?.(text);
  const { convert } = conversionOf(schema);
  return told === undefined || convert === undefined ? told : convert(told);
}

test('decimals keep every digit, whatever their size and sign', () => {
  const exact = column('bytes', 'org.apache.kafka.connect.data.Decimal', { scale: '3' });
  for (const text of [
    '0.000',
    '-0.001',
    '127.999',
    '128.000',
    '-128.000',
    '-128.001',
    '123456789012345678901234567890.123',
  ]) {
    assert.equal(documentText(exact, sqlType('numeric'), text), `"${text}"`);
  }
  assert.equal(documentText(exact, sqlType('numeric'), 'NaN'), 'null');
  assert.equal(documentText(exact, sqlType('numeric'), '1.0001'), undefined);
  const free = column('struct', 'io.debezium.data.VariableScaleDecimal');
  assert.equal(documentText(free, sqlType('numeric'), '1.100'), '"1.1"');
  assert.equal(documentText(free, sqlType('numeric'), '-100'), '"-100"');
});

test('moments are told before 1970, before Christ, beyond 9999, and where they never end', () => {
  const micros = column('int64', 'io.debezium.time.MicroTimestamp');
  const told = (text: string): string | undefined => documentText(micros, sqlType('timestamp'), text);
  assert.equal(told('1969-12-31 23:59:59.999999'), '"1969-12-31T23:59:59.999999Z"');
  assert.equal(told('0044-03-15 12:00:00 BC'), '"-0043-03-15T12:00:00.000000Z"');
  assert.equal(told('12024-02-29 12:00:00'), '"+12024-02-29T12:00:00.000000Z"');
  assert.equal(told('-infinity'), 'null');
  const millis = column('int64', 'io.debezium.time.Timestamp');
  assert.equal(fromSql(millis, sqlType('timestamp'))?.('1969-12-31 23:59:59.9999'), '-1');
  const nanos = column('int64', 'io.debezium.time.NanoTimestamp');
  assert.equal(fromSql(nanos, sqlType('timestamp'))?.('9999-12-31 00:00:00'), undefined);
});

test('times with a zone are told in UTC, with the digits that the connector writes', () => {
  const zoned = column('string', 'io.debezium.time.ZonedTime');
  const told = (text: string): string | undefined => documentText(zoned, sqlType('timetz'), text);
  assert.equal(told('00:30:00.120+02'), '"22:30:00.12Z"');
  assert.equal(told('23:30:00-05:30'), '"05:00:00Z"');
  assert.equal(told('10:00:00.000001+00'), '"10:00:00.000001Z"');
  assert.equal(told('24:00:00+00'), undefined);
  const moment = column('string', 'io.debezium.time.ZonedTimestamp');
  const at = (digits: number | undefined): string | undefined =>
    documentText(moment, sqlType('timestamptz', { digits }), '2020-01-02 03:04:05.5+00');
  assert.deepEqual([undefined, 0, 3].map(at), [
    '"2020-01-02T03:04:05.500000Z"',
    '"2020-01-02T03:04:05Z"',
    '"2020-01-02T03:04:05.500Z"',
  ]);
});

test('a column of another form than its records is not told', () => {
  const pairs: readonly (readonly [ColumnSchema, SqlType])[] = [
    [column('string'), sqlType('bytea')],
    [column('string'), sqlType('tstzrange')],
    [column('string'), sqlType('name')],
    [column('int32'), sqlType('date')],
    [column('string', 'io.debezium.time.IsoTimestamp'), sqlType('timestamp')],
    [column('string', 'io.debezium.time.Interval'), sqlType('interval')],
    [column('string', 'io.debezium.data.Enum'), sqlType('text')],
    [column('array'), sqlType('int4', { isArray: true })],
    [column('int32'), sqlType('int4', { isArray: true })],
    [column('struct', 'io.debezium.data.geometry.Geometry'), sqlType('geometry')],
  ];
  for (const [schema, type] of pairs) assert.equal(fromSql(schema, type), undefined, `${schema.type} ${type.name}`);
});

test('arrays are told by their elements, but for those in each other or beginning elsewhere', () => {
  assert.deepEqual(arrayElements(String.raw`{1,NULL,"NULL","a \"b\" \\ c","","x,{y}"}`), [
    ...['1', null, 'NULL', String.raw`a "b" \ c`, '', 'x,{y}'],
  ]);
  assert.deepEqual(arrayElements('{}'), []);
  for (const text of ['{{1,2},{3,4}}', '[0:1]={1,2}', '{1,2', '{1,,2}', '1'])
    assert.equal(arrayElements(text), undefined);
});

test('hstore is told member by member', () => {
  assert.deepEqual(hstoreMembers(String.raw`"a"=>"1", "b \"c\""=>NULL, "d"=>"x, \"y\"=>\\"`), [
    ...[
      ['a', '1'],
      ['b "c"', null],
      ['d', String.raw`x, "y"=>\ `.trimEnd()],
    ],
  ]);
  assert.deepEqual(hstoreMembers(''), []);
  assert.equal(hstoreMembers('"a"=>1'), undefined);
});

test('intervals are told as microseconds, a month as 365.25 / 12 days, as long as a double counts them', () => {
  assert.deepEqual(intervalParts('P1Y2M-3DT-4H5M-6.78S'), { months: 14n, days: -3n, micros: -14106780000n });
  const duration = column('int64', 'io.debezium.time.MicroDuration');
  const told = fromSql(duration, sqlType('interval')) ?? assert.fail();
  assert.equal(told('P1Y2M3DT4H5M6.78S'), '37091106780000');
  assert.equal(told('PT-0.5S'), '-500000');
  assert.equal(told('P-178000Y'), undefined);
});

test('bits are told the least significant byte first', () => {
  const bits = column('bytes', 'io.debezium.data.Bits', { length: '12' });
  assert.equal(
    fromSql(bits, sqlType('varbit'))?.('100000000001'),
    JSON.stringify(Buffer.from([1, 8]).toString('base64')),
  );
});
