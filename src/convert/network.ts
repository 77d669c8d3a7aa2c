/**
 * PostgreSQL's network addresses.
 */
import type { Convert } from '../model/change-event.ts';
import { stringOf } from '../json/text.ts';

/** An address, and perhaps the length of its network's prefix. Whether the digits are an address is for Elasticsearch to say. */
const network = /^([0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)(?:\/(\d{1,3}))?$/;

function split(text: string): readonly [address: string, prefix: string | undefined] | undefined {
  const [, address, prefix] = network.exec(stringOf(text)?.trim() ?? '') ?? [];
  return address === undefined ? undefined : [address, prefix];
}

/** `inet`: the address. The length of the prefix of the network that it is in, `10.0.0.7/24`, goes: `ip` has no place for it. */
export const inet: Convert = (text) => {
  if (text === 'null') return text;
  const parts = split(text);
  return parts && `"${parts[0]}"`;
};

/** An IPv4 address in IPv6's clothes, which `ip_range` takes for one of IPv4 and then refuses the prefix of. */
const mapped = /^::ffff:([0-9.]+)$/i;

/** `cidr`: a network with the length of its prefix, as `ip_range` takes it; of an address alone, all of it. */
export const cidr: Convert = (text) => {
  if (text === 'null') return text;
  const parts = split(text);
  if (parts === undefined) return undefined;
  const [address, prefix = address.includes(':') ? '128' : '32'] = parts;
  const inside = mapped.exec(address)?.[1];
  return inside === undefined || Number(prefix) < 96 ? `"${address}/${prefix}"` : `"${inside}/${Number(prefix) - 96}"`;
};
