/**
 * Avro → the JSON text that Connect's JsonConverter would have written of the same value, and the Connect schema that the Avro
 * schema describes. A schema is compiled once into one function a type, which reads the bytes and puts JSON text; objects
 * in between would cost twice as much, and digits (docs/decisions/0008-schema-registry.md).
 *
 * Format: https://avro.apache.org/docs/1.12.0/specification/#binary-encoding
 */
import { z } from 'zod';
import { defaultOf } from '../model/column-default.ts';
import type { ColumnSchema, ConnectSchema } from '../model/change-event.ts';
import type { OneSchemaReader } from './connect-schema.ts';
import { connectSchemaOf } from './connect-schema.ts';
import type { PrimitiveName, PutValue } from './avro-wire.ts';
import { eachItem, primitiveNames, primitives, readInteger, string } from './avro-wire.ts';
import type { ByteCursor } from './cursor.ts';
import { base64, fail, readWhole } from './cursor.ts';
import type { TakenText } from './json-bytes.ts';
import { createJsonBytes, putAscii, putByte, putUtf8, restart, taken } from './json-bytes.ts';

/** A compiled type: how the text of its values is put, and what column it makes. */
interface Type {
  readonly put: PutValue;
  /** Under the name that the column has where the type is used. */
  readonly column: (name: string) => ColumnSchema;
}

/** An Avro schema as JSON. Attributes that are not known are ignored, as the specification asks. */
type AvroSchema = string | readonly AvroSchema[] | AvroObject;

interface AvroObject {
  readonly type: AvroSchema;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly fields?:
    readonly { readonly name: string; readonly type: AvroSchema; readonly default?: unknown }[] | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly items?: AvroSchema | undefined;
  readonly values?: AvroSchema | undefined;
  readonly size?: number | undefined;
  readonly logicalType?: string | undefined;
  readonly precision?: number | undefined;
  readonly scale?: number | undefined;
  readonly 'connect.name'?: string | undefined;
  readonly 'connect.type'?: string | undefined;
  readonly 'connect.internal.type'?: string | undefined;
  readonly 'connect.parameters'?: Readonly<Record<string, string>> | undefined;
}

const avroSchema: z.ZodType<AvroSchema> = z.lazy(() =>
  z.union([
    z.string(),
    z.array(avroSchema),
    z.looseObject({
      type: avroSchema,
      name: z.string().optional(),
      namespace: z.string().optional(),
      fields: z
        .array(z.looseObject({ name: z.string(), type: avroSchema, default: z.unknown().optional() }))
        .optional(),
      symbols: z.array(z.string()).optional(),
      items: avroSchema.optional(),
      values: avroSchema.optional(),
      size: z.int().min(0).optional(),
      logicalType: z.string().optional().catch(undefined),
      precision: z.int().optional().catch(undefined),
      scale: z.int().optional().catch(undefined),
      'connect.name': z.string().optional().catch(undefined),
      'connect.type': z.string().optional().catch(undefined),
      'connect.internal.type': z.string().optional().catch(undefined),
      'connect.parameters': z.record(z.string(), z.coerce.string()).optional().catch(undefined),
    }),
  ]),
);

/** Reads values of the writer schema `text`; `references` are named schemas that it uses, each after what it uses itself. */
export function createAvroReader(text: string, references: readonly string[] = []): OneSchemaReader | string {
  const named = new Map<string, Type>();
  try {
    for (const reference of references) compile(parse(reference), '', named);
    const root = parse(text);
    const type = compile(root, '', named);
    const schema = schemaOf(root, type);
    const out = createJsonBytes();
    return {
      schema,
      read: (bytes, at) => {
        const value = readWhole<ByteCursor, TakenText>({ bytes, at, depth: 0 }, (cursor) => {
          restart(out);
          type.put(cursor, out);
          return taken(out);
        });
        return value && { ...value, schema };
      },
    };
  } catch (error) {
    if (error instanceof SchemaError) return error.message;
    throw error;
  }
}

/** A schema that cannot be used: thrown where it is found, and caught where reading it began. */
class SchemaError extends Error {}

function parse(text: string): AvroSchema {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // A bare name is a schema too.
    json = text;
  }
  const parsed = avroSchema.safeParse(json);
  if (!parsed.success) throw new SchemaError('it is no Avro schema');
  return parsed.data;
}

function schemaOf(root: AvroSchema, type: Type): ConnectSchema {
  const column = type.column('');
  const isNamed = typeof root === 'object' && 'name' in root && root.name !== undefined;
  const name = column.semantic ?? (isNamed ? fullName(root.name ?? '', root.namespace ?? '') : undefined);
  return connectSchemaOf(column, name);
}

function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

function isPrimitive(name: string): name is PrimitiveName {
  return primitiveNames.some((known) => known === name);
}

/** `namespace` is the one in which names without a dot are looked up. */
function compile(schema: AvroSchema, namespace: string, named: Map<string, Type>): Type {
  if (typeof schema === 'string') {
    if (isPrimitive(schema)) return primitive(schema, {});
    const found = named.get(fullName(schema, namespace)) ?? named.get(schema);
    if (found === undefined) throw new SchemaError(`it refers to "${schema}", which is not there`);
    return found;
  }
  if (!isObject(schema))
    return union(
      schema.map((branch) => compile(branch, namespace, named)),
      schema,
    );
  const { type } = schema;
  if (typeof type !== 'string') return compile(type, namespace, named);
  switch (type) {
    case 'record':
    case 'error':
      return record(schema, namespace, named);
    case 'enum': {
      const texts = (schema.symbols ?? []).map((symbol) => JSON.stringify(symbol));
      const put: PutValue = (cursor, out) => {
        putUtf8(out, texts[readInteger(cursor)] ?? fail());
      };
      return declare(schema, namespace, named, { put, column: columnFor('string', schema) });
    }
    case 'fixed': {
      const size = schema.size ?? 0;
      const put: PutValue = (cursor, out) => {
        putUtf8(out, base64(cursor, size));
      };
      return declare(schema, namespace, named, { put, column: columnFor('bytes', schema) });
    }
    case 'array':
      return array(schema, compile(schema.items ?? 'null', namespace, named));
    case 'map':
      return map(schema, compile(schema.values ?? 'null', namespace, named));
    default:
      return isPrimitive(type) ? primitive(type, schema) : compile(type, namespace, named);
  }
}

function isObject(schema: Exclude<AvroSchema, string>): schema is AvroObject {
  return !Array.isArray(schema);
}

/** Makes a type known under its name. */
function declare(schema: AvroObject, namespace: string, named: Map<string, Type>, type: Type): Type {
  named.set(fullName(schema.name ?? '', schema.namespace ?? namespace), type);
  return type;
}

function record(schema: AvroObject, namespace: string, named: Map<string, Type>): Type {
  const { name = '', fields = [] } = schema;
  const qualified = fullName(name, schema.namespace ?? namespace);
  const inner = qualified.includes('.') ? qualified.slice(0, qualified.lastIndexOf('.')) : '';
  // Known before its fields are compiled, for they may hold it.
  let put: PutValue = fail;
  let depth = 0;
  let columns: readonly ColumnSchema[] | undefined;
  const self: Type = {
    put: (cursor, out) => {
      put(cursor, out);
    },
    column: (as) => {
      // A record inside itself is described once.
      if (columns === undefined && depth === 0) {
        depth += 1;
        columns = types.map((type, position) => {
          const field = fields[position];
          return { ...type.column(field?.name ?? ''), ...defaultOf({ default: field?.default }) };
        });
        depth -= 1;
      }
      return { ...columnFor('struct', schema)(as), ...(columns && { fields: columns }) };
    },
  };
  named.set(qualified, self);
  const types = fields.map((field) => compile(field.type, inner, named));
  const puts = types.map((type) => type.put);
  const isPair = isMapEntry(schema);
  const open = isPair ? '[' : '{';
  const close = isPair ? ']' : '}';
  const tokens = fields.map((field, at) => `${at === 0 ? open : ','}${isPair ? '' : `${JSON.stringify(field.name)}:`}`);
  const putToken = tokens.every((token) => /^[\x20-\x7e]*$/.test(token)) ? putAscii : putUtf8;
  put = (cursor, out) => {
    if (puts.length === 0) putAscii(out, open);
    for (let at = 0; at < puts.length; at += 1) {
      putToken(out, tokens[at] ?? '');
      (puts[at] ?? fail)(cursor, out);
    }
    putAscii(out, close);
  };
  return self;
}

function union(branches: readonly Type[], schemas: readonly AvroSchema[]): Type {
  const puts = branches.map(({ put }) => put);
  const values = branches.filter((_, at) => schemas[at] !== 'null');
  const optional = values.length < branches.length;
  const [only] = values;
  return {
    put: (cursor, out) => {
      (puts[readInteger(cursor)] ?? fail)(cursor, out);
    },
    column: (name) => {
      if (only === undefined) return { name, type: 'string', optional: true };
      // Of several kinds of value none is the column's type.
      return values.length === 1 ? { ...only.column(name), optional } : { name, type: 'struct', optional };
    },
  };
}

const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const openBrace = 0x7b;

/** Connect writes a map whose keys are no strings as an array of entries, and JsonConverter as an array of pairs. */
function isMapEntry(schema: AvroSchema): boolean {
  if (typeof schema === 'string' || !isObject(schema)) return false;
  return schema['connect.internal.type'] === 'MapEntry' || schema.name?.endsWith('MapEntry') === true;
}

function array(schema: AvroObject, items: Type): Type {
  const { put } = items;
  const isMap = schema.items !== undefined && isMapEntry(schema.items);
  const element = items.column('');
  return {
    put: (cursor, out) => {
      let before = openBracket;
      eachItem(cursor, () => {
        putByte(out, before);
        before = comma;
        put(cursor, out);
      });
      putAscii(out, before === comma ? ']' : '[]');
    },
    column: (name) =>
      isMap
        ? { ...columnFor('map', schema)(name), ...mapItems(element) }
        : { ...columnFor('array', schema)(name), items: element },
  };
}

const mapItems = (entry: ColumnSchema): { readonly items?: ColumnSchema } => {
  const value = entry.fields?.find(({ name }) => name === 'value');
  return value === undefined ? {} : { items: value };
};

function map(schema: AvroObject, values: Type): Type {
  const { put } = values;
  return {
    put: (cursor, out) => {
      let before = openBrace;
      eachItem(cursor, () => {
        putByte(out, before);
        before = comma;
        string(cursor, out);
        putByte(out, colon);
        put(cursor, out);
      });
      putAscii(out, before === comma ? '}' : '{}');
    },
    column: (name) => ({ ...columnFor('map', schema)(name), items: values.column('') }),
  };
}

const connectTypes: Readonly<Record<PrimitiveName, string>> = {
  null: 'string',
  boolean: 'boolean',
  int: 'int32',
  long: 'int64',
  float: 'float',
  double: 'double',
  bytes: 'bytes',
  string: 'string',
};

/** What Avro's own logical types are called by Connect and Debezium: for producers that are not Connect. */
const logicalTypes: Readonly<Record<string, string>> = {
  date: 'org.apache.kafka.connect.data.Date',
  'time-millis': 'org.apache.kafka.connect.data.Time',
  'time-micros': 'io.debezium.time.MicroTime',
  'timestamp-millis': 'org.apache.kafka.connect.data.Timestamp',
  'timestamp-micros': 'io.debezium.time.MicroTimestamp',
  'timestamp-nanos': 'io.debezium.time.NanoTimestamp',
  'local-timestamp-millis': 'org.apache.kafka.connect.data.Timestamp',
  'local-timestamp-micros': 'io.debezium.time.MicroTimestamp',
  'local-timestamp-nanos': 'io.debezium.time.NanoTimestamp',
  decimal: 'org.apache.kafka.connect.data.Decimal',
  uuid: 'io.debezium.data.Uuid',
};

function primitive(name: PrimitiveName, schema: Partial<AvroObject>): Type {
  return { put: primitives[name], column: columnFor(connectTypes[name], schema) };
}

function columnFor(type: string, schema: Partial<AvroObject>): (name: string) => ColumnSchema {
  const { logicalType, precision, scale } = schema;
  const semantic = schema['connect.name'] ?? (logicalType === undefined ? undefined : logicalTypes[logicalType]);
  const isBareDecimal = logicalType === 'decimal' && schema['connect.parameters'] === undefined;
  const parameters = isBareDecimal
    ? { scale: String(scale ?? 0), ...(precision !== undefined && { 'connect.decimal.precision': String(precision) }) }
    : schema['connect.parameters'];
  return (name) => ({
    name,
    type: schema['connect.type'] ?? type,
    ...(semantic !== undefined && { semantic }),
    optional: false,
    ...(parameters !== undefined && { parameters }),
  });
}
