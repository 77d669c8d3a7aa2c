/**
 * Makes one index, with stand-ins for inferred fields whose types the server lacks.
 */
import type { Client } from '@elastic/elasticsearch';
import type { IndexDefinition } from '../../model/document.ts';
import type { GenerationMeta } from '../../model/generation.ts';
import type { Failure } from '../../model/outcome.ts';
import type { EngineName } from '../engine.ts';
import type { Replacement } from '../../documents/ports.ts';
import { fitted, lackingType, lenientBoolean } from './field-types.ts';
import { metaOf, withMeta } from './generation-meta.ts';
import { failureOf, refusal } from '../index-answer.ts';
import type { Answer } from '../request.ts';
import { ask } from '../request.ts';
import { flatSettings } from '../../model/index-settings.ts';

export interface IndexMakerOptions {
  readonly client: Client;
  readonly requestTimeoutMs: number;
  /** `sluice 0.1.0`, for `_meta`. */
  readonly createdBy: string;
  /** Elasticsearch unless said. */
  readonly engine?: EngineName | undefined;
}

export interface IndexRequest {
  readonly index: string;
  readonly aliases: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Settings other than the definition's, and what they become when the index is loaded. */
  readonly loading?: {
    readonly settings: Readonly<Record<string, unknown>>;
    readonly wanted: Readonly<Record<string, string>>;
  };
}

export type Made =
  /** `replaced`: inferred fields for whose types the server has no more than a stand-in. */
  | { readonly kind: 'made'; readonly meta: GenerationMeta; readonly replaced: readonly Replacement[] }
  /** An index of that name is there. */
  | { readonly kind: 'exists' }
  | { readonly kind: 'failed'; readonly failure: Failure };

export interface IndexMaker {
  make(definition: IndexDefinition, request: IndexRequest): Promise<Made>;
  /**
   * Asks with the fields that the server can have, and again with others for as long as it names a type that it lacks.
   * What is lacking is remembered.
   */
  fit(
    asked: Pick<IndexDefinition, 'mappings' | 'inferred'>,
    put: (mappings: IndexDefinition['mappings'], replaced: readonly Replacement[]) => Promise<Answer>,
  ): Promise<{ readonly answer: Answer; readonly replaced: readonly Replacement[] }>;
}

export function createIndexMaker({ client, requestTimeoutMs, createdBy, engine }: IndexMakerOptions): IndexMaker {
  /** Field types that the server has refused. Making the index asks for them: nothing else knows, and nothing else may be asked. */
  const lacking = new Set<string>(engine === 'opensearch' ? [lenientBoolean] : []);

  const fit: IndexMaker['fit'] = async (asked, put) => {
    for (;;) {
      const { mappings, replaced } = fitted(asked, lacking);
      const answer = await put(mappings, replaced);
      const type = answer.kind === 'refused' && answer.status === 400 ? lackingType(answer.cause?.reason) : undefined;
      if (type === undefined || lacking.has(type)) return { answer, replaced };
      lacking.add(type);
    }
  };

  const make: IndexMaker['make'] = async (definition, { index, aliases, loading }) => {
    if (definition.problem !== undefined) return { kind: 'failed', failure: definition.problem };
    const metaWith = (replaced: readonly Replacement[]): GenerationMeta =>
      metaOf(definition, createdBy, replaced, loading?.wanted);
    const { answer, replaced } = await fit(definition, (mappings, instead) => {
      const body = {
        aliases,
        settings: { ...flatSettings(definition.settings), ...loading?.settings },
        mappings: { ...mappings, _meta: withMeta(mappings, metaWith(instead)) },
      };
      return ask(client, { method: 'PUT', path: `/${encodeURIComponent(index)}`, body }, requestTimeoutMs);
    });
    if (answer.kind === 'answered') return { kind: 'made', meta: metaWith(replaced), replaced };
    if (answer.kind === 'refused' && answer.cause?.type === 'resource_already_exists_exception')
      return { kind: 'exists' };
    const isRefused = answer.kind === 'refused' && answer.status === 400;
    return { kind: 'failed', failure: isRefused ? refusal(definition.alias, answer.cause) : failureOf(answer) };
  };

  return { make, fit };
}
