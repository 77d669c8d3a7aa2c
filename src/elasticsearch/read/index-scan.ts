/**
 * All documents of an index as they were at one moment, page by page: a point in time, walked in the order of the shards.
 *
 * OpenSearch has no order in which every document of a point in time has a place of its own (`_shard_doc`) in all its versions,
 * so there it is a scroll.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@elastic/elasticsearch';
import type { StoredDocument } from '../../model/document.ts';
import { treeOf } from '../../json/exact.ts';
import type { Failure } from '../../model/outcome.ts';
import type { ExternalVersion } from '../../model/position.ts';
import { backoffMs } from '../../model/retrying.ts';
import { outcomeOf } from '../bulk/bulk-outcome.ts';
import type { EngineName } from '../engine.ts';
import type { RequestParams } from '../request.ts';
import { ask, askText } from '../request.ts';
import { askWithVectors } from './vectors.ts';

export interface ScanOptions {
  /** Elasticsearch unless said. */
  readonly engine?: EngineName | undefined;
  /** An index or alias. */
  readonly index: string;
  /** Whether documents come with their text. */
  readonly source: boolean;
  /** Documents a page, at most. */
  readonly pageSize: number;
  /** For one page, its answer read. */
  readonly requestTimeoutMs: number;
}

/** One page, or why there is none: then it is the last thing that comes, and what came before is not the whole index. */
export type ScannedPage = readonly StoredDocument[] | Failure;

/** How long the server keeps the moment between two pages. */
const keepAlive = '5m';
/** Answers of about this size are asked for. */
const pageBytes = 8 * 1024 * 1024;
const attempts = 5;
const backoff = { initialMs: 500, maxMs: 4000 };
const refusers = new WeakSet<Client>();

interface Hit {
  readonly _id: string;
  readonly _version: unknown;
  readonly _routing?: string;
  readonly _source?: unknown;
  readonly sort?: unknown;
}

interface Found {
  readonly hits: readonly Hit[];
  /** Of the answer's text. */
  readonly length: number;
  /** The name of the point in time, or of the scroll, to go on with. */
  readonly moment: string | undefined;
}

/**
 * Ends after the last page or the first failure; rejects only with the signal's reason, after its abort. Documents that no search
 * finds yet (no refresh since) are not among them.
 */
export function scanIndex(client: Client, options: ScanOptions, signal: AbortSignal): AsyncIterable<ScannedPage> {
  return options.engine === 'opensearch' ? scroll(client, options, signal) : pointInTime(client, options, signal);
}

async function* pointInTime(client: Client, options: ScanOptions, signal: AbortSignal): AsyncGenerator<ScannedPage> {
  const { index, source, pageSize, requestTimeoutMs } = options;
  const path = `/${encodeURIComponent(index)}/_pit`;
  const opened = await ask(
    client,
    { method: 'POST', path, querystring: { keep_alive: keepAlive } },
    requestTimeoutMs,
    signal,
  );
  let id = opened.kind === 'answered' ? textAt(opened.body, 'id') : undefined;
  if (id === undefined) {
    yield opened.kind === 'failed'
      ? opened.failure
      : refusal(index, opened.status, opened.kind === 'refused' ? opened.cause?.type : undefined);
    return;
  }
  let size = pageSize;
  let after: unknown;
  try {
    for (;;) {
      const body = {
        ...{ size, version: true, track_total_hits: false },
        ...{ pit: { id, keep_alive: keepAlive }, sort: [{ _shard_doc: 'asc' }] },
        ...(after !== undefined && { search_after: after }),
      };
      const page = (_source: unknown) => ({ method: 'POST', path: '/_search', body: { ...body, _source } }) as const;
      const plain = page(source);
      const shown = source ? page({ exclude_vectors: false }) : plain;
      // The same question has the same answer, so it may be asked again.
      const found = await again(
        async () => foundIn(await askWithVectors(client, { shown, plain, refusers }, requestTimeoutMs, signal), index),
        signal,
      );
      if ('code' in found) {
        yield found;
        return;
      }
      if (found.hits.length === 0) return;
      id = found.moment ?? id;
      after = found.hits.at(-1)?.sort;
      size = Math.max(1, Math.min(pageSize, Math.floor((found.hits.length * pageBytes) / found.length)));
      yield found.hits.map(stored);
    }
  } finally {
    // Whoever forgets it costs the server disk until it expires; more is not lost if this does not arrive.
    await ask(client, { method: 'DELETE', path: '/_pit', body: { id } }, requestTimeoutMs).catch(() => undefined);
  }
}

async function* scroll(client: Client, options: ScanOptions, signal: AbortSignal): AsyncGenerator<ScannedPage> {
  const { index, source, pageSize, requestTimeoutMs } = options;
  let moment: string | undefined;
  try {
    for (;;) {
      // A page whose answer was lost is passed for good, so it is not asked for again.
      const params: RequestParams =
        moment === undefined
          ? {
              method: 'POST',
              path: `/${encodeURIComponent(index)}/_search`,
              querystring: { scroll: keepAlive },
              body: { size: pageSize, _source: source, version: true, sort: ['_doc'] },
            }
          : { method: 'POST', path: '/_search/scroll', body: { scroll: keepAlive, scroll_id: moment } };
      const found = foundIn(await askText(client, params, requestTimeoutMs, signal), index);
      if ('code' in found) {
        yield found;
        return;
      }
      moment = found.moment ?? moment;
      if (found.hits.length === 0) return;
      yield found.hits.map(stored);
    }
  } finally {
    if (moment !== undefined) {
      const params = { method: 'DELETE', path: '/_search/scroll', body: { scroll_id: [moment] } } as const;
      await ask(client, params, requestTimeoutMs).catch(() => undefined);
    }
  }
}

/** Without `filter_path`: to filter, the server reads the documents' numbers as doubles and writes them anew. */
function foundIn(answer: Awaited<ReturnType<typeof askText>>, index: string): Found | Failure {
  if (answer.kind === 'failed') return answer.failure;
  if (answer.kind === 'refused') return refusal(index, answer.status, answer.cause?.type);
  const body = treeOf(answer.text);
  if (!isSearchAnswer(body)) {
    const message = `The answer to a search of "${index}" is no list of documents.`;
    return { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message };
  }
  // A part of the documents would look like the whole.
  if (JSON.stringify(body._shards?.failed ?? 0) !== '0' || body.timed_out === true) {
    const message = `Not every shard of "${index}" answered.`;
    return { code: 'ELASTICSEARCH_UNAVAILABLE', message };
  }
  const moment = body.pit_id ?? body._scroll_id;
  return { hits: body.hits.hits, length: answer.text.length, moment };
}

async function again(attempt: () => Promise<Found | Failure>, signal: AbortSignal): Promise<Found | Failure> {
  for (let failures = 1; ; failures += 1) {
    const found = await attempt();
    if (!('code' in found) || failures === attempts || !passing.has(found.code)) return found;
    // Not `retrying`: a scan that was ended must reject, for one that stops early looks like a whole one.
    await delay(backoffMs(backoff, failures), undefined, { signal }).catch(() => undefined);
  }
}

const passing: ReadonlySet<string> = new Set([
  'ELASTICSEARCH_OVERLOADED',
  'ELASTICSEARCH_UNAVAILABLE',
  'ELASTICSEARCH_UNREACHABLE',
]);

function stored({ _id: id, _version, _routing, _source }: Hit): StoredDocument {
  return {
    id,
    version: JSON.stringify(_version) as ExternalVersion,
    ...(_routing !== undefined && { routing: _routing }),
    ...(_source !== undefined && { source: JSON.stringify(_source) }),
  };
}

function refusal(index: string, status: number, type: string | undefined): Failure {
  const outcome = outcomeOf(status, { type });
  if (outcome.status === 'retryable') return outcome.failure;
  const message = `Elasticsearch refuses to list the documents of "${index}" (${status}${type === undefined ? '' : `, ${type}`}).`;
  return { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message, status };
}

function textAt(body: unknown, name: string): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const value = (body as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' ? value : undefined;
}

interface SearchAnswer {
  readonly _shards?: { readonly failed?: unknown };
  readonly timed_out?: boolean;
  readonly pit_id?: string;
  readonly _scroll_id?: string;
  readonly hits: { readonly hits: readonly Hit[] };
}

function isSearchAnswer(body: unknown): body is SearchAnswer {
  return typeof body === 'object' && body !== null && 'hits' in body;
}
