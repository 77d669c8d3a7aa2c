/**
 * The index that a document needs: what its file says, completed by the fields that its rows' schemas tell of.
 */
import type { RowSchema } from '../model/change-event.ts';
import type { IndexDefinition } from '../model/document.ts';
import { namedConversion } from '../convert/named.ts';
import type { FieldMapping } from '../convert/types.ts';
import { conversionOf } from '../convert/types.ts';
import type { DocumentDefinition } from './definition.ts';

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
  };
}

function inferredProperties(
  definition: DocumentDefinition,
  schemas: readonly RowSchema[],
): Readonly<Record<string, FieldMapping>> {
  const properties: Record<string, FieldMapping> = {};
  const columns = new Map(schemas.flatMap((schema) => schema.columns.map((column) => [column.name, column] as const)));
  const targets = fieldsOf(definition, [...columns.keys()]);
  for (const { name, from, as } of targets) {
    const column = columns.get(from);
    const conversion = as === undefined ? column && conversionOf(column) : namedConversion(as);
    if (conversion !== undefined) properties[name] = conversion.field;
  }
  // Without schemas, `as` still tells what a field is.
  for (const [name, { as }] of Object.entries(definition.fields)) {
    const conversion = as === undefined ? undefined : namedConversion(as);
    if (conversion !== undefined) properties[name] ??= conversion.field;
  }
  return properties;
}

/** A field of the document, and the column that fills it. */
export interface FieldSource {
  readonly name: string;
  readonly from: string;
  readonly as: string | undefined;
}

/** The fields that rows with these columns make, in their order: the file's, and all others under their own names. */
export function fieldsOf({ fields }: DocumentDefinition, columns: readonly string[]): readonly FieldSource[] {
  const byColumn = new Map<string, FieldSource[]>();
  const excluded = new Set<string>();
  for (const [name, { from, as, exclude }] of Object.entries(fields)) {
    if (exclude === true) excluded.add(name);
    const source = from ?? name;
    if (exclude !== true) byColumn.set(source, [...(byColumn.get(source) ?? []), { name, from: source, as }]);
  }
  return columns.flatMap((column) => {
    const named = byColumn.get(column);
    if (named !== undefined) return named;
    // A name that the file gives to another column is not this column's any more.
    return excluded.has(column) || column in fields ? [] : [{ name: column, from: column, as: undefined }];
  });
}
