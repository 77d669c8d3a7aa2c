/**
 * Documents by id, as they were written, in real time: also those that no search finds yet.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Failure } from '../model/outcome.ts';
import { exactTree } from '../model/exact-json.ts';
import type { DocumentPlace, DocumentReader } from '../pipeline/ports.ts';
import { outcomeOf } from './bulk-outcome.ts';
import { askText } from './request.ts';

export interface DocumentReaderOptions {
  readonly client: Client;
  readonly requestTimeoutMs: number;
}

/** `{"docs":[{"found":true,"_source":{…}},{"error":{…}}]}` */
interface MultiGetAnswer {
  readonly docs: readonly {
    readonly found?: boolean;
    readonly _source?: unknown;
    readonly error?: { readonly type?: string };
  }[];
}

export function createDocumentReader({ client, requestTimeoutMs }: DocumentReaderOptions): DocumentReader {
  // Elasticsearch hides vectors from 9.2 on; older ones, and OpenSearch, refuse to be asked not to.
  let mayHideVectors = true;

  const ask = async (places: readonly DocumentPlace[], signal: AbortSignal): ReturnType<typeof askText> => {
    const body = { docs: places.map(({ index, id, routing }) => ({ _index: index, _id: id, routing })) };
    const params = { method: 'POST', path: '/_mget', body } as const;
    if (!mayHideVectors) return askText(client, params, requestTimeoutMs, signal);
    const querystring = { _source_exclude_vectors: 'false' };
    const answer = await askText(client, { ...params, querystring }, requestTimeoutMs, signal);
    if (answer.kind !== 'refused' || answer.status !== 400) return answer;
    mayHideVectors = false;
    return ask(places, signal);
  };

  return {
    read: async (places, signal) => {
      const answer = await ask(places, signal);
      if (answer.kind === 'failed') return answer.failure;
      if (answer.kind === 'refused') return refusal(answer.status, answer.cause?.type);
      // The numbers of a document keep their digits.
      const parsed = exactTree(answer.text);
      if (!isMultiGetAnswer(parsed) || parsed.docs.length !== places.length) return unexpected(places);
      const failed = parsed.docs.find(({ error }) => error !== undefined && error.type !== 'index_not_found_exception');
      if (failed !== undefined) return refusal(503, failed.error?.type);
      return parsed.docs.map(({ found, _source }) => (found === true ? JSON.stringify(_source) : null));
    },
  };
}

function refusal(status: number, type: string | undefined): Failure {
  const outcome = outcomeOf(status, { type });
  if (outcome.status === 'retryable') return outcome.failure;
  const message = `Elasticsearch refuses to read documents (${status}${type === undefined ? '' : `, ${type}`}).`;
  return { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message, status };
}

function unexpected(places: readonly DocumentPlace[]): Failure {
  const message = `The answer to ${places.length} reads is not a list of as many documents.`;
  return { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message };
}

function isMultiGetAnswer(body: unknown): body is MultiGetAnswer {
  return typeof body === 'object' && body !== null && 'docs' in body && Array.isArray(body.docs);
}
