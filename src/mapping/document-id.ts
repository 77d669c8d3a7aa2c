/**
 * Key → `_id`, injective: rows with different keys have different documents.
 *
 * One column: its text (`1001`). Several: their texts, separated by `:`; a `:` or `\` in a text is preceded by `\`, and null
 * is `\N`, so that no two lists of texts are written the same.
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

/** The id that a key makes; `converts` has the conversion of each column that needs one. */
export function documentId(key: Row, converts: readonly (Convert | undefined)[], options: IdOptions): string | Failure {
  const { columns } = key;
  // Nearly every key is one column: no list is made for it.
  if (columns.length === 1) return idOfOne(columns[0] ?? '', textOf(key, 0, converts[0]), options);
  return idOf(
    columns.map((name, column) => ({ name, text: textOf(key, column, converts[column]) })),
    options,
  );
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
  const id = texts.join(':');
  return id === '' ? missing(first?.name ?? '') : checked(id, options);
}

function idOfOne(name: string, text: string | null | undefined, options: IdOptions): string | Failure {
  return text === undefined || text === null || text === '' ? missing(name) : checked(text, options);
}

function checked(id: string, { overlong }: IdOptions): string | Failure {
  // A UTF-16 unit makes at most three bytes.
  if (id.length * 3 <= maxIdBytes || Buffer.byteLength(id) <= maxIdBytes) return id;
  if (overlong === 'hash') return `sha256-${createHash('sha256').update(id).digest('base64url')}`;
  return {
    code: 'ID_TOO_LONG',
    message: `The key makes an id of ${Buffer.byteLength(id)} bytes; Elasticsearch takes ${maxIdBytes}.`,
  };
}

/** The text of a column: a string's characters, anything else as JSON; undefined if it is not what its type promises. */
export function textOf(row: Row, column: number, convert: Convert | undefined): string | null | undefined {
  const raw = row.text(column);
  const text = convert === undefined ? raw : convert(raw);
  if (text === undefined) return undefined;
  if (text === 'null') return null;
  if (!text.startsWith('"')) return text;
  // Most strings have nothing to unescape.
  return text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1);
}

function missing(name: string): Failure {
  return { code: 'RECORD_KEY_MISSING', message: `The key has no usable value in «${name}» to name a document by.` };
}
