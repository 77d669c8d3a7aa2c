/**
 * Takes an index over that Sluice did not make, or that has lost its alias.
 */
import type { IndexDefinition } from '../../model/document.ts';
import type { Generation, GenerationMeta } from '../../model/generation.ts';
import type { Failure } from '../../model/outcome.ts';
import { flatSettings } from '../../model/index-settings.ts';
import type { Generations } from '../../documents/ports.ts';
import type { Difference } from '../../model/difference.ts';
import { asObject, digestOf, identityOf } from './generation-meta.ts';
import { failureOf } from '../index-answer.ts';
import { isFailure } from '../../model/outcome.ts';
import { judged } from './index-judgement.ts';
import type { IndexMaker } from './index-maker.ts';
import { updateIndex } from './index-update.ts';
import type { Seen, Server } from './live-index.ts';
import { onlyOne, seenBy } from './live-index.ts';
import { ask } from '../request.ts';

export interface Adopted {
  readonly generation: Generation;
  /** What it lacked and was given. */
  readonly added: readonly Difference[];
  /** What it lacks still: the definition says that it is left as it is. */
  readonly pending: readonly Difference[];
}

export interface AdoptionOptions extends Server {
  readonly maker: IndexMaker;
  readonly generations: Generations;
  /** `sluice 0.1.0`, for `_meta`. */
  readonly createdBy: string;
}

/**
 * Makes an index the current generation of the definition's alias: that of the name given, else the one that the alias names,
 * else the only generation there is. Notes it in its `_meta`, gives it what it lacks and the alias. May be repeated; changes
 * nothing if it fails before the first of these. Documents stay as they are.
 */
export type Adopt = (definition: IndexDefinition, index: string | undefined) => Promise<Adopted | Failure>;

const refused = (message: string): Failure => ({ code: 'ADOPTION_REFUSED', message });

export function createAdopt({ maker, generations, createdBy, ...server }: AdoptionOptions): Adopt {
  const candidate = async ({ alias }: IndexDefinition, name: string | undefined): Promise<Seen | Failure> => {
    const behind = await seenBy(server, alias, alias);
    if (isFailure(behind)) return behind;
    if (behind.some(({ generation }) => generation.index === alias)) return itsOwnName(alias);
    const unusable = onlyOne(alias, behind);
    if (unusable !== undefined) return unusable;
    const [named] = behind;
    if (named !== undefined && name !== undefined && named.generation.index !== name)
      return refused(`The alias "${alias}" names ${named.generation.index}, not ${name}: remove it from there first.`);
    if (named !== undefined) return named;
    const index = name ?? (await theOnly(alias));
    if (typeof index !== 'string') return index;
    const found = await seenBy(server, alias, index);
    if (isFailure(found)) return found;
    return found.find(({ generation }) => generation.index === index) ?? refused(`There is no index "${index}".`);
  };

  const theOnly = async (alias: string): Promise<string | Failure> => {
    const there = await generations.list(alias);
    if (isFailure(there)) return there;
    const [only, second] = there;
    if (only === undefined) return refused(`No index is behind "${alias}": name one with \`--index\`.`);
    if (second === undefined) return only.index;
    const names = there.map(({ index }) => index).join(', ');
    return refused(`"${alias}" has several generations (${names}): name one with \`--index\`.`);
  };

  /** Why it may not be taken over, whatever is in it. */
  const objection = async (definition: IndexDefinition, { generation }: Seen): Promise<Failure | undefined> => {
    const { index, meta } = generation;
    if (meta?.loading !== undefined) return refused(`The index ${index} is being loaded, and is not whole.`);
    if (meta?.document === definition.alias) return undefined;
    if (meta !== undefined) {
      const other = await generations.current(meta.document);
      if (isFailure(other)) return other;
      if (other?.index === index) return refused(`The index ${index} holds the documents of "${meta.document}".`);
      return undefined;
    }
    if ((definition.epoch ?? 0) > 0) return undefined;
    const count = await ask(
      server.client,
      { method: 'GET', path: `/${encodeURIComponent(index)}/_count` },
      server.requestTimeoutMs,
    );
    if (count.kind !== 'answered') return failureOf(count);
    if (asObject(count.body)['count'] === 0) return undefined;
    return refused(
      `The documents of ${index} have versions that Sluice did not give, which may be higher than its own: ` +
        'set `epoch: 1` in the mapping file, so that its writes win.',
    );
  };

  return async (definition, name) => {
    const { alias, epoch = 0 } = definition;
    const seen = await candidate(definition, name);
    if (isFailure(seen)) return seen;
    const objected = await objection(definition, seen);
    if (objected !== undefined) return objected;
    const { generation } = seen;
    const before = generation.meta;
    const meta: GenerationMeta = {
      ...(before ?? { createdBy, versions: 'offset' }),
      document: alias,
      definition: before?.definition ?? '',
      epoch: before?.document === alias ? before.epoch : epoch,
      ...definition.origin,
      identity: identityOf(seen.live.settings),
    };
    const ours: Seen = { ...seen, generation: { ...generation, meta } };
    // Deleted versions are kept as long as those of an index of our own.
    const forgets = judged(definition, ours).warnings.some(({ code }) => code === 'GC_DELETES_SHORT');
    const unwritten = (definition.unwritten ?? []).filter(
      (setting) => !(forgets && setting in flatSettings(definition.settings)),
    );
    const asked = { ...definition, unwritten };
    const { failure, additive } = judged(asked, ours);
    if (failure !== undefined) return failure;
    const isLeft = definition.apply === 'never';
    const update = isLeft ? { ...asked, mappings: {}, settings: {} } : asked;
    const isWhole = !isLeft || additive.differences.length === 0;
    const digest = isWhole ? digestOf(definition) : meta.definition;
    const after = { ...meta, definition: digest, epoch: Math.max(meta.epoch, epoch) };
    const failed =
      (await updateIndex(server, maker, update, ours, after)) ??
      (await generations.swap(alias, undefined, { ...generation, meta: after }));
    if (failed !== undefined) return failed;
    const differences = additive.differences;
    return {
      generation: { ...generation, meta: after },
      added: isLeft ? [] : differences,
      pending: isLeft ? differences : [],
    };
  };
}

/** Nothing that an alias does can help where its name is taken. */
function itsOwnName(alias: string): Failure {
  const message =
    `"${alias}" is an index of its own, which can have no alias of its name: copy it under another name, remove it, and ` +
    `adopt the copy with \`--index\`; or name the document otherwise.`;
  return { code: 'ADOPTION_REFUSED', message };
}
