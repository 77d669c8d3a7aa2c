/**
 * Which fields a document has, and what fills each.
 */
import { fieldName, outerNames, withoutDots } from '../model/field-name.ts';
import type { Failure } from '../model/outcome.ts';
import type { DocumentDefinition } from './definition.ts';
import type { Masking } from './masking.ts';
import { isMasking } from './masking.ts';

/** A field of the document. */
export interface FieldSource {
  /** Its place in the document: `a.b` in the file is the field `b` of the object `a`. */
  readonly path: readonly string[];
  /** What the file or the source calls it; `path`, unless an index cannot hold that name. */
  readonly name: string;
  /** The column that fills it; empty for a constant. */
  readonly from: string;
  /** Where in the column's value; empty: all of it. */
  readonly inside: readonly string[];
  readonly as: string | undefined;
  /** The JSON text of a constant. */
  readonly constant: string | undefined;
}

/**
 * The fields that rows with these columns make, in their order: the file's, and all others under their own names, or what
 * `fieldName` makes of those.
 */
export function fieldsOf({ fields, select }: DocumentDefinition, columns: readonly string[]): readonly FieldSource[] {
  const known = new Set(columns);
  const byColumn = new Map<string, FieldSource[]>();
  const constants: FieldSource[] = [];
  const taken = new Set<string>();
  for (const [name, { from = name, as, exclude, value }] of Object.entries(fields)) {
    taken.add(name);
    // `a.b` is the name of a column with a dot, or else of a field inside an object, which the column `a` then is not.
    if (from !== name || value !== undefined || !known.has(name)) taken.add(outermost(name));
    if (exclude === true) continue;
    const path = pathOf(name);
    if (value !== undefined) {
      constants.push({ path, name, from: '', inside: [], as: undefined, constant: JSON.stringify(value) });
      continue;
    }
    const { column, inside } = located(from, known);
    const source = { path, name, from: column, inside, as, constant: undefined };
    byColumn.set(column, [...(byColumn.get(column) ?? []), source]);
  }
  const filled = columns.flatMap((column) => {
    const named = byColumn.get(column) ?? [];
    // A column that has another name, and a name that the file gives to something else, are not in the document as such.
    const isRenamed = named.some(({ inside }) => inside.length === 0);
    const isOut = isRenamed || taken.has(column) || select?.includes(column) === false;
    return isOut ? named : [own(column), ...named];
  });
  return apart([...filled, ...constants]);
}

function own(column: string): FieldSource {
  return { path: [fieldName(column)], name: column, from: column, inside: [], as: undefined, constant: undefined };
}

const outermost = (name: string): string => name.slice(0, name.indexOf('.') === -1 ? name.length : name.indexOf('.'));

/** Where a field that the file names is. */
function pathOf(name: string): readonly string[] {
  const field = fieldName(name);
  return field.includes('.') ? field.split('.') : [field];
}

/** A name with dots is no path where one of the names on its way is that of another column: a value is no object. */
function apart(fields: readonly FieldSource[]): readonly FieldSource[] {
  if (!fields.some(({ name }) => name.includes('.'))) return fields;
  const values = new Set(fields.map(({ name }) => name));
  const objects = new Set(fields.flatMap((field) => (isColumn(field) ? [] : outerNames(field.name))));
  return fields.map((field) => {
    const { name } = field;
    if (!name.includes('.') || !isColumn(field)) return field;
    const isNoPath = outerNames(name).some((outer) => values.has(outer)) || objects.has(name);
    return isNoPath ? { ...field, path: [withoutDots(name)] } : field;
  });
}

/** Whether the field is a column under the name that the source gives it. */
const isColumn = ({ name, from, inside, constant }: FieldSource): boolean =>
  constant === undefined && inside.length === 0 && from === name;

/** The fields that have another name than the file or the source gives them, by that name. */
export function renamesOf(fields: readonly FieldSource[]): Readonly<Record<string, string>> {
  const renamed = fields.filter(({ name, path }) => path.join('.') !== name);
  return Object.fromEntries(renamed.map(({ name, path }) => [name, path.join('.')]));
}

/** Two fields that would be one, or one inside the other; undefined if there are none. */
export function collisionOf(fields: readonly FieldSource[]): Failure | undefined {
  const byPath = new Map<string, FieldSource>();
  for (const field of fields) {
    const path = field.path.join('.');
    const other = byPath.get(path);
    if (other !== undefined) return collision(`would both be the field \`${path}\``, other, field);
    byPath.set(path, field);
  }
  for (const [path, field] of byPath) {
    const outer = outerNames(path).find((name) => byPath.has(name));
    const other = outer === undefined ? undefined : byPath.get(outer);
    if (other !== undefined) return collision('would be a value and an object of the same name', other, field);
  }
  return undefined;
}

function collision(what: string, one: FieldSource, other: FieldSource): Failure {
  const names = `\`${one.name}\` and \`${other.name}\``;
  return { code: 'FIELDS_COLLIDE', message: `${names} ${what}, which an index cannot hold.` };
}

/** A column by its name, or else the column that a path begins with. */
function located(from: string, columns: ReadonlySet<string>): { column: string; inside: readonly string[] } {
  if (columns.has(from) || !from.includes('.')) return { column: from, inside: [] };
  const parts = from.split('.');
  for (let length = parts.length - 1; length > 0; length -= 1) {
    const column = parts.slice(0, length).join('.');
    if (columns.has(column)) return { column, inside: parts.slice(length) };
  }
  return { column: from, inside: [] };
}

/** The columns that the definition masks, by what is done with each. */
export function maskedColumns({ fields }: DocumentDefinition): ReadonlyMap<string, Masking> {
  const columns = new Map<string, Masking>();
  for (const [name, { from = name, as }] of Object.entries(fields)) {
    if (isMasking(as)) columns.set(from, as);
  }
  return columns;
}
