/**
 * The .proto files that registries know of themselves, so that schemas import them without a reference: as much of each as it
 * takes to read values. Fields and numbers are those of https://github.com/protocolbuffers/protobuf (google/protobuf),
 * https://github.com/googleapis/googleapis (google/type) and Confluent's registry (confluent).
 */
const wrappers = ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'] as const;

const optionKinds = ['File', 'Message', 'Field', 'Oneof', 'Enum', 'EnumValue', 'Service', 'Method', 'ExtensionRange'];

/** Path → package and messages. */
const bodies: Readonly<Record<string, readonly [name: string, messages: string]>> = {
  'google/protobuf/any.proto': ['google.protobuf', 'message Any { string type_url = 1; bytes value = 2; }'],
  'google/protobuf/descriptor.proto': [
    'google.protobuf',
    // Only what extensions extend: values of options are in the schema, never in a record.
    optionKinds.map((kind) => `message ${kind}Options { extensions 1000 to max; }`).join('\n'),
  ],
  'google/protobuf/duration.proto': ['google.protobuf', 'message Duration { int64 seconds = 1; int32 nanos = 2; }'],
  'google/protobuf/empty.proto': ['google.protobuf', 'message Empty {}'],
  'google/protobuf/field_mask.proto': ['google.protobuf', 'message FieldMask { repeated string paths = 1; }'],
  'google/protobuf/struct.proto': [
    'google.protobuf',
    `message Struct { map<string, Value> fields = 1; }
     message Value { oneof kind { NullValue null_value = 1; double number_value = 2; string string_value = 3;
       bool bool_value = 4; Struct struct_value = 5; ListValue list_value = 6; } }
     enum NullValue { NULL_VALUE = 0; }
     message ListValue { repeated Value values = 1; }`,
  ],
  'google/protobuf/timestamp.proto': ['google.protobuf', 'message Timestamp { int64 seconds = 1; int32 nanos = 2; }'],
  'google/protobuf/wrappers.proto': [
    'google.protobuf',
    wrappers.map((kind) => `message ${kind}Value { ${kind.toLowerCase()} value = 1; }`).join('\n'),
  ],
  'google/type/date.proto': ['google.type', 'message Date { int32 year = 1; int32 month = 2; int32 day = 3; }'],
  'google/type/timeofday.proto': [
    'google.type',
    'message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }',
  ],
  'google/type/latlng.proto': ['google.type', 'message LatLng { double latitude = 1; double longitude = 2; }'],
  'google/type/money.proto': [
    'google.type',
    'message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }',
  ],
  'google/type/decimal.proto': ['google.type', 'message Decimal { string value = 1; }'],
  'confluent/meta.proto': [
    'confluent',
    'message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }',
  ],
  'confluent/type/decimal.proto': [
    'confluent.type',
    'message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }',
  ],
};

/** The text of the file at `path`; undefined if it is not one of those. */
export function wellKnownFile(path: string): string | undefined {
  const body = Object.hasOwn(bodies, path) ? bodies[path] : undefined;
  if (body === undefined) return undefined;
  const [name, messages] = body;
  const syntax = path === 'google/protobuf/descriptor.proto' ? 'proto2' : 'proto3';
  return `syntax = "${syntax}";\npackage ${name};\n${messages}`;
}
