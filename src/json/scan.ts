/**
 * Finds where the values of a JSON object begin and end, without parsing them (docs/decisions/0000, "Rows stay text"): a row's columns stay text.
 *
 * What is found is well-formed as far as the object's own structure goes: names, separators, strings, literals, balanced
 * brackets. What lies inside a nested value is left to its reader. No text that is found contains a line break, since
 * `oneLine` has seen to it: a document's text is copied into a body whose records are lines.
 */

/** The names of an object's fields, in its order, as a scanner expects to meet them again. */
export interface Shape {
  readonly columns: readonly string[];
  /** Each name as the text has it: quoted, escaped, with its colon. */
  readonly tokens: readonly string[];
}

/** Where the values of one object are in its text; for each row of each record there is one. */
export class Scanned {
  readonly shape: Shape;
  /** After the closing brace. */
  readonly end: number;
  readonly #places: Int32Array;
  readonly #first: number;

  /** The start and the end of each value are in `places`, in pairs, from `first` on. */
  constructor(shape: Shape, end: number, places: Int32Array, first: number) {
    this.shape = shape;
    this.end = end;
    this.#places = places;
    this.#first = first;
  }

  /** Where the value of a column starts. */
  startOf(column: number): number {
    return this.#places[this.#first + 2 * column] ?? 0;
  }

  /** After the value of a column. */
  endOf(column: number): number {
    return this.#places[this.#first + 2 * column + 1] ?? 0;
  }

  /** The value of a column, in the text that was scanned. */
  valueIn(text: string, column: number): string {
    return text.slice(this.startOf(column), this.endOf(column));
  }

  /** The same values under names that are the same in another array. */
  withShape(shape: Shape): Scanned {
    return new Scanned(shape, this.end, this.#places, this.#first);
  }
}

/**
 * Places of many objects share an array, outside of the heap: lists of their own were a tenth of what was allocated for a record.
 * Nothing is written twice, so that what was scanned stays as it is.
 */
const sharedPlaces = 64 * 1024;
let places = new Int32Array(sharedPlaces);
let placesTaken = 0;

/** The index in `places` from which on there is room for so many columns. */
function takePlaces(columns: number): number {
  const count = 2 * columns;
  if (placesTaken + count > places.length) {
    places = new Int32Array(Math.max(sharedPlaces, count));
    placesTaken = 0;
  }
  const first = placesTaken;
  placesTaken += count;
  return first;
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** JSON's white space: space, tab, line feed, carriage return. */
const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

export function skipSpace(text: string, at: number): number {
  let next = at;
  while (isSpace(text.charCodeAt(next))) next += 1;
  return next;
}

/** The index after the string that opens at `at`; −1 if it does not close. */
function skipString(text: string, at: number): number {
  let close = text.indexOf('"', at + 1);
  while (close !== -1) {
    let slashes = 0;
    while (text.charCodeAt(close - 1 - slashes) === backslash) slashes += 1;
    if (slashes % 2 === 0) return close + 1;
    close = text.indexOf('"', close + 1);
  }
  return -1;
}

/** The index after the object or array that opens at `at`; −1 if it does not close. */
function skipNested(text: string, at: number): number {
  let depth = 0;
  for (let next = at; next < text.length; next += 1) {
    const code = text.charCodeAt(next);
    if (code === quote) {
      next = skipString(text, next) - 1;
      if (next < 0) return -1;
    } else if (code === openBrace || code === openBracket) {
      depth += 1;
    } else if (code === closeBrace || code === closeBracket) {
      depth -= 1;
      if (depth === 0) return next + 1;
    }
  }
  return -1;
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** The index after the number, `true`, `false` or `null` at `at`; −1 if it is none of them. */
function skipLiteral(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code === 0x6e) return text.startsWith('null', at) ? at + 4 : -1;
  if (code === 0x74) return text.startsWith('true', at) ? at + 4 : -1;
  if (code === 0x66) return text.startsWith('false', at) ? at + 5 : -1;
  // Most numbers are short integers: those need no regular expression.
  let next = at;
  let digit = code;
  while (digit >= 0x30 && digit <= 0x39) {
    next += 1;
    digit = text.charCodeAt(next);
  }
  const isInteger = digit !== 0x2e && digit !== 0x65 && digit !== 0x45;
  if (next > at && isInteger && (code !== 0x30 || next === at + 1)) return next;
  number.lastIndex = at;
  return number.test(text) ? number.lastIndex : -1;
}

/** The index after the value that starts at `at`; −1 if there is none. */
export function skipValue(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code === quote) return skipString(text, at);
  if (code === openBrace || code === openBracket) return skipNested(text, at);
  return skipLiteral(text, at);
}

/** Reads the object in one of the columns while it is passed by, so that it is not looked at twice. */
export interface InnerReader {
  readonly column: number;
  /** The index after the object that opens at `at`; −1 if there is no whole object. */
  read(text: string, at: number): number;
}

/**
 * Scans the object that opens at `at`; undefined if there is no whole object. Fast if it has the expected shape, and only then
 * is `inner` asked.
 */
export function scanObject(
  text: string,
  at: number,
  expected: Shape | undefined,
  inner?: InnerReader,
): Scanned | undefined {
  if (text.charCodeAt(at) !== openBrace) return undefined;
  return (expected && scanExpected(text, at, expected, inner)) ?? scanAny(text, at);
}

/** Whether the object is `{"payload":…}`: Connect's wrapper of schema and payload, of which a transform or an application left half. */
export function isOnlyPayload({ shape: { columns } }: Scanned): boolean {
  return columns.length === 1 && columns[0] === 'payload';
}

function scanExpected(text: string, at: number, shape: Shape, inner: InnerReader | undefined): Scanned | undefined {
  const { tokens } = shape;
  const count = tokens.length;
  const first = takePlaces(count);
  // What is scanned inside may need another array.
  const taken = places;
  let next = at;
  let column = 0;
  for (; column < count; column += 1) {
    const token = tokens[column] ?? '';
    // At `next` stands the opening brace or the comma before the name.
    if (!text.startsWith(token, next + 1)) return undefined;
    const start = next + 1 + token.length;
    next =
      column === inner?.column && text.charCodeAt(start) === openBrace
        ? inner.read(text, start)
        : skipValue(text, start);
    if (next === -1) return undefined;
    taken[first + 2 * column] = start;
    taken[first + 2 * column + 1] = next;
    if (text.charCodeAt(next) !== comma) break;
  }
  if (column !== count - 1 || text.charCodeAt(next) !== closeBrace) return undefined;
  return new Scanned(shape, next + 1, taken, first);
}

function scanAny(text: string, at: number): Scanned | undefined {
  const columns: string[] = [];
  const tokens: string[] = [];
  const spans: number[] = [];
  let next = skipSpace(text, at + 1);
  if (text.charCodeAt(next) === closeBrace) return scannedAs({ columns, tokens }, next + 1, spans);
  for (;;) {
    if (text.charCodeAt(next) !== quote) return undefined;
    const nameEnd = skipString(text, next);
    const name = nameEnd === -1 ? undefined : parseString(text.slice(next, nameEnd));
    if (name === undefined) return undefined;
    columns.push(name);
    tokens.push(`${text.slice(next, nameEnd)}:`);
    next = skipSpace(text, nameEnd);
    if (text.charCodeAt(next) !== colon) return undefined;
    const start = skipSpace(text, next + 1);
    const end = skipValue(text, start);
    if (end === -1) return undefined;
    spans.push(start, end);
    next = skipSpace(text, end);
    const code = text.charCodeAt(next);
    if (code === closeBrace) return scannedAs({ columns, tokens }, next + 1, spans);
    if (code !== comma) return undefined;
    next = skipSpace(text, next + 1);
  }
}

function scannedAs(shape: Shape, end: number, spans: readonly number[]): Scanned {
  const first = takePlaces(shape.columns.length);
  places.set(spans, first);
  return new Scanned(shape, end, places, first);
}

function parseString(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

/**
 * The text without line breaks between its tokens; undefined if one is inside a string, where JSON has no place for it.
 * Records hardly ever have any: the converter writes none.
 */
export function oneLine(text: string): string | undefined {
  if (!text.includes('\n') && !text.includes('\r')) return text;
  let out = '';
  for (let at = 0; at < text.length;) {
    if (text.charCodeAt(at) === quote) {
      const end = skipString(text, at);
      const string = text.slice(at, end === -1 ? undefined : end);
      if (end === -1 || string.includes('\n') || string.includes('\r')) return undefined;
      out += string;
      at = end;
    } else {
      const character = text.charAt(at);
      out += character === '\n' || character === '\r' ? ' ' : character;
      at += 1;
    }
  }
  return out;
}
