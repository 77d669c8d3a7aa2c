/**
 * A YAML file, checked by a schema; every mistake with its line and column.
 */
import { readFile } from 'node:fs/promises';
import { LineCounter, isMap, isNode, isScalar, parseDocument } from 'yaml';
import type { Document } from 'yaml';
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
  if (document.errors.length > 0) {
    const problems = document.errors.map(({ message, pos }) => ({
      file,
      ...place(lineCounter, pos[0]),
      message: `not YAML: ${message}.`,
    }));
    return { ok: false, problems };
  }
  const positionOf: YamlFile['positionOf'] = (path, at = 'value') => place(lineCounter, startOf(document, path, at));
  return { ok: true, value: { file, value: document.toJS() as unknown, positionOf } };
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
