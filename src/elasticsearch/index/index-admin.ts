/**
 * Indexes are made explicitly, never by a write (docs/decisions/0000, "Indexes are created explicitly"): `<alias>-000001` behind its alias, held to its definition from
 * then on.
 */
import type { IndexDefinition } from '../../model/document.ts';
import { generationName, generationOf } from '../../model/generation.ts';
import type { Failure } from '../../model/outcome.ts';
import type { IndexAdmin, IndexState } from '../../documents/ports.ts';
import type { Generations } from '../../documents/ports.ts';
import { aliasesOf } from './generations.ts';
import { isFailure } from '../../model/outcome.ts';
import { judged } from './index-judgement.ts';
import type { IndexMaker } from './index-maker.ts';
import { areNoted, metaAfter, updateIndex, withNotes } from './index-update.ts';
import type { Seen, Server } from './live-index.ts';
import { seenBehind } from './live-index.ts';

export interface IndexAdminOptions extends Server {
  readonly maker: IndexMaker;
  readonly generations: Generations;
}

const failed = (failure: Failure): IndexState => ({ state: 'failed', failure });

export function createIndexAdmin({ maker, generations, ...server }: IndexAdminOptions): IndexAdmin {
  /** Generations without the alias are not made anew: an empty index would answer searches as if it were whole. */
  const lost = async (alias: string): Promise<Failure | undefined> => {
    const there = await generations.list(alias);
    if (isFailure(there)) return there;
    const ours = there.filter(({ meta }) => meta?.document === alias);
    if (ours.length === 0) return undefined;
    const names = ours.map(({ index }) => index).join(', ');
    return { code: 'ALIAS_LOST', message: `${names} is there, but no alias "${alias}" names it.` };
  };

  const look = async (definition: IndexDefinition): Promise<Seen | IndexState> => {
    if (definition.problem !== undefined) return failed(definition.problem);
    const seen = await seenBehind(server, definition.alias);
    if (isFailure(seen)) return failed(seen);
    if (seen !== undefined) return seen;
    const failure = await lost(definition.alias);
    return failure === undefined ? { state: 'absent' } : failed(failure);
  };

  const create = async (definition: IndexDefinition): Promise<IndexState> => {
    const generation = generationOf(definition.alias, generationName(definition.alias, 1), undefined);
    const made = await maker.make(definition, { index: generation.index, aliases: aliasesOf(generation, true) });
    if (made.kind === 'failed') return failed(made.failure);
    if (made.kind === 'made')
      return { state: 'created', generation: { ...generation, meta: made.meta }, replaced: made.replaced };
    // Another instance was quicker, or someone who is none.
    const now = await look(definition);
    if (!('state' in now)) return update(definition, now);
    if (now.state !== 'absent') return now;
    const message = `The index "${generation.index}" is there, and Sluice did not make it.`;
    return failed({ code: 'INDEX_FOREIGN', message });
  };

  const update = async (definition: IndexDefinition, seen: Seen): Promise<IndexState> => {
    const { failure, additive, warnings } = judged(definition, seen);
    if (failure !== undefined) return failed(failure);
    const { generation } = seen;
    const { meta } = generation;
    const isAdded = definition.apply !== 'never' && additive.differences.length > 0;
    if (meta !== undefined && (isAdded || meta.epoch < (definition.epoch ?? 0) || !areNoted(definition, meta))) {
      const asked = isAdded ? definition : { ...definition, mappings: {}, settings: {} };
      const after = isAdded ? metaAfter(definition, meta) : withNotes(definition, meta);
      const refused = await updateIndex(server, maker, asked, seen, after);
      if (refused !== undefined) return failed(refused);
    }
    const added = isAdded ? additive.differences : [];
    const pending = isAdded ? [] : additive.differences;
    return { state: 'present', generation, added, pending, warnings };
  };

  return {
    inspect: async (definition) => {
      const seen = await look(definition);
      if ('state' in seen) return seen;
      const { failure, additive, warnings } = judged(definition, seen);
      if (failure !== undefined) return failed(failure);
      return { state: 'present', generation: seen.generation, added: [], pending: additive.differences, warnings };
    },
    align: async (definition) => {
      const seen = await look(definition);
      return 'state' in seen ? seen : update(definition, seen);
    },
    ensure: async (definition) => {
      const seen = await look(definition);
      if (!('state' in seen)) return update(definition, seen);
      return seen.state === 'absent' ? create(definition) : seen;
    },
  };
}
