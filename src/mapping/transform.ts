/**
 * A user's own function between the fields of a mapping file and the document.
 *
 * ```ts
 * import type { Transform } from 'sluice/transform';
 * export const transform: Transform = (document) => ({ ...document, name: `${document.first_name} ${document.last_name}` });
 * ```
 */
import { jsonValue } from '../json/value.ts';
import type { Decimal, Value } from '../model/change-event.ts';
import { errorKind } from '../model/error-kind.ts';
import { exactNumber } from '../json/exact.ts';

/** What the document was made of. */
export interface TransformContext {
  readonly op: 'read' | 'create' | 'update';
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  /** Fields of the document that the database did not send. Those that the result does not have are taken from the index. */
  readonly withheld: readonly string[];
}

/** A row's fields. Integers beyond 2^53 are bigint; a number that no JavaScript number equals is `{ decimalText }`. */
export type Fields = Readonly<Record<string, Value>>;

/** What may be in a document: JSON's values, and bigint, Decimal and Date beside them. */
export type DocumentValue =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Date
  | Decimal
  | readonly DocumentValue[]
  | { readonly [name: string]: DocumentValue };

/**
 * The document that is written instead; null: there is none, and one that was there is deleted. Must be synchronous, and give the
 * same answer for the same document: a replay asks again. What it throws makes the record a dead letter.
 */
export type Transform<F extends Fields = Fields> = (
  document: F,
  context: TransformContext,
) => Readonly<Record<string, DocumentValue>> | null;

export interface LoadedTransform {
  readonly file: string;
  /** Of the module's own text; what it imports is not in it. */
  readonly digest?: string;
  readonly transform: Transform;
}

export type Transformed =
  | { readonly kind: 'document'; readonly source: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly seen: string };

/**
 * Applies a transform to a document's JSON text. Total: what it throws is told with file and line, without its message and without
 * a name of its own, which may hold values.
 */
export function transformed(
  { file, transform }: LoadedTransform,
  source: string,
  context: TransformContext,
): Transformed {
  const fields = jsonValue(source) as Fields;
  try {
    const result: unknown = transform(fields, context);
    if (result === null) return { kind: 'none' };
    if (typeof result !== 'object' || Array.isArray(result)) {
      return {
        kind: 'failed',
        seen: `${file} gave ${Array.isArray(result) ? 'an array' : typeof result}, and no document`,
      };
    }
    if (result instanceof Promise) {
      // What it rejects with would otherwise end the process, with its message on the terminal.
      result.catch(() => undefined);
      return { kind: 'failed', seen: `${file} gave a promise: it must be synchronous` };
    }
    return { kind: 'document', source: JSON.stringify(result, exactly) };
  } catch (error) {
    return { kind: 'failed', seen: `${file}${placeIn(file, error)} threw ${errorKind(error)}` };
  }
}

function exactly(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return exactNumber(String(value));
  const isDecimal = typeof value === 'object' && value !== null && 'decimalText' in value;
  return isDecimal && typeof value.decimalText === 'string' ? exactNumber(value.decimalText) : value;
}

/** `:line:column` of the first line of the stack that is in the file. */
function placeIn(file: string, error: unknown): string {
  const stack = stackOf(error);
  for (const line of stack.split('\n')) {
    const at = line.indexOf(`${file}:`);
    const place = at === -1 ? undefined : /^:\d+:\d+/.exec(line.slice(at + file.length))?.[0];
    if (place !== undefined) return place;
  }
  return '';
}

/** A stack is the thrower's own property: it may be anything, or throw itself. */
function stackOf(error: unknown): string {
  try {
    const stack: unknown = error instanceof Error ? error.stack : undefined;
    return typeof stack === 'string' ? stack : '';
  } catch {
    return '';
  }
}
