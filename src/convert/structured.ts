/**
 * Values that hold values: arrays, structs, maps, JSON in strings, sets, vectors. Elements are converted as text, one by one.
 */
import { oneLine } from '../json/scan.ts';
import type { Convert } from '../model/change-event.ts';
import { elementsOf, fieldsOf, membersOf, stringOf } from '../json/text.ts';

/** Every element of an array; null elements and a null array stay. */
export function arrayOf(element: Convert): Convert {
  return (text) => {
    if (text === 'null') return text;
    const elements = elementsOf(text);
    return elements && joined(elements.map(element), '[', ']');
  };
}

/** The members of a struct that have a conversion, by name; the others are copied. */
export function structOf(members: ReadonlyMap<string, Convert>): Convert {
  return (text) => {
    if (text === 'null') return text;
    const written = membersOf(text)?.map(({ name, token, text: value }) => {
      const convert = members.get(name);
      const converted = convert === undefined ? value : convert(value);
      return converted && token + converted;
    });
    return written && joined(written, '{', '}');
  };
}

/**
 * A map. Connect writes one whose keys are no strings as an array of pairs, `[[1,"a"]]`; it becomes an object whose names are
 * the keys' texts.
 */
export function mapOf(convert: Convert | undefined): Convert {
  return (text) => {
    if (text === 'null') return text;
    const members = text.startsWith('[')
      ? elementsOf(text)?.map(pair)
      : membersOf(text)?.map(({ token, text: member }) => [token, member] as const);
    const written = members?.map((member) => {
      const converted = member && (convert ? convert(member[1]) : member[1]);
      return member && converted && member[0] + converted;
    });
    return written && joined(written, '{', '}');
  };
}

function pair(text: string): readonly [token: string, value: string] | undefined {
  const [key, value, ...more] = elementsOf(text) ?? [];
  if (key === undefined || value === undefined || more.length > 0) return undefined;
  return [`${key.startsWith('"') ? key : JSON.stringify(key)}:`, value];
}

function joined(parts: readonly (string | undefined)[], open: string, close: string): string | undefined {
  return parts.includes(undefined) ? undefined : `${open}${parts.join(',')}${close}`;
}

/** `io.debezium.data.EnumSet` (MySQL's SET): `"a,b"` → `["a","b"]`; no member has a comma. */
export const enumSet: Convert = (text) => {
  if (text === 'null') return text;
  const value = stringOf(text);
  return value === undefined ? undefined : JSON.stringify(value === '' ? [] : value.split(','));
};

/** Elasticsearch reads no JSON that is nested deeper than 1000, and the document is a level itself. */
const deepest = 990;

/**
 * `io.debezium.data.Json`: a string that holds JSON → that JSON, digit for digit, on one line.
 *
 * The field that takes any object (`flattened`) takes nothing else, so what is no object is put into one, as `value`. Of names
 * that come twice, which PostgreSQL's `json` allows and Elasticsearch refuses, the last is kept, as `jsonb` does.
 */
export const jsonInString: Convert = (text) => {
  if (text === 'null') return text;
  const json = stringOf(text)?.trim();
  if (json === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  const { members, depth } = measure(value);
  if (depth > deepest) return undefined;
  const line = membersWritten(json) === members ? oneLine(json) : withoutRepeats(json);
  return line === undefined || value === null || line.startsWith('{') ? line : `{"value":${line}}`;
};

/** How many members all objects in a value have, and how deep they lie. Without recursion: a text may be nested at will. */
function measure(root: unknown): { members: number; depth: number } {
  let members = 0;
  let depth = 0;
  let level: unknown[] = [root];
  while (level.length > 0) {
    depth += 1;
    const below: unknown[] = [];
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue;
      const inner: unknown[] = Object.values(value);
      if (!Array.isArray(value)) members += inner.length;
      for (const item of inner) below.push(item);
    }
    level = below;
  }
  return { members, depth };
}

/** How many members a valid JSON text writes: every colon outside a string is one. */
function membersWritten(json: string): number {
  let count = 0;
  for (const found of json.matchAll(/"(?:[^"\\]|\\.)*"|:/g)) if (found[0] === ':') count += 1;
  return count;
}

/** Of members with one name the last, at every level. */
function withoutRepeats(json: string): string | undefined {
  if (json.startsWith('[')) {
    const elements = elementsOf(json);
    return elements && joined(elements.map(withoutRepeats), '[', ']');
  }
  if (!json.startsWith('{')) return oneLine(json);
  const members = membersOf(json);
  if (members === undefined) return undefined;
  const last = new Map(members.map(({ name, text }) => [name, text]));
  const written = [...last].map(([name, text]) => {
    const value = withoutRepeats(text);
    return value && `${JSON.stringify(name)}:${value}`;
  });
  return joined(written, '{', '}');
}

/** As many numbers as Elasticsearch takes in a vector. */
export const mostDimensions = 4096;
const number = /^-?\d/;

/** Beyond this a vector's square is more than a float holds, which Elasticsearch refuses. */
const longestSquare = 1e38;

/**
 * `DoubleVector`, `FloatVector`: an array of floats; null where `dense_vector` would refuse it: none, too large, too many, or not
 * as many as the field's `dims`. Without `dims` the first document decides, and vectors of another length are refused.
 */
export function vectorOf(dims?: number): Convert {
  return (text) => {
    if (text === 'null') return text;
    const elements = elementsOf(text);
    if (elements === undefined) return undefined;
    const square = elements.reduce((sum, element) => sum + (number.test(element) ? Number(element) ** 2 : Infinity), 0);
    const { length } = elements;
    const fits = dims === undefined ? length > 0 && length <= mostDimensions : length === dims;
    return fits && square < longestSquare ? `[${elements.join(',')}]` : 'null';
  };
}

/**
 * `SparseDoubleVector`: `{"dimensions":9,"vector":[[1,0.5]]}` → `{"1":0.5}`, as `rank_features` takes it. It takes positive
 * numbers only: zeros, which mean nothing in a sparse vector, go, and a vector with a negative number has no weights here.
 * Nor does it take null, for which there is `{}`.
 */
export const sparseVector: Convert = (text) => {
  if (text === 'null') return noWeights;
  const map = fieldsOf(text)?.get('vector');
  const entries = map === undefined ? undefined : mapOf(undefined)(map);
  const members = entries === undefined ? undefined : membersOf(entries);
  if (members === undefined) return undefined;
  const present = members.filter((member) => !number.test(member.text) || Number(member.text) !== 0);
  if (!present.every((member) => isWeight(member.text))) return noWeights;
  return `{${present.map((member) => member.token + member.text).join(',')}}`;
};

const noWeights = '{}';

/** A float that Lucene takes as a weight: positive, normal, finite. */
function isWeight(text: string): boolean {
  const value = Math.fround(Number(text));
  return number.test(text) && value >= 2 ** -126 && value < Infinity;
}
