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

/** The id that a key makes; `converts` has the conversion of each column that needs one. */
export function documentId(
  key: Row,
  converts: readonly (Convert | undefined)[],
  { overlong }: IdOptions,
): string | Failure {
  const count = key.columns.length;
  let id: string | undefined;
  if (count === 1) {
    id = partOf(key, 0, converts[0]);
    if (id === undefined || id === '') return missing(key, 0);
  } else {
    const parts: string[] = [];
    for (let column = 0; column < count; column += 1) {
      const text = key.text(column) === 'null' ? null : partOf(key, column, converts[column]);
      if (text === undefined) return missing(key, column);
      parts.push(text === null ? '\\N' : text.replaceAll(/[\\:]/g, '\\$&'));
    }
    id = parts.join(':');
    if (id === '') return missing(key, 0);
  }
  // A UTF-16 unit makes at most three bytes.
  if (id.length * 3 <= maxIdBytes || Buffer.byteLength(id) <= maxIdBytes) return id;
  if (overlong === 'hash') return `sha256-${createHash('sha256').update(id).digest('base64url')}`;
  return {
    code: 'ID_TOO_LONG',
    message: `The key makes an id of ${Buffer.byteLength(id)} bytes; Elasticsearch takes ${maxIdBytes}.`,
  };
}

/** The text of a column of the key: a string's characters, anything else as JSON; undefined for null and what is no value. */
function partOf(key: Row, column: number, convert: Convert | undefined): string | undefined {
  const raw = key.text(column);
  const text = convert === undefined ? raw : convert(raw);
  if (text === undefined || text === 'null') return undefined;
  if (!text.startsWith('"')) return text;
  // Most strings have nothing to unescape.
  return text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1);
}

function missing(key: Row, column: number): Failure {
  const name = key.columns[column] ?? '';
  return { code: 'RECORD_KEY_MISSING', message: `The key has no usable value in «${name}» to name a document by.` };
}
