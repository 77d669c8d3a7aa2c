/**
 * JSON Schema as Connect's JsonSchemaConverter registers it: the value is JSON already, the schema tells what its columns are
 * (`connect.type`, `connect.index`, `connect.parameters`; a semantic type's name is the `title`).
 */
import type { ColumnSchema } from '../model/change-event.ts';
import type { SchemaReader } from './connect-schema.ts';
import { connectSchemaOf } from './connect-schema.ts';

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly $ref?: string;
  readonly 'connect.type'?: string;
  readonly 'connect.index'?: number;
  readonly 'connect.parameters'?: Readonly<Record<string, string>>;
}

/** Deeper than any table. */
const maxDepth = 64;

/** `references` are the schemas that it refers to by name. A sentence if the schema cannot be used. */
export function createJsonSchemaReader(
  text: string,
  references: readonly { readonly name: string; readonly text: string }[],
): SchemaReader | string {
  let root: JsonSchema;
  let named: ReadonlyMap<string, JsonSchema>;
  try {
    root = JSON.parse(text) as JsonSchema;
    named = new Map(references.map((reference) => [reference.name, JSON.parse(reference.text) as JsonSchema]));
  } catch {
    return 'it is no JSON';
  }
  const schema = connectSchemaOf(columnOf('', root, named, 0));
  return {
    schema,
    // Bytes that are no UTF-8 or no JSON are found by the reader of the text, as in any JSON value.
    read: (bytes, at) => bytes.toString('utf8', at),
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

function columnOf(
  name: string,
  given: JsonSchema,
  named: ReadonlyMap<string, JsonSchema>,
  depth: number,
): ColumnSchema {
  const { schema, optional } = resolved(given, named);
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  const base = types.find((type) => type !== 'null') ?? 'string';
  const type = schema['connect.type'] ?? connectTypes[base] ?? 'string';
  const { title, properties, items, additionalProperties } = schema;
  const isDeep = depth > maxDepth;
  const fields = Object.entries(properties ?? {}).sort(
    ([, a], [, b]) => (a['connect.index'] ?? 0) - (b['connect.index'] ?? 0),
  );
  const element = items ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
  return {
    name,
    type,
    ...(title !== undefined && { semantic: title }),
    optional: optional || types.includes('null'),
    ...(schema['connect.parameters'] && { parameters: schema['connect.parameters'] }),
    ...(properties !== undefined &&
      !isDeep && { fields: fields.map(([field, of]) => columnOf(field, of, named, depth + 1)) }),
    ...(element !== undefined && !isDeep && { items: columnOf('', element, named, depth + 1) }),
  };
}

/** Follows a reference, and takes the one alternative of an optional value that is not null. */
function resolved(
  given: JsonSchema,
  named: ReadonlyMap<string, JsonSchema>,
): { schema: JsonSchema; optional: boolean } {
  let schema = given;
  let optional = false;
  for (let step = 0; step < maxDepth; step += 1) {
    const alternatives = schema.oneOf ?? schema.anyOf;
    const next =
      schema.$ref === undefined
        ? alternatives?.find(({ type }) => type !== 'null')
        : (named.get(schema.$ref) ?? named.get(schema.$ref.replace(/^#\//, '')));
    if (next === undefined) break;
    optional ||= alternatives?.some(({ type }) => type === 'null') === true;
    schema = next;
  }
  return { schema, optional };
}
