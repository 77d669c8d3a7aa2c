/**
 * Writes → the body of a bulk request: lines of text, made by joining what is there and nothing else.
 */
import type { DocumentWrite } from '../../model/document.ts';

export type VersionType = 'external' | 'external_gte';

const quote = 0x22;
const backslash = 0x5c;
const lineFeed = 0x0a;

/** Bytes that a UTF-16 unit makes at most in a JSON string: `\u0000`. */
const maxUnitBytes = 6;

/** What the actions of one index have in common, up to the version. */
interface Heads {
  readonly index: Buffer;
  readonly delete: Buffer;
}

const afterVersion = Buffer.from(',"_id":');
const beforeRouting = Buffer.from(',"routing":');
const afterAction = Buffer.from('}}\n');

/** Bytes of an action beside its head, its version, its id and its routing, at most; and the line feed after a document. */
const fixedBytes = afterVersion.length + beforeRouting.length + afterAction.length + 2 * '""'.length + 1;

/** Memory of bodies that were sent, for those that follow. */
export interface BodyRooms {
  /** At least so many bytes, of memory that nothing else is in. */
  take(bytes: number): Buffer;
  /** The body that was made there is read by nobody any more. */
  giveBack(body: Buffer): void;
}

/** So that bodies of about one size fit into each other's rooms. */
const roomStep = 256 * 1024;

export function createBodyRooms(): BodyRooms {
  const rooms: ArrayBufferLike[] = [];
  return {
    take: (bytes) => {
      const room = rooms.pop();
      if (room !== undefined && room.byteLength >= bytes) return Buffer.from(room);
      return Buffer.allocUnsafeSlow(Math.ceil(bytes / roomStep) * roomStep);
    },
    giveBack: ({ buffer }) => {
      rooms.push(buffer);
    },
  };
}

function headsOf(index: string, versionType: VersionType): Heads {
  const head = (action: DocumentWrite['action']): Buffer =>
    Buffer.from(
      `{"${action}":{"_index":${JSON.stringify(index)},"require_alias":true,"version_type":"${versionType}","version":`,
    );
  return { index: head('index'), delete: head('delete') };
}

/**
 * Each write carries its own version, as the digits that it has (it may pass 2^53), and is accepted only if nothing newer
 * is there (`external`; `external_gte` accepts the same version once more, which mends what has it). The index must be an alias, so that no write ever creates an index (docs/decisions/0000, "Indexes are created explicitly").
 */
export function bulkBody(
  writes: readonly DocumentWrite[],
  versionType: VersionType = 'external',
  rooms: BodyRooms = createBodyRooms(),
): Buffer {
  const known = new Map<string, Heads>();
  let maxBytes = 0;
  for (const write of writes) {
    const { action, index, version, id, routing = '' } = write;
    let heads = known.get(index);
    if (heads === undefined) known.set(index, (heads = headsOf(index, versionType)));
    maxBytes += heads[action].length + version.length + maxUnitBytes * (id.length + routing.length) + fixedBytes;
    if (write.action === 'index') maxBytes += write.source.length;
  }
  const body = rooms.take(maxBytes);
  let end = 0;
  for (const write of writes) {
    const head = known.get(write.index)?.[write.action];
    if (head !== undefined) end = copy(body, head, end);
    end = writeAscii(body, write.version, end);
    end = copy(body, afterVersion, end);
    end = writeQuoted(body, write.id, end);
    if (write.routing !== undefined) {
      end = copy(body, beforeRouting, end);
      end = writeQuoted(body, write.routing, end);
    }
    end = copy(body, afterAction, end);
    if (write.action !== 'index') continue;
    end = copy(body, write.source, end);
    body[end] = lineFeed;
    end += 1;
  }
  return body.subarray(0, end);
}

/** Returns where they end. */
function copy(body: Buffer, bytes: Buffer, start: number): number {
  body.set(bytes, start);
  return start + bytes.length;
}

/** Character by character: for texts as short as these, a call that writes them costs more. Returns where they end. */
function writeAscii(body: Buffer, text: string, start: number): number {
  for (let at = 0; at < text.length; at += 1) body[start + at] = text.charCodeAt(at);
  return start + text.length;
}

/** As a JSON string. Returns where it ends. */
function writeQuoted(body: Buffer, text: string, start: number): number {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    // Nearly no id needs escaping.
    if (code < 0x20 || code > 0x7e || code === quote || code === backslash) {
      return start + body.write(JSON.stringify(text), start);
    }
    body[start + 1 + at] = code;
  }
  body[start] = quote;
  body[start + 1 + text.length] = quote;
  return start + 2 + text.length;
}
