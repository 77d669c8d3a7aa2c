/**
 * Values that must not be seen: made unreadable before they are indexed, logged or kept in a dead letter.
 */
import { createHmac } from 'node:crypto';
import type { Conversion } from '../convert/types.ts';
import type { Convert } from '../model/change-event.ts';

/** What `as` may say, and what it does. */
export const maskings = {
  mask: 'three asterisks instead of the value',
  hash: 'a keyed digest of the value: equal values stay equal, and nobody without the key can try them',
} as const;

export type Masking = keyof typeof maskings;

export function isMasking(name: string | undefined): name is Masking {
  return name !== undefined && Object.hasOwn(maskings, name);
}

const masked = '"***"';
const keyword = { type: 'keyword' };

/** `hashKey` is the secret of all hashes; without it, none is made. */
export function maskingConversion(masking: Masking, hashKey: string | undefined): Conversion {
  return { convert: masking === 'mask' ? mask : hashWith(hashKey), field: keyword };
}

const mask: Convert = (text) => (text === 'null' ? text : masked);

function hashWith(hashKey: string | undefined): Convert {
  return (text) => {
    if (text === 'null') return text;
    if (hashKey === undefined) return undefined;
    const value = text.startsWith('"') ? (JSON.parse(text) as string) : text;
    return `"${createHmac('sha256', hashKey).update(bytesOf(value)).digest('base64url')}"`;
  };
}

/** Half of a surrogate pair has no UTF-8 of its own: such texts are hashed as UTF-16, after a byte that UTF-8 does not have. */
function bytesOf(text: string): string | Buffer {
  return text.isWellFormed() ? text : Buffer.concat([Buffer.from([0xff]), Buffer.from(text, 'utf16le')]);
}
