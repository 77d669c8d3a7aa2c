/**
 * Protobuf's scalars: bytes → JSON text, to the last digit.
 *
 * Format: https://protobuf.dev/programming-guides/encoding/
 */
import type { Cursor, ReadText } from './cursor.ts';
import { base64, byte, double, fail, float, skip, utf8 } from './cursor.ts';

/** How a value's end is found, by the low three bits of its tag. */
export const wire = { varint: 0, bits64: 1, bytes: 2, groupStart: 3, groupEnd: 4, bits32: 5 } as const;

export interface Scalar {
  readonly wire: number;
  readonly read: ReadText;
  /** Connect's base type. */
  readonly type: string;
  /** What an absent value is, where absence is not told apart. */
  readonly zero: string;
}

/** Unsigned; a number below 2^53, and a bigint from there on. */
function varint(cursor: Cursor): number | bigint {
  const first = byte(cursor);
  if (first < 0x80) return first;
  // In two halves of 28 bits and the rest, so that a bigint is made of what needs one only.
  let low = first & 0x7f;
  for (let shift = 7; shift < 28; shift += 7) {
    const next = byte(cursor);
    low |= (next & 0x7f) << shift;
    if (next < 0x80) return low;
  }
  let high = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const next = byte(cursor);
    high |= (next & 0x7f) << shift;
    if (next < 0x80) return join(high, low);
  }
  const ninth = byte(cursor);
  const top = ninth < 0x80 ? ninth : (ninth & 0x7f) | (last(cursor) << 7);
  return (BigInt(top) << 56n) | BigInt(join(high, low));
}

/** Below 2^56. */
function join(high: number, low: number): number | bigint {
  return high < 2 ** 25 ? high * 2 ** 28 + low : BigInt(high) * 2n ** 28n + BigInt(low);
}

/** The tenth byte, of which one bit counts. */
function last(cursor: Cursor): number {
  const tenth = byte(cursor);
  if (tenth >= 0x80) fail();
  return tenth & 1;
}

/** As C truncates it: the low 32 bits. */
export function int32(cursor: Cursor): number {
  const value = varint(cursor);
  return typeof value === 'number' ? value | 0 : Number(BigInt.asIntN(32, value));
}

/** A tag or a length. */
export function uint32(cursor: Cursor): number {
  return int32(cursor) >>> 0;
}

/** A zig-zag integer of 32 bits. */
export function sint32(cursor: Cursor): number {
  const value = uint32(cursor);
  return (value >>> 1) ^ -(value & 1);
}

const int64: ReadText = (cursor) => {
  const value = varint(cursor);
  return String(typeof value === 'number' ? value : BigInt.asIntN(64, value));
};

const sint64: ReadText = (cursor) => {
  const value = varint(cursor);
  if (typeof value === 'number') return String(value % 2 === 0 ? value / 2 : -(value + 1) / 2);
  return String((value >> 1n) ^ -(value & 1n));
};

const fixed = (read: (bytes: Buffer, at: number) => number | bigint, length: 4 | 8): ReadText => {
  return (cursor) => String(read(cursor.bytes, skip(cursor, length)));
};

const of = (kind: number, type: string, read: ReadText, zero = '0'): Scalar => ({ wire: kind, read, type, zero });

const scalars: Readonly<Record<string, Scalar>> = {
  int32: of(wire.varint, 'int32', (cursor) => String(int32(cursor))),
  sint32: of(wire.varint, 'int32', (cursor) => String(sint32(cursor))),
  sfixed32: of(
    wire.bits32,
    'int32',
    fixed((bytes, at) => bytes.readInt32LE(at), 4),
  ),
  // Connect has no unsigned integers.
  uint32: of(wire.varint, 'int64', (cursor) => String(uint32(cursor))),
  fixed32: of(
    wire.bits32,
    'int64',
    fixed((bytes, at) => bytes.readUInt32LE(at), 4),
  ),
  int64: of(wire.varint, 'int64', int64),
  uint64: of(wire.varint, 'int64', (cursor) => String(varint(cursor))),
  sint64: of(wire.varint, 'int64', sint64),
  fixed64: of(
    wire.bits64,
    'int64',
    fixed((bytes, at) => bytes.readBigUInt64LE(at), 8),
  ),
  sfixed64: of(
    wire.bits64,
    'int64',
    fixed((bytes, at) => bytes.readBigInt64LE(at), 8),
  ),
  float: of(wire.bits32, 'float', float),
  double: of(wire.bits64, 'double', double),
  bool: of(wire.varint, 'boolean', (cursor) => (Number(varint(cursor)) === 0 ? 'false' : 'true'), 'false'),
  string: of(wire.bytes, 'string', (cursor) => utf8(cursor, uint32(cursor)), '""'),
  bytes: of(wire.bytes, 'bytes', (cursor) => base64(cursor, uint32(cursor)), '""'),
};

/** The scalar of that name; undefined if it is the name of a message or an enum. */
export function scalarOf(name: string): Scalar | undefined {
  return Object.hasOwn(scalars, name) ? scalars[name] : undefined;
}

/** As deep as the official readers go. */
export const maxDepth = 100;

/** Passes by a value that nobody knows: of a field that a newer schema added. */
export function skipValue(cursor: Cursor, tag: number, depth = 0): void {
  switch (tag & 7) {
    case wire.varint:
      varint(cursor);
      return;
    case wire.bits64:
      skip(cursor, 8);
      return;
    case wire.bytes:
      skip(cursor, uint32(cursor));
      return;
    case wire.bits32:
      skip(cursor, 4);
      return;
    case wire.groupStart: {
      if (depth > maxDepth) fail();
      const end = (tag & ~7) | wire.groupEnd;
      for (let inner = uint32(cursor); inner !== end >>> 0; inner = uint32(cursor)) skipValue(cursor, inner, depth + 1);
      return;
    }
    default:
      fail();
  }
}
