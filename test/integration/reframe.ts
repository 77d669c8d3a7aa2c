/**
 * Writes a connector's records anew as a converter with a schema registry would have: no such converter for Protobuf or JSON
 * Schema is in a public repository of jars, so the connector writes JSON with schemas into one topic, and this reads it, and
 * writes each record to the topic of its table by the rules of Confluent's ProtobufConverter and JsonSchemaConverter.
 */
import type { Producer } from 'kafkajs';
import { Kafka, logLevel } from 'kafkajs';
import { LosslessNumber, parse, stringify } from 'lossless-json';
import protobuf from 'protobufjs';
import type { Registry } from '../stack/registry.ts';
import { registerSchema } from '../stack/registry.ts';

/** As JsonConverter writes schemas. */
interface ConnectSchema {
  readonly type: string;
  readonly name?: string;
  readonly field?: string;
  readonly optional?: boolean;
  readonly fields?: readonly ConnectSchema[];
  readonly items?: ConnectSchema;
  readonly values?: ConnectSchema;
  readonly parameters?: Readonly<Record<string, string>>;
}

export type Framing = 'JSON' | 'PROTOBUF';

/** The connector's settings with which its records come here. */
export const intoOneTopic = (name: string): Readonly<Record<string, string>> => ({
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  // The types that Confluent's converter has a form for.
  'time.precision.mode': 'connect',
  transforms: 'route',
  'transforms.route.type': 'org.apache.kafka.connect.transforms.RegexRouter',
  'transforms.route.regex': '.*',
  'transforms.route.replacement': oneTopic(name),
});

const oneTopic = (name: string): string => `${name}.all`;

/** Goes on until it is disposed of; one record after the other, so that topics fill in the order of the one topic. */
export async function reframe(
  kafka: string,
  name: string,
  registry: Registry,
  framing: Framing,
): Promise<AsyncDisposable> {
  const client = new Kafka({ clientId: 'reframe', brokers: [kafka], logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: oneTopic(name), numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
  const producer: Producer = client.producer();
  const consumer = client.consumer({ groupId: `${name}-reframe` });
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topic: oneTopic(name), fromBeginning: true });
  const encoders = new Map<string, Promise<(payload: unknown) => Buffer>>();
  const frame = async (subject: string, schema: ConnectSchema, payload: unknown): Promise<Buffer> => {
    const known = `${subject} ${String(stringify(schema))}`;
    const encoder = encoders.get(known) ?? encoderOf(registry, subject, schema, framing);
    encoders.set(known, encoder);
    return (await encoder)(payload);
  };
  await consumer.run({
    eachMessage: async ({ message }) => {
      const key = parse(String(message.key)) as { schema: ConnectSchema; payload: unknown };
      const topic = String(key.schema.name).replace(/\.Key$/, '');
      const value = message.value && (parse(String(message.value)) as typeof key);
      const framed = {
        key: await frame(`${topic}-key`, key.schema, key.payload),
        value: value && (await frame(`${topic}-value`, value.schema, value.payload)),
      };
      await producer.send({ topic, messages: [framed] });
    },
  });
  let ended: Promise<unknown> | undefined;
  return {
    [Symbol.asyncDispose]: async () => {
      ended ??= Promise.all([consumer.disconnect(), producer.disconnect()]);
      await ended;
    },
  };
}

async function encoderOf(
  registry: Registry,
  subject: string,
  schema: ConnectSchema,
  framing: Framing,
): Promise<(payload: unknown) => Buffer> {
  if (framing === 'JSON') {
    const text = JSON.stringify(jsonSchemaOf(schema));
    const id = await registerSchema(registry, { subject, type: 'JSON', text });
    return (payload) => Buffer.concat([head(id), Buffer.from(String(stringify(payload)))]);
  }
  const text = protoFileOf(schema);
  const id = await registerSchema(registry, { subject, type: 'PROTOBUF', text });
  const { root } = protobuf.parse(text, new protobuf.Root(), { keepCase: true });
  addLogicalTypes(root);
  const type = root.lookupType(String(schema.name));
  return (payload) =>
    Buffer.concat([head(id), Buffer.of(0), type.encode(type.fromObject(asObject(valueOf(schema, payload)))).finish()]);
}

function head(id: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(id, 1);
  return bytes;
}

/** JSON Schema by the rules of JsonSchemaConverter. */
function jsonSchemaOf(schema: ConnectSchema, index?: number): Record<string, unknown> {
  const { type, name, parameters, fields = [] } = schema;
  const isDecimal = name === 'org.apache.kafka.connect.data.Decimal';
  const plain: Readonly<Record<string, string>> = { boolean: 'boolean', struct: 'object', string: 'string' };
  const base = type.startsWith('int')
    ? 'integer'
    : (plain[type] ?? (type === 'bytes' && !isDecimal ? 'string' : 'number'));
  const isTold = !['boolean', 'struct', 'string'].includes(type);
  const place = index === undefined ? {} : { 'connect.index': index };
  const told = {
    type: base,
    ...(name !== undefined && { title: name }),
    ...(isTold && { 'connect.type': type === 'double' ? 'float64' : type === 'float' ? 'float32' : type }),
    ...(parameters && { 'connect.parameters': parameters }),
    ...(type === 'struct' && {
      properties: Object.fromEntries(fields.map((field, at) => [field.field ?? '', jsonSchemaOf(field, at)])),
    }),
  };
  return schema.optional === true ? { oneOf: [{ type: 'null' }, told], ...place } : { ...told, ...place };
}

const logical: Readonly<Record<string, { type: string; file: string; value: (text: string) => object }>> = {
  'org.apache.kafka.connect.data.Date': {
    type: 'google.type.Date',
    file: 'google/type/date.proto',
    value: (text) => javaDate(Number(text)),
  },
  'org.apache.kafka.connect.data.Timestamp': {
    type: 'google.protobuf.Timestamp',
    file: 'google/protobuf/timestamp.proto',
    value: (text) => {
      const seconds = Math.floor(Number(text) / 1000);
      return { seconds, nanos: (Number(text) - seconds * 1000) * 1e6 };
    },
  },
  'org.apache.kafka.connect.data.Decimal': {
    type: 'confluent.type.Decimal',
    file: 'confluent/type/decimal.proto',
    value: (text) => ({ value: Buffer.from(text, 'base64') }),
  },
};

/** The messages of the files above, inside of the packages that protobufjs is to find them in. */
function addLogicalTypes(root: protobuf.Root): void {
  const files = [
    'syntax = "proto3"; package google.type; message Date { int32 year = 1; int32 month = 2; int32 day = 3; }',
    'syntax = "proto3"; package google.protobuf; message Timestamp { int64 seconds = 1; int32 nanos = 2; }',
    'syntax = "proto3"; package confluent.type; message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }',
  ];
  for (const file of files) protobuf.parse(file, root, { keepCase: true });
}

/** A .proto file by the rules of ProtobufConverter, with `optional.for.nullables`. */
function protoFileOf(schema: ConnectSchema): string {
  const imports = new Set<string>();
  const name = String(schema.name);
  const dot = name.lastIndexOf('.');
  const message = messageOf(name.slice(dot + 1), schema, imports);
  const lines = [...imports].map((file) => `import "${file}";`);
  return ['syntax = "proto3";', `package ${name.slice(0, dot)};`, ...lines, message].join('\n');
}

function messageOf(name: string, { fields = [] }: ConnectSchema, imports: Set<string>): string {
  const inner = new Map<string, string>();
  const lines = fields.map((field, at) => {
    const known = logical[field.name ?? ''];
    const label = field.optional === true ? 'optional ' : '';
    if (known !== undefined) {
      imports.add(known.file);
      const { scale, 'connect.decimal.precision': precision } = field.parameters ?? {};
      const params = Object.entries({ precision, scale }).filter(([, value]) => value !== undefined);
      const written = params.map(([key, value]) => `{ key: "${key}", value: "${value}" }`).join(', ');
      if (written !== '') imports.add('confluent/meta.proto');
      const meta = written === '' ? '' : ` [(confluent.field_meta) = { params: [${written}] }]`;
      return `${label}${known.type} ${field.field} = ${at + 1}${meta};`;
    }
    if (field.type !== 'struct') {
      const isNarrow = field.type === 'int8' || field.type === 'int16';
      if (isNarrow) imports.add('confluent/meta.proto');
      const type = isNarrow ? 'int32' : field.type === 'boolean' ? 'bool' : field.type;
      const meta = isNarrow
        ? ` [(confluent.field_meta) = { params: [{ key: "connect.type", value: "${field.type}" }] }]`
        : '';
      return `${label}${type} ${field.field} = ${at + 1}${meta};`;
    }
    const type = String(field.name).split('.').at(-1) ?? '';
    inner.set(type, messageOf(type, field, imports));
    return `${label}${type} ${field.field} = ${at + 1};`;
  });
  return `message ${name} {\n${[...lines, ...inner.values()].join('\n')}\n}`;
}

/** As protobufjs takes it; what is null is left out. */
function valueOf(schema: ConnectSchema, payload: unknown): unknown {
  if (payload === null || payload === undefined) return undefined;
  const known = logical[schema.name ?? ''];
  if (known !== undefined) {
    const { scale } = schema.parameters ?? {};
    return { ...known.value(textOf(payload)), ...(scale !== undefined && { scale: Number(scale) }) };
  }
  if (schema.type === 'struct') {
    const row = asObject(payload);
    const entries = (schema.fields ?? []).map(
      (field) => [field.field, valueOf(field, row[field.field ?? ''])] as const,
    );
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }
  if (payload instanceof LosslessNumber) return schema.type === 'int64' ? payload.value : Number(payload.value);
  return schema.type === 'bytes' ? Buffer.from(textOf(payload), 'base64') : payload;
}

function textOf(payload: unknown): string {
  if (payload instanceof LosslessNumber) return payload.value;
  if (typeof payload !== 'string') throw new Error('It is neither a number nor a text.');
  return payload;
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new Error('A struct is an object.');
  return value as Record<string, unknown>;
}

/** Java's calendar: the Julian one before 15 October 1582 (algorithm: E. G. Richards, Mapping Time). */
function javaDate(days: number): { year: number; month: number; day: number } {
  if (days >= -141_427) {
    const date = new Date(days * 86_400_000);
    return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
  }
  const c = days + 2_440_588 + 32_082;
  const d = Math.floor((4 * c + 3) / 1461);
  const e = c - Math.floor((1461 * d) / 4);
  const m = Math.floor((5 * e + 2) / 153);
  const later = Math.floor(m / 10);
  return { day: e - Math.floor((153 * m + 2) / 5) + 1, month: m + 3 - 12 * later, year: d - 4800 + later };
}
