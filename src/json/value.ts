/**
 * Exact values of JSON texts: integers beyond 2^53 become bigint, numbers that no double equals keep their text.
 */
import type { Value } from '../model/change-event.ts';

/** The third argument is the number's own text (ECMAScript 2026), of which the compiler's library does not know yet. */
function exact(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined ? exactNumber(context.source, value) : value;
}

/** The value of a valid JSON text. Throws a SyntaxError if it is not valid. */
export function jsonValue(text: string): Value {
  return JSON.parse(text, exact) as Value;
}

function exactNumber(source: string, value: number): Value {
  if (Number.isSafeInteger(value) && /^-?\d+$/.test(source)) return Object.is(value, -0) ? 0 : value;
  if (/^-?\d+$/.test(source)) return BigInt(source);
  return sameNumber(source, String(value)) ? value : { decimalText: source };
}

/** Whether two decimal texts write the same number: same digits once point, exponent and outer zeros are aligned. */
function sameNumber(a: string, b: string): boolean {
  const [left, right] = [normalise(a), normalise(b)];
  return left === right;
}

function normalise(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  return `${sign}${significant}e${Number(exponent) - fraction.length + (digits.length - significant.length)}`;
}
