/**
 * A row as a view of JSON text (docs/decisions/0000, "Rows stay text").
 */
import type { Edit, Row, RowSchema, Value } from '../model/change-event.ts';
import type { Scanned, Shape } from '../json/scan.ts';
import { scanObject } from '../json/scan.ts';
import { jsonValue } from '../json/value.ts';

/** A row's new text: pieces of its old one, each followed by what is put there. Filled again for each row: no edit rewrites another. */
interface Pieces {
  readonly starts: number[];
  readonly ends: number[];
  readonly insertions: string[];
  count: number;
}

const pieces: Pieces = { starts: [], ends: [], insertions: [], count: 0 };

function addPiece(start: number, end: number, insertion: string): void {
  const { count } = pieces;
  pieces.starts[count] = start;
  pieces.ends[count] = end;
  pieces.insertions[count] = insertion;
  pieces.count = count + 1;
}

/** One for every row of every record: methods on a prototype, since closures would be four allocations each. */
class JsonRow implements Row {
  readonly schema?: RowSchema;
  readonly marker?: string;
  readonly #text: string;
  readonly #start: number;
  readonly #scanned: Scanned;
  readonly #ascii: Buffer | undefined;

  constructor({ text, start, scanned, schema, marker, ascii }: RowPlace) {
    this.#text = text;
    this.#start = start;
    this.#scanned = scanned;
    this.#ascii = ascii;
    if (schema !== undefined) this.schema = schema;
    if (marker !== undefined) this.marker = marker;
  }

  get columns(): readonly string[] {
    return this.#scanned.shape.columns;
  }

  text(column: number): string {
    return this.#scanned.valueIn(this.#text, column);
  }

  value(column: number): Value {
    return jsonValue(this.text(column));
  }

  json(): string {
    return this.#text.slice(this.#start, this.#scanned.end);
  }

  rewritten(columns: readonly number[], edits: readonly Edit[]): string | number {
    const failed = this.#cut(columns, edits);
    return failed === -1 ? this.#joined() : failed;
  }

  encoded(columns: readonly number[], edits: readonly Edit[]): Buffer | number {
    const failed = this.#cut(columns, edits);
    if (failed !== -1) return failed;
    return (this.#ascii && encodedPieces(this.#ascii)) ?? Buffer.from(this.#joined());
  }

  #joined(): string {
    let out = '';
    for (let at = 0; at < pieces.count; at += 1) {
      out += this.#text.slice(pieces.starts[at], pieces.ends[at]) + (pieces.insertions[at] ?? '');
    }
    return out;
  }

  /** Fills `pieces`; the number of the first column that cannot be converted, or −1. */
  #cut(columns: readonly number[], edits: readonly Edit[]): number {
    const scanned = this.#scanned;
    pieces.count = 0;
    let copied = this.#start;
    /** Columns before this one are dropped, all of them. */
    let firstKept = 0;
    for (let at = 0; at < columns.length; at += 1) {
      const column = columns[at] ?? 0;
      const edit = edits[at] ?? 'drop';
      const start = scanned.startOf(column);
      const end = scanned.endOf(column);
      if (edit !== 'drop') {
        const converted = edit(this.#text.slice(start, end));
        if (converted === undefined) return column;
        addPiece(copied, start, converted);
        copied = end;
      } else if (column > firstKept) {
        // With the comma before it.
        addPiece(copied, scanned.endOf(column - 1), '');
        copied = end;
      } else {
        firstKept += 1;
        const isLast = firstKept === scanned.shape.columns.length;
        pieces.count = 0;
        addPiece(this.#start, this.#start + 1, isLast ? '}' : '');
        if (isLast) return -1;
        copied = this.#text.indexOf(',', end) + 1;
      }
    }
    addPiece(copied, scanned.end, '');
    return -1;
  }
}

/** The pieces in UTF-8, their text's bytes being its characters; undefined if something that is put there has others. */
function encodedPieces(ascii: Buffer): Buffer | undefined {
  let length = 0;
  for (let at = 0; at < pieces.count; at += 1) {
    length += (pieces.ends[at] ?? 0) - (pieces.starts[at] ?? 0) + (pieces.insertions[at] ?? '').length;
  }
  const out = Buffer.allocUnsafe(length);
  let next = 0;
  for (let at = 0; at < pieces.count; at += 1) {
    next += ascii.copy(out, next, pieces.starts[at], pieces.ends[at]);
    const insertion = pieces.insertions[at] ?? '';
    // Short as it is, a call for each would cost more.
    for (let character = 0; character < insertion.length; character += 1) {
      const code = insertion.charCodeAt(character);
      if (code > 0x7f) return undefined;
      out[next] = code;
      next += 1;
    }
  }
  return out;
}

/** Where a row stands. */
export interface RowPlace {
  readonly text: string;
  /** Where its object opens. */
  readonly start: number;
  readonly scanned: Scanned;
  readonly schema: RowSchema | undefined;
  readonly marker?: string | undefined;
  /** The bytes of `text`, where each is a character. */
  readonly ascii?: Buffer | undefined;
}

/**
 * Reads the rows of one place (the key, or the rows of the value, of one topic). It remembers the shapes that it has met, so
 * that rows with the same columns have the identical `columns` array, by which mappers recognise them.
 */
export interface RowReader {
  /** The row that was scanned already. */
  rowOf(place: RowPlace): Row;
  /** The row whose object opens at `start`; undefined if there is no whole object. `ascii` is as of a row's place. */
  read(
    text: string,
    start: number,
    schema: RowSchema | undefined,
    ascii?: Buffer,
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

  const rowOf: RowReader['rowOf'] = (place) => {
    const { scanned } = place;
    if (scanned.shape === last) return new JsonRow(place);
    last = remembered(scanned.shape);
    return new JsonRow({ ...place, scanned: scanned.withShape(last) });
  };

  return {
    rowOf,
    read: (text, start, schema, ascii) => {
      const scanned = scanObject(text, start, last);
      return scanned && { row: rowOf({ text, start, scanned, schema, ascii }), end: scanned.end };
    },
  };
}

/** A row of one column without a name: a key that is no struct. `text` is one JSON value. */
export function scalarRow(text: string, schema: RowSchema | undefined): Row {
  const rewritten: Row['rewritten'] = (columns, [edit]) => {
    if (columns.length > 0 && edit === 'drop') return '{}';
    const converted = edit === undefined || edit === 'drop' ? text : edit(text);
    return converted === undefined ? 0 : `{"":${converted}}`;
  };
  return {
    columns: scalarColumns,
    ...(schema && { schema }),
    text: () => text,
    value: () => jsonValue(text),
    json: () => `{"":${text}}`,
    rewritten,
    encoded: (columns, edits) => {
      const source = rewritten(columns, edits);
      return typeof source === 'number' ? source : Buffer.from(source);
    },
  };
}

const scalarColumns = [''];
