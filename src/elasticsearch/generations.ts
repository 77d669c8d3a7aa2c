/**
 * The generations of an alias: found, made, loaded, swapped and removed (DESIGN D10).
 */
import type { IndexDefinition } from '../model/document.ts';
import type { Generation } from '../model/generation.ts';
import { generationName, generationOf } from '../model/generation.ts';
import type { Failure } from '../model/outcome.ts';
import type { Generations } from '../pipeline/ports.ts';
import { asObject, digestOf, metaIn } from './generation-meta.ts';
import { failureOf, isAbsent, isFailure, refusal } from './index-answer.ts';
import type { IndexMaker, IndexMakerOptions, IndexRequest } from './index-maker.ts';
import { finishLoading, loadingOf } from './loading.ts';
import type { Answer, RequestParams } from './request.ts';
import { ask } from './request.ts';

export type GenerationsOptions = Omit<IndexMakerOptions, 'createdBy'> & { readonly maker: IndexMaker };

/** All that is asked of an index; something of `settings`, so that no index is left out of the answer. */
const wanted = '*.aliases,*.mappings._meta.sluice,*.settings.index.uuid';

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
      const { aliases, mappings } = asObject(about);
      return { generation: generationOf(alias, index, metaIn(mappings)), alias: asObject(aliases)[alias] };
    });
  };

  const list: Generations['list'] = async (alias) => {
    const name = encodeURIComponent(alias);
    const found = await foundBy(alias, `${name}-*,${name}`);
    if (isFailure(found)) return found;
    return found
      .filter(({ generation, alias: as }) => generation.number > 0 || as !== undefined)
      .map(({ generation }) => generation)
      .sort((one, other) => one.number - other.number);
  };

  const current: Generations['current'] = async (alias) => {
    const found = await foundBy(alias, encodeURIComponent(alias));
    return isFailure(found) ? found : currentOf(alias, found);
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
    const message = `Others make generations of «${definition.alias}» at the same time.`;
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
    return { code: 'INDEX_FOREIGN', message: `The index «${index}» is there, and was not made by this mapping file.` };
  };

  const swap: Generations['swap'] = async (alias, from, to) => {
    const before = await current(alias);
    if (isFailure(before)) return before;
    if (before?.index === to.index) return undefined;
    if (before?.index !== from?.index) return movedOn(alias, before, from);
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

  return {
    list,
    current,
    find,
    create,
    swap,
    remove,
    finishLoading: (generation, { withinMs }) => finishLoading({ client, requestTimeoutMs }, generation, withinMs),
  };
}

/** An index, and how the alias names it, if it does. */
interface Found {
  readonly generation: Generation;
  readonly alias: unknown;
}

const addWrites = ({ index, writes }: Generation): object => ({
  add: { index, alias: writes, is_write_index: true, is_hidden: true },
});

function currentOf(alias: string, found: readonly Found[]): Generation | undefined | Failure {
  const named = found.filter(({ alias: as }) => as !== undefined);
  const [first, second] = named;
  if (second !== undefined) {
    const names = named.map(({ generation }) => generation.index).join(', ');
    return { code: 'ALIAS_UNUSABLE', message: `The alias «${alias}» names several indexes: ${names}.` };
  }
  if (first === undefined) return undefined;
  const { filter, index_routing: routing } = asObject(first.alias);
  if (filter === undefined && routing === undefined) return first.generation;
  const what = filter === undefined ? 'a routing' : 'a filter';
  return { code: 'ALIAS_UNUSABLE', message: `The alias «${alias}» of ${first.generation.index} has ${what}.` };
}

function movedOn(alias: string, now: Generation | undefined, from: Generation | undefined): Failure {
  const message = `The alias «${alias}» names ${now?.index ?? 'nothing'}, not ${from?.index ?? 'nothing'}.`;
  return { code: 'ALIAS_UNUSABLE', message };
}

function notOursToRemove(alias: string, index: string, named: Generation | undefined): Failure {
  const why = named?.index === index ? `the alias «${alias}» names it` : 'Sluice does not know it';
  return { code: 'INDEX_FOREIGN', message: `The index «${index}» is not removed: ${why}.` };
}
