/**
 * A document and what it should be, field by field: which of them differ, by name, never by value.
 *
 * A field that is null is as one that is absent: a column that was added later is absent in the documents that were there before.
 * Floats are compared as the numbers that they are.
 */
import { canonicalNumber, canonicalTree, removeAt } from '../json/canonical.ts';
import { exactTree, isExactNumber } from '../json/exact.ts';
import type { Path } from '../model/partial-change.ts';

export interface FieldRule {
  readonly path: Path;
  /** Of floats. */
  readonly precision: 'single' | 'double' | undefined;
}

const numberTexts = {
  single: (text: string): string => canonicalNumber(JSON.stringify(Math.fround(Number(text)))),
  double: (text: string): string => canonicalNumber(JSON.stringify(Number(text))),
};

/** The names of the fields that differ; what no rule names is told by its first name. */
export function differingFields(
  expected: string,
  found: string,
  rules: readonly FieldRule[],
  leaveOut: readonly Path[],
): readonly string[] {
  const trees = [exactTree(expected), exactTree(found)] as const;
  for (const tree of trees) for (const path of leaveOut) removeAt(tree, path);
  const differing: string[] = [];
  for (const { path, precision } of rules) {
    const numberText = precision && numberTexts[precision];
    const [one, other] = trees.map((tree) => canonicalTree(valueAt(tree, path) ?? null, numberText));
    if (one !== other) differing.push(path.join('.'));
    for (const tree of trees) removeAt(tree, path);
  }
  const [left, right] = trees.map(membersOf);
  for (const name of new Set([...Object.keys(left ?? {}), ...Object.keys(right ?? {})])) {
    if (restText(left?.[name]) !== restText(right?.[name]) && !differing.includes(name)) differing.push(name);
  }
  return differing;
}

/** An object of which nothing is left is none. */
const restText = (value: unknown): string => (isEmpty(value) ? 'null' : canonicalTree(value));

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  return (
    typeof value === 'object' && !Array.isArray(value) && !isExactNumber(value) && Object.values(value).every(isEmpty)
  );
}

function membersOf(tree: unknown): Readonly<Record<string, unknown>> {
  return typeof tree === 'object' && tree !== null ? (tree as Readonly<Record<string, unknown>>) : {};
}

function valueAt(tree: unknown, path: Path): unknown {
  let at = tree;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}
