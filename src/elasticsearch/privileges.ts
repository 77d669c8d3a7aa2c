/**
 * What the configured user may do, asked before anything depends on it: `POST /_security/user/_has_privileges`, which every
 * user may ask about itself (Elasticsearch's security API).
 */
import type { Client } from '@elastic/elasticsearch';
import { generationName, generationOf } from '../model/generation.ts';
import type { Failure } from '../model/outcome.ts';
import { asObject } from './index/generation-meta.ts';
import { failureOf } from './index-answer.ts';
import { ask } from './request.ts';

/** What one task needs. */
export interface Needed {
  readonly cluster?: readonly string[];
  readonly indexes: readonly { readonly names: readonly string[]; readonly privileges: readonly string[] }[];
}

export type Privileges =
  /** The user has all of them, or security is off. */
  | { readonly state: 'held' }
  /** `missing` has an entry per privilege: `manage on people, people-000001`. */
  | { readonly state: 'lacking'; readonly user: string; readonly missing: readonly string[] }
  | { readonly state: 'failed'; readonly failure: Failure };

/** `index`, `delete` and `read` write documents and read them back; `manage` makes the index, its aliases and its fields. */
const all = ['read', 'index', 'delete', 'manage'] as const;

const namesOf = (alias: string): readonly string[] => {
  const { index, writes } = generationOf(alias, generationName(alias, 1), undefined);
  return [alias, index, writes];
};

/** What `sluice run` needs, for the documents that it writes. Acknowledging a rebuild is a write to the control index. */
export function neededToRun(documents: readonly string[], controlIndex: string): Needed {
  return {
    indexes: [
      ...(documents.length === 0 ? [] : [{ names: documents.flatMap(namesOf), privileges: all }]),
      { names: [controlIndex, `${controlIndex}-writes`], privileges: ['read', 'index'] },
    ],
  };
}

/** What `sluice rebuild`, `sluice rollback` and `sluice rebuild finish` need. `monitor` shows whether a loaded index is green. */
export function neededToRebuild(documents: readonly string[], controlIndex: string): Needed {
  return {
    cluster: ['monitor'],
    indexes: [
      { names: documents.flatMap(namesOf), privileges: all },
      { names: [controlIndex, `${controlIndex}-writes`], privileges: all },
    ],
  };
}

/** Asks Elasticsearch what of `needed` the client's user lacks. */
export async function readPrivileges(client: Client, timeoutMs: number, needed: Needed): Promise<Privileges> {
  const body = {
    cluster: needed.cluster ?? [],
    index: needed.indexes.map(({ names, privileges }) => ({ names, privileges })),
  };
  const answer = await ask(client, { method: 'POST', path: '/_security/user/_has_privileges', body }, timeoutMs);
  // Without security there is no such path, and everything is allowed.
  if (answer.kind === 'refused' && answer.status !== 401 && answer.status !== 403) return { state: 'held' };
  if (answer.kind !== 'answered') return { state: 'failed', failure: failureOf(answer) };
  const said = asObject(answer.body);
  const missing = [
    ...lackingIn(asObject(said['cluster'])).map((privilege) => `\`${privilege}\` on the cluster`),
    ...indexesByPrivilege(asObject(said['index'])).map(
      ([privilege, names]) => `\`${privilege}\` on ${names.join(', ')}`,
    ),
  ];
  if (missing.length === 0) return { state: 'held' };
  const user = said['username'];
  return { state: 'lacking', user: typeof user === 'string' ? user : '', missing };
}

/** The sentence about what is lacking. */
export function lackingPrivileges(what: string, { user, missing }: Extract<Privileges, { state: 'lacking' }>): Failure {
  const message = `${what}: the user "${user}" of Elasticsearch lacks ${missing.join('; ')}.`;
  return { code: 'ELASTICSEARCH_FORBIDDEN', message };
}

const lackingIn = (held: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.keys(held).filter((privilege) => held[privilege] !== true);

function indexesByPrivilege(
  held: Readonly<Record<string, unknown>>,
): readonly (readonly [string, readonly string[]])[] {
  const pairs = Object.keys(held).flatMap((name) =>
    lackingIn(asObject(held[name])).map((privilege) => ({ privilege, name })),
  );
  return [...Map.groupBy(pairs, ({ privilege }) => privilege)].map(
    ([privilege, of]) => [privilege, of.map(({ name }) => name)] as const,
  );
}
