/**
 * A row as a view of JSON text (D13).
 */
import type { Edit, Row, RowSchema, Value } from '../model/change-event.ts';
import type { Scanned, Shape } from './json-scan.ts';
import { scanObject } from './json-scan.ts';
import { jsonValue } from './json-value.ts';

/** One for every row of every record: methods on a prototype, since closures would be four allocations each. */
class JsonRow implements Row {
  readonly schema?: RowSchema;
  readonly marker?: string;
  readonly #text: string;
  readonly #start: number;
  readonly #scanned: Scanned;

  constructor(text: string, start: number, scanned: Scanned, schema: RowSchema | undefined, marker?: string) {
    this.#text = text;
    this.#start = start;
    this.#scanned = scanned;
    if (schema !== undefined) this.schema = schema;
    if (marker !== undefined) this.marker = marker;
  }

  get columns(): readonly string[] {
    return this.#scanned.shape.columns;
  }

  text(column: number): string {
    const { spans } = this.#scanned;
    return this.#text.slice(spans[2 * column], spans[2 * column + 1]);
  }

  value(column: number): Value {
    return jsonValue(this.text(column));
  }

  json(): string {
    return this.#text.slice(this.#start, this.#scanned.end);
  }

  rewritten(columns: readonly number[], edits: readonly Edit[]): string | number {
    const { spans, end } = this.#scanned;
    const text = this.#text;
    let out = '';
    let copied = this.#start;
    /** Columns before this one are dropped, all of them. */
    let firstKept = 0;
    for (let at = 0; at < columns.length; at += 1) {
      const column = columns[at] ?? 0;
      const edit = edits[at] ?? 'drop';
      const start = spans[2 * column] ?? 0;
      const stop = spans[2 * column + 1] ?? 0;
      if (edit !== 'drop') {
        const converted = edit(text.slice(start, stop));
        if (converted === undefined) return column;
        out += text.slice(copied, start) + converted;
        copied = stop;
      } else if (column > firstKept) {
        // With the comma before it.
        out += text.slice(copied, spans[2 * column - 1]);
        copied = stop;
      } else {
        firstKept += 1;
        if (2 * firstKept === spans.length) return '{}';
        out = '{';
        copied = text.indexOf(',', stop) + 1;
      }
    }
    return out + text.slice(copied, end);
  }
}

/**
 * Reads the rows of one place (the key, or the rows of the value, of one topic). It remembers the shapes that it has met, so
 * that rows with the same columns have the identical `columns` array, by which mappers recognise them.
 */
export interface RowReader {
  /** The row that was scanned already. */
  rowOf(text: string, at: number, scanned: Scanned, schema: RowSchema | undefined, marker?: string): Row;
  /** The row whose object opens at `at`; undefined if there is no whole object. */
  read(
    text: string,
    at: number,
    schema: RowSchema | undefined,
  ): { readonly row: Row; readonly end: number } | undefined;
}

/** More than this many shapes of one table's rows are an accident, and not remembered. */
const maxTableShapes = 64;

/** As many as are remembered of rows that have only the columns that somebody wrote: documents, and changes of a part. */
export const maxDocumentShapes = 1024;

export function createRowReader(maxShapes = maxTableShapes): RowReader {
  const shapes = new Map<string, Shape>();
  let last: Shape | undefined;

  const remembered = (shape: Shape): Shape => {
    const name = shape.tokens.join('');
    const known = shapes.get(name);
    if (known !== undefined) return known;
    if (shapes.size < maxShapes) shapes.set(name, shape);
    return shape;
  };

  const rowOf: RowReader['rowOf'] = (text, at, scanned, schema, marker) => {
    if (scanned.shape === last) return new JsonRow(text, at, scanned, schema, marker);
    last = remembered(scanned.shape);
    return new JsonRow(text, at, { shape: last, spans: scanned.spans, end: scanned.end }, schema, marker);
  };

  return {
    rowOf,
    read: (text, at, schema) => {
      const scanned = scanObject(text, at, last);
      return scanned && { row: rowOf(text, at, scanned, schema), end: scanned.end };
    },
  };
}

/** A row of one column without a name: a key that is no struct. `text` is one JSON value. */
export function scalarRow(text: string, schema: RowSchema | undefined): Row {
  return {
    columns: scalarColumns,
    ...(schema && { schema }),
    text: () => text,
    value: () => jsonValue(text),
    json: () => `{"":${text}}`,
    rewritten: (columns, [edit]) => {
      if (columns.length > 0 && edit === 'drop') return '{}';
      const converted = edit === undefined || edit === 'drop' ? text : edit(text);
      return converted === undefined ? 0 : `{"":${converted}}`;
    },
  };
}

const scalarColumns = [''];
