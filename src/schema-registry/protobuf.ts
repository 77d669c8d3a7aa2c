/**
 * Protobuf → the JSON text that Connect's JsonConverter would have written of the same value, and the Connect schema that the
 * .proto file describes. A message type is compiled once into a function that reads the bytes and answers JSON text; objects in
 * between would cost more than twice as much (docs/decisions/0008-schema-registry.md).
 *
 * A frame's value begins with the message's place in the file: a list of indexes, from the outermost message to the innermost.
 * https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/#wire-format
 */
import protobuf from 'protobufjs';
import type { Enum, Field, MapField, Type } from 'protobufjs';
import type { ColumnSchema, ConnectSchema } from '../model/change-event.ts';
import type { ProtobufMessage } from '../model/schema-headers.ts';
import type { Reference, SchemaReader } from './connect-schema.ts';
import { connectSchemaOf } from './connect-schema.ts';
import type { Cursor, ReadText } from './cursor.ts';
import { cursorAt, fail, readWhole } from './cursor.ts';
import type { Message, Slot } from './protobuf-message.ts';
import { complete, readEmbedded, readMessage } from './protobuf-message.ts';
import { messagesOf, nameOf, paramsOf, parseProtobuf } from './protobuf-schema.ts';
import { valueTypeOf } from './protobuf-types.ts';
import { int32, scalarOf, sint32, wire } from './protobuf-wire.ts';

type Params = Readonly<Record<string, string>>;

/** How values of one type are read, and what column they make. */
interface Value {
  readonly wire: number;
  /** Reads a value that stands after its tag. */
  readonly read: ReadText;
  /** Where the value is a message. */
  readonly message?: Message;
  /** The text of a value that was not written, where that is not told apart from one that was. */
  readonly zero: string;
  readonly column: () => Unnamed;
}

type Unnamed = Omit<ColumnSchema, 'name' | 'optional'>;

/** A message type. */
interface Struct {
  readonly message: Message;
  readonly column: () => Unnamed;
}

/** A message that frames may hold, and those declared inside of it. */
interface Declared {
  /** Without that of what it is declared in. */
  readonly name: string;
  readonly schema: ConnectSchema;
  readonly message: Message;
  readonly inner: readonly Declared[];
}

/** Message types that were compiled. */
type Compiled = Map<Type, Struct>;

/**
 * Reads values of the file `text`; `references` are the files that it imports, by path, and those that they import. A sentence
 * if the schema cannot be used.
 */
export function createProtobufReader(text: string, references: readonly Reference[] = []): SchemaReader | string {
  const types = parseProtobuf(text, references);
  if (typeof types === 'string') return types;
  const compiled: Compiled = new Map();
  const declared = types.map((type) => declare(type, compiled));
  return {
    read: (bytes, at, named) => {
      let schema: ConnectSchema | undefined;
      const readFramed: ReadText = (cursor) => {
        const found = named === undefined ? find(cursor, declared) : findNamed(named, cursor, declared);
        ({ schema } = found);
        return readMessage(found.message, cursor);
      };
      const value = readWhole(cursorAt(bytes, at), readFramed);
      return value === undefined || schema === undefined ? undefined : { text: value, schema };
    },
  };
}

function declare(type: Type, compiled: Compiled): Declared {
  const { message, column } = structOf(type, {}, compiled);
  return {
    name: type.name,
    schema: connectSchemaOf({ name: '', optional: false, ...column() }, nameOf(type)),
    message,
    inner: messagesOf(type).map((inner) => declare(inner, compiled)),
  };
}

/** The message that a frame's indexes name: how many there are, and each, as zig-zag integers; a bare 0 is the first message. */
function find(cursor: Cursor, declared: readonly Declared[]): Declared {
  const count = sint32(cursor);
  if (count === 0) return declared[0] ?? fail();
  let found: Declared | undefined;
  let among = declared;
  for (let at = 0; at < count; at += 1) {
    found = among[sint32(cursor)] ?? fail();
    among = found.inner;
  }
  return found ?? fail();
}

/** The message that headers name. */
function findNamed(named: ProtobufMessage, cursor: Cursor, declared: readonly Declared[]): Declared {
  if ('indexes' in named) {
    const indexes = cursorAt(named.indexes, 0);
    const found = find(indexes, declared);
    return indexes.at === named.indexes.length ? found : fail();
  }
  const { name } = named;
  // Apicurio's serializer gives the name without package and outer messages.
  if (name !== undefined) return only(among(declared).filter((message) => message.name === name)) ?? fail();
  return findByRef(cursor, declared) ?? only(declared) ?? fail();
}

/**
 * Where no header has the name, Apicurio's deserializers expect it in front of the value: in the first field of a message, after
 * its length. Undefined, and nothing read, if there is none.
 */
function findByRef(cursor: Cursor, declared: readonly Declared[]): Declared | undefined {
  const [length = 0, tag, nameLength = 0] = cursor.bytes.subarray(cursor.at, cursor.at + 3);
  if (tag !== 0x0a || length !== nameLength + 2 || length > 0x7f) return undefined;
  const end = cursor.at + 1 + length;
  const name = cursor.bytes.toString('utf8', cursor.at + 3, end);
  const found = only(among(declared).filter((message) => message.name === name));
  if (found !== undefined) cursor.at = end;
  return found;
}

const among = (declared: readonly Declared[]): readonly Declared[] =>
  declared.flatMap((message) => [message, ...among(message.inner)]);

const only = ([first, ...others]: readonly Declared[]): Declared | undefined =>
  others.length === 0 ? first : undefined;

/** `params` are those of the field that holds the message. */
function structOf(type: Type, params: Params, compiled: Compiled): Struct {
  const value = valueTypeOf(nameOf(type), params);
  const fields = value?.fields.flatMap((name) => type.fields[name] ?? []);
  if (value === undefined || fields?.length !== value.fields.length) return objectOf(type, compiled);
  const message: Message = { layout: undefined };
  const slots = fields.map((field) => slotOf(field, compiled));
  complete(message, slots, (texts) => value.render(...texts));
  return { message, column: () => value.column };
}

function objectOf(type: Type, compiled: Compiled): Struct {
  const known = compiled.get(type);
  if (known !== undefined) return known;
  const message: Message = { layout: undefined };
  let fields: readonly ColumnSchema[] | undefined;
  let isAsked = false;
  const column = (): Unnamed => {
    // A message inside itself is described once.
    if (fields === undefined && !isAsked) {
      isAsked = true;
      fields = slots.map((slot) => slot.column());
    }
    return { type: 'struct', semantic: semanticOf(type), ...(fields && { fields }) };
  };
  const struct: Struct = { message, column };
  // Known before its fields are compiled, for they may hold it.
  compiled.set(type, struct);
  const slots = type.fieldsArray.map((field) => slotOf(field, compiled));
  complete(message, slots);
  return struct;
}

/** Debezium's struct for decimals of no fixed scale: of its name Confluent's converter keeps the last word only. */
function semanticOf(type: Type): string {
  const isDecimal = type.name === 'VariableScaleDecimal' && 'scale' in type.fields && 'value' in type.fields;
  return isDecimal ? 'io.debezium.data.VariableScaleDecimal' : nameOf(type);
}

/** A slot, and the column that it makes. */
interface Column extends Slot {
  readonly column: () => ColumnSchema;
}

function slotOf(field: Field, compiled: Compiled): Column {
  const { name, id: number, required, repeated, hasPresence, partOf } = field;
  const params = paramsOf(field);
  const value = valueOf(field, field.type, params, compiled);
  // The library says it of scalars only.
  const optional = (hasPresence || value.message !== undefined || partOf !== null) && !required;
  const slot = { name, number, wire: value.wire, read: value.read, oneof: partOf ?? undefined };
  if (field instanceof protobuf.MapField) {
    const { entry, asPairs } = entryOf(field, value);
    const column = (): ColumnSchema => ({ name, optional: false, type: 'map', items: elementOf(value) });
    const absent = asPairs ? '[]' : '{}';
    return { ...slot, wire: wire.bytes, kind: 'map', absent, map: { entry, asPairs }, column };
  }
  if (repeated) {
    const column = (): ColumnSchema => ({ name, optional: false, type: 'array', items: elementOf(value) });
    return { ...slot, kind: 'repeated', absent: '[]', column };
  }
  return {
    ...slot,
    message: value.message,
    kind: required ? 'required' : 'one',
    absent: optional ? 'null' : value.zero,
    column: () => ({ name, optional, ...described(value.column(), params) }),
  };
}

const elementOf = (value: Value): ColumnSchema => ({ name: '', optional: false, ...value.column() });

function entryOf(field: MapField, value: Value): { entry: Message; asPairs: boolean } {
  const key = scalarOf(field.keyType) ?? fail();
  const entry: Message = { layout: undefined };
  const part = { kind: 'one' } as const;
  complete(entry, [
    { ...part, name: 'key', number: 1, wire: key.wire, read: key.read, absent: key.zero },
    {
      ...part,
      name: 'value',
      number: 2,
      wire: value.wire,
      read: value.read,
      absent: value.zero,
      message: value.message,
    },
  ]);
  return { entry, asPairs: field.keyType !== 'string' };
}

/** What a field's params add to its column. */
function described(column: Unnamed, params: Params): Unnamed {
  if (column.parameters !== undefined) return column;
  const { 'connect.type': type = column.type, 'connect.name': semantic = column.semantic, ...parameters } = params;
  return {
    ...column,
    type,
    ...(semantic !== undefined && { semantic }),
    ...(Object.keys(parameters).length > 0 && { parameters }),
  };
}

function valueOf({ resolvedType }: Field, type: string, params: Params, compiled: Compiled): Value {
  if (resolvedType instanceof protobuf.Enum) return enumOf(resolvedType);
  if (resolvedType instanceof protobuf.Type) {
    const { message, column } = structOf(resolvedType, params, compiled);
    const read: ReadText = (cursor) => readEmbedded(message, cursor);
    return { wire: wire.bytes, read, message, zero: 'null', column };
  }
  const scalar = scalarOf(type) ?? fail();
  return { ...scalar, column: () => ({ type: scalar.type }) };
}

/** By name; a number that has none, of a newer schema, stays a number, in quotes. */
function enumOf({ values, valuesById }: Enum): Value {
  const names = new Map(Object.entries(valuesById).map(([number, name]) => [Number(number), JSON.stringify(name)]));
  const parameters = { allowed: Object.keys(values).join(',') };
  const [first = 0] = Object.values(values);
  return {
    wire: wire.varint,
    read: (cursor) => {
      const number = int32(cursor);
      return names.get(number) ?? `"${number}"`;
    },
    zero: names.get(first) ?? '"0"',
    column: () => ({ type: 'string', semantic: 'io.debezium.data.Enum', parameters }),
  };
}
