/**
 * The module that a mapping file names.
 */
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import type { LoadedTransform, Transform } from '../mapping/transform.ts';

/** The transform of a module; a sentence if it has none, or cannot be loaded. `path` is absolute. */
export async function loadTransform(path: string): Promise<LoadedTransform | string> {
  let module: unknown;
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return `${path} cannot be loaded: ${reason ?? ''}.`;
  }
  if (!hasTransform(module)) return `${path} exports no function \`transform\`.`;
  const digest = await readFile(path).then(
    (text) => ({ digest: hash('sha256', text) }),
    () => ({}),
  );
  return { file: path, transform: module.transform, ...digest };
}

function hasTransform(module: unknown): module is { readonly transform: Transform } {
  return (
    typeof module === 'object' && module !== null && 'transform' in module && typeof module.transform === 'function'
  );
}
