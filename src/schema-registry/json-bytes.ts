/**
 * JSON text as it is made of binary values: bytes, put one after the other. Texts in between, and one that joins them, took three
 * times as long, half of it to collect them again (docs/decisions/0008-schema-registry.md).
 */
import { isUtf8 } from 'node:buffer';

/** Where text is put; made for one value, and ended by `taken`. */
export interface JsonBytes {
  bytes: Buffer;
  /** Where the value's text starts. */
  start: number;
  /** Where the next byte goes. */
  end: number;
  /** Whether each byte so far is a character. */
  isAscii: boolean;
}

/** Text, and its bytes if each of them is a character. */
export interface TakenText {
  readonly text: string;
  readonly ascii?: Buffer;
}

/** Many texts share this much memory. Nothing is written twice, so that a text's bytes stay what they are. */
const sharedBytes = 256 * 1024;

export function createJsonBytes(): JsonBytes {
  return { bytes: Buffer.allocUnsafeSlow(sharedBytes), start: 0, end: 0, isAscii: true };
}

/** Forgets what was put since the last text was taken. */
export function restart(out: JsonBytes): void {
  out.start = out.end;
  out.isAscii = true;
}

/** What was put since the start. */
export function taken(out: JsonBytes): TakenText {
  const { bytes, start, end, isAscii } = out;
  if (!isAscii) return { text: bytes.toString('utf8', start, end) };
  return { text: bytes.toString('latin1', start, end), ascii: bytes.subarray(start, end) };
}

/** Makes room for so many bytes more. */
function reserve(out: JsonBytes, count: number): void {
  if (out.end + count <= out.bytes.length) return;
  const begun = out.bytes.subarray(out.start, out.end);
  // Doubled, so that a long text is not moved again and again.
  out.bytes = Buffer.allocUnsafeSlow(Math.max(sharedBytes, 2 * (begun.length + count)));
  out.bytes.set(begun);
  out.start = 0;
  out.end = begun.length;
}

/** A character of ASCII. */
export function putByte(out: JsonBytes, code: number): void {
  reserve(out, 1);
  out.bytes[out.end] = code;
  out.end += 1;
}

/** Text of ASCII, and short: longer ones are what `putUtf8` is for. */
export function putAscii(out: JsonBytes, text: string): void {
  const { length } = text;
  reserve(out, length);
  const { bytes, end } = out;
  for (let at = 0; at < length; at += 1) bytes[end + at] = text.charCodeAt(at);
  out.end = end + length;
}

/** Any text. */
export function putUtf8(out: JsonBytes, text: string): void {
  // A UTF-16 unit makes at most three bytes.
  reserve(out, 3 * text.length);
  const written = out.bytes.write(text, out.end);
  if (written !== text.length) out.isAscii = false;
  out.end += written;
}

/** Digits of an integer below this are made by 32-bit arithmetic. */
const lowPart = 100_000_000;
const lowDigits = 8;
const maxIntegerDigits = 17;

/** An integer, exact below 2^53. */
export function putInteger(out: JsonBytes, value: number): void {
  reserve(out, maxIntegerDigits);
  const { bytes } = out;
  let rest = value;
  if (rest < 0) {
    bytes[out.end] = 0x2d;
    out.end += 1;
    rest = -rest;
  }
  if (rest >= lowPart) {
    // Below 2^53, what is above is no larger than what is below.
    const above = Math.floor(rest / lowPart);
    putDigits(out, above, digitsOf(above));
    putDigits(out, rest - above * lowPart, lowDigits);
  } else {
    putDigits(out, rest, digitsOf(rest));
  }
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits += 1;
  return digits;
}

/** The last digits of a number below `lowPart`; zeros before it. */
function putDigits(out: JsonBytes, value: number, digits: number): void {
  const { bytes, end } = out;
  let rest = value | 0;
  for (let at = end + digits - 1; at >= end; at -= 1) {
    const tenth = (rest / 10) | 0;
    bytes[at] = 0x30 + rest - tenth * 10;
    rest = tenth;
  }
  out.end = end + digits;
}

const quote = 0x22;
const backslash = 0x5c;

/** The bytes from `start` before `end` as a JSON string; false if they are not UTF-8. */
export function putString(out: JsonBytes, from: Buffer, start: number, end: number): boolean {
  reserve(out, end - start + 2);
  const { bytes } = out;
  let next = out.end;
  bytes[next] = quote;
  next += 1;
  /** All bits of all bytes. */
  let bits = 0;
  for (let at = start; at < end; at += 1) {
    const code = from[at] ?? 0;
    if (code < 0x20 || code === quote || code === backslash) return putEscaped(out, from.subarray(start, end));
    bits |= code;
    bytes[next] = code;
    next += 1;
  }
  bytes[next] = quote;
  out.end = next + 1;
  if (bits < 0x80) return true;
  out.isAscii = false;
  return isUtf8(from.subarray(start, end));
}

function putEscaped(out: JsonBytes, bytes: Buffer): boolean {
  putUtf8(out, JSON.stringify(bytes.toString()));
  return isUtf8(bytes);
}
