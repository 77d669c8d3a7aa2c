/**
 * The generations of an alias: found, made, loaded, swapped and removed (docs/decisions/0012).
 */
import type { IndexDefinition } from '../../model/document.ts';
import type { Generation } from '../../model/generation.ts';
import { generationName, generationOf } from '../../model/generation.ts';
import { flatSettings } from '../../model/index-settings.ts';
import type { Failure } from '../../model/outcome.ts';
import type { Generations } from '../../documents/ports.ts';
import { asObject, digestOf, metaIn } from './generation-meta.ts';
import { failureOf, isAbsent, refusal } from '../index-answer.ts';
import { isFailure } from '../../model/outcome.ts';
import { judged } from './index-judgement.ts';
import type { IndexMaker, IndexMakerOptions, IndexRequest } from './index-maker.ts';
import { metaAfter, updateIndex } from './index-update.ts';
import type { Seen } from './live-index.ts';
import { onlyOne, seenBy } from './live-index.ts';
import { finishLoading, loadingOf } from './loading.ts';
import type { Answer, RequestParams } from '../request.ts';
import { ask } from '../request.ts';

export type GenerationsOptions = Omit<IndexMakerOptions, 'createdBy'> & { readonly maker: IndexMaker };

/** All that is asked of an index; something of `settings`, so that no index is left out of the answer. */
const wanted = '*.aliases,*.mappings._meta.sluice,*.settings.index.uuid,*.settings.index.creation_date';

type Found = Pick<Seen, 'generation' | 'aliases'>;

/** How often another's generation is stepped over before that is called strange. */
const mostCollisions = 5;

/** The aliases of a new index: its own for writes, and that which people search. */
export function aliasesOf(generation: Generation, named: boolean): IndexRequest['aliases'] {
  const own = { [generation.writes]: { is_write_index: true, is_hidden: true } };
  return named ? { [generation.alias]: { is_write_index: true }, ...own } : own;
}

export function createGenerations({ client, requestTimeoutMs, maker }: GenerationsOptions): Generations {
  const request = (params: RequestParams): Promise<Answer> => ask(client, params, requestTimeoutMs);

  const foundBy = async (alias: string, names: string): Promise<readonly Found[] | Failure> => {
    const querystring = { filter_path: wanted, ignore_unavailable: 'true', expand_wildcards: 'all' };
    const answer = await request({ method: 'GET', path: `/${names}`, querystring });
    if (isAbsent(answer)) return [];
    if (answer.kind !== 'answered') return failureOf(answer);
    return Object.entries(asObject(answer.body)).map(([index, about]) => {
      const { aliases, mappings, settings } = asObject(about);
      const createdAtMs = Number(asObject(asObject(settings)['index'])['creation_date']);
      const generation = { ...generationOf(alias, index, metaIn(mappings)), createdAtMs };
      return { generation, aliases: asObject(aliases) };
    });
  };

  const list: Generations['list'] = async (alias) => {
    const name = encodeURIComponent(alias);
    const found = await foundBy(alias, `${name}-*,${name}`);
    if (isFailure(found)) return found;
    return found
      .filter(({ generation, aliases }) => generation.number > 0 || alias in aliases)
      .map(({ generation }) => generation)
      .sort((one, other) => one.number - other.number);
  };

  const current: Generations['current'] = async (alias) => {
    const found = await foundBy(alias, encodeURIComponent(alias));
    if (isFailure(found)) return found;
    const named = found.filter(({ aliases }) => alias in aliases);
    return onlyOne(alias, named) ?? named[0]?.generation;
  };

  const find: Generations['find'] = async (alias, index) => {
    const found = await foundBy(alias, encodeURIComponent(index));
    return isFailure(found) ? found : found.find(({ generation }) => generation.index === index)?.generation;
  };

  const createNumber = async (
    definition: IndexDefinition,
    number: number,
    loading: boolean,
  ): Promise<Generation | Failure | 'exists'> => {
    const { alias } = definition;
    const generation = generationOf(alias, generationName(alias, number), undefined);
    const made = await maker.make(definition, {
      index: generation.index,
      aliases: aliasesOf(generation, false),
      ...(loading && { loading: loadingOf(definition) }),
    });
    if (made.kind === 'exists') return 'exists';
    return made.kind === 'failed' ? made.failure : { ...generation, meta: made.meta };
  };

  const createNext = async (definition: IndexDefinition, loading: boolean): Promise<Generation | Failure> => {
    for (let collisions = 0; collisions < mostCollisions; collisions += 1) {
      const there = await list(definition.alias);
      if (isFailure(there)) return there;
      const created = await createNumber(definition, (there.at(-1)?.number ?? 0) + 1, loading);
      if (created !== 'exists') return created;
    }
    const message = `Others make generations of "${definition.alias}" at the same time.`;
    return { code: 'INDEX_FOREIGN', message };
  };

  const create: Generations['create'] = async (definition, { loading, number }) => {
    if (number === undefined) return createNext(definition, loading);
    const created = await createNumber(definition, number, loading);
    if (created !== 'exists') return created;
    const { alias } = definition;
    const index = generationName(alias, number);
    const there = await find(alias, index);
    if (isFailure(there)) return there;
    if (there?.meta?.document === alias && there.meta.definition === digestOf(definition)) return there;
    return { code: 'INDEX_FOREIGN', message: `The index "${index}" is there, and was not made by this mapping file.` };
  };

  const swap: Generations['swap'] = async (alias, from, to) => {
    const before = await current(alias);
    if (isFailure(before)) return before;
    if (before?.index === to.index && from !== undefined) return undefined;
    if (before?.index !== to.index && before?.index !== from?.index) return movedOn(alias, before, from);
    const actions = [
      ...(from === undefined ? [] : [{ remove: { index: from.index, alias, must_exist: true } }, addWrites(from)]),
      addWrites(to),
      { add: { index: to.index, alias, is_write_index: true } },
    ];
    const answer = await request({ method: 'POST', path: '/_aliases', body: { actions } });
    // Whatever was answered, or if nothing was: what counts is what is there now.
    const after = await current(alias);
    if (isFailure(after)) return after;
    if (after?.index === to.index) return undefined;
    if (answer.kind === 'answered') return movedOn(alias, after, from);
    return answer.kind === 'refused' && answer.status === 400 ? refusal(alias, answer.cause) : failureOf(answer);
  };

  const remove: Generations['remove'] = async ({ alias, index }) => {
    const there = await find(alias, index);
    if (isFailure(there)) return there;
    if (there === undefined) return undefined;
    const named = await current(alias);
    if (isFailure(named)) return named;
    if (named?.index === index || there.meta?.document !== alias) return notOursToRemove(alias, index, named);
    const answer = await request({ method: 'DELETE', path: `/${encodeURIComponent(index)}` });
    return answer.kind === 'answered' || isAbsent(answer) ? undefined : failureOf(answer);
  };

  const extend: Generations['extend'] = async ({ alias, index }, definition) => {
    const seen = await seenBy({ client, requestTimeoutMs }, alias, index);
    if (isFailure(seen)) return seen;
    const [only] = seen;
    if (only?.generation.meta === undefined) return { code: 'INDEX_MISSING', message: `There is no index ${index}.` };
    // While it is loaded it has settings of its own.
    const isLoading = only.generation.meta.loading !== undefined;
    const asked = isLoading
      ? {
          ...definition,
          unwritten: [...(definition.unwritten ?? []), ...Object.keys(flatSettings(definition.settings))],
        }
      : definition;
    const { failure, additive } = judged(asked, only);
    if (failure !== undefined || additive.differences.length === 0) return failure;
    return updateIndex({ client, requestTimeoutMs }, maker, asked, only, metaAfter(definition, only.generation.meta));
  };

  return {
    list,
    extend,
    current,
    find,
    create,
    swap,
    remove,
    finishLoading: (generation, { withinMs }) => finishLoading({ client, requestTimeoutMs }, generation, withinMs),
  };
}

const addWrites = ({ index, writes }: Generation): object => ({
  add: { index, alias: writes, is_write_index: true, is_hidden: true },
});

function movedOn(alias: string, now: Generation | undefined, from: Generation | undefined): Failure {
  const message = `The alias "${alias}" names ${now?.index ?? 'nothing'}, not ${from?.index ?? 'nothing'}.`;
  return { code: 'ALIAS_UNUSABLE', message };
}

function notOursToRemove(alias: string, index: string, named: Generation | undefined): Failure {
  const why = named?.index === index ? `the alias "${alias}" names it` : 'Sluice does not know it';
  return { code: 'INDEX_FOREIGN', message: `The index "${index}" is not removed: ${why}.` };
}
