/**
 * The index that a document needs: what its file says, completed by the fields that its rows' schemas tell of.
 */
import type { ColumnSchema, RowSchema } from '../model/change-event.ts';
import type { IndexDefinition } from '../model/document.ts';
import { namedConversion } from '../convert/named.ts';
import type { FieldMapping } from '../convert/types.ts';
import type { DocumentDefinition } from './definition.ts';
import type { FieldSource } from './fields.ts';
import { fieldsOf } from './fields.ts';
import { isMasking } from './masking.ts';
import { fieldConversion } from './plan.ts';

/**
 * Elasticsearch forgets the version of a deleted document after this time (its own default is 60 s); a write that was held
 * up for longer could then bring the document back (DESIGN D6).
 */
const defaultSettings = { 'index.gc_deletes': '1h' };

/** What the file says wins, field by field. */
export function defineIndex(definition: DocumentDefinition, schemas: readonly RowSchema[]): IndexDefinition {
  const { settings, mappings } = definition.index;
  const { properties: givenProperties } = mappings;
  const given = typeof givenProperties === 'object' && givenProperties !== null ? givenProperties : {};
  const inferred = inferredProperties(definition, schemas);
  const properties = { ...inferred, ...given };
  const ours = Object.keys(inferred).filter((name) => !(name in given));
  return {
    alias: definition.document,
    settings: { ...defaultSettings, ...settings },
    mappings: {
      // With a schema every field is known, and one that comes later is kept in `_source` until its index is made anew;
      // without, Elasticsearch must guess, but never that a string is a date.
      ...(schemas.length > 0 ? { dynamic: false } : { date_detection: false }),
      ...mappings,
      properties,
    },
    ...(ours.length > 0 && { inferred: ours }),
    ...(definition.epoch > 0 && { epoch: definition.epoch }),
  };
}

function inferredProperties(
  definition: DocumentDefinition,
  schemas: readonly RowSchema[],
): Readonly<Record<string, FieldMapping>> {
  const properties: Record<string, FieldMapping> = {};
  const columns = new Map(schemas.flatMap((schema) => schema.columns.map((column) => [column.name, column] as const)));
  for (const field of fieldsOf(definition, [...columns.keys()])) {
    const mapping = fieldMapping(field, columns.get(field.from));
    if (mapping !== undefined) properties[field.path.join('.')] = mapping;
  }
  // Without schemas, `as` still tells what a field is.
  for (const [name, { as }] of Object.entries(definition.fields)) {
    const mapping = as === undefined ? undefined : isMasking(as) ? keyword : namedConversion(as)?.field;
    if (mapping !== undefined) properties[name] ??= mapping;
  }
  return properties;
}

const keyword: FieldMapping = { type: 'keyword' };

function fieldMapping(field: FieldSource, column: ColumnSchema | undefined): FieldMapping | undefined {
  if (field.constant !== undefined) return undefined;
  let inner = column;
  for (const name of field.inside) inner = inner?.fields?.find((candidate) => candidate.name === name);
  return fieldConversion(field, inner, undefined)?.field;
}
