/**
 * The environment: every key of `sluice.yaml` has a variable (`kafka.groupId` is SLUICE_KAFKA_GROUP_ID), which wins over the
 * file; with `_FILE` behind its name, the variable names a file that holds the value, as secrets are handed to containers.
 */
import { readFile } from 'node:fs/promises';
import type { Problem } from './problem.ts';
import { suggestion } from '../model/suggestion.ts';
import type { JsonSchema, Leaf } from './schema-keys.ts';
import { leavesOf } from './schema-keys.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A value that the environment gives to a key. */
export interface Override {
  readonly variable: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

const prefix = 'SLUICE_';
/** The variable that names the file itself. */
export const configVariable = 'SLUICE_CONFIG';

export function variableOf(path: readonly string[]): string {
  return prefix + path.map((part) => part.replaceAll(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()).join('_');
}

/** The values that the environment gives, and what is wrong with it. */
export async function readEnvironment(
  environment: Environment,
  schema: JsonSchema,
): Promise<{ readonly overrides: readonly Override[]; readonly problems: readonly Problem[] }> {
  const leaves = new Map(leavesOf(schema).map((leaf) => [variableOf(leaf.path), leaf] as const));
  const overrides: Override[] = [];
  const problems: Problem[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    const isOurs = variable.startsWith(prefix) && variable !== configVariable && !variable.startsWith('SLUICE_TEST_');
    if (!isOurs || text === undefined) continue;
    const name = variable.endsWith('_FILE') && !leaves.has(variable) ? variable.slice(0, -'_FILE'.length) : variable;
    const leaf = leaves.get(name);
    if (leaf === undefined) {
      problems.push({ message: `${variable} is no variable of Sluice${suggestion(variable, [...leaves.keys()])}.` });
      continue;
    }
    try {
      const value = name === variable ? text : (await readFile(text, 'utf8')).replace(/\r?\n$/, '');
      overrides.push({ variable, path: leaf.path, value: parse(value, leaf) });
    } catch {
      problems.push({ message: `${variable} names a file that cannot be read: ${text}.` });
    }
  }
  return { overrides, problems };
}

/** Text as the key's type would have it; what it cannot be is left to the schema to refuse. */
function parse(text: string, { schema }: Leaf): unknown {
  const types = [schema.type, ...(schema.anyOf ?? []).map(({ type }) => type)];
  if (types.includes('array')) return text.split(',').map((part) => part.trim());
  if ((types.includes('integer') || types.includes('number')) && /^-?\d+$/.test(text)) return Number(text);
  if (types.includes('boolean') && /^(?:true|false)$/.test(text)) return text === 'true';
  return text;
}
