/**
 * Decimals and floats, digit by digit: a decimal never passes a float.
 */
import type { Convert } from '../model/change-event.ts';
import { fieldsOf } from '../json/text.ts';

const base64Digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const base64Values = new Uint8Array(128);
for (let value = 0; value < base64Digits.length; value += 1) base64Values[base64Digits.charCodeAt(value)] = value;

/** The big-endian two's complement integer in base64 that stands in quotes. */
function unscaled(quoted: string): number | bigint | undefined {
  if (!base64.test(quoted)) return undefined;
  // Most decimals are of at most six bytes, which a double holds exactly.
  if (quoted.length <= '"12345678"'.length) return smallUnscaled(quoted);
  const hex = Buffer.from(quoted.slice(1, -1), 'base64').toString('hex');
  return BigInt.asIntN(hex.length * 4, BigInt(`0x${hex}`));
}

/** Of at most six bytes; undefined if there are none. */
function smallUnscaled(quoted: string): number | undefined {
  let end = quoted.length - 1;
  while (quoted.charCodeAt(end - 1) === 0x3d) end -= 1;
  if (end === 1) return undefined;
  let value = 0;
  for (let at = 1; at < end; at += 1) value = value * 64 + (base64Values[quoted.charCodeAt(at)] ?? 0);
  const spareBits = (6 * (end - 1)) % 8;
  const bits = 6 * (end - 1) - spareBits;
  value = Math.floor(value / 2 ** spareBits);
  return value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
}

/** unscaled · 10^−scale without an exponent: `1234`, 2 → `12.34`; a negative scale appends zeros. */
export function decimalText(value: bigint | number, scale: number): string {
  const negative = value < 0;
  const digits = String(negative ? -value : value);
  const sign = negative ? '-' : '';
  if (scale <= 0) return digits === '0' ? '0' : `${sign}${digits}${'0'.repeat(-scale)}`;
  const padded = digits.padStart(scale + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

const base64 = /^"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"$/;
const number = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const maxScale = 999_999;

/**
 * `org.apache.kafka.connect.data.Decimal`: base64 of the unscaled value (or a number, with `decimal.format=NUMERIC`).
 * `quoted` writes it as a string, so that readers that parse numbers as doubles lose nothing.
 */
export function decimalFromBase64(scale: number, quoted: boolean): Convert {
  const mark = quoted ? '"' : '';
  // As a damaged schema says it: digits cannot be placed by what is no number, or millions of zeros be written.
  const isScale = Number.isInteger(scale) && Math.abs(scale) <= maxScale;
  return (text) => {
    if (text === 'null') return text;
    if (number.test(text)) return `${mark}${text}${mark}`;
    if (!isScale) return undefined;
    const value = unscaled(text);
    return value === undefined ? undefined : `${mark}${decimalText(value, scale)}${mark}`;
  };
}

/** `io.debezium.data.VariableScaleDecimal`: `{"scale":2,"value":"base64"}` → an exact decimal in quotes. */
export const variableScaleDecimal: Convert = (text) => {
  if (text === 'null') return text;
  const fields = fieldsOf(text);
  const value = fields?.get('value') ?? '';
  const scale = fields?.get('scale') ?? '';
  const integer = unscaled(value);
  return integer === undefined || !/^-?\d{1,6}$/.test(scale) ? undefined : `"${decimalText(integer, Number(scale))}"`;
};

/** How JSON, Java and Debezium's `decimal.handling.mode=string` write what is no number. */
const notFinite: ReadonlySet<string> = new Set(
  ['NaN', 'Infinity', '-Infinity', 'NAN', 'POSITIVE_INFINITY', 'NEGATIVE_INFINITY'].map((name) => JSON.stringify(name)),
);

/** NaN and the infinities, which JSON writes as strings and Elasticsearch refuses, become null. */
export const finiteNumber: Convert = (text) => {
  if (text.startsWith('"')) return notFinite.has(text) ? 'null' : undefined;
  return text;
};

/** More zeros than this are not written out. */
const longestExponent = 1000;

/** A decimal without an exponent, `1E+3` → `1000`, digit for digit. Undefined if the text is no decimal. */
function plainDecimal(text: string): string | undefined {
  const parts = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (parts === null) return undefined;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts;
  const scale = fraction.length - Number(exponent);
  if (Math.abs(scale) > longestExponent + fraction.length) return text;
  const written = decimalText(BigInt(whole + fraction), scale);
  return sign === '-' && /[1-9]/.test(written) ? `-${written}` : written;
}

/** A decimal as a string or a number (`decimal.handling.mode=string`, `double`); NaN and the infinities become null. */
export function decimalFromText(quoted: boolean): Convert {
  const mark = quoted ? '"' : '';
  return (text) => {
    if (text === 'null' || notFinite.has(text)) return 'null';
    const plain = plainDecimal(text.startsWith('"') ? text.slice(1, -1).trim() : text);
    return plain === undefined ? undefined : `${mark}${plain}${mark}`;
  };
}

const integerText = /^-?\d+$/;

/** A MySQL `BIGINT UNSIGNED` that came as a signed number: what lies beyond 2^63 has become negative, and is taken back. */
export const unsigned64: Convert = (text) => {
  if (text === 'null') return text;
  const plain = text.startsWith('"') ? text.slice(1, -1) : text;
  if (!integerText.test(plain)) return undefined;
  return plain.startsWith('-') ? String(BigInt.asUintN(64, BigInt(plain))) : plain;
};

/** A MySQL `TINYINT(1)` → whether it is not zero, as MySQL and Debezium's TinyIntOneToBooleanConverter see it. */
export const booleanFromNumber: Convert = (text) => {
  if (text === 'null' || text === 'true' || text === 'false') return text;
  return integerText.test(text) ? String(Number(text) !== 0) : undefined;
};
