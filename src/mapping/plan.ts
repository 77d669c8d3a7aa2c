/**
 * What is done with rows of certain columns and schema, decided once.
 */
import { becameNull } from '../convert/became-null.ts';
import { namedConversion } from '../convert/named.ts';
import type { Conversion } from '../convert/types.ts';
import { conversionOf } from '../convert/types.ts';
import { mayBeWithheldAsNull } from '../convert/withheld-as-null.ts';
import type { ColumnSchema, Convert, Edit, Row, RowSchema } from '../model/change-event.ts';
import { exactTree, isJson } from '../json/exact.ts';
import type { Failure } from '../model/outcome.ts';
import type { Path } from '../model/partial-change.ts';
import type { DocumentDefinition } from './definition.ts';
import type { Undecided } from './dynamic-fields.ts';
import type { FieldSource } from './fields.ts';
import { collisionOf, fieldsOf, renamesOf } from './fields.ts';
import { isMasking, maskingConversion } from './masking.ts';
import type { Test } from './where.ts';
import { testOf } from './where.ts';

/** A field of the document, or an object of such. */
export interface Planned {
  /** The name, quoted and with its colon. */
  readonly token: string;
  readonly path: Path;
  /** Position of the column; −1 of a constant or an object. */
  readonly column: number;
  readonly convert: Convert | undefined;
  readonly constant: string | undefined;
  readonly inner: readonly Planned[] | undefined;
}

export interface Plan {
  readonly schema: RowSchema | undefined;
  /** Columns that change or go on their way, ascending; all others are copied with the text around them. */
  readonly columns: readonly number[];
  readonly edits: readonly Edit[];
  /** All fields, for rows that cannot be copied so. */
  readonly fields: readonly Planned[];
  /** Every field has its column's name, and they come in the columns' order. */
  readonly keepsOrder: boolean;
  readonly conditions: readonly PlannedCondition[];
  /** Names of the columns that are in the document, as the source has them, and what others are called in the index. */
  readonly names: readonly string[];
  readonly renamed: Readonly<Record<string, string>>;
  /** Columns at the top of documents without a schema, until each has had a value; not those inside objects, which a value must not become beforehand. */
  readonly undecided: Undecided[];
  /** Columns whose null may be a value that the database did not send, with the fields that they fill; asked for by `marksNulls`. */
  readonly nullable: readonly { readonly column: number; readonly path: Path }[];
  /** Why rows without a schema cannot become documents; where there is a schema, the index says so and nothing is written. */
  readonly collision: Failure | undefined;
}

export interface PlannedCondition {
  readonly name: string;
  /** −1: the row does not have it. */
  readonly column: number;
  readonly convert: Convert | undefined;
  readonly test: Test;
}

/**
 * Plans are made once for rows with the identical `columns` array, schema and marker (a table's own column may look like one in
 * some of its rows), and go when their readers forget those.
 */
export function planned<P>(plan: (row: Row) => P): (row: Row) => P {
  interface Known {
    readonly schema: RowSchema | undefined;
    readonly marker: string | undefined;
    readonly plan: P;
  }
  const plans = new WeakMap<readonly string[], Known>();
  let lastColumns: readonly string[] | undefined;
  let last: Known | undefined;
  return (row) => {
    const { columns, schema, marker } = row;
    if (columns !== lastColumns || last === undefined) last = plans.get(columns);
    lastColumns = columns;
    if (last?.schema === schema && last?.marker === marker && last !== undefined) return last.plan;
    last = { schema, marker, plan: plan(row) };
    plans.set(columns, last);
    return last.plan;
  };
}

export interface PlanOptions {
  /** The secret of the fields that are hashed. */
  readonly hashKey?: string | undefined;
  /** Told of each value of a field that its conversion made null: an infinity, NaN, an empty range. */
  readonly nulled?: ((field: string) => void) | undefined;
  /** Whether writes say which of their nulls are in doubt: only for who can look into the database. */
  readonly marksNulls?: boolean | undefined;
}

export function planRow(
  definition: DocumentDefinition,
  { hashKey, nulled, marksNulls = false }: PlanOptions,
  { columns, schema, marker }: Row,
): Plan {
  const values = marker === undefined ? columns : columns.filter((name) => name !== marker);
  const columnOf = (name: string): ColumnSchema | undefined =>
    schema?.columns.find((candidate) => candidate.name === name);
  const fields = fieldsOf(definition, values);
  const leaves = fields.map((field) => ({
    path: field.path,
    column: field.constant === undefined ? columns.indexOf(field.from) : -1,
    convert: counted(fieldConvert(field, columnOf(field.from), hashKey), field.path, nulled),
    constant: field.constant,
  }));
  const edited = columns.flatMap((_, column) => {
    const leaf = leaves.find((candidate) => candidate.column === column);
    const edit: Edit | undefined = leaf === undefined ? 'drop' : leaf.convert;
    return edit === undefined ? [] : [{ column, edit }];
  });
  return {
    schema,
    columns: edited.map(({ column }) => column),
    edits: edited.map(({ edit }) => edit),
    fields: nested(leaves, 0),
    keepsOrder: leaves.every(
      ({ path, column }, at) =>
        path.length === 1 && path[0] === columns[column] && column > (leaves[at - 1]?.column ?? -1),
    ),
    conditions: Object.entries(definition.where).map(([name, condition]) => {
      const column = columnOf(name);
      const convert = column && conversionOf(column).convert;
      return { name, column: columns.indexOf(name), convert, test: testOf(condition) };
    }),
    undecided: leaves.flatMap(({ path: [field = '', ...inside], column, convert }) => {
      const isOpen = schema === undefined && column !== -1 && convert === undefined;
      return isOpen && inside.length === 0 && !field.includes('.') ? [{ column, field }] : [];
    }),
    nullable: marksNulls ? fields.flatMap((field) => nullableIn(field, definition, columns, columnOf(field.from))) : [],
    names: fields.map(({ name }) => name),
    renamed: renamesOf(fields),
    collision: schema === undefined ? collisionOf(fields) : undefined,
  };
}

/**
 * Whether a field's value may be taken from the database later. A masked value is never read, for nobody may find out that it is
 * there; and a null by which rows are left out has decided already.
 */
export function canBeRead({ from, inside, as, constant }: FieldSource, { where }: DocumentDefinition): boolean {
  return constant === undefined && inside.length === 0 && (as === undefined || !isMasking(as)) && !(from in where);
}

function nullableIn(
  field: FieldSource,
  definition: DocumentDefinition,
  columns: readonly string[],
  column: ColumnSchema | undefined,
): Plan['nullable'] {
  const { path, from } = field;
  const isInDoubt = column !== undefined && mayBeWithheldAsNull(column);
  return isInDoubt && canBeRead(field, definition) ? [{ column: columns.indexOf(from), path }] : [];
}

/** What `as`, or else the column's own type, makes of a value. */
export function fieldConversion(
  { as }: FieldSource,
  column: ColumnSchema | undefined,
  hashKey: string | undefined,
): Conversion | undefined {
  if (as === undefined) return column && conversionOf(column);
  return isMasking(as) ? maskingConversion(as, hashKey) : namedConversion(as);
}

function fieldConvert(
  field: FieldSource,
  column: ColumnSchema | undefined,
  hashKey: string | undefined,
): Convert | undefined {
  if (field.inside.length === 0) return fieldConversion(field, column, hashKey)?.convert;
  const outer = column && conversionOf(column).convert;
  const inner = field.as === undefined ? undefined : fieldConversion(field, undefined, hashKey)?.convert;
  return (text) => {
    const converted = outer === undefined ? text : outer(text);
    const found = converted === undefined ? undefined : textInside(converted, field.inside);
    return found === undefined || inner === undefined ? found : inner(found);
  };
}

function counted(convert: Convert | undefined, path: Path, nulled: PlanOptions['nulled']): Convert | undefined {
  if (convert === undefined || nulled === undefined) return convert;
  const field = path.join('.');
  return (text) => {
    const converted = convert(text);
    if (converted === 'null' && becameNull(text, converted)) nulled(field);
    return converted;
  };
}

/** The JSON text of what is inside a value; `null` if there is nothing, undefined if the value is malformed. */
function textInside(text: string, path: Path): string | undefined {
  if (!isJson(text)) return undefined;
  let at: unknown = exactTree(text);
  // A string may hold JSON: a column whose type is not known.
  if (typeof at === 'string' && (at.startsWith('{') || at.startsWith('['))) {
    try {
      at = exactTree(at);
    } catch {
      return 'null';
    }
  }
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return 'null';
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return JSON.stringify(at);
}

interface Leaf {
  readonly path: Path;
  readonly column: number;
  readonly convert: Convert | undefined;
  readonly constant: string | undefined;
}

/** Leaves with a common beginning of their paths become one object, where the first of them stands. */
function nested(leaves: readonly Leaf[], depth: number): readonly Planned[] {
  const groups = new Map<string, Leaf[]>();
  for (const leaf of leaves) {
    const name = leaf.path[depth] ?? '';
    groups.set(name, [...(groups.get(name) ?? []), leaf]);
  }
  return [...groups].map(([name, group]): Planned => {
    const token = `${JSON.stringify(name)}:`;
    const [first] = group;
    if (first !== undefined && first.path.length === depth + 1) return { token, ...first, inner: undefined };
    const path = first?.path.slice(0, depth + 1) ?? [];
    return { token, path, column: -1, convert: undefined, constant: undefined, inner: nested(group, depth + 1) };
  });
}
