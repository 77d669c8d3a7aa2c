/**
 * Kafka Connect's JSON, with schemas (`{"schema":…,"payload":…}`) and without.
 *
 * A schema is some kilobytes of the same bytes in each record. So the bytes before the payload are remembered with what
 * they were parsed to, and compared; they are neither decoded nor parsed again.
 */
import { isUtf8 } from 'node:buffer';
import { defaultOf } from '../model/column-default.ts';
import type { ColumnSchema, ConnectSchema, Row, RowSchema } from '../model/change-event.ts';
import type { FramedValue } from '../model/frame.ts';
import type { RowReader } from './json-row.ts';
import type { InnerReader, Scanned, Shape } from '../json/scan.ts';
import { oneLine, scanObject, skipSpace, skipValue } from '../json/scan.ts';

/** A value's text and, where the record carries one, its schema. */
export interface Message {
  /** On one line. */
  readonly text: string;
  /** Where the payload starts in `text`, and where it must end. */
  readonly at: number;
  readonly end: number;
  readonly schema: ConnectSchema | undefined;
  /** The payload, if it is an object that was scanned as a whole. */
  readonly object?: Scanned | undefined;
  /** The row in its field `after`, if it was met on the way. */
  readonly after?: Row | undefined;
  /** The bytes of `text`, where each is a character. */
  readonly ascii?: Buffer | undefined;
}

/** Reads keys or values of one topic. */
export interface MessageReader {
  /** What `bytes` say; a sentence if they are no JSON. */
  read(bytes: Buffer): Message | string;
  /** As `read`, of a payload whose schema is known from elsewhere. */
  readText(framed: FramedValue): Message | string;
}

interface Known {
  readonly prefix: Buffer;
  readonly schema: ConnectSchema | undefined;
}

/** Schemas change now and then, and for a while old and new ones alternate. */
const maxKnown = 8;

/** `rows` reads the rows in the field `after` of payloads that are objects of a shape met before. */
export function createMessageReader(rows?: RowReader): MessageReader {
  const known: Known[] = [];
  let wrapperShape: Shape | undefined;
  let payloadShape: Shape | undefined;
  let imageSchema: RowSchema | undefined;
  let after: Row | undefined;
  let inner: InnerReader | undefined;
  let ascii: Buffer | undefined;

  const readAfter = (text: string, at: number): number => {
    const read = rows?.read(text, at, imageSchema, ascii);
    after = read?.row;
    return read?.end ?? -1;
  };

  /** The payload as an object; undefined if it is none, or none that ends where the text ends. */
  const scanPayload = (text: string, schema: ConnectSchema | undefined): Scanned | undefined => {
    after = undefined;
    imageSchema = schema?.image;
    const scanned = scanObject(text, 0, payloadShape, inner);
    if (scanned?.end !== text.length) return undefined;
    if (scanned.shape !== payloadShape) {
      payloadShape = scanned.shape;
      inner = { column: rows === undefined ? -1 : payloadShape.columns.indexOf('after'), read: readAfter };
    }
    return scanned;
  };

  const remembered = (bytes: Buffer): Known | undefined => {
    for (const candidate of known) {
      const { length } = candidate.prefix;
      if (bytes.length > length && candidate.prefix.compare(bytes, 0, length) === 0) return candidate;
    }
    return undefined;
  };

  /** The message of a wrapper of schema and payload; undefined if the object is not that. */
  const unwrap = (text: string, at: number): Message | undefined => {
    const scanned = scanObject(text, at, wrapperShape);
    if (scanned === undefined) return undefined;
    wrapperShape = scanned.shape;
    const { columns } = wrapperShape;
    const schemaColumn = columns.indexOf('schema');
    const payloadColumn = columns.indexOf('payload');
    const isWrapper = payloadColumn !== -1 && columns.length === (schemaColumn === -1 ? 1 : 2);
    if (!isWrapper) return undefined;
    const [start, end] = [scanned.startOf(payloadColumn), scanned.endOf(payloadColumn)];
    if (schemaColumn === -1) {
      // `{"payload":null}` is what a schemaless producer's nothing looks like; else `payload` is a column like any other.
      return text.slice(start, end) === 'null' ? { text, at: start, end, schema: undefined } : undefined;
    }
    const schema = parseSchema(scanned.valueIn(text, schemaColumn));
    return schema === 'no schema' ? undefined : { text, at: start, end, schema };
  };

  /** Where the one value is that the text holds, on one line. */
  const locate = (decoded: string): { text: string; at: number; end: number } | string => {
    const text = oneLine(decoded);
    if (text === undefined) return 'a string in it has a line break';
    const at = skipSpace(text, 0);
    const end = skipValue(text, at);
    if (end === -1) return `it breaks off or is malformed (${decoded.length} characters)`;
    if (skipSpace(text, end) !== text.length) return `something follows its end at character ${end}`;
    return { text, at, end };
  };

  /** Whatever the fast ways do not take: white space, new schemas, what is no object, what is malformed. */
  const readSlowly = (bytes: Buffer, decoded: string): Message | string => {
    const located = locate(decoded);
    if (typeof located === 'string') return located;
    const { text, at, end } = located;
    const message = mayBeWrapper(text, at) ? unwrap(text, at) : undefined;
    if (message === undefined) return { text, at, end, schema: undefined };
    if (text === decoded && message.end === end - 1 && end === text.length && at === 0) {
      const length = Buffer.byteLength(text.slice(0, message.at));
      known.unshift({ prefix: Buffer.from(bytes.subarray(0, length)), schema: message.schema });
      known.splice(maxKnown);
    }
    return message;
  };

  return {
    read: (bytes) => {
      const before = remembered(bytes);
      if (before !== undefined && bytes[bytes.length - 1] === 0x7d) {
        const payload = bytes.subarray(before.prefix.length, -1);
        const text = decode(payload);
        ascii = text?.length === payload.length ? payload : undefined;
        const isOneLine = text !== undefined && oneLine(text) === text;
        const object = isOneLine ? scanPayload(text, before.schema) : undefined;
        if (isOneLine && (object !== undefined || text === 'null')) {
          return { text, at: 0, end: text.length, schema: before.schema, object, after, ascii };
        }
      }
      const text = decode(bytes);
      ascii = text?.length === bytes.length ? bytes : undefined;
      if (text === undefined) return 'it is not UTF-8';
      if (!mayBeWrapper(text, 0) && oneLine(text) === text) {
        const object = scanPayload(text, undefined);
        if (object !== undefined) return { text, at: 0, end: text.length, schema: undefined, object, after, ascii };
      }
      return readSlowly(bytes, text);
    },
    readText: (framed) => {
      const { text, schema } = framed;
      ({ ascii } = framed);
      const object = oneLine(text) === text ? scanPayload(text, schema) : undefined;
      if (object !== undefined) return { text, at: 0, end: text.length, schema, object, after, ascii };
      const located = locate(text);
      return typeof located === 'string' ? located : { ...located, schema };
    },
  };
}

/** Whether an object may be a wrapper: its first field is one of a wrapper's two. */
const wrapperStart = /\{\s*"(?:schema|payload)"/y;

function mayBeWrapper(text: string, at: number): boolean {
  wrapperStart.lastIndex = at;
  return wrapperStart.test(text);
}

/** The text of the bytes; undefined if they are not UTF-8. */
function decode(bytes: Buffer): string | undefined {
  const text = bytes.toString();
  // Decoding puts U+FFFD where bytes are not UTF-8; a text that has one may also have had it from the start.
  return text.includes('\uFFFD') && !isUtf8(bytes) ? undefined : text;
}

/** As Kafka's JsonConverter writes it. */
interface JsonSchema {
  readonly type: string;
  readonly field?: string | null;
  readonly name?: string | null;
  readonly optional?: boolean;
  readonly default?: unknown;
  readonly parameters?: Readonly<Record<string, string>> | null;
  readonly fields?: readonly JsonSchema[] | null;
  readonly items?: JsonSchema | null;
  readonly values?: JsonSchema | null;
}

/** Deeper schemas are nobody's. */
const maxSchemaDepth = 100;

function isParameters(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'string');
}

/** A schema is looked at once, so it is looked at closely: a damaged one must not throw later. */
function isSchema(value: unknown, depth: number): value is JsonSchema {
  if (typeof value !== 'object' || value === null || depth === maxSchemaDepth) return false;
  const { type, field, name, optional, parameters, fields, items, values } = value as Record<string, unknown>;
  const isText = (text: unknown): boolean => text === undefined || text === null || typeof text === 'string';
  const isNested = (schema: unknown): boolean => schema === undefined || schema === null || isSchema(schema, depth + 1);
  return (
    typeof type === 'string' &&
    isText(field) &&
    isText(name) &&
    (optional === undefined || typeof optional === 'boolean') &&
    (parameters === undefined || parameters === null || isParameters(parameters)) &&
    (fields === undefined ||
      fields === null ||
      (Array.isArray(fields) && fields.every((one) => isSchema(one, depth + 1)))) &&
    isNested(items) &&
    isNested(values)
  );
}

function parseSchema(text: string): ConnectSchema | undefined | 'no schema' {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return 'no schema';
  }
  if (parsed === null) return undefined;
  if (!isSchema(parsed, 0)) return 'no schema';
  const fieldOf = (schema: JsonSchema | undefined, name: string) => schema?.fields?.find(({ field }) => field === name);
  const data = fieldOf(parsed, 'data');
  const image = [fieldOf(parsed, 'after'), fieldOf(parsed, 'before'), fieldOf(data, 'after'), fieldOf(data, 'before')];
  return {
    name: parsed.name ?? undefined,
    row: rowSchema(parsed),
    image: rowSchema(image.find((field) => field !== undefined)),
  };
}

function rowSchema(schema: JsonSchema | undefined): RowSchema | undefined {
  if (schema === undefined) return undefined;
  // A key that is no struct is a row of one column without a name.
  const columns = schema.fields?.map(columnSchema) ?? [columnSchema(schema)];
  return { ...(typeof schema.name === 'string' && { name: schema.name }), columns };
}

function columnSchema(schema: JsonSchema): ColumnSchema {
  const items = schema.items ?? schema.values;
  return {
    name: schema.field ?? '',
    type: schema.type,
    ...(typeof schema.name === 'string' && { semantic: schema.name }),
    optional: schema.optional ?? false,
    ...defaultOf(schema),
    ...(schema.parameters && { parameters: schema.parameters }),
    ...(schema.fields && { fields: schema.fields.map(columnSchema) }),
    ...(items && { items: columnSchema(items) }),
  };
}
