/**
 * A mistake in what the user wrote: one sentence, and where.
 */
import type { z } from 'zod';
import { suggestion } from '../model/suggestion.ts';

export interface Problem {
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
}

/** `file:line:column: message`. */
export function problemText({ file, line, column, message }: Problem): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return place === '' ? message : `${place}: ${message}`;
}

export type Path = readonly (string | number)[];

/** A mistake that a schema found. `at` is the key where there is a key to blame, else the place of the value. */
export interface Mistake {
  readonly path: Path;
  readonly at: 'key' | 'value';
  readonly message: string;
}

/** One mistake per key, as sentences. `knownKeys` are the keys that may stand at a path. */
export function mistakesOf(error: z.ZodError, knownKeys: (path: Path) => readonly string[]): readonly Mistake[] {
  return error.issues.flatMap((issue): readonly Mistake[] => {
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: [...path, key],
        at: 'key',
        message: `unknown key "${key}"${suggestion(key, knownKeys(path))}`,
      }));
    }
    return [{ path, at: 'value', message: `${pathText(path)} ${sentence(issue)}` }];
  });
}

const pathText = (path: Path): string => (path.length === 0 ? 'the file' : `\`${path.join('.')}\``);

function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.input === undefined)
    return `is missing; it must be ${article(issue.expected)}`;
  if (issue.code === 'invalid_type') return `must be ${article(issue.expected)}`;
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'invalid_union') return 'has a value of a form that it does not take';
  return issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
}

const article = (type: string): string => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`);
