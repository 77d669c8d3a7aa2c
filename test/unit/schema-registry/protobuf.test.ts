import assert from 'node:assert/strict';
import { test } from 'node:test';
import protobuf from 'protobufjs';
import { createProtobufReader } from '../../../src/schema-registry/protobuf.ts';

/** As Confluent's converter registers Debezium's envelope. */
const envelope = `
  syntax = "proto3";
  package shop.inventory.customers;
  import "confluent/meta.proto";
  import "confluent/type/decimal.proto";
  import "google/protobuf/timestamp.proto";
  import "google/protobuf/wrappers.proto";
  import "google/type/date.proto";
  import "google/type/timeofday.proto";
  message Envelope {
    Value before = 1;
    Value after = 2;
    string op = 3;
    message Value {
      int32 id = 1;
      int32 small = 2 [(confluent.field_meta) = { params: [{ key: "connect.type", value: "int16" }] }];
      optional string email = 3;
      google.protobuf.Int64Value seen = 4;
      confluent.type.Decimal price = 5 [(confluent.field_meta) = {
        params: [{ key: "scale", value: "2" }, { key: "precision", value: "10" }]
      }];
      google.protobuf.Timestamp created = 6;
      google.type.Date born = 7;
      google.type.TimeOfDay wakes = 8;
      repeated string tags = 9;
      map<string, int64> counts = 10;
      Level level = 11;
      enum Level { LOW = 0; HIGH = 5; }
    }
  }`;

function readerOf(text: string, references: readonly { name: string; text: string }[] = []) {
  const reader = createProtobufReader(text, references);
  assert.ok(typeof reader !== 'string', 'the schema can be used');
  return reader;
}

const bytesOf = (...parts: readonly (number | string | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part))));

/** What is read of one message of the file, written as bytes; the first message unless `indexes` says otherwise. */
function read(text: string, body: Uint8Array, indexes: readonly number[] = [0]): string | undefined {
  return readerOf(text).read(bytesOf(...indexes, body), 0)?.text;
}

const proto = (fields: string): string => `syntax = "proto3"; message M { ${fields} }`;

test('an envelope’s schema tells of its rows what their columns mean', () => {
  const schema = readerOf(envelope).read(Buffer.of(0), 0)?.schema;
  assert.equal(schema?.name, 'shop.inventory.customers.Envelope');
  assert.deepEqual(schema.image?.columns, [
    { name: 'id', type: 'int32', optional: false },
    { name: 'small', type: 'int16', optional: false },
    { name: 'email', type: 'string', optional: true },
    { name: 'seen', type: 'int64', optional: true },
    {
      name: 'price',
      type: 'bytes',
      semantic: 'org.apache.kafka.connect.data.Decimal',
      optional: true,
      parameters: { scale: '2', 'connect.decimal.precision': '10' },
    },
    { name: 'created', type: 'string', semantic: 'io.debezium.time.ZonedTimestamp', optional: true },
    { name: 'born', type: 'int32', semantic: 'org.apache.kafka.connect.data.Date', optional: true },
    { name: 'wakes', type: 'string', semantic: 'io.debezium.time.IsoTime', optional: true },
    { name: 'tags', type: 'array', optional: false, items: { name: '', type: 'string', optional: false } },
    { name: 'counts', type: 'map', optional: false, items: { name: '', type: 'int64', optional: false } },
    {
      name: 'level',
      type: 'string',
      semantic: 'io.debezium.data.Enum',
      optional: false,
      parameters: { allowed: 'LOW,HIGH' },
    },
  ]);
});

test('what is not there is null where that is told apart, and the type’s zero where it is not', () => {
  assert.equal(read(envelope, Buffer.of()), '{"before":null,"after":null,"op":""}');
  assert.equal(
    read(envelope, Buffer.of(18, 0)),
    '{"before":null,"after":{"id":0,"small":0,"email":null,"seen":null,"price":null,"created":null,"born":null,' +
      '"wakes":null,"tags":[],"counts":{},"level":"LOW"},"op":""}',
  );
});

test('a frame’s indexes name the message: by its place in the file, and inside of others', () => {
  const file = `syntax = "proto3"; package a;
    enum E { X = 0; }
    message First { map<string, First> m = 1; message Inner { bool i = 1; } message Other { bool o = 1; } }
    message Second { bool s = 1; }`;
  const nameAt = (...indexes: number[]) => readerOf(file).read(Buffer.from(indexes), 0)?.schema.name;
  assert.equal(nameAt(0), 'a.First');
  assert.equal(nameAt(2, 0), 'a.First');
  assert.equal(nameAt(2, 2), 'a.Second');
  assert.equal(nameAt(4, 0, 0), 'a.First.Inner');
  assert.equal(nameAt(4, 0, 2), 'a.First.Other');
  for (const wrong of [[], [2], [2, 4], [4, 0, 4], [4, 2, 0], [1], [3], [0xff, 0xff]]) {
    assert.equal(nameAt(...wrong), undefined, String(wrong));
  }
});

test('messages that are one value become that value, with all its digits', () => {
  const one = (type: string, body: string | number[], options = ''): string | undefined => {
    const file = `syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
      import "google/type/date.proto"; import "google/type/timeofday.proto"; import "confluent/type/decimal.proto";
      message M { ${type} v = 1${options}; }`;
    return read(file, bytesOf(10, body.length, Buffer.from(body)));
  };
  assert.equal(one('google.protobuf.StringValue', [10, 1, 0x61]), '{"v":"a"}');
  assert.equal(one('google.protobuf.Int64Value', []), '{"v":0}');
  assert.equal(one('google.protobuf.Timestamp', [8, 1, 16, 0xc0, 0x84, 0x3d]), '{"v":"1970-01-01T00:00:01.001Z"}');
  assert.equal(one('google.protobuf.Timestamp', [8, 1, 16, 1]), '{"v":"1970-01-01T00:00:01.000000001Z"}');
  assert.equal(one('google.type.TimeOfDay', [8, 23, 16, 5]), '{"v":"23:05:00.000"}');
  assert.equal(one('google.type.TimeOfDay', [8, 25]), undefined);
  const scale = ' [(confluent.field_meta).params = { key: "scale", value: "2" }]';
  assert.equal(one('confluent.type.Decimal', [10, 2, 4, 210, 24, 2], scale), '{"v":"BNI="}');
  assert.equal(one('confluent.type.Decimal', [10, 1, 0x85, 24, 1], scale), '{"v":"+zI="}', '−12.3 is −12.30');
  assert.equal(one('confluent.type.Decimal', [10, 2, 4, 211, 24, 3], scale), undefined, 'a digit too many');
  assert.equal(one('confluent.type.Decimal', [], scale), '{"v":"AA=="}');
  assert.equal(one('confluent.type.Decimal', [10, 1, 5, 24, 3]), '{"v":{"scale":3,"value":"BQ=="}}');
});

test('dates are those of Java’s calendar, by which Confluent’s converter wrote them', () => {
  const type = protobuf.parse('syntax = "proto3"; message D { int32 year = 1; int32 month = 2; int32 day = 3; }').root;
  const file = 'syntax = "proto3"; import "google/type/date.proto"; message M { google.type.Date v = 1; }';
  const days = (year: number, month: number, day: number): string | undefined => {
    const body = type.lookupType('D').encode({ year, month, day }).finish();
    return read(file, bytesOf(10, body.length, body));
  };
  // Made by java.util.GregorianCalendar.
  for (const [count, year, month, day] of [
    [-719162, 1, 1, 3],
    [-682946, 100, 2, 29],
    [-682945, 100, 3, 1],
    [-650000, 190, 5, 13],
    [-354285, 999, 12, 27],
    [-171596, 1500, 2, 29],
    [-141428, 1582, 10, 4],
    [-141427, 1582, 10, 15],
    [0, 1970, 1, 1],
    [10957, 2000, 1, 1],
    [2932896, 9999, 12, 31],
  ] as const) {
    assert.equal(days(year, month, day), `{"v":${count}}`, `${year}-${month}-${day}`);
  }
  for (const [year, month, day] of [
    [0, 1, 1],
    [2024, 0, 0],
    [2023, 2, 29],
    [1700, 2, 29],
    [2024, 13, 1],
  ] as const) {
    assert.equal(days(year, month, day), undefined, `${year}-${month}-${day}`);
  }
});

test('the last value counts, embedded messages are merged, and members of a oneof replace each other', () => {
  assert.equal(read(proto('int32 a = 1;'), Buffer.of(8, 1, 8, 2)), '{"a":2}');
  const inner = 'M m = 1; int32 a = 2; repeated int32 r = 3;';
  assert.equal(
    read(proto(inner), Buffer.of(10, 4, 16, 1, 24, 7, 10, 2, 24, 8, 10, 2, 16, 9)),
    '{"m":{"m":null,"a":9,"r":[7,8]},"a":0,"r":[]}',
  );
  const oneof = 'oneof o { int32 a = 1; string b = 2; M m = 3; } int32 c = 4;';
  assert.equal(read(proto(oneof), Buffer.of()), '{"a":null,"b":null,"m":null,"c":0}');
  assert.equal(read(proto(oneof), Buffer.of(18, 1, 0x62, 8, 0)), '{"a":0,"b":null,"m":null,"c":0}');
  assert.equal(
    read(proto(oneof), Buffer.of(26, 2, 8, 1, 8, 5, 26, 2, 32, 3)),
    '{"a":null,"b":null,"m":{"a":null,"b":null,"m":null,"c":3},"c":0}',
    'a rival in between ends what it was',
  );
});

test('maps keep one value a key, and are pairs where keys are no strings', () => {
  const entry = (key: number[], value: number[]): number[] => [10, key.length + value.length, ...key, ...value];
  const twice = Buffer.from([
    ...entry([10, 1, 0x61], [16, 1]),
    ...entry([10, 1, 0x62], []),
    ...entry([10, 1, 0x61], [16, 2]),
  ]);
  assert.equal(read(proto('map<string, int32> m = 1;'), twice), '{"m":{"a":2,"b":0}}');
  assert.equal(read(proto('map<int32, bool> m = 1;'), Buffer.from(entry([8, 7], [16, 1]))), '{"m":[[7,true]]}');
  assert.equal(read(proto('map<bool, M> m = 1;'), Buffer.from(entry([], []))), '{"m":[[false,{"m":[]}]]}');
});

test('fields of a newer schema are passed by, and an older one’s are absent', () => {
  const older = proto('int32 a = 1;');
  const newer = proto('int32 a = 1; string b = 2; fixed64 c = 3; fixed32 d = 4; M m = 5;');
  const body = bytesOf(8, 1, 18, 1, 'x', 25, Buffer.alloc(8), 37, Buffer.alloc(4), 42, 2, 8, 3, 51, 8, 1, 52);
  assert.equal(read(older, body), '{"a":1}');
  assert.equal(read(newer, Buffer.of(8, 1)), '{"a":1,"b":"","c":0,"d":0,"m":null}');
  assert.equal(read(older, bytesOf(10, 1, 0x61)), '{"a":0}', 'of another kind than the schema says');
});

test('unknown numbers of an enum, and unsigned integers of 64 bits, keep their digits', () => {
  const file = 'syntax = "proto3"; message M { E e = 1; uint64 u = 2; sint64 s = 3; } enum E { A = 0; B = 1; }';
  const max = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
  assert.equal(
    read(file, Buffer.from([8, 7, 16, ...max, 24, ...max])),
    '{"e":"7","u":18446744073709551615,"s":-9223372036854775808}',
  );
});

test('proto2: what is optional is null, what is required must be there', () => {
  const file = 'syntax = "proto2"; message M { required int32 a = 1; optional int32 b = 2 [default = 5]; }';
  assert.equal(read(file, Buffer.of(8, 1)), '{"a":1,"b":null}');
  assert.equal(read(file, Buffer.of()), undefined);
});

test('imports are found among the references, and of theirs, and files that registries know are there', () => {
  const main = `syntax = "proto3"; package a; import "b/order.proto"; import "google/protobuf/struct.proto";
    message M { b.Order order = 1; google.protobuf.Value any = 2; }`;
  const references = [
    { name: 'c/line.proto', text: 'syntax = "proto3"; package a; message Line { int32 n = 1; }' },
    {
      name: 'b/order.proto',
      text: `syntax = "proto3"; package b; import "c/line.proto"; import "google/protobuf/descriptor.proto";
        extend google.protobuf.FieldOptions { string note = 50001; }
        message Order { repeated a.Line lines = 1 [(note) = "x"]; }`,
    },
  ];
  const reader = readerOf(main, references);
  const text =
    '{"order":{"lines":[{"n":1}]},"any":{"null_value":null,"number_value":null,"string_value":null,"bool_value":true,"struct_value":null,"list_value":null}}';
  const found = reader.read(Buffer.of(0, 10, 4, 10, 2, 8, 1, 18, 2, 32, 1), 0);
  assert.equal(found?.text, text);
  assert.equal(
    found.schema.name,
    'a.M',
    'messages of a reference are not counted, though they are of the same package',
  );
});

test('a schema that cannot be used is a sentence', () => {
  const sentence = (text: string): string => {
    const reader = createProtobufReader(text);
    return typeof reader === 'string' ? reader : 'none';
  };
  assert.match(sentence('no proto'), /^it is no Protobuf schema that makes sense/);
  assert.match(sentence(proto('no.such.Type t = 1;')), /no\.such\.Type/);
  assert.match(sentence('syntax = "proto2"; message M { optional group G = 1 { optional int32 a = 1; } }'), /group/);
});

test('messages inside themselves are read a hundred deep, and no deeper', () => {
  const nested = (depth: number): Buffer => {
    let body = Buffer.of();
    for (let at = 0; at < depth; at += 1) {
      const writer = protobuf.Writer.create();
      body = Buffer.from(writer.uint32(10).bytes(body).finish());
    }
    return body;
  };
  assert.ok(read(proto('M m = 1;'), nested(100)) !== undefined);
  assert.equal(read(proto('M m = 1;'), nested(101)), undefined);
  assert.equal(read(proto('int32 a = 1;'), Buffer.alloc(100_000, 0x1b)), undefined, 'groups in groups');
});

test('embedded messages that come very often, and in pieces on every level, are read in a moment', () => {
  const started = performance.now();
  const often = Buffer.alloc(400_000, Buffer.from([10, 2, 16, 1]));
  assert.equal(read(proto('M m = 1; int32 a = 2;'), often), '{"m":{"m":null,"a":1},"a":0}');
  let body = Buffer.of(16, 1);
  for (let depth = 0; depth < 90; depth += 1) {
    const writer = protobuf.Writer.create();
    body = Buffer.from(writer.uint32(10).bytes(body).uint32(10).bytes(Buffer.of()).finish());
  }
  assert.match(read(proto('M m = 1; int32 a = 2;'), body) ?? '', /"a":1\},"a":0/);
  assert.ok(performance.now() - started < 2000);
});
