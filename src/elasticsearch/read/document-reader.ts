/**
 * Documents by id, as they were written, in real time: also those that no search finds yet.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Failure } from '../../model/outcome.ts';
import type { StoredDocument } from '../../model/document.ts';
import type { ExternalVersion } from '../../model/position.ts';
import { exactTree } from '../../json/exact.ts';
import type { DocumentPlace, DocumentReader } from '../../pipeline/ports.ts';
import { outcomeOf } from '../bulk/bulk-outcome.ts';
import { askWithVectors } from './vectors.ts';

export interface DocumentReaderOptions {
  readonly client: Client;
  readonly requestTimeoutMs: number;
}

/** `{"docs":[{"found":true,"_source":{…}},{"error":{…}}]}` */
interface MultiGetAnswer {
  readonly docs: readonly {
    readonly found?: boolean;
    readonly _id?: string;
    readonly _version?: unknown;
    readonly _routing?: string;
    readonly _source?: unknown;
    readonly error?: { readonly type?: string };
  }[];
}

export function createDocumentReader(options: DocumentReaderOptions): DocumentReader {
  return {
    read: async (places, signal) => {
      const read = await readStored(options, places, signal);
      return 'code' in read ? read : read.map((document) => document?.source ?? null);
    },
  };
}

/** As `DocumentReader.read`, with each document's version and routing. */
export async function readStored(
  { client, requestTimeoutMs }: DocumentReaderOptions,
  places: readonly DocumentPlace[],
  signal: AbortSignal,
): Promise<readonly (StoredDocument | null)[] | Failure> {
  const answer = await multiGet(client, places, requestTimeoutMs, signal);
  if (answer.kind === 'failed') return answer.failure;
  if (answer.kind === 'refused') return refusal(answer.status, answer.cause?.type);
  // The numbers of a document keep their digits.
  const parsed = exactTree(answer.text);
  if (!isMultiGetAnswer(parsed) || parsed.docs.length !== places.length) return unexpected(places);
  const failed = parsed.docs.find(({ error }) => error !== undefined && error.type !== 'index_not_found_exception');
  if (failed !== undefined) return refusal(503, failed.error?.type);
  return parsed.docs.map(({ found, _id: id = '', _version, _routing, _source }) =>
    found === true
      ? {
          id,
          version: JSON.stringify(_version) as ExternalVersion,
          ...(_routing !== undefined && { routing: _routing }),
          source: JSON.stringify(_source),
        }
      : null,
  );
}

const refusers = new WeakSet<Client>();

async function multiGet(
  client: Client,
  places: readonly DocumentPlace[],
  timeoutMs: number,
  signal: AbortSignal,
): ReturnType<typeof askWithVectors> {
  const body = { docs: places.map(({ index, id, routing }) => ({ _index: index, _id: id, routing })) };
  const plain = { method: 'POST', path: '/_mget', body } as const;
  const shown = { ...plain, querystring: { _source_exclude_vectors: 'false' } };
  return askWithVectors(client, { shown, plain, refusers }, timeoutMs, signal);
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
