/**
 * A YAML file, checked by a schema; every mistake with its line and column.
 */
import { readFile } from 'node:fs/promises';
import { LineCounter, isAlias, isMap, isNode, isScalar, parseDocument, visit } from 'yaml';
import type { Document, Node } from 'yaml';
import type { z } from 'zod';
import type { Mistake, Path, Problem } from './problem.ts';
import { mistakesOf } from './problem.ts';
import { jsonSchemaOf, keysAt } from './schema-keys.ts';

/** A file that is YAML; its values are not checked yet. */
export interface YamlFile {
  readonly file: string;
  readonly value: unknown;
  /** The line and column of the value (or key) at a path, or of the nearest thing around it. */
  positionOf(path: Path, at?: 'key' | 'value'): { readonly line: number; readonly column: number };
}

export type Checked<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads a file; the problem says if it is not there or is no YAML. */
export async function readYaml(file: string): Promise<Checked<YamlFile>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const reason =
      error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'is not there' : 'cannot be read';
    return { ok: false, problems: [{ file, message: `the file ${reason}.` }] };
  }
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const faults = faultsOf(document);
  if (faults.length > 0) {
    const shown = faults.slice(0, mostFaults);
    const problems = shown.map(({ start, message }) => ({ file, ...place(lineCounter, start), message }));
    return { ok: false, problems };
  }
  const positionOf: YamlFile['positionOf'] = (path, at = 'value') => place(lineCounter, startOf(document, path, at));
  return { ok: true, value: { file, value: document.toJS({ maxAliasCount: -1 }) as unknown, positionOf } };
}

/** A file that is deeply broken has a fault at every byte. */
const mostFaults = 10;
/** Values that aliases may stand for in one file; a few lines can stand for billions. */
const mostAliased = 10_000;

interface Fault {
  readonly start: number;
  readonly message: string;
}

/** What keeps a text from being values: its syntax, its tags, its aliases. */
function faultsOf(document: Document.Parsed): readonly Fault[] {
  const faults = [...document.errors, ...document.warnings].map(({ code, message, pos }) => ({
    start: pos[0],
    message: sentences[code] ?? `not YAML: ${message}.`,
  }));
  return faults.length > 0 ? faults : aliasFaults(document);
}

const quoteIt = 'write a value that begins with `*` in quotes.';

/** The parser's own sentences for these speak to programmers. */
const sentences: Readonly<Record<string, string>> = {
  BAD_ALIAS: `\`*\` begins a YAML alias, and its name is not valid; ${quoteIt}`,
  MULTIPLE_DOCS: 'a second YAML document begins here (`---`), and a file holds one; split the file.',
  RESOURCE_EXHAUSTION: 'not YAML: values are nested too deeply.',
};

/** Each alias must have an anchor before it and not around it, and all together must stand for a bounded number of values. */
function aliasFaults(document: Document.Parsed): readonly Fault[] {
  const faults: Fault[] = [];
  const anchors = new Map<string, Node>();
  const targets = new Map<Node, Node>();
  const sizes = new Map<Node, number>();
  let total = 0;
  const sizeOf = (node: Node): number => {
    let size = sizes.get(node) ?? 0;
    if (size > 0) return size;
    visit(node, (_, inner) => {
      const target = isNode(inner) ? targets.get(inner) : undefined;
      size += target === undefined ? 1 : sizeOf(target);
    });
    sizes.set(node, size);
    return size;
  };
  visit(document, (_, node) => {
    if (!isNode(node)) return undefined;
    if (!isAlias(node)) {
      if ('anchor' in node && typeof node.anchor === 'string') anchors.set(node.anchor, node);
      return undefined;
    }
    const start = node.range?.[0] ?? 0;
    const target = anchors.get(node.source);
    if (target === undefined) {
      const message = `\`*${node.source}\` is a YAML alias, and no anchor \`&${node.source}\` is before it; ${quoteIt}`;
      faults.push({ start, message });
      return undefined;
    }
    if (target.range && target.range[0] <= start && start < target.range[1]) {
      faults.push({
        start,
        message: `\`*${node.source}\` stands inside the value of its own anchor \`&${node.source}\`.`,
      });
      return visit.BREAK;
    }
    targets.set(node, target);
    total += sizeOf(target);
    if (total <= mostAliased) return undefined;
    const message = `\`*${node.source}\` is one alias too many: the aliases of a file may stand for ${mostAliased} values; write the values out.`;
    faults.push({ start, message });
    return visit.BREAK;
  });
  return faults;
}

/** Checks a file by a schema. */
export function checkYaml<S extends z.ZodType>({ file, value, positionOf }: YamlFile, schema: S): Checked<z.output<S>> {
  const result = schema.safeParse(value ?? {}, { reportInput: true });
  if (result.success) return { ok: true, value: result.data };
  const keys = jsonSchemaOf(schema);
  const problems = mistakesOf(result.error, (path) => keysAt(keys, path)).map(({ path, at, message }: Mistake) => ({
    file,
    ...positionOf(path, at),
    message: `${message}.`,
  }));
  return { ok: false, problems };
}

function place(lineCounter: LineCounter, start: number): { line: number; column: number } {
  const { line, col } = lineCounter.linePos(start);
  return { line, column: col };
}

/** Where a key or value begins; a value that is not there is looked for where it should be. */
function startOf(document: Document, path: Path, at: 'key' | 'value'): number {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && key.value === path[length - 1])
      : undefined;
    const node = at === 'key' && length === path.length ? pair?.key : document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
    if (isNode(pair?.key) && pair.key.range) return pair.key.range[0];
  }
  return 0;
}
