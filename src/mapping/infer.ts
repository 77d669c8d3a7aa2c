/**
 * The index that a document needs: what its file says, completed by the fields that its rows' schemas tell of.
 */
import type { ColumnSchema, RowSchema } from '../model/change-event.ts';
import type { IndexDefinition } from '../model/document.ts';
import { isWider } from '../model/field-width.ts';
import { flatSettings } from '../model/index-settings.ts';
import { namedConversion } from '../convert/named.ts';
import type { FieldMapping } from '../convert/types.ts';
import { highestEpoch } from '../model/position.ts';
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
  const { mappings } = definition.index;
  const settings = flatSettings(definition.index.settings);
  const { properties: givenProperties } = mappings;
  const given = typeof givenProperties === 'object' && givenProperties !== null ? givenProperties : {};
  const inferred = inferredProperties(definition, schemas);
  const properties = { ...inferred, ...given };
  const epoch = highestEpoch(definition.epoch);
  const ours = Object.keys(inferred).filter((name) => !(name in given));
  // With a schema every field is known, and one that comes later is added by name; without, Elasticsearch must guess, but
  // never that a string is a date.
  const guessing = schemas.length > 0 ? { dynamic: false } : { date_detection: false };
  return {
    alias: definition.document,
    settings: { ...defaultSettings, ...settings },
    mappings: { ...guessing, ...mappings, properties },
    ...(ours.length > 0 && { inferred: ours }),
    unwritten: [
      ...Object.keys(defaultSettings).filter((name) => !(name in settings)),
      ...Object.keys(guessing).filter((name) => !(name in mappings)),
    ],
    ...(definition.index.apply === 'never' && { apply: 'never' }),
    ...(epoch > 0 && { epoch }),
  };
}

function inferredProperties(
  definition: DocumentDefinition,
  schemas: readonly RowSchema[],
): Readonly<Record<string, FieldMapping>> {
  const properties: Record<string, FieldMapping> = {};
  const columns = Map.groupBy(
    schemas.flatMap((schema) => schema.columns),
    ({ name }) => name,
  );
  for (const field of fieldsOf(definition, [...columns.keys()])) {
    const mappings = (columns.get(field.from) ?? [undefined]).map((column) => fieldMapping(field, column));
    const mapping = mappings.reduce(newestOrWider);
    if (mapping !== undefined) properties[field.path.join('.')] = mapping;
  }
  // Without schemas, `as` still tells what a field is.
  for (const [name, { as }] of Object.entries(definition.fields)) {
    const mapping = as === undefined ? undefined : isMasking(as) ? keyword : namedConversion(as)?.field;
    if (mapping !== undefined) properties[name] ??= mapping;
  }
  return properties;
}

/** A column that was widened has old rows too, which may come after the new ones, from other partitions. */
function newestOrWider(kept: FieldMapping | undefined, next: FieldMapping | undefined): FieldMapping | undefined {
  return isWider(kept?.['type'], next?.['type']) ? kept : next;
}

const keyword: FieldMapping = { type: 'keyword' };

function fieldMapping(field: FieldSource, column: ColumnSchema | undefined): FieldMapping | undefined {
  if (field.constant !== undefined) return undefined;
  let inner = column;
  for (const name of field.inside) inner = inner?.fields?.find((candidate) => candidate.name === name);
  return fieldConversion(field, inner, undefined)?.field;
}

/** The schemas of a document's rows that were met, each once however often it is sent. */
export interface SchemasMet {
  add(schema: RowSchema): void;
  all(): readonly RowSchema[];
  /** How many were met that were not there: while it is the same, so is `all`. */
  met(): number;
}

/** A table is changed now and then; a topic whose schemas never end must not fill the memory. The oldest go first. */
const maxSchemas = 64;

export function createSchemasMet(): SchemasMet {
  const byText = new Map<string, RowSchema>();
  const known = new WeakSet<RowSchema>();
  let met = 0;
  return {
    add: (schema) => {
      if (known.has(schema)) return;
      known.add(schema);
      const text = JSON.stringify(schema);
      if (!byText.has(text)) met += 1;
      byText.delete(text);
      byText.set(text, schema);
      const [oldest] = byText.keys();
      if (byText.size > maxSchemas && oldest !== undefined) byText.delete(oldest);
    },
    all: () => [...byText.values()],
    met: () => met,
  };
}
