/**
 * Which fields a document has, and what fills each.
 */
import type { DocumentDefinition } from './definition.ts';
import type { Masking } from './masking.ts';
import { isMasking } from './masking.ts';

/** A field of the document. */
export interface FieldSource {
  /** Its place in the document: `a.b` in the file is the field `b` of the object `a`. */
  readonly path: readonly string[];
  /** The column that fills it; empty for a constant. */
  readonly from: string;
  /** Where in the column's value; empty: all of it. */
  readonly inside: readonly string[];
  readonly as: string | undefined;
  /** The JSON text of a constant. */
  readonly constant: string | undefined;
}

/** The fields that rows with these columns make, in their order: the file's, and all others under their own names. */
export function fieldsOf({ fields, select }: DocumentDefinition, columns: readonly string[]): readonly FieldSource[] {
  const byColumn = new Map<string, FieldSource[]>();
  const constants: FieldSource[] = [];
  const taken = new Set<string>();
  for (const [name, { from = name, as, exclude, value }] of Object.entries(fields)) {
    const path = name.split('.');
    taken.add(name).add(path[0] ?? name);
    if (exclude === true) continue;
    if (value !== undefined) {
      constants.push({ path, from: '', inside: [], as: undefined, constant: JSON.stringify(value) });
      continue;
    }
    const { column, inside } = located(from, columns);
    byColumn.set(column, [...(byColumn.get(column) ?? []), { path, from: column, inside, as, constant: undefined }]);
  }
  const filled = columns.flatMap((column) => {
    const named = byColumn.get(column) ?? [];
    // A column that has another name, and a name that the file gives to something else, are not in the document as such.
    const isRenamed = named.some(({ inside }) => inside.length === 0);
    const isOut = isRenamed || taken.has(column) || select?.includes(column) === false;
    return isOut ? named : [own(column), ...named];
  });
  return [...filled, ...constants];
}

function own(column: string): FieldSource {
  return { path: [column], from: column, inside: [], as: undefined, constant: undefined };
}

/** A column by its name, or else the column that a path begins with. */
function located(from: string, columns: readonly string[]): { column: string; inside: readonly string[] } {
  if (columns.includes(from) || !from.includes('.')) return { column: from, inside: [] };
  const parts = from.split('.');
  for (let length = parts.length - 1; length > 0; length -= 1) {
    const column = parts.slice(0, length).join('.');
    if (columns.includes(column)) return { column, inside: parts.slice(length) };
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
