/**
 * What an alias names, as it is now.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Generation } from '../../model/generation.ts';
import { generationOf } from '../../model/generation.ts';
import type { Failure } from '../../model/outcome.ts';
import type { LiveIndex } from './drift.ts';
import { asObject, metaIn } from './generation-meta.ts';
import { failureOf, isAbsent } from '../index-answer.ts';
import { isFailure } from '../../model/outcome.ts';
import { ask } from '../request.ts';

export interface Server {
  readonly client: Client;
  readonly requestTimeoutMs: number;
}

/** An index with all that a server says of it. */
export interface Seen {
  readonly generation: Generation;
  readonly live: LiveIndex;
  readonly aliases: Readonly<Record<string, unknown>>;
}

/** The indexes that a name names, an alias or an index; none if there is no such name. */
export async function seenBy(
  { client, requestTimeoutMs }: Server,
  alias: string,
  name: string,
): Promise<readonly Seen[] | Failure> {
  const querystring = { flat_settings: 'true', expand_wildcards: 'all' };
  const path = `/${encodeURIComponent(name)}`;
  const answer = await ask(client, { method: 'GET', path, querystring }, requestTimeoutMs);
  if (isAbsent(answer)) return [];
  if (answer.kind !== 'answered') return failureOf(answer);
  return Object.entries(asObject(answer.body)).map(([index, about]) => {
    const { aliases, mappings, settings } = asObject(about);
    const live = { mappings: asObject(mappings), settings: asObject(settings) };
    return { generation: generationOf(alias, index, metaIn(mappings)), live, aliases: asObject(aliases) };
  });
}

/** The index that an alias names; undefined if there is no such alias. */
export async function seenBehind(server: Server, alias: string): Promise<Seen | undefined | Failure> {
  const seen = await seenBy(server, alias, alias);
  if (isFailure(seen)) return seen;
  if (seen.some(({ generation }) => generation.index === alias)) {
    const message = `"${alias}" is an index of its own where an alias should be, and Sluice did not make it.`;
    return { code: 'INDEX_FOREIGN', message };
  }
  return onlyOne(alias, seen) ?? seen[0];
}

/** A failure if an alias names more than one index, or less than one. */
export function onlyOne(alias: string, seen: readonly Pick<Seen, 'generation' | 'aliases'>[]): Failure | undefined {
  if (seen.length > 1) {
    const names = seen.map(({ generation }) => generation.index).join(', ');
    return { code: 'ALIAS_UNUSABLE', message: `The alias "${alias}" names several indexes: ${names}.` };
  }
  for (const { generation, aliases } of seen) {
    const { filter, index_routing: indexRouting, search_routing: searchRouting } = asObject(aliases[alias]);
    const what = filter !== undefined ? 'a filter' : (indexRouting ?? searchRouting) !== undefined ? 'a routing' : '';
    if (what === '') continue;
    return { code: 'ALIAS_UNUSABLE', message: `The alias "${alias}" of ${generation.index} has ${what}.` };
  }
  return undefined;
}
