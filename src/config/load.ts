/**
 * Reads what the user wrote: `sluice.yaml`, the environment and the mapping files. Reports all mistakes at once.
 */
import { access, readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import { contradictionsIn } from './contradictions.ts';
import type { Environment, Override } from './environment.ts';
import { configVariable, readEnvironment, variableOf } from './environment.ts';
import type { Path, Problem } from './problem.ts';
import { mistakesOf } from './problem.ts';
import type { Config } from './schema.ts';
import { configSchema } from './schema.ts';
import { jsonSchemaOf, keysAt } from './schema-keys.ts';
import type { Checked, YamlFile } from './yaml-file.ts';
import { checkYaml, readYaml } from './yaml-file.ts';

export interface LoadOptions {
  /** Named by the user; else SLUICE_CONFIG, else `sluice.yaml` if it is there. */
  readonly file?: string | undefined;
  readonly environment: Environment;
  /** Paths are relative to the file's folder, or to this where there is no file. */
  readonly cwd: string;
}

const defaultFile = 'sluice.yaml';

/** The configuration, with the path of the folder of mapping files. */
export type LoadedConfig = Config & {
  /** Whether the user named the folder. A folder that is named must hold mapping files: without them, every mask would be dropped. */
  readonly namesDocuments: boolean;
};

export async function loadConfig({ file, environment, cwd }: LoadOptions): Promise<Checked<LoadedConfig>> {
  const chosen =
    file ?? environment[configVariable] ?? ((await exists(resolve(cwd, defaultFile))) ? defaultFile : undefined);
  const schema = jsonSchemaOf(configSchema);
  const read = chosen === undefined ? undefined : await readYaml(resolve(cwd, chosen));
  const { overrides, problems } = await readEnvironment(environment, schema);
  if (read?.ok === false) return { ok: false, problems: [...read.problems, ...problems] };
  const yaml = read?.value;
  // So that what is missing in them is told by its own name.
  const written = ['kafka', 'elasticsearch'].reduce<unknown>(
    (value, part) => withDefault(value, part, {}),
    yaml?.value ?? {},
  );
  const merged = overrides.reduce<unknown>(
    (value, { path, value: override }) => withValue(value, path, override),
    written,
  );
  const result = configSchema.safeParse(merged, { reportInput: true });
  if (!result.success) {
    const mistakes = mistakesOf(result.error, (path) => keysAt(schema, path)).map(({ path, at, message }) =>
      whereWritten(path, at, `${message}.`, overrides, yaml),
    );
    return { ok: false, problems: [...problems, ...mistakes] };
  }
  const contradictions = contradictionsIn(result.data).map(({ path, message }) =>
    whereWritten(path, 'key', message, overrides, yaml),
  );
  if (problems.length > 0 || contradictions.length > 0)
    return { ok: false, problems: [...problems, ...contradictions] };
  const folder = yaml === undefined ? cwd : dirname(yaml.file);
  const namesDocuments = typeof merged === 'object' && merged !== null && 'documents' in merged;
  return { ok: true, value: { ...result.data, documents: resolve(folder, result.data.documents), namesDocuments } };
}

function whereWritten(
  path: Path,
  at: 'key' | 'value',
  message: string,
  overrides: readonly Override[],
  yaml: YamlFile | undefined,
): Problem {
  const override = overrides.find((candidate) => candidate.path.every((part, depth) => part === path[depth]));
  if (override !== undefined) return { message: `${override.variable}: ${message}` };
  if (yaml !== undefined) return { file: yaml.file, ...yaml.positionOf(path, at), message };
  return { message: `${message} Set ${variableOf(path.map(String))}, or the key in ${defaultFile}.` };
}

function withDefault(target: unknown, key: string, value: unknown): unknown {
  const isThere = typeof target !== 'object' || target === null || key in target;
  return isThere ? target : { ...target, [key]: value };
}

function withValue(target: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  const object: Readonly<Record<string, unknown>> = typeof target === 'object' && target !== null ? { ...target } : {};
  return { ...object, [key]: withValue(object[key], rest, value) };
}

/** A mapping file that its schema accepts. */
export interface LoadedDocument<T> {
  readonly file: string;
  readonly definition: T;
  readonly positionOf: YamlFile['positionOf'];
}

/**
 * Reads all `*.yaml` and `*.yml` files of a folder; two files that define one document are a mistake, and so is a folder that is not
 * there or holds no such file, unless it is `optional`: in the wrong folder, every mask would be dropped.
 */
export async function loadDocuments<S extends z.ZodType<{ readonly document: string }>>(
  folder: string,
  schema: S,
  { optional }: { readonly optional: boolean },
): Promise<Checked<readonly LoadedDocument<z.output<S>>[]>> {
  let names: readonly string[];
  try {
    names = (await readdir(folder)).filter((name) => /\.ya?ml$/.test(name)).sort();
  } catch {
    if (optional) return { ok: true, value: [] };
    return {
      ok: false,
      problems: [
        {
          file: folder,
          message:
            'the folder of mapping files cannot be read; correct `documents` (SLUICE_DOCUMENTS), or create the folder.',
        },
      ],
    };
  }
  if (names.length === 0 && !optional) {
    const message =
      'the folder holds no mapping file (`*.yaml`, `*.yml`); correct `documents` (SLUICE_DOCUMENTS), put a mapping file there, or remove `documents` if `unmapped` covers all topics.';
    return { ok: false, problems: [{ file: folder, message }] };
  }
  const documents: LoadedDocument<z.output<S>>[] = [];
  const problems: Problem[] = [];
  for (const name of names) {
    const yaml = await readYaml(join(folder, name));
    const checked = yaml.ok ? checkYaml(yaml.value, schema) : yaml;
    if (!yaml.ok || !checked.ok) {
      problems.push(...(checked.ok ? [] : checked.problems));
      continue;
    }
    const { file, positionOf } = yaml.value;
    const other = documents.find(({ definition }) => definition.document === checked.value.document);
    if (other !== undefined) {
      const message = `document "${other.definition.document}" is defined in ${other.file} already.`;
      problems.push({ file, ...positionOf(['document']), message });
    }
    documents.push({ file, definition: checked.value, positionOf });
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: documents };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
