/**
 * Control documents in an index of their own, one to a document, changed by compare-and-set (`if_seq_no`, `if_primary_term`).
 */
import type { Client } from '@elastic/elasticsearch';
import type { Failure } from '../model/outcome.ts';
import type { Control } from '../rebuild/handover.ts';
import type { ControlStore, Stored } from '../rebuild/ports.ts';
import { failureOf } from './index-answer.ts';
import type { Answer, RequestParams } from './request.ts';
import { ask } from './request.ts';

export interface ControlIndexOptions {
  readonly client: Client;
  readonly requestTimeoutMs: number;
  readonly index: string;
}

interface MultiGetAnswer {
  readonly docs: readonly {
    readonly _id: string;
    readonly found?: boolean;
    readonly _seq_no?: number;
    readonly _primary_term?: number;
    readonly _source?: { readonly control: Control };
    readonly error?: { readonly type?: string };
  }[];
}

export function createControlIndex({ client, requestTimeoutMs, index }: ControlIndexOptions): ControlStore {
  const request = (params: RequestParams): Promise<Answer> => ask(client, params, requestTimeoutMs);
  /** Writes require an alias, here too: a condition that cannot hold would still make an index that is gone. */
  const writes = `${index}-writes`;
  const pathOf = (document: string): string => `/${encodeURIComponent(writes)}/_doc/${encodeURIComponent(document)}`;

  const makeIndex = async (): Promise<Failure | undefined> => {
    const body = {
      aliases: { [writes]: { is_write_index: true, is_hidden: true } },
      settings: { number_of_shards: 1, auto_expand_replicas: '0-1', hidden: true },
      // Nobody searches it, and what it holds changes with versions of Sluice.
      mappings: { dynamic: false, properties: {} },
    };
    const answer = await request({ method: 'PUT', path: `/${encodeURIComponent(index)}`, body });
    if (answer.kind === 'answered') return undefined;
    if (answer.kind === 'refused' && answer.cause?.type === 'resource_already_exists_exception') return undefined;
    return failureOf(answer);
  };

  return {
    read: async (documents) => {
      if (documents.length === 0) return new Map();
      const params = { method: 'POST', path: `/${encodeURIComponent(index)}/_mget`, body: { ids: documents } } as const;
      const answer = await request(params);
      if (answer.kind === 'refused' && answer.cause?.type === 'index_not_found_exception') return new Map();
      if (answer.kind !== 'answered') return failureOf(answer);
      return storedIn(answer.body, index);
    },
    create: async (control) => {
      const failure = await makeIndex();
      if (failure !== undefined) return failure;
      const path = pathOf(control.document);
      return done(
        await request({
          method: 'PUT',
          path,
          querystring: { op_type: 'create', require_alias: 'true' },
          body: { control },
        }),
      );
    },
    replace: async (control, mark) =>
      done(
        await request({
          method: 'PUT',
          path: pathOf(control.document),
          querystring: { ...conditions(mark), require_alias: 'true' },
          body: { control },
        }),
      ),
    remove: async (document, mark) =>
      done(await request({ method: 'DELETE', path: pathOf(document), querystring: conditions(mark) })),
  };
}

function conditions(mark: string): Readonly<Record<string, string>> {
  const [seqNo = '', term = ''] = mark.split('/');
  return { if_seq_no: seqNo, if_primary_term: term };
}

function done(answer: Answer): 'done' | 'changed' | Failure {
  if (answer.kind === 'answered') return 'done';
  if (answer.kind === 'refused' && (answer.status === 409 || answer.status === 404)) return 'changed';
  return failureOf(answer);
}

function storedIn(body: unknown, index: string): ReadonlyMap<string, Stored> | Failure {
  const found = new Map<string, Stored>();
  const unexpected: Failure = {
    code: 'ELASTICSEARCH_ANSWER_UNEXPECTED',
    message: `The answer to a read of ${index} is not a list of documents.`,
  };
  if (!isMultiGetAnswer(body)) return unexpected;
  for (const { _id: id, found: isThere, _source: source, _seq_no: seqNo, _primary_term: term, error } of body.docs) {
    if (error !== undefined && error.type !== 'index_not_found_exception') {
      return {
        code: 'ELASTICSEARCH_UNAVAILABLE',
        message: `${index} cannot be read (${error.type ?? 'no reason given'}).`,
      };
    }
    if (isThere !== true || source === undefined) continue;
    found.set(id, { control: source.control, mark: `${seqNo}/${term}` });
  }
  return found;
}

function isMultiGetAnswer(body: unknown): body is MultiGetAnswer {
  return typeof body === 'object' && body !== null && 'docs' in body && Array.isArray(body.docs);
}
