/**
 * Indexes are made explicitly, never by a write (DESIGN D9): `<alias>-000001` behind its alias.
 */
import type { Client } from '@elastic/elasticsearch';
import type { IndexDefinition } from '../model/document.ts';
import { generationName, generationOf } from '../model/generation.ts';
import type { Failure } from '../model/outcome.ts';
import type { Replacement } from './field-types.ts';
import { aliasesOf } from './generations.ts';
import { failureOf, isAbsent } from './index-answer.ts';
import type { IndexMaker } from './index-maker.ts';
import { ask } from './request.ts';

export type IndexState =
  /** `replaced`: inferred fields for whose types the server has no more than a stand-in. */
  | { readonly state: 'created'; readonly replaced: readonly Replacement[] }
  | { readonly state: 'present' | 'absent' }
  | { readonly state: 'failed'; readonly failure: Failure };

export interface IndexAdmin {
  /** Whether the alias is there; a failure if something else has its name, or if that cannot be found out. */
  inspect(alias: string): Promise<IndexState>;
  /**
   * Creates the index and its alias unless the alias is there, with stand-ins for inferred fields whose types the server lacks.
   * Safe when several instances do it at once.
   */
  ensure(definition: IndexDefinition): Promise<IndexState>;
}

export interface IndexAdminOptions {
  readonly client: Client;
  readonly requestTimeoutMs: number;
  readonly maker: IndexMaker;
}

const failed = (failure: Failure): IndexState => ({ state: 'failed', failure });

export function createIndexAdmin({ client, requestTimeoutMs, maker }: IndexAdminOptions): IndexAdmin {
  const inspect = async (alias: string): Promise<IndexState> => {
    const asAlias = await ask(
      client,
      { method: 'HEAD', path: `/_alias/${encodeURIComponent(alias)}` },
      requestTimeoutMs,
    );
    if (asAlias.kind === 'answered' && asAlias.status === 200) return { state: 'present' };
    if (!isAbsent(asAlias)) return failed(failureOf(asAlias));
    const asIndex = await ask(client, { method: 'HEAD', path: `/${encodeURIComponent(alias)}` }, requestTimeoutMs);
    if (isAbsent(asIndex)) return { state: 'absent' };
    if (asIndex.kind !== 'answered') return failed(failureOf(asIndex));
    const message = `«${alias}» is an index of its own where an alias should be, and Sluice did not make it.`;
    return failed({ code: 'INDEX_FOREIGN', message });
  };

  const create = async (definition: IndexDefinition): Promise<IndexState> => {
    const generation = generationOf(definition.alias, generationName(definition.alias, 1), undefined);
    const made = await maker.make(definition, { index: generation.index, aliases: aliasesOf(generation, true) });
    if (made.kind === 'made') return { state: 'created', replaced: made.replaced };
    if (made.kind === 'failed') return failed(made.failure);
    const found = await inspect(definition.alias);
    if (found.state !== 'absent') return found;
    const message = `The index «${generation.index}» is there, but the alias «${definition.alias}» that should name it is not.`;
    return failed({ code: 'INDEX_FOREIGN', message });
  };

  return {
    inspect,
    ensure: async (definition) => {
      const found = await inspect(definition.alias);
      return found.state === 'absent' ? create(definition) : found;
    },
  };
}
