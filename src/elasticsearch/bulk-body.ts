/**
 * Writes → the body of a bulk request: lines of text, made by joining what is there and nothing else.
 */
import type { DocumentWrite } from '../model/document.ts';

export type VersionType = 'external' | 'external_gte';

const lineFeed = 0x0a;

/** Ids that need no escaping in JSON: nearly all. */
const plain = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

const quoted = (text: string): string => (plain.test(text) ? `"${text}"` : JSON.stringify(text));

/**
 * Each write carries its own version, as the digits that it has (it may pass 2^53), and is accepted only if nothing newer
 * is there (`external`; `external_gte` accepts the same version once more, which mends what has it). The index must be an alias, so that no write ever creates an index (DESIGN D9).
 */
export function bulkBody(writes: readonly DocumentWrite[], versionType: VersionType = 'external'): Buffer {
  let lastIndex: string | undefined;
  let where = '';
  let maxBytes = 0;
  const actions = writes.map((write) => {
    if (write.index !== lastIndex) {
      lastIndex = write.index;
      where = `"_index":${quoted(write.index)},"require_alias":true,"version_type":"${versionType}","version":`;
    }
    const routing = write.routing === undefined ? '' : `,"routing":${quoted(write.routing)}`;
    const action = `{"${write.action}":{${where}${write.version},"_id":${quoted(write.id)}${routing}}}\n`;
    maxBytes += 3 * action.length + (write.action === 'index' ? write.source.length + 1 : 0);
    return action;
  });
  const body = Buffer.allocUnsafe(maxBytes);
  let end = 0;
  for (const [position, write] of writes.entries()) {
    end += body.write(actions[position] ?? '', end);
    if (write.action !== 'index') continue;
    body.set(write.source, end);
    end += write.source.length;
    body[end] = lineFeed;
    end += 1;
  }
  return body.subarray(0, end);
}
