/**
 * Avro's values as they stand in its binary encoding → JSON text.
 *
 * Format: https://avro.apache.org/docs/1.12.0/specification/#binary-encoding
 */
import type { ByteCursor } from './cursor.ts';
import { base64, byte, double, fail, float, skip } from './cursor.ts';
import type { JsonBytes } from './json-bytes.ts';
import { putAscii, putInteger, putString, putUtf8 } from './json-bytes.ts';

/** Puts the JSON text of the value that stands next; ends by `fail` if the bytes are not that. */
export type PutValue = (cursor: ByteCursor, out: JsonBytes) => void;

export const primitiveNames = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const;
export type PrimitiveName = (typeof primitiveNames)[number];

export const primitives: Readonly<Record<PrimitiveName, PutValue>> = {
  null: (_, out) => {
    putAscii(out, 'null');
  },
  boolean: (cursor, out) => {
    putAscii(out, byte(cursor) === 0 ? 'false' : 'true');
  },
  int: putLong,
  long: putLong,
  float: (cursor, out) => {
    putAscii(out, float(cursor));
  },
  double: (cursor, out) => {
    putAscii(out, double(cursor));
  },
  bytes: (cursor, out) => {
    putUtf8(out, base64(cursor, readInteger(cursor)));
  },
  string,
};

export function string(cursor: ByteCursor, out: JsonBytes): void {
  const length = readInteger(cursor);
  const start = skip(cursor, length);
  if (!putString(out, cursor.bytes, start, start + length)) fail();
}

/** More items than bytes are possible only of types that take none. */
const maxEmptyItems = 4096;

export function eachItem(cursor: ByteCursor, item: () => void): void {
  for (let count = readInteger(cursor); count !== 0; count = readInteger(cursor)) {
    // A negative count is followed by the block's size in bytes.
    if (count < 0) readInteger(cursor);
    const items = Math.abs(count);
    if (items > Math.max(cursor.bytes.length - cursor.at, maxEmptyItems)) fail();
    for (let done = 0; done < items; done += 1) item();
  }
}

/** A length, a count or the number of a branch: exact below 2^53, and beyond it no length at all. */
export function readInteger(cursor: ByteCursor): number {
  let value = byte(cursor);
  if (value < 0x80) return (value >>> 1) ^ -(value & 1);
  let raw = value & 0x7f;
  let scale = 0x80;
  do {
    value = byte(cursor);
    raw += (value & 0x7f) * scale;
    scale *= 0x80;
    if (scale > 2 ** 56) fail();
  } while (value >= 0x80);
  return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
}

function putLong(cursor: ByteCursor, out: JsonBytes): void {
  const { bytes, at } = cursor;
  // Seven bytes hold 49 bits.
  let end = at;
  while ((bytes[end] ?? 0) >= 0x80) end += 1;
  if (end >= bytes.length || end - at > 9) fail();
  // Eight hold 56, which a number takes as long as they are no more than 53: microseconds of our days.
  if (end - at < 7 || (end - at === 7 && (bytes[end] ?? 0) < 0x10)) {
    putInteger(out, readInteger(cursor));
    return;
  }
  // The tenth byte holds the last of 64 bits, and nothing else.
  if (end - at === 9 && (bytes[end] ?? 0) > 1) fail();
  cursor.at = end + 1;
  const below = sevens(bytes, at, at + 4);
  const above = sevens(bytes, at + 4, at + 8);
  const low = below | (above << 28);
  const high = (above >>> 4) | (sevens(bytes, at + 8, end + 1) << 24);
  const sign = -(low & 1);
  asInteger.setInt32(0, ((low >>> 1) | (high << 31)) ^ sign, true);
  asInteger.setInt32(4, (high >>> 1) ^ sign, true);
  putAscii(out, String(asInteger.getBigInt64(0, true)));
}

/** Eight bytes in which 64-bit integers are put together: nanoseconds are, and arithmetic of big integers is slow. */
const asInteger = new DataView(new ArrayBuffer(8));

/** The bits of the bytes from `start` before `end`, seven of each, the lowest first; at most 28. */
function sevens(bytes: Buffer, start: number, end: number): number {
  let bits = 0;
  for (let next = end - 1; next >= start; next -= 1) bits = (bits << 7) | ((bytes[next] ?? 0) & 0x7f);
  return bits;
}
