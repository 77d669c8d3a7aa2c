/**
 * Gives an index what it lacks, and notes it in its `_meta`.
 */
import type { IndexDefinition } from '../../model/document.ts';
import type { GenerationMeta } from '../../model/generation.ts';
import type { Failure } from '../../model/outcome.ts';
import type { Drift } from './drift.ts';
import { drift } from './drift.ts';
import { asObject, digestOf, withMeta } from './generation-meta.ts';
import { failureOf } from '../index-answer.ts';
import { incompatibility } from './index-judgement.ts';
import type { IndexMaker } from './index-maker.ts';
import type { Seen, Server } from './live-index.ts';
import type { Answer } from '../request.ts';
import { ask } from '../request.ts';

/**
 * Puts what is additive between `definition` and `seen`, and `meta`. Several that do it at once do it once: the server
 * merges. What it refuses cannot be added after all.
 */
export async function updateIndex(
  { client, requestTimeoutMs }: Server,
  maker: IndexMaker,
  definition: IndexDefinition,
  { generation: { index }, live }: Seen,
  meta: GenerationMeta,
): Promise<Failure | undefined> {
  const put = (what: string, body: Readonly<Record<string, unknown>>): Promise<Answer> =>
    ask(client, { method: 'PUT', path: `/${encodeURIComponent(index)}/${what}`, body }, requestTimeoutMs);
  const { settings }: Drift['additive'] = drift(definition, live).additive;
  if (settings !== undefined) {
    const answer = await put('_settings', settings);
    if (answer.kind !== 'answered') return refusalOf(index, answer);
  }
  const { answer } = await maker.fit(definition, (mappings, replaced) => {
    const { mappings: lacking = {} } = drift({ ...definition, mappings }, live).additive;
    const standIns = { ...meta.standIns, ...Object.fromEntries(replaced.map(({ field, type }) => [field, type])) };
    const noted = { ...meta, ...(Object.keys(standIns).length > 0 && { standIns }) };
    return put('_mapping', {
      ...lacking,
      _meta: withMeta({ _meta: { ...asObject(live.mappings['_meta']), ...asObject(lacking['_meta']) } }, noted),
    });
  });
  return answer.kind === 'answered' ? undefined : refusalOf(index, answer);
}

/** What an index says of itself after it was given what this definition asks for. */
export function metaAfter(definition: IndexDefinition, meta: GenerationMeta): GenerationMeta {
  return { ...withNotes(definition, meta), definition: digestOf(definition) };
}

/** The same of an index that was given nothing: what it notes of the writes that come. */
export function withNotes({ epoch = 0, renamed }: IndexDefinition, meta: GenerationMeta): GenerationMeta {
  const all = { ...meta.renamed, ...renamed };
  return { ...meta, epoch: Math.max(meta.epoch, epoch), ...(Object.keys(all).length > 0 && { renamed: all }) };
}

/** Whether it notes the other names of all columns that have one. */
export function areNoted({ renamed = {} }: IndexDefinition, meta: GenerationMeta): boolean {
  return Object.entries(renamed).every(([column, field]) => meta.renamed?.[column] === field);
}

function refusalOf(index: string, answer: Answer): Failure {
  if (answer.kind !== 'refused' || answer.status !== 400) return failureOf(answer);
  return incompatibility(index, answer.cause?.reason ?? 'the server did not say why');
}
