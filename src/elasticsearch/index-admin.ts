/**
 * Indexes are made explicitly, never by a write (DESIGN D9): `<alias>-000001` behind its alias.
 */
import { createHash } from 'node:crypto';
import type { Client } from '@elastic/elasticsearch';
import type { IndexDefinition } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { ErrorCause } from './bulk-outcome.ts';
import { outcomeOf } from './bulk-outcome.ts';
import type { Answer } from './request.ts';
import { ask } from './request.ts';

export type IndexState =
  { readonly state: 'created' | 'present' | 'absent' } | { readonly state: 'failed'; readonly failure: Failure };

export interface IndexAdmin {
  /** Whether the alias is there; a failure if something else has its name, or if that cannot be found out. */
  inspect(alias: string): Promise<IndexState>;
  /** Creates the index and its alias unless the alias is there. Safe when several instances do it at once. */
  ensure(definition: IndexDefinition): Promise<IndexState>;
}

export interface IndexAdminOptions {
  readonly client: Client;
  readonly requestTimeoutMs: number;
  /** `sluice 0.1.0`, for `_meta`. */
  readonly createdBy: string;
}

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

  const create = async (definition: IndexDefinition): Promise<IndexState> => {
    const { alias, settings, mappings } = definition;
    const generation = `${alias}-000001`;
    const meta = { sluice: { document: alias, definition: digest(definition), createdBy } };
    const body = {
      aliases: { [alias]: { is_write_index: true } },
      settings,
      mappings: { ...mappings, _meta: { ...asObject(mappings['_meta']), ...meta } },
    };
    const path = `/${encodeURIComponent(generation)}`;
    const answer = await ask(client, { method: 'PUT', path, body }, requestTimeoutMs);
    if (answer.kind === 'answered') return { state: 'created' };
    if (answer.kind === 'failed') return failed(answer.failure);
    if (answer.cause?.type === 'resource_already_exists_exception') {
      const found = await inspect(alias);
      if (found.state !== 'absent') return found;
      const message = `The index «${generation}» is there, but the alias «${alias}» that should name it is not.`;
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
