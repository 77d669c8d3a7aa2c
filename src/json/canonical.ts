/**
 * One text for all JSON texts of one value: names in order, numbers by their value, nothing between. Two documents are the same
 * if, and only if, their canonical texts are.
 *
 * Numbers are compared by value and never through a double: `1.10`, `1.1` and `11e-1` are one number, 9007199254740993 and
 * 9007199254740992 are two. Strings are compared by their characters, however those are escaped. Of several fields of one name
 * the last counts, as it does for Elasticsearch. Vectors are compared as they are kept: with so many digits, and null as if it
 * were not there.
 */
import type { Path } from '../model/partial-change.ts';
import { isExactNumber, treeOf } from './exact.ts';
import type { Vector, VectorField } from '../model/vector-field.ts';
import { keptNumber } from '../model/vector-field.ts';

/** The canonical text of a JSON text, without the fields at `leaveOut`. Throws a SyntaxError if it is none. */
export function canonicalJson(
  text: string,
  leaveOut: readonly Path[] = [],
  vectors: readonly VectorField[] = [],
): string {
  const tree = treeWithout(text, leaveOut);
  for (const { path, kept } of vectors) keep(tree, path, kept);
  return canonicalTree(tree);
}

/** As `canonicalJson`, for whom an object's own field that is null is one that is absent. */
export function canonicalWithoutNulls(text: string, leaveOut: readonly Path[] = []): string {
  const tree = treeWithout(text, leaveOut);
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) return canonicalTree(tree);
  return canonicalTree(Object.fromEntries(Object.entries(tree).filter(([, value]) => value !== null)));
}

function treeWithout(text: string, leaveOut: readonly Path[]): unknown {
  const tree = treeOf(text);
  for (const path of leaveOut) removeAt(tree, path);
  return tree;
}

/** The canonical text of what `exactTree` made; `numberText` writes numbers, if not every digit counts. */
export function canonicalTree(value: unknown, numberText: (text: string) => string = canonicalNumber): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isExactNumber(value)) return numberText(JSON.stringify(value));
  if (Array.isArray(value)) return `[${value.map((one) => canonicalTree(one, numberText)).join(',')}]`;
  const object = value as Readonly<Record<string, unknown>>;
  const names = Object.keys(object).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalTree(object[name], numberText)}`).join(',')}}`;
}

/** As JavaScript writes integers below 10^15; else the digits without the zeros at either end, and the power of ten. */
export function canonicalNumber(text: string): string {
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const zeros = BigInt(power) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  const isSmall = zeros >= 0n && zeros + BigInt(significant.length) <= 15n;
  return sign + (isSmall ? significant + '0'.repeat(Number(zeros)) : `${significant}e${zeros}`);
}

/** Takes the field at a path away. */
export function removeAt(tree: unknown, path: Path): void {
  let at = tree;
  for (const [depth, name] of path.entries()) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return;
    if (depth === path.length - 1) Reflect.deleteProperty(at, name);
    else at = (at as Readonly<Record<string, unknown>>)[name];
  }
}

/** Puts what an index keeps of a vector into its place. */
function keep(tree: unknown, [name, ...rest]: Path, kept: Vector): void {
  if (Array.isArray(tree)) {
    for (const element of tree) keep(element, name === undefined ? [] : [name, ...rest], kept);
    return;
  }
  if (typeof tree !== 'object' || tree === null || name === undefined || !Object.hasOwn(tree, name)) return;
  const object = tree as Record<string, unknown>;
  const value = object[name];
  if (rest.length > 0) keep(value, rest, kept);
  else if (value === null) Reflect.deleteProperty(object, name);
  else object[name] = keptValue(value, kept);
}

function keptValue(value: unknown, kept: Vector): unknown {
  if (typeof value === 'number') return keptNumber(value, kept);
  if (isExactNumber(value)) return keptNumber(Number(JSON.stringify(value)), kept);
  if (Array.isArray(value)) return value.map((element) => keptValue(element, kept));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, keptValue(member, kept)]));
}
