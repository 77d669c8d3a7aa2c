/**
 * Indexes are made explicitly, never by a write (DESIGN D9): `<alias>-000001` behind its alias.
 */
import { createHash } from 'node:crypto';
import type { Client } from '@elastic/elasticsearch';
import type { IndexDefinition } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { ErrorCause } from './bulk-outcome.ts';
import { outcomeOf } from './bulk-outcome.ts';
import type { Fitted, Replacement } from './field-types.ts';
import { fitted, lackingType } from './field-types.ts';
import type { Answer } from './request.ts';
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
  /** `sluice 0.1.0`, for `_meta`. */
  readonly createdBy: string;
}

const generationOf = (alias: string): string => `${alias}-000001`;

const failed = (failure: Failure): IndexState => ({ state: 'failed', failure });

export function createIndexAdmin({ client, requestTimeoutMs, createdBy }: IndexAdminOptions): IndexAdmin {
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

  const put = (definition: IndexDefinition, { mappings, replaced }: Fitted): Promise<Answer> => {
    const { alias, settings } = definition;
    const standIns = Object.fromEntries(replaced.map(({ field, type }) => [field, type]));
    const meta = {
      document: alias,
      definition: digest(definition),
      createdBy,
      ...(replaced.length > 0 && { standIns }),
    };
    const body = {
      aliases: { [alias]: { is_write_index: true } },
      settings,
      mappings: { ...mappings, _meta: { ...asObject(mappings['_meta']), sluice: meta } },
    };
    const path = `/${encodeURIComponent(generationOf(alias))}`;
    return ask(client, { method: 'PUT', path, body }, requestTimeoutMs);
  };

  /** Field types that the server has refused. Making the index asks for them: nothing else knows, and nothing else may be asked. */
  const lacking = new Set<string>();

  const create = async (definition: IndexDefinition): Promise<IndexState> => {
    for (;;) {
      const fit = fitted(definition, lacking);
      const answer = await put(definition, fit);
      if (answer.kind === 'answered') return { state: 'created', replaced: fit.replaced };
      const type = answer.kind === 'refused' && answer.status === 400 ? lackingType(answer.cause?.reason) : undefined;
      if (type === undefined || lacking.has(type)) return refused(definition.alias, answer);
      lacking.add(type);
    }
  };

  const refused = async (alias: string, answer: Exclude<Answer, { kind: 'answered' }>): Promise<IndexState> => {
    if (answer.kind === 'failed') return failed(answer.failure);
    if (answer.cause?.type === 'resource_already_exists_exception') {
      const found = await inspect(alias);
      if (found.state !== 'absent') return found;
      const message = `The index «${generationOf(alias)}» is there, but the alias «${alias}» that should name it is not.`;
      return failed({ code: 'INDEX_FOREIGN', message });
    }
    if (answer.status === 400) return failed(refusal(alias, answer.cause));
    return failed(failureOf(answer));
  };

  return {
    inspect,
    ensure: async (definition) => {
      const found = await inspect(definition.alias);
      return found.state === 'absent' ? create(definition) : found;
    },
  };
}

const isAbsent = (answer: Answer): boolean =>
  (answer.kind === 'answered' || answer.kind === 'refused') && answer.status === 404;

/** Settings and mappings hold no row values, so Elasticsearch's own words may be told. */
function refusal(alias: string, cause: ErrorCause | undefined): Failure {
  const reason = cause?.reason ?? 'it did not say why';
  return { code: 'INDEX_REFUSED', message: `Elasticsearch refuses the index of «${alias}»: ${reason}.` };
}

function failureOf(answer: Answer): Failure {
  if (answer.kind === 'failed') return answer.failure;
  const outcome = outcomeOf(answer.status, answer.kind === 'refused' ? (answer.cause ?? {}) : {});
  if (outcome.status === 'retryable') return outcome.failure;
  return { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message: `Elasticsearch answered status ${answer.status}.` };
}

function digest({ settings, mappings }: IndexDefinition): string {
  return createHash('sha256').update(JSON.stringify({ settings, mappings })).digest('hex');
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {};
}
