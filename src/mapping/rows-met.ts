/**
 * What is known of a document's rows by now: the schemas that they carry, or, where they carry none, what their index needs to be
 * told before Elasticsearch guesses.
 */
import type { RowSchema } from '../model/change-event.ts';

/** Rows without a schema. */
export interface RowsMet {
  /** How many columns have been seen. */
  readonly columns: number;
  /** Columns that have another name in the index. */
  readonly renamed: Readonly<Record<string, string>>;
  /** Fields that hold numbers, whatever their first value looks like. */
  readonly numbers: readonly string[];
}

export const noRows: RowsMet = { columns: 0, renamed: {}, numbers: [] };

/** What was met of a document's rows, each once however often it comes. */
export interface SchemasMet {
  add(schema: RowSchema): void;
  /** Rows without a schema have these columns, and other names for some of them in the index. */
  addColumns(columns: readonly string[], renamed: Readonly<Record<string, string>>): void;
  /** A field held a number that JSON can only write as a string. */
  addNumber(field: string): void;
  all(): readonly RowSchema[];
  rows(): RowsMet;
  /** How many things were met that were not known: while it is the same, so are `all` and `rows`. */
  met(): number;
}

/** A table is changed now and then; a topic whose schemas never end must not fill the memory. The oldest go first. */
const maxSchemas = 64;
/** Nor must documents whose fields never end: what comes after these is as Elasticsearch guesses it. */
const maxNames = 10_000;

export function createSchemasMet(): SchemasMet {
  const byText = new Map<string, RowSchema>();
  const known = new WeakSet<RowSchema>();
  const columns = new Set<string>();
  const renamed = new Map<string, string>();
  const numbers = new Set<string>();
  let met = 0;
  const addTo = (names: Set<string>, name: string): void => {
    if (names.has(name) || names.size >= maxNames) return;
    names.add(name);
    met += 1;
  };
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
    addColumns: (names, others) => {
      for (const name of names) addTo(columns, name);
      for (const [name, field] of Object.entries(others)) {
        if (columns.has(name)) renamed.set(name, field);
      }
    },
    addNumber: (field) => {
      addTo(numbers, field);
    },
    all: () => [...byText.values()],
    rows: () => ({ columns: columns.size, renamed: Object.fromEntries(renamed), numbers: [...numbers] }),
    met: () => met,
  };
}
