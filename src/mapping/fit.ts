/**
 * Whether a mapping file fits the rows that it is about: the columns it names are there, and their values are of a kind that the
 * index's fields take.
 */
import type { Row, RowChange } from '../model/change-event.ts';
import type { DocumentDefinition } from './definition.ts';
import { isMasking } from './masking.ts';

/** A column that a mapping file names, and where in the file. */
export interface NamedColumn {
  readonly column: string;
  readonly path: readonly (string | number)[];
  /** Whether the file masks the column or leaves it out: under another name it would be in the documents. */
  readonly isHidden: boolean;
}

/** Every column that the definition names, but for those that it says rows may lack. */
export function namedColumns({ select, fields, where, id, routing }: DocumentDefinition): readonly NamedColumn[] {
  const shown = (column: string, path: NamedColumn['path']): NamedColumn => ({ column, path, isHidden: false });
  return [
    ...(select ?? []).map((column, at) => shown(column, ['select', at])),
    ...Object.entries(fields).flatMap(([name, { from, as, value, exclude, optional }]): NamedColumn[] => {
      if (value !== undefined || optional === true) return [];
      const isHidden = exclude === true || isMasking(as);
      const path = from === undefined ? ['fields', name] : ['fields', name, 'from'];
      return [{ column: from ?? name, path, isHidden }];
    }),
    ...Object.keys(where).map((column) => shown(column, ['where', column])),
    ...(id.from ?? []).map((column, at) => shown(column, ['id', 'from', at])),
    ...(routing === undefined ? [] : [shown(routing, ['routing'])]),
  ];
}

/** Whether rows with these columns have the column, or one that its path begins with. */
export function hasColumn(columns: ReadonlySet<string>, column: string): boolean {
  if (columns.has(column)) return true;
  const parts = column.split('.');
  return parts.some((_, length) => length > 0 && columns.has(parts.slice(0, length).join('.')));
}

/** What rows have shown of their columns. */
export interface ColumnsSeen {
  add(change: RowChange): void;
  /** Of rows, without those of keys. */
  readonly columns: ReadonlySet<string>;
  /**
   * The named columns that no row and no key has shown: `holding` may not be missing, so nothing may be written; `doubtful` may be
   * missing from all rows so far. Nothing is missing before a row was seen.
   */
  missing(): { readonly holding: readonly NamedColumn[]; readonly doubtful: readonly NamedColumn[] };
}

/** `check` and `run` judge by this alone. */
export function createColumnsSeen(definition: DocumentDefinition): ColumnsSeen {
  const columns = new Set<string>();
  const keys = new Set<string>();
  let unseen = namedColumns(definition);
  let isPromised = false;
  return {
    columns,
    add: (change) => {
      const image = imageOf(change);
      if (image === null) return;
      for (const name of image.columns) columns.add(name);
      for (const name of change.key?.columns ?? []) keys.add(name);
      isPromised ||= promisesColumns(change, definition);
      unseen = unseen.filter(({ column }) => !hasColumn(columns, column) && !keys.has(column));
    },
    missing: () => {
      if (columns.size === 0) return { holding: [], doubtful: [] };
      const holds = ({ isHidden }: NamedColumn): boolean => isPromised || isHidden;
      return { holding: unseen.filter(holds), doubtful: unseen.filter((named) => !holds(named)) };
    },
  };
}

/** The row image of a change that tells which columns its rows have; null if none does. */
export function imageOf(change: RowChange): Row | null {
  if (change.op !== 'delete') return change.after;
  // Without a schema, what a delete left may be its key alone.
  return change.before?.schema === undefined ? null : change.before;
}

/**
 * Whether a row has every column of its table: it carries a schema, or comes in an envelope of a relational connector. Documents of
 * MongoDB, events of an outbox, changes that name only what they change, and rows of an unknown writer may lack columns.
 */
export function promisesColumns(change: RowChange, { form }: Pick<DocumentDefinition, 'form'>): boolean {
  if (form === 'outbox' || 'patch' in change) return false;
  const { connector } = change.origin;
  if (connector === 'mongodb') return false;
  return connector !== undefined || imageOf(change)?.schema !== undefined;
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
