/**
 * Bytes and bits. Elasticsearch's `binary` takes standard base64 only.
 */
import type { Convert } from '../model/change-event.ts';
import { stringOf } from '../json/text.ts';

const standard = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const urlSafe = /^[A-Za-z0-9_-]*={0,2}$/;
const hexadecimal = /^(?:[0-9a-fA-F]{2})*$/;

const bytesFrom =
  (form: RegExp, encoding: BufferEncoding): Convert =>
  (text) => {
    if (text === 'null') return text;
    const value = stringOf(text);
    return value !== undefined && form.test(value) ? `"${Buffer.from(value, encoding).toString('base64')}"` : undefined;
  };

/** `binary.handling.mode=bytes` or `base64`: checked, as it came. */
export const bytesFromBase64 = bytesFrom(standard, 'base64');
/** `binary.handling.mode=base64-url-safe`. */
export const bytesFromBase64url = bytesFrom(urlSafe, 'base64url');
/** `binary.handling.mode=hex`. */
export const bytesFromHex = bytesFrom(hexadecimal, 'hex');

/** The bytes of `io.debezium.data.Bits` are little-endian; here the most significant is first. */
function bigEndian(text: string): Buffer | undefined {
  const value = stringOf(text);
  return value !== undefined && standard.test(value) ? Buffer.from(value, 'base64').reverse() : undefined;
}

/** `io.debezium.data.Bits` of at most 64 bits → a number. */
export const bitsAsNumber: Convert = (text) => {
  if (text === 'null') return text;
  const bytes = bigEndian(text);
  return bytes && String(BigInt(`0x0${bytes.toString('hex')}`));
};

/**
 * `io.debezium.data.Bits` of any length → its zeros and ones as SQL writes them, the most significant first. `length` cuts off
 * what fills up the last byte.
 */
export function bitsAsText(length = Infinity): Convert {
  return (text) => {
    if (text === 'null') return text;
    const bytes = bigEndian(text);
    if (bytes === undefined) return undefined;
    let bits = '';
    for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
    return `"${bits.length > length ? bits.slice(-length) : bits}"`;
  };
}
