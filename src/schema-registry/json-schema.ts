/**
 * JSON Schema as Connect's JsonSchemaConverter registers it: the value is JSON already, the schema tells what its columns are
 * (`connect.type`, `connect.index`, `connect.parameters`; a semantic type's name is the `title`).
 */
import { z } from 'zod';
import type { ColumnSchema } from '../model/change-event.ts';
import type { OneSchemaReader, Reference } from './connect-schema.ts';
import { defaultOf } from '../model/column-default.ts';
import { connectSchemaOf } from './connect-schema.ts';

/** One schema in a document. What is not as it should be says nothing: the value is told by itself. */
const node = z.looseObject({
  type: z
    .union([z.string().transform((type) => [type]), z.array(z.string())])
    .optional()
    .catch(undefined),
  title: z.string().optional().catch(undefined),
  format: z.string().optional().catch(undefined),
  properties: z.record(z.string(), z.unknown()).optional().catch(undefined),
  default: z.unknown().optional(),
  items: z.unknown().optional(),
  additionalProperties: z.unknown().optional(),
  oneOf: z.array(z.unknown()).optional().catch(undefined),
  anyOf: z.array(z.unknown()).optional().catch(undefined),
  $ref: z.string().optional().catch(undefined),
  'connect.type': z.string().optional().catch(undefined),
  'connect.index': z.number().optional().catch(undefined),
  'connect.parameters': z.record(z.string(), z.coerce.string()).optional().catch(undefined),
});

type Node = z.output<typeof node>;

/** A document, and the others that it may refer to, by name. */
interface Document {
  readonly json: unknown;
  readonly named: ReadonlyMap<string, unknown>;
}

/** What was seen of the document so far. */
interface Walk {
  /** The schemas that the one at hand is inside of: one that holds itself is described once. */
  readonly open: Set<unknown>;
  /** How many columns may still be described, for references make many of few. */
  left: number;
}

/** More than any table has. */
const maxColumns = 20_000;

/** A longer chain of references goes in circles. */
const maxSteps = 64;

/** `references` are the documents that it refers to by name. A sentence if the schema cannot be used. */
export function createJsonSchemaReader(text: string, references: readonly Reference[]): OneSchemaReader | string {
  let document: Document;
  try {
    const named = new Map(references.map((reference) => [reference.name, JSON.parse(reference.text) as unknown]));
    document = { json: JSON.parse(text), named };
  } catch {
    return 'it is no JSON';
  }
  const schema = connectSchemaOf(columnOf('', document.json, document, { open: new Set(), left: maxColumns }).column);
  return {
    schema,
    // Bytes that are no UTF-8 or no JSON are found by the reader of the text, as in any JSON value.
    read: (bytes, at) => ({ text: bytes.toString('utf8', at), schema }),
  };
}

const connectTypes: Readonly<Record<string, string>> = {
  integer: 'int64',
  number: 'double',
  boolean: 'boolean',
  string: 'string',
  array: 'array',
  object: 'struct',
};

/** What JSON Schema's own formats are called by Debezium: for producers that are not Connect. */
const formats: Readonly<Record<string, string>> = {
  'date-time': 'io.debezium.time.ZonedTimestamp',
  date: 'io.debezium.time.IsoDate',
  uuid: 'io.debezium.data.Uuid',
};

/** A column, and where it stands among its neighbours. */
interface Placed {
  readonly column: ColumnSchema;
  readonly index: number;
}

function columnOf(name: string, json: unknown, given: Document, walk: Walk): Placed {
  const { schema, at, document, optional, index } = resolved(json, given);
  const { type: types = [], title, format, properties, items, additionalProperties } = schema;
  const base = types.find((type) => type !== 'null') ?? (properties === undefined ? 'string' : 'object');
  const semantic = title ?? (format === undefined ? undefined : formats[format]);
  const parameters = schema['connect.parameters'];
  const isDescribed = walk.open.has(at) || walk.left <= 0;
  walk.left -= 1;
  const inside = (field: string, of: unknown): Placed => columnOf(field, of, document, walk);
  const element = isObject(items) ? items : isObject(additionalProperties) ? additionalProperties : undefined;
  walk.open.add(at);
  const fields = isDescribed ? undefined : properties && Object.entries(properties).map((entry) => inside(...entry));
  const of = isDescribed || element === undefined ? undefined : inside('', element).column;
  if (!isDescribed) walk.open.delete(at);
  return {
    index,
    column: {
      name,
      type: schema['connect.type'] ?? connectTypes[base] ?? 'string',
      ...(semantic !== undefined && { semantic }),
      optional: optional || types.includes('null'),
      ...defaultOf({ default: schema.default ?? (isObject(json) ? json['default'] : undefined) }),
      ...(parameters && { parameters }),
      ...(fields && { fields: fields.sort((a, b) => a.index - b.index).map(({ column }) => column) }),
      ...(of && { items: of }),
    },
  };
}

function isObject(json: unknown): json is Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

const nodeOf = (json: unknown): Node => node.parse(isObject(json) ? json : {});

function isNull(json: unknown): boolean {
  const { type } = nodeOf(json);
  return type?.length === 1 && type[0] === 'null';
}

/** Follows references, and takes the one alternative of an optional value that is not null. */
function resolved(
  json: unknown,
  given: Document,
): { schema: Node; at: unknown; document: Document; optional: boolean; index: number } {
  let at = json;
  let schema = nodeOf(at);
  let document = given;
  let optional = false;
  let index = schema['connect.index'];
  for (let step = 0; step < maxSteps; step += 1) {
    const alternatives = schema.oneOf ?? schema.anyOf;
    const target = schema.$ref === undefined ? undefined : targetOf(schema.$ref, document);
    const next = target === undefined ? alternatives?.find((alternative) => !isNull(alternative)) : target.json;
    if (next === undefined) break;
    if (target !== undefined) ({ document } = target);
    optional ||= alternatives?.some(isNull) === true;
    at = next;
    schema = nodeOf(at);
    index ??= schema['connect.index'];
  }
  return { schema, at, document, optional, index: index ?? 0 };
}

/** What `ref` names, in the document or another one; undefined if it is not there. */
function targetOf(ref: string, document: Document): { json: unknown; document: Document } | undefined {
  const [name = '', pointer = ''] = ref.split('#', 2);
  const json = name === '' ? document.json : otherDocument(name, document);
  const target = json === undefined ? undefined : inside(json, pointer);
  return target === undefined ? undefined : { json: target, document: { ...document, json } };
}

/** By its name as it was registered, or as it is beside the document's own `$id`. */
function otherDocument(name: string, { json, named }: Document): unknown {
  const id = isObject(json) ? json['$id'] : undefined;
  const beside = typeof id === 'string' && URL.canParse(name, id) ? new URL(name, id).href : name;
  const isIt = (other: unknown): boolean => isObject(other) && (other['$id'] === name || other['$id'] === beside);
  return named.get(name) ?? named.get(beside) ?? [...named.values()].find(isIt);
}

/** JSON Pointer (RFC 6901), as the fragment of a URL. */
function inside(json: unknown, pointer: string): unknown {
  if (pointer === '') return json;
  let at = json;
  for (const part of pointer.split('/').slice(1)) {
    const name = unescaped(part);
    at = (isObject(at) || Array.isArray(at)) && Object.hasOwn(at, name) ? Reflect.get(at, name) : undefined;
  }
  return at === json ? undefined : at;
}

function unescaped(part: string): string {
  let text = part;
  try {
    text = decodeURIComponent(part);
  } catch {
    // A percent sign that escapes nothing is one.
  }
  return text.replaceAll('~1', '/').replaceAll('~0', '~');
}
