import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainJson } from '../../../src/envelope/extended-json.ts';

test('every type of extended JSON becomes what a person would have written, in strict, canonical and relaxed mode', () => {
  const meanings = [
    ['{"$oid": "5b9b1d2e4f1a2c3d4e5f6071"}', '"5b9b1d2e4f1a2c3d4e5f6071"'],
    ['{"$numberLong": "9223372036854775807"}', '9223372036854775807'],
    ['{"$numberInt": "-42"}', '-42'],
    ['{"$numberDouble": "1.0E10"}', '1.0E10'],
    ['{"$numberDouble": "NaN"}', 'null'],
    ['{"$numberDouble": "-Infinity"}', 'null'],
    ['[NaN,-Infinity, Infinity,1]', '[null,null,null,1]'],
    ['{"$numberDecimal": "0.1234567890123456789012345678901234"}', '"0.1234567890123456789012345678901234"'],
    ['{"$numberDecimal": "NaN"}', 'null'],
    ['{"$date": 1486500577691}', '"2017-02-07T20:49:37.691Z"'],
    ['{"$date": {"$numberLong": "-1"}}', '"1969-12-31T23:59:59.999Z"'],
    ['{"$date": "2017-02-07T20:49:37.691Z"}', '"2017-02-07T20:49:37.691Z"'],
    ['{"$date": "2017-02-07T20:49:37Z"}', '"2017-02-07T20:49:37.000Z"'],
    ['{"$date": "2017-02-30T20:49:99Z"}', '"2017-02-30T20:49:99Z"'],
    ['{"$date": {"$numberLong": "253402300800000"}}', '253402300800000'],
    ['{"$binary": {"base64": "AQID", "subType": "00"}}', '"AQID"'],
    ['{"$binary": "AQID", "$type": "00"}', '"AQID"'],
    ['{"$binary": "EjRWeBI0VngSNFZ4EjRWeA==", "$type": "04"}', '"12345678-1234-5678-1234-567812345678"'],
    ['{"$binary": {"base64": "AQID", "subType": "04"}}', '"AQID"'],
    ['{"$uuid": "12345678-1234-5678-1234-567812345678"}', '"12345678-1234-5678-1234-567812345678"'],
    ['{"$timestamp": {"t": 1565545664, "i": 1}}', '{"t":1565545664,"i":1}'],
    ['{"$regularExpression": {"pattern": "^a\\\\d", "options": "i"}}', '"/^a\\\\d/i"'],
    ['{"$regex": "^a", "$options": ""}', '"/^a/"'],
    ['{"$symbol": "s"}', '"s"'],
    ['{"$code": "f()"}', '"f()"'],
    ['{"$minKey": 1}', 'null'],
    ['{"$maxKey": 1}', 'null'],
    ['{"$undefined": true}', 'null'],
  ] as const;
  for (const [text, plain] of meanings) {
    assert.equal(plainJson(text), plain);
    assert.equal(plainJson(`{ "a": [ ${text} ] , "b": "x y"}`), `{"a":[${plain}],"b":"x y"}`);
  }
});

test('a date is what JavaScript makes of its milliseconds, on every day of four-digit years', () => {
  const moments = [
    0, -1, 86_399_999, 86_400_000, -62_167_219_200_000, 253_402_300_799_999, 951_782_400_000, 1_709_164_800_001,
  ];
  for (const moment of [...moments, ...moments.toReversed()]) {
    assert.equal(plainJson(`{"$date":${moment}}`), JSON.stringify(new Date(moment)));
  }
  assert.equal(plainJson('{"$date":-62167219200001}'), '-62167219200001');
});

test('an object that only resembles a type stays as it is', () => {
  for (const text of [
    '{"$ref":"orders","$id":"7","$db":"shop"}',
    '{"$oid":"a","other":1}',
    '{"$oid":1}',
    '{"$numberLong":"1.5"}',
    '{"$numberLong":5}',
    '{"$date":{"day":1}}',
    '{"$date":true}',
    '{"$binary":"AQID"}',
    '{"$timestamp":{"t":1}}',
    '{"$code":"f()","$scope":{"a":1}}',
    '{"$set":{"a":1}}',
    '{"$oid":"a","$oid":"b"}',
  ]) {
    assert.equal(plainJson(text), text);
  }
  assert.equal(plainJson('{"$ref":"orders","$id":{"$oid":"7"}}'), '{"$ref":"orders","$id":"7"}');
});

test('what is malformed or deeper than MongoDB allows is no value, and never an exception', () => {
  const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  for (const text of [
    '',
    '{',
    '{"a"',
    '{"a":}',
    '{"a":1,}',
    '[1,]',
    '[1 2]',
    '{a:1}',
    '{"$oid"',
    '{"$oid":"a"',
    '1 2',
  ]) {
    assert.equal(plainJson(text), undefined, text);
  }
  assert.equal(plainJson(deep(100_000)), undefined);
  assert.equal(plainJson(`${'{"$date":'.repeat(100_000)}1${'}'.repeat(100_000)}`), undefined);
  assert.equal(plainJson(deep(101)), deep(101));
});
