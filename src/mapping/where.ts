/**
 * Which rows become documents: all conditions must hold. Values are compared as they are in documents: dates as ISO text.
 */
import type { Value } from '../model/change-event.ts';
import type { Condition } from './definition.ts';

export type Test = (value: Value) => boolean;

/** A condition of a mapping file, as a test of a column's value. */
export function testOf(condition: Condition): Test {
  if (Array.isArray(condition)) return (value) => condition.some((candidate) => equal(value, candidate));
  if (typeof condition !== 'object' || condition === null) return (value) => equal(value, condition);
  const { not, gt, gte, lt, lte, matches } = condition;
  const tests: Test[] = [];
  if (not !== undefined) {
    const is = testOf(not);
    tests.push((value) => !is(value));
  }
  if (gt !== undefined) tests.push((value) => compare(value, gt) > 0);
  if (gte !== undefined) tests.push((value) => compare(value, gte) >= 0);
  if (lt !== undefined) tests.push((value) => compare(value, lt) < 0);
  if (lte !== undefined) tests.push((value) => compare(value, lte) <= 0);
  if (matches !== undefined) {
    const expression = new RegExp(matches, 'u');
    tests.push((value) => typeof value === 'string' && expression.test(value));
  }
  return (value) => tests.every((test) => test(value));
}

type Scalar = string | number | boolean | null;

function equal(value: Value, candidate: Scalar): boolean {
  return value === candidate || (typeof candidate === 'number' && compare(value, candidate) === 0);
}

/** Negative, zero or positive; NaN, for which nothing holds, where the two are of different kinds. */
function compare(value: Value, with_: string | number): number {
  if (typeof with_ === 'string') return typeof value === 'string' ? order(value, with_) : Number.NaN;
  const number = numberOf(value);
  return number === undefined ? Number.NaN : order(number, with_);
}

function order(a: string | number | bigint, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Numbers, and decimals that are exact text: `"12.50"`. */
function numberOf(value: Value): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'object' && value !== null && 'decimalText' in value) return Number(value['decimalText']);
  return typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value) ? Number(value) : undefined;
}
