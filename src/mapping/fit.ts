/**
 * Whether a mapping file fits the rows that it is about: the columns it names are there, and their values are of a kind that the
 * index's fields take.
 */
import type { DocumentDefinition } from './definition.ts';

/** A column that a mapping file names, and where in the file. */
export interface NamedColumn {
  readonly column: string;
  readonly path: readonly (string | number)[];
}

/** Every column that the definition names. */
export function namedColumns({ select, fields, where, id, routing }: DocumentDefinition): readonly NamedColumn[] {
  return [
    ...(select ?? []).map((column, at) => ({ column, path: ['select', at] })),
    ...Object.entries(fields).flatMap(([name, { from, value }]): NamedColumn[] => {
      if (value !== undefined) return [];
      return [
        from === undefined
          ? { column: name, path: ['fields', name] }
          : { column: from, path: ['fields', name, 'from'] },
      ];
    }),
    ...Object.keys(where).map((column) => ({ column, path: ['where', column] })),
    ...(id.from ?? []).map((column, at) => ({ column, path: ['id', 'from', at] })),
    ...(routing === undefined ? [] : [{ column: routing, path: ['routing'] }]),
  ];
}

/** Whether rows with these columns have the column, or one that its path begins with. */
export function hasColumn(columns: ReadonlySet<string>, column: string): boolean {
  if (columns.has(column)) return true;
  const parts = column.split('.');
  return parts.some((_, length) => length > 0 && columns.has(parts.slice(0, length).join('.')));
}

export interface Misfit {
  /** The field's path, with dots. */
  readonly field: string;
  readonly type: string;
  readonly seen: string;
}

/** Fields of a document whose values the index's mapping refuses. */
export function misfits(properties: unknown, document: unknown, prefix = ''): readonly Misfit[] {
  if (!isObject(properties) || !isObject(document)) return [];
  return Object.entries(document).flatMap(([name, value]) => {
    const mapping = properties[name] ?? undefined;
    if (!isObject(mapping)) return [];
    const field = `${prefix}${name}`;
    if ('properties' in mapping && isObject(value)) return misfits(mapping['properties'], value, `${field}.`);
    const type = typeof mapping['type'] === 'string' ? mapping['type'] : 'object';
    if (mapping['ignore_malformed'] === true) return [];
    const kinds = kindsOf[type];
    const values: readonly unknown[] = Array.isArray(value) ? value.flat(Infinity) : [value];
    const odd = values.find((one) => one !== null && kinds !== undefined && !kinds(one));
    return odd === undefined ? [] : [{ field, type, seen: kindOf(odd) }];
  });
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const numeric = (value: unknown): boolean =>
  typeof value === 'number' || (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)));
const scalar = (value: unknown): boolean => typeof value !== 'object';
const dateLike = (value: unknown): boolean =>
  typeof value === 'number' || (typeof value === 'string' && /^[+-]?\d{4,}(?:-|$)/.test(value));

/** What a field takes; types that are not here are not judged. */
const kindsOf: Readonly<Record<string, (value: unknown) => boolean>> = {
  ...Object.fromEntries(
    ['byte', 'short', 'integer', 'long', 'unsigned_long', 'half_float', 'float', 'double', 'scaled_float'].map(
      (type) => [type, numeric] as const,
    ),
  ),
  boolean: (value) => typeof value === 'boolean' || value === 'true' || value === 'false' || value === '',
  date: dateLike,
  date_nanos: dateLike,
  keyword: scalar,
  text: scalar,
  wildcard: scalar,
  object: isObject,
  nested: isObject,
  flattened: isObject,
};

function kindOf(value: unknown): string {
  return isObject(value) ? 'an object' : `a ${typeof value}`;
}
