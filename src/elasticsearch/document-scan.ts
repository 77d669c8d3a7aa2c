/**
 * All documents of an index, page by page: a scroll, for both engines have that, and it shows the index as it was when it began.
 */
import type { Client } from '@elastic/elasticsearch';
import { SluiceError } from '../errors.ts';
import { exactTree } from '../model/exact-json.ts';
import type { Failure } from '../model/outcome.ts';
import type { ExternalVersion } from '../model/position.ts';
import type { DocumentScan, FoundDocument } from '../pipeline/ports.ts';
import { outcomeOf } from './bulk-outcome.ts';
import { askText } from './request.ts';
import type { RequestParams } from './request.ts';

export interface IndexScanOptions {
  readonly client: Client;
  /** For each request. */
  readonly requestTimeoutMs: number;
  /** Documents a page. */
  readonly pageSize?: number;
}

/** How long the server keeps the scroll between two pages. */
const keepAlive = '5m';

/** An answer as `exactTree` reads it: numbers are objects that hold their text. */
interface Page {
  readonly _scroll_id: string;
  readonly hits: {
    readonly hits: readonly {
      readonly _id: string;
      readonly _routing?: string;
      readonly _version: { readonly rawJSON: string };
    }[];
  };
}

export function createIndexScan({ client, requestTimeoutMs, pageSize = 1000 }: IndexScanOptions): DocumentScan {
  /** The answer's text; undefined if what was asked for is not there. */
  const send = async (params: RequestParams, signal?: AbortSignal): Promise<string | undefined> => {
    const answer = await askText(client, params, requestTimeoutMs, signal);
    if (answer.kind === 'answered') return answer.text;
    if (answer.kind === 'failed') throw new SluiceError([answer.failure]);
    if (answer.status === 404 && answer.cause?.type === 'index_not_found_exception') return undefined;
    throw new SluiceError([refusal(answer.status, answer.cause?.type)]);
  };

  return {
    documents: async function* (index, signal) {
      const path = `/${encodeURIComponent(index)}`;
      // A scroll finds what a search finds.
      if ((await send({ method: 'POST', path: `${path}/_refresh` }, signal)) === undefined) return;
      const query = { size: pageSize, sort: ['_doc'], version: true, _source: false };
      const begin = { path: `${path}/_search`, querystring: { scroll: keepAlive }, body: query };
      let page = pageOf(await send({ method: 'POST', ...begin }, signal));
      try {
        while (page !== undefined && page.hits.hits.length > 0) {
          yield page.hits.hits.map(foundOf);
          const body = { scroll: keepAlive, scroll_id: page._scroll_id };
          page = pageOf(await send({ method: 'POST', path: '/_search/scroll', body }, signal));
        }
      } finally {
        // It would end by itself; meanwhile it holds segments that are merged away.
        const body = { scroll_id: page?._scroll_id ?? '' };
        if (page !== undefined && !signal.aborted) {
          await send({ method: 'DELETE', path: '/_search/scroll', body }, signal).catch(() => undefined);
        }
      }
    },
  };
}

function foundOf({ _id: id, _routing, _version }: Page['hits']['hits'][number]): FoundDocument {
  const version = _version.rawJSON as ExternalVersion;
  return _routing === undefined ? { id, version } : { id, version, routing: _routing };
}

function pageOf(text: string | undefined): Page | undefined {
  if (text === undefined) return undefined;
  const parsed = exactTree(text);
  if (isPage(parsed)) return parsed;
  const message = 'The answer to a scan is not a page of documents.';
  throw new SluiceError([{ code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message }]);
}

function isPage(body: unknown): body is Page {
  if (typeof body !== 'object' || body === null || !('_scroll_id' in body) || !('hits' in body)) return false;
  const { hits } = body;
  return typeof hits === 'object' && hits !== null && 'hits' in hits && Array.isArray(hits.hits);
}

function refusal(status: number, type: string | undefined): Failure {
  const outcome = outcomeOf(status, { type });
  if (outcome.status === 'retryable') return outcome.failure;
  const message = `Elasticsearch refuses a scan (${status}${type === undefined ? '' : `, ${type}`}).`;
  return { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message, status };
}
