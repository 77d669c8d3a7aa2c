/**
 * PostgreSQL's ranges and multiranges, which arrive as their text: `[1,10)`, `empty`, `["2019-03-31 15:30:00+00",infinity)`,
 * `{[1,3),[5,7)}` (https://www.postgresql.org/docs/current/rangetypes.html) → what Elasticsearch's range fields take:
 * `{"gte":1,"lt":10}`. A bound that is missing or infinite is left out; an empty range is null; a multirange is an array.
 *
 * Range fields cannot ignore what is malformed, and refuse a range that ends before it begins. They count in doubles and in
 * milliseconds, in which narrow ranges may shrink to nothing: such a range is given its bounds, so it is never narrower than it was.
 */
import type { Convert } from '../model/change-event.ts';
import { stringOf } from '../json/text.ts';
import { instantText, microsecondsOf } from './timestamp-text.ts';

/** A bound that is there: what the document says, and the number that Elasticsearch makes of it. */
interface Bound {
  readonly text: string;
  /** A day's own text, for bounds at which Elasticsearch takes it for its first moment: it rounds others to the last. */
  readonly dayText?: string | undefined;
  readonly number: number;
  /** Elasticsearch cuts the bound to that number: then it belongs to the range, exclusive or not. */
  readonly isCut?: boolean;
}

/** The bound that a text writes; `none` if there is no end on that side; undefined if the text is no bound. */
type ReadBound = (text: string) => Bound | 'none' | undefined;

const quoted = String.raw`"(?:[^"\\]|\\.|"")*"`;
const plain = String.raw`[^"\\,()[\]{}]*`;
const range = new RegExp(String.raw`([[(])(${quoted}|${plain}),(${quoted}|${plain})([\])])`, 'y');

function rangeFrom(bound: ReadBound, step: (number: number) => number): Convert {
  const one = (parts: readonly string[] | undefined): string | undefined => {
    if (parts === undefined) return undefined;
    const [, open, from = '', to = '', close] = parts;
    const lower = bound(unquoted(from));
    const upper = bound(unquoted(to));
    if (lower === undefined || upper === undefined) return undefined;
    let above = open === '(' && !isCut(lower) ? 'gt' : 'gte';
    let below = close === ')' && !isCut(upper) ? 'lt' : 'lte';
    if (lower !== 'none' && upper !== 'none') {
      if (lower.number > upper.number) return undefined;
      const first = above === 'gt' ? step(lower.number) : lower.number;
      if (first > upper.number || (below === 'lt' && first >= upper.number)) [above, below] = ['gte', 'lte'];
    }
    const written = [
      lower === 'none' ? '' : `"${above}":${(above === 'gte' ? lower.dayText : undefined) ?? lower.text}`,
      upper === 'none' ? '' : `"${below}":${(below === 'lt' ? upper.dayText : undefined) ?? upper.text}`,
    ];
    return `{${written.filter((part) => part !== '').join(',')}}`;
  };
  return (text) => {
    if (text === 'null') return text;
    const value = stringOf(text)?.trim();
    if (value === undefined) return undefined;
    if (value.toLowerCase() === 'empty') return 'null';
    if (!value.startsWith('{')) return one(wholeRange(value));
    const ranges = listed(value)?.map(one);
    return ranges === undefined || ranges.includes(undefined) ? undefined : `[${ranges.join(',')}]`;
  };
}

const isCut = (bound: Bound | 'none'): boolean => bound !== 'none' && bound.isCut === true;

function wholeRange(value: string): readonly string[] | undefined {
  range.lastIndex = 0;
  const parts = range.exec(value);
  return parts !== null && parts[0].length === value.length ? parts : undefined;
}

/** The ranges of a multirange. */
function listed(value: string): readonly (readonly string[])[] | undefined {
  const found: (readonly string[])[] = [];
  if (value === '{}') return found;
  for (let at = 0; at < value.length - 1; at = range.lastIndex) {
    if (value.charAt(at) !== (at === 0 ? '{' : ',')) return undefined;
    range.lastIndex = at + 1;
    const parts = range.exec(value);
    if (parts === null) return undefined;
    found.push(parts);
  }
  return value.endsWith('}') ? found : undefined;
}

function unquoted(bound: string): string {
  return bound.startsWith('"')
    ? bound.slice(1, -1).replaceAll(/\\(.)|""/g, (_, escaped?: string) => escaped ?? '"')
    : bound;
}

const endless = /^$|^[+-]?infinity$|^nan$/i;

/** Integers between these. */
function integerBound(least: bigint, most: bigint): ReadBound {
  return (text) => {
    if (endless.test(text)) return 'none';
    if (!/^-?\d{1,20}$/.test(text)) return undefined;
    const value = BigInt(text);
    return value < least || value > most ? undefined : { text: String(value), number: Number(value) };
  };
}

const decimal = /^-?\d+(?:\.\d+)?$/;

/** Beyond what a double holds there is no end. */
const decimalBound: ReadBound = (text) => {
  if (endless.test(text)) return 'none';
  if (!decimal.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? { text, number } : 'none';
};

const dateOnly = /^\d{4}-\d\d-\d\d$/;

/** Dates and timestamps; without a zone they are taken as UTC, as Debezium takes them. Elasticsearch cuts to milliseconds. */
const dateBound: ReadBound = (text) => {
  if (endless.test(text)) return 'none';
  const microseconds = microsecondsOf(text);
  if (microseconds === undefined) return undefined;
  const cut = ((microseconds % 1000n) + 1000n) % 1000n;
  const dayText = dateOnly.test(text) ? `"${text}"` : undefined;
  return { text: instantText(microseconds), dayText, number: Number((microseconds - cut) / 1000n), isCut: cut !== 0n };
};

const nextDouble = (value: number): number => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value === 0 ? 0 : value);
  view.setBigInt64(0, view.getBigInt64(0) + (value < 0 ? -1n : 1n));
  return view.getFloat64(0);
};
const nextInteger = (value: number): number => value + 1;

/** `int4range`, `int4multirange` → `integer_range`. */
export const integerRange = rangeFrom(integerBound(-(2n ** 31n), 2n ** 31n - 1n), nextInteger);
/** `int8range`, `int8multirange` → `long_range`. */
export const longRange = rangeFrom(integerBound(-(2n ** 63n), 2n ** 63n - 1n), nextInteger);
/** `numrange`, `nummultirange` → `double_range`, every digit in the document. */
export const doubleRange = rangeFrom(decimalBound, nextDouble);
/** `daterange`, `tsrange`, `tstzrange` and their multiranges → `date_range`. */
export const dateRange = rangeFrom(dateBound, nextInteger);
