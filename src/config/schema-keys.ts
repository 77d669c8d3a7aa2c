/**
 * What a schema's JSON Schema tells about its keys.
 */
import { z } from 'zod';
import type { Path } from './problem.ts';

/** A JSON Schema, as far as it is looked at here. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** The JSON Schema of what a user writes, before defaults. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input' }) as JsonSchema;
}

/** The keys that may stand in the object at a path. */
export function keysAt(schema: JsonSchema, path: Path): readonly string[] {
  let at: JsonSchema | undefined = schema;
  for (const part of path) {
    const others: JsonSchema['additionalProperties'] = at?.additionalProperties;
    at = at?.properties?.[part] ?? (typeof others === 'object' ? others : at?.items);
  }
  return Object.keys(at?.properties ?? {});
}

/** A key that holds a value and no further keys. */
export interface Leaf {
  readonly path: readonly string[];
  readonly schema: JsonSchema;
  readonly required: boolean;
}

/** All leaves, in the order of the schema. */
export function leavesOf(schema: JsonSchema, path: readonly string[] = [], required = true): readonly Leaf[] {
  if (schema.properties === undefined) return [{ path, schema, required }];
  return Object.entries(schema.properties).flatMap(([name, child]) =>
    leavesOf(child, [...path, name], required && (schema.required ?? []).includes(name)),
  );
}
