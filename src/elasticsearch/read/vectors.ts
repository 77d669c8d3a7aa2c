/**
 * Vectors, which Elasticsearch from 9.2 on keeps beside `_source`: it shows them only to those who ask for them, and as it keeps
 * them. Older ones, and OpenSearch, show what was written, and refuse to be asked.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Failure } from '../../model/outcome.ts';
import type { Vector, VectorField } from '../../model/vector-field.ts';
import { asObject } from '../index/generation-meta.ts';
import { failureOf, isAbsent } from '../index-answer.ts';
import type { Server } from '../index/live-index.ts';
import type { RequestParams } from '../request.ts';
import { ask, askText } from '../request.ts';

/** One question, asked with vectors and without. */
export interface VectorQuestion {
  readonly shown: RequestParams;
  readonly plain: RequestParams;
  /** Servers that refused this kind of question; kinds are known to different versions. */
  readonly refusers: WeakSet<Client>;
}

/** Asks for vectors where the server can be asked; else without, as `askText`. */
export async function askWithVectors(
  client: Client,
  { shown, plain, refusers }: VectorQuestion,
  timeoutMs: number,
  signal: AbortSignal,
): ReturnType<typeof askText> {
  if (!refusers.has(client)) {
    const answer = await askText(client, shown, timeoutMs, signal);
    if (answer.kind !== 'refused' || answer.status !== 400) return answer;
  }
  const answer = await askText(client, plain, timeoutMs, signal);
  if (answer.kind === 'answered') refusers.add(client);
  return answer;
}

/** The fields of an index, or of those behind an alias, that are vectors; none if there is no such index. */
export async function readVectorFields(
  { client, requestTimeoutMs }: Server,
  index: string,
  signal: AbortSignal,
): Promise<readonly VectorField[] | Failure> {
  const path = `/${encodeURIComponent(index)}/_mapping`;
  const answer = await ask(client, { method: 'GET', path }, requestTimeoutMs, signal);
  if (isAbsent(answer))
    return { code: 'INDEX_MISSING', message: `There is no index or alias \`${index}\` to compare.` };
  if (answer.kind !== 'answered') return failureOf(answer);
  return Object.values(asObject(answer.body)).flatMap((about) => vectorFieldsIn(asObject(about)['mappings']));
}

function vectorFieldsIn(mappings: unknown, within: readonly string[] = []): readonly VectorField[] {
  return Object.entries(asObject(asObject(mappings)['properties'])).flatMap(([name, described]) => {
    const path = [...within, name];
    const kept = keptAs(asObject(described));
    return kept === undefined ? vectorFieldsIn(described, path) : [{ path, kept }];
  });
}

function keptAs({ type, element_type: element }: Readonly<Record<string, unknown>>): Vector | undefined {
  if (type === 'sparse_vector') return 'weights';
  if (type !== 'dense_vector' && type !== 'rank_vectors') return undefined;
  return element === 'bfloat16' ? 'bfloats' : 'floats';
}
