/** Reading binary values from left to right, and the JSON texts of what is read: common to Avro and Protobuf. */
import { isUtf8 } from 'node:buffer';

/** Where reading stands. */
export interface ByteCursor {
  readonly bytes: Buffer;
  at: number;
  /** How many values the one that is being read is inside of; kept by formats that limit it. */
  depth: number;
}

/** For those that answer texts. */
export interface Cursor extends ByteCursor {
  /** The bytes as Latin-1: a character a byte, so that text which is ASCII, as most is, is cut out of it and not decoded again. */
  readonly characters: string;
}

/** Reads one value and answers its JSON text; ends by `fail` if the bytes are not that. */
export type ReadText = (cursor: Cursor) => string;

/** Bytes that are not what the schema promises; one object, for no stack is needed. */
const malformed = new Error('malformed');

export function fail(): never {
  throw malformed;
}

export function cursorAt(bytes: Buffer, at: number): Cursor {
  return { bytes, characters: bytes.toString('latin1'), at, depth: 0 };
}

/** What `read` makes of all bytes that follow; undefined if it fails, or leaves some over. */
export function readWhole<C extends ByteCursor, T>(cursor: C, read: (cursor: C) => T): T | undefined {
  try {
    const value = read(cursor);
    return cursor.at === cursor.bytes.length ? value : undefined;
  } catch (error) {
    // A schema that holds itself can be nested deeper than the stack.
    if (error === malformed || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Where the next `length` bytes begin, which are passed by. */
export function skip(cursor: ByteCursor, length: number): number {
  const start = cursor.at;
  if (!(length >= 0) || start + length > cursor.bytes.length) fail();
  cursor.at = start + length;
  return start;
}

export function byte(cursor: ByteCursor): number {
  const value = cursor.bytes[cursor.at];
  if (value === undefined) fail();
  cursor.at += 1;
  return value;
}

const needsEscape = /["\\\u0000-\u001f]/;
/** Beyond ASCII, bytes are no characters. */
const needsCare = /["\\\u0000-\u001f\u0080-\u00ff]/;

/** The next `length` bytes as a JSON string; fails if they are not UTF-8. */
export function utf8(cursor: Cursor, length: number): string {
  const start = skip(cursor, length);
  const ascii = cursor.characters.slice(start, start + length);
  if (!needsCare.test(ascii)) return `"${ascii}"`;
  const text = cursor.bytes.toString('utf8', start, start + length);
  // Decoding puts U+FFFD where bytes are not UTF-8; a text that has one may also have had it from the start.
  if (text.includes('\uFFFD') && !isUtf8(cursor.bytes.subarray(start, start + length))) fail();
  return needsEscape.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** The next `length` bytes as JsonConverter writes bytes. */
export function base64(cursor: ByteCursor, length: number): string {
  const start = skip(cursor, length);
  return `"${cursor.bytes.toString('base64', start, start + length)}"`;
}

/** Four bytes, little-endian: the shortest text that is this 32-bit number. */
export function float(cursor: ByteCursor): string {
  const value = cursor.bytes.readFloatLE(skip(cursor, 4));
  for (let digits = 1; digits <= 9; digits += 1) {
    const shorter = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(shorter), value)) return numberText(shorter);
  }
  return numberText(value);
}

/** Eight bytes, little-endian. */
export function double(cursor: ByteCursor): string {
  return numberText(cursor.bytes.readDoubleLE(skip(cursor, 8)));
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? '-0.0' : String(value);
}
