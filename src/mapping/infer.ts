/**
 * The index that a document needs: what its file says, completed by the fields that its rows' schemas tell of.
 */
import type { ColumnSchema, RowSchema } from '../model/change-event.ts';
import type { IndexDefinition } from '../model/document.ts';
import { fieldName } from '../model/field-name.ts';
import { isWider } from '../model/field-width.ts';
import { flatSettings } from '../model/index-settings.ts';
import { namedConversion } from '../convert/named.ts';
import { mayBeWithheldAsNull } from '../convert/withheld-as-null.ts';
import type { FieldMapping } from '../convert/types.ts';
import { highestEpoch } from '../model/position.ts';
import type { DocumentDefinition } from './definition.ts';
import { countFields, dynamicMapping, dynamicNumber, fieldLimit, fieldLimitSetting } from './dynamic-fields.ts';
import type { FieldSource } from './fields.ts';
import { collisionOf, fieldsOf, renamesOf } from './fields.ts';
import { isMasking } from './masking.ts';
import { canBeRead, fieldConversion } from './plan.ts';
import type { RowsMet } from './rows-met.ts';
import { noRows } from './rows-met.ts';

/**
 * Elasticsearch forgets the version of a deleted document after this time (its own default is 60 s); a write that was held
 * up for longer could then bring the document back (docs/decisions/0000, "Deletes").
 */
const defaultSettings = { 'index.gc_deletes': '1h' };

/** What the file says wins, field by field. `readsNulls`: nulls in doubt are looked up in the database, where that can be. */
export function defineIndex(
  definition: DocumentDefinition,
  schemas: readonly RowSchema[],
  rows: RowsMet = noRows,
  readsNulls = false,
): IndexDefinition {
  const { mappings } = definition.index;
  const columns = [...new Set(schemas.flatMap((schema) => schema.columns.map(({ name }) => name)))];
  const fields = fieldsOf(definition, columns);
  const renamed = { ...rows.renamed, ...renamesOf(fields) };
  const given = givenProperties(mappings['properties'], renamed);
  const inferred = inferredProperties(definition, schemas, fields);
  // With a schema every field is known, and one that comes later is added by name; without, Elasticsearch must guess.
  const guessing = schemas.length > 0 ? { dynamic: false } : dynamicMapping;
  const isOurs = guessing === dynamicMapping && !('dynamic' in mappings) && !('dynamic_templates' in mappings);
  const numbers = Object.fromEntries(isOurs ? rows.numbers.map((name) => [name, dynamicNumber] as const) : []);
  const properties = { ...numbers, ...inferred, ...given };
  const epoch = highestEpoch(definition.epoch);
  const ours = Object.keys({ ...numbers, ...inferred }).filter((name) => !(name in given));
  const settings = flatSettings(definition.index.settings);
  const limit = fieldLimit(countFields(properties), rows.columns);
  const unasked = { ...defaultSettings, ...(limit !== undefined && { [fieldLimitSetting]: limit }) };
  const problem = collisionOf(fields);
  const inDoubt = columnsInDoubt(
    schemas,
    fields.filter((field) => !(readsNulls && canBeRead(field, definition))),
  );
  return {
    alias: definition.document,
    settings: { ...unasked, ...settings },
    mappings: { ...guessing, ...mappings, properties },
    ...(ours.length > 0 && { inferred: ours }),
    unwritten: [
      ...Object.keys(unasked).filter((name) => !(name in settings)),
      ...Object.keys(guessing).filter((name) => !(name in mappings)),
    ],
    ...(definition.index.apply === 'never' && { apply: 'never' }),
    ...(epoch > 0 && { epoch }),
    ...(Object.keys(renamed).length > 0 && { renamed }),
    ...(problem !== undefined && { problem }),
    ...(inDoubt.length > 0 && { nullInDoubt: inDoubt }),
  };
}

function columnsInDoubt(schemas: readonly RowSchema[], fields: readonly FieldSource[]): readonly string[] {
  const columns = schemas.flatMap((schema) => schema.columns);
  const inDoubt = new Set(columns.filter(mayBeWithheldAsNull).map(({ name }) => name));
  return [...inDoubt].filter((name) => fields.some(({ from }) => from === name));
}

/** The file's properties: who writes `_id` there means the column, since an index cannot have that field. */
function givenProperties(
  properties: unknown,
  renamed: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  if (typeof properties !== 'object' || properties === null) return {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, field]) => [renamed[name] ?? fieldName(name), field] as const),
  );
}

function inferredProperties(
  definition: DocumentDefinition,
  schemas: readonly RowSchema[],
  fields: readonly FieldSource[],
): Readonly<Record<string, FieldMapping>> {
  const properties: Record<string, FieldMapping> = {};
  const columns = Map.groupBy(
    schemas.flatMap((schema) => schema.columns),
    ({ name }) => name,
  );
  for (const field of fields) {
    const mappings = (columns.get(field.from) ?? [undefined]).map((column) => fieldMapping(field, column));
    const mapping = mappings.reduce(newestOrWider);
    if (mapping !== undefined) properties[field.path.join('.')] = mapping;
  }
  // Without schemas, `as` still tells what a field is.
  for (const [name, { as }] of Object.entries(definition.fields)) {
    const mapping = as === undefined ? undefined : isMasking(as) ? keyword : namedConversion(as)?.field;
    if (mapping !== undefined) properties[fieldName(name)] ??= mapping;
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
