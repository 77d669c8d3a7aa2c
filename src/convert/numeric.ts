/**
 * Decimals and floats, digit by digit: a decimal never passes a float.
 */
import type { Convert } from '../model/change-event.ts';

/** Base64 of a big-endian two's complement integer. */
function unscaled(base64: string): bigint | undefined {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length === 0) return undefined;
  // Most decimals fit into six bytes, which a double holds exactly.
  if (bytes.length <= 6) return BigInt(bytes.readIntBE(0, bytes.length));
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
}

/** unscaled · 10^−scale without an exponent: `1234`, 2 → `12.34`; a negative scale appends zeros. */
export function decimalText(value: bigint, scale: number): string {
  const negative = value < 0n;
  const digits = String(negative ? -value : value);
  const sign = negative ? '-' : '';
  if (scale <= 0) return value === 0n ? '0' : `${sign}${digits}${'0'.repeat(-scale)}`;
  const padded = digits.padStart(scale + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

const base64 = /^"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"$/;
const number = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * `org.apache.kafka.connect.data.Decimal`: base64 of the unscaled value (or a number, with `decimal.format=NUMERIC`).
 * `quoted` writes it as a string, so that readers that parse numbers as doubles lose nothing.
 */
export function decimalFromBase64(scale: number, quoted: boolean): Convert {
  const mark = quoted ? '"' : '';
  return (text) => {
    if (text === 'null') return text;
    if (number.test(text)) return `${mark}${text}${mark}`;
    const value = base64.test(text) ? unscaled(text.slice(1, -1)) : undefined;
    return value === undefined ? undefined : `${mark}${decimalText(value, scale)}${mark}`;
  };
}

/** `io.debezium.data.VariableScaleDecimal`: `{"scale":2,"value":"base64"}` → an exact decimal in quotes. */
export const variableScaleDecimal: Convert = (text) => {
  if (text === 'null') return text;
  const fields: unknown = JSON.parse(text);
  if (typeof fields !== 'object' || fields === null || !('scale' in fields) || !('value' in fields)) return undefined;
  const { scale, value } = fields;
  const integer = typeof value === 'string' ? unscaled(value) : undefined;
  return typeof scale !== 'number' || integer === undefined ? undefined : `"${decimalText(integer, scale)}"`;
};

/** NaN and the infinities, which JSON writes as strings and Elasticsearch refuses, become null. */
export const finiteNumber: Convert = (text) => {
  if (text.startsWith('"')) return notFinite.has(text) ? 'null' : undefined;
  return text;
};

const notFinite: ReadonlySet<string> = new Set(['"NaN"', '"Infinity"', '"-Infinity"']);
