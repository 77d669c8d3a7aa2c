/**
 * Documents that are written whole although the source sent only a part of them: what is missing is taken from the document as
 * it was (docs/decisions/0010). One mechanism for values that the database withheld, and for changes that name only what they change.
 *
 * Numbers keep their digits: they are never parsed.
 */
import type { Patch } from '../model/change-event.ts';
import type { Path, Step } from '../model/partial-change.ts';
import { exactTree, isExactNumber, isJson } from './exact.ts';

type Node = Record<string, unknown> | unknown[];

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !isExactNumber(value);

function get(tree: unknown, path: Path): unknown {
  let at = tree;
  for (const name of path) {
    if (!isNode(at) || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

/** As an assignment, but that `__proto__` is a name like any other. */
function put(node: Node, name: string, value: unknown): void {
  Object.defineProperty(node, name, { value, writable: true, enumerable: true, configurable: true });
}

/** Puts a value; what stands on the way and is no object makes room for one. */
function set(tree: Node, path: Path, value: unknown): void {
  let at = tree;
  for (const [depth, name] of path.entries()) {
    if (depth === path.length - 1) {
      put(at, name, value);
      return;
    }
    const below = Object.hasOwn(at, name) ? (at as Record<string, unknown>)[name] : undefined;
    if (isNode(below)) {
      at = below;
    } else {
      const made: Node = {};
      put(at, name, made);
      at = made;
    }
  }
}

function apply(tree: Node, { set: puts, removed, truncated }: Patch): void {
  for (const { path, size } of truncated) {
    const array = get(tree, path);
    if (Array.isArray(array) && array.length > size) array.length = size;
  }
  for (const path of removed) {
    const parent = get(tree, path.slice(0, -1));
    const name = path.at(-1);
    if (isNode(parent) && name !== undefined) Reflect.deleteProperty(parent, name);
  }
  for (const { path, text } of puts) set(tree, path, exactTree(text));
}

const objectOf = (text: string | undefined): Record<string, unknown> => {
  const tree = text === undefined ? undefined : exactTree(text);
  return isNode(tree) && !Array.isArray(tree) ? tree : {};
};

export interface Completed {
  /** The document, in UTF-8. */
  readonly source: Buffer;
  /** Values that were withheld and found, and those that are missing; a patch of a document that is not there misses one. */
  readonly kept: number;
  readonly omitted: readonly Path[];
}

/**
 * The document after the steps; one that is no JSON is passed by, as the server would have refused it. `base` is the JSON text of the document before the first; undefined if there was none.
 * `formerOf` gives the document by a step's `formerId`; the row of that document is this one's, so it is asked first.
 */
export function completed(
  base: string | undefined,
  steps: readonly Step[],
  formerOf: (id: string) => string | undefined = () => undefined,
): Completed {
  let exists = base !== undefined;
  let tree = objectOf(base);
  let omitted: Path[] = [];
  let kept = 0;
  for (const { source, withheld, patch, formerId, mayBeFirst } of steps) {
    const text = source.toString();
    if (!isJson(text)) continue;
    let next = objectOf(text);
    if (patch === undefined) omitted = [];
    else {
      if (!exists && mayBeFirst !== true) omitted.push([]);
      apply(tree, patch);
      for (const [name, value] of Object.entries(next)) put(tree, name, value);
      next = tree;
    }
    const former = formerId === undefined || withheld.length === 0 ? undefined : objectOf(formerOf(formerId));
    for (const path of withheld) {
      const found = get(former, path);
      const value = found === undefined ? get(tree, path) : found;
      if (value === undefined) omitted.push(path);
      else set(next, path, value);
      kept += value === undefined ? 0 : 1;
    }
    tree = next;
    exists = true;
  }
  return { source: Buffer.from(JSON.stringify(tree)), kept, omitted };
}
