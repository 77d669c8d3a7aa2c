/**
 * MongoDB tells the number 1004 and the text "1004" apart as `_id`, an ObjectId and the text of its digits, binary data and its base64; as names
 * of documents each two are one text. So it is remembered which types of `_id` a topic has, and an `_id` whose text one of another type
 * might have is in doubt: one of two documents would get the other's content. Ids that look unlike each other may be mixed.
 *
 * What was met before this process began is not known: an `_id` is in doubt from the moment when the other type is met.
 */
import { jsonValue } from '../json/value.ts';

/** Whether an `_id` is in doubt: its type, and the type that was met before. Called once for each record. */
export type FindIdDoubt = (extended: string, plain: string) => string | undefined;

type Look = 'hexadecimal' | 'number' | 'word' | 'uuid' | 'object' | 'text';

/** MongoDB takes numbers of all types for one `_id` if they are equal. */
const numbers: ReadonlySet<string> = new Set(['$numberInt', '$numberLong', '$numberDouble', '$numberDecimal']);
/** Values that extended JSON tells apart and plain JSON does not. */
const nullLike = /"\$(?:numberDouble|numberDecimal)"\s*:\s*"(?:NaN|[+-]?Infinity)"|"\$(?:minKey|maxKey|undefined)"/;

/** `extended`: the `_id` as the connector wrote it; `plain`: the JSON text that names the document. */
export function createIdDoubts(): FindIdDoubt {
  const met = new Map<Look, string>();
  return (extended, plain) => {
    const type = typeOf(extended);
    if (type === 'an object' && nullLike.test(extended))
      return 'an object that holds NaN, an infinity, MinKey, MaxKey or undefined';
    const look = lookOf(plain);
    const before = met.get(look);
    if (before === undefined) met.set(look, type);
    return before === undefined || before === type
      ? undefined
      : `${type}, and another \`_id\` that looks alike is ${before}`;
  };
}

function typeOf(extended: string): string {
  if (/^[-\d]/.test(extended)) return 'a number';
  if (extended === 'true' || extended === 'false') return 'a word';
  if (!extended.startsWith('{')) return 'a text';
  const name = /^\{\s*"(\$\w+)"/.exec(extended)?.[1];
  if (name === undefined) return 'an object';
  return numbers.has(name) ? 'a number' : `of the type \`${name}\``;
}

function lookOf(plain: string): Look {
  if (plain.startsWith('{')) return 'object';
  const value = plain.startsWith('"') ? jsonValue(plain) : undefined;
  const text = typeof value === 'string' ? value : plain;
  if (/^[0-9a-f]{24}$/i.test(text)) return 'hexadecimal';
  if (/^-?\d/.test(text) && !Number.isNaN(Number(text))) return 'number';
  if (text === 'true' || text === 'false') return 'word';
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-/i.test(text)) return 'uuid';
  return text.startsWith('{') ? 'object' : 'text';
}
