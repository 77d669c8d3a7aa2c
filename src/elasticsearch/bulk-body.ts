/**
 * Writes → the body of a bulk request: lines of text, made by joining texts and nothing else.
 */
import type { DocumentWrite } from '../model/document.ts';

/** Ids that need no escaping in JSON: nearly all. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

const quoted = (text: string): string => (plain.test(text) ? `"${text}"` : JSON.stringify(text));

/**
 * Each write carries its own version, as the digits that it has (it may pass 2^53), and is accepted only if nothing newer
 * is there (`external`). The index must be an alias, so that no write ever creates an index (DESIGN D9).
 */
export function bulkBody(writes: readonly DocumentWrite[]): string {
  let body = '';
  let lastIndex: string | undefined;
  let where = '';
  for (const write of writes) {
    if (write.index !== lastIndex) {
      lastIndex = write.index;
      where = `"_index":${quoted(write.index)},"require_alias":true,"version_type":"external","version":`;
    }
    const routing = write.routing === undefined ? '' : `,"routing":${quoted(write.routing)}`;
    body += `{"${write.action}":{${where}${write.version},"_id":${quoted(write.id)}${routing}}}\n`;
    if (write.action === 'index') body += `${write.source}\n`;
  }
  return body;
}
