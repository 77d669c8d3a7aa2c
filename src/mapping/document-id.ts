/**
 * Key → `_id`, injective: rows with different keys have different documents.
 *
 * One column: its text (`1001`); an empty one is `\E`, for Elasticsearch takes no empty id, and a text of backslashes before an E
 * has one more. Several: their texts, separated by `:`; a `:` or `\` in a text is preceded by `\`, and null is `\N`, so that no
 * two lists of texts are written the same.
 */
import { createHash } from 'node:crypto';
import type { Convert, Row } from '../model/change-event.ts';
import type { Failure } from '../model/outcome.ts';

/** What Elasticsearch takes, in bytes of UTF-8. */
export const maxIdBytes = 512;

export interface IdOptions {
  readonly overlong: 'reject' | 'hash';
}

/** A column that names a document: its text, null, or undefined where it has no usable value. */
export interface IdPart {
  readonly name: string;
  readonly text: string | null | undefined;
}

/** The id that a key makes; `converts` has the conversion of each column that needs one; `met` is told of each part. */
export function documentId(
  key: Row,
  converts: readonly (Convert | undefined)[],
  options: IdOptions,
  met?: (name: string, text: IdPart['text']) => void,
): string | Failure {
  const { columns } = key;
  // Nearly every key is one column: no list is made for it.
  if (columns.length === 1) {
    const [name = ''] = columns;
    const text = textOf(key, 0, converts[0]);
    met?.(name, text);
    return idOfOne(name, text, options);
  }
  const parts = partsOf(key, converts);
  for (const { name, text } of parts) met?.(name, text);
  return idOf(parts, options);
}

/** The columns of a key, each with its text. */
export function partsOf(key: Row, converts: readonly (Convert | undefined)[]): readonly IdPart[] {
  return key.columns.map((name, column) => ({ name, text: textOf(key, column, converts[column]) }));
}

/** The id that these columns make. */
export function idOf(parts: readonly IdPart[], options: IdOptions): string | Failure {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return idOfOne(first.name, first.text, options);
  const texts: string[] = [];
  for (const { name, text } of parts) {
    if (text === undefined) return missing(name);
    texts.push(text === null ? '\\N' : text.replaceAll(/[\\:]/g, '\\$&'));
  }
  return checked(texts.join(':'), options);
}

function idOfOne(name: string, text: string | null | undefined, options: IdOptions): string | Failure {
  if (text === undefined || text === null) return missing(name);
  if (text === '') return emptyText;
  return checked(text.charCodeAt(0) === backslash && likeEmptyText.test(text) ? `\\${text}` : text, options);
}

const emptyText = '\\E';
const likeEmptyText = /^\\+E$/;
const backslash = 0x5c;

function checked(id: string, { overlong }: IdOptions): string | Failure {
  // A UTF-16 unit makes at most three bytes. What looks like a digest must not be taken for one.
  const fits = id.length * 3 <= maxIdBytes || Buffer.byteLength(id) <= maxIdBytes;
  if (fits && !(overlong === 'hash' && isLikeDigest(id))) return id;
  if (overlong === 'hash') return `${digestStart}${createHash('sha256').update(id).digest('base64url')}`;
  return {
    code: 'ID_TOO_LONG',
    message: `The key makes an id of ${Buffer.byteLength(id)} bytes; Elasticsearch takes ${maxIdBytes}.`,
  };
}

const digestStart = 'sha256-';
const digestLength = digestStart.length + 43;
const isLikeDigest = (id: string): boolean => id.length === digestLength && id.startsWith(digestStart);

/**
 * The text of a column: a string's characters, anything else as JSON; undefined if it is not what its type promises, or has no
 * bytes of its own: half of a surrogate pair is written like every other half.
 */
export function textOf(row: Row, column: number, convert: Convert | undefined): string | null | undefined {
  const raw = row.text(column);
  const text = convert === undefined ? raw : convert(raw);
  if (text === undefined) return undefined;
  if (text === 'null') return null;
  if (!text.startsWith('"')) return text;
  // Most strings have nothing to unescape.
  if (!text.includes('\\')) return text.slice(1, -1);
  const parsed = JSON.parse(text) as string;
  return parsed.isWellFormed() ? parsed : undefined;
}

function missing(name: string): Failure {
  return { code: 'RECORD_KEY_MISSING', message: `The key has no usable value in "${name}" to name a document by.` };
}
