/**
 * One request, answered by a value: what the server said, or that no answer came.
 */
import { Readable } from 'node:stream';
import type { Client } from '@elastic/elasticsearch';
import { errors } from '@elastic/elasticsearch';
import type { Failure } from '../model/outcome.ts';
import type { ErrorCause } from './bulk/bulk-outcome.ts';
import type { EngineName } from './engine.ts';
import { engineIn, isOwnAnswer } from './engine.ts';

export interface RequestParams {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly path: string;
  readonly querystring?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
  /** Lines of JSON, sent as they are. */
  readonly bulkBody?: Buffer;
}

/**
 * `engine` is who says of itself that it answered. `refused` is the server's own answer, or one of those that mean the same
 * whoever gives them: that there is too much to do, or nobody who does it (408, 429, 5xx).
 */
export type Answer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly body: unknown;
      readonly engine: EngineName | undefined;
    }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly cause: ErrorCause | undefined;
      readonly engine: EngineName | undefined;
    }
  | { readonly kind: 'failed'; readonly failure: Failure };

/**
 * Asks, and waits at most `timeoutMs` for the whole answer: a server that stops in the middle of one is as gone as one that
 * never begins. Rejects only with the signal's reason, after its abort. With `remainingMs`, nothing is sent when no time remains,
 * and what was not answered by then is broken off, be it on its way or still waiting for a connection.
 */
export async function ask(
  client: Client,
  params: RequestParams,
  timeoutMs: number,
  signal?: AbortSignal,
  /** Reads the answer's stream, within the same time; without it, the client parses it. */
  read?: (body: unknown) => Promise<unknown>,
  /** For how long the request may still be made; it may be prolonged meanwhile. */
  remainingMs: () => number = () => Number.POSITIVE_INFINITY,
): Promise<Answer> {
  signal?.throwIfAborted();
  if (remainingMs() <= 0) return stale;
  const ended = new AbortController();
  const abort = (): void => {
    ended.abort();
  };
  const endsAtMs = performance.now() + timeoutMs;
  const state = { isStale: false };
  const look = (): void => {
    state.isStale = remainingMs() <= 0;
    const leftMs = endsAtMs - performance.now();
    if (state.isStale || leftMs <= 0) abort();
    else timer = setTimeout(look, Math.min(leftMs, remainingMs()));
  };
  let timer = setTimeout(look, Math.min(timeoutMs, remainingMs()));
  signal?.addEventListener('abort', abort);
  try {
    const { statusCode, body, headers } = await client.transport.request(params, {
      signal: ended.signal,
      maxRetries: 0,
      requestTimeout: timeoutMs,
      meta: true,
      ...(read && { asStream: true }),
    });
    const whole = read === undefined ? body : await read(body);
    // The client throws for such a status only where it reads the answer itself.
    if (read !== undefined && statusCode >= 400) return refusedBy(client, statusCode, jsonOf(String(whole)), headers);
    if (statusCode >= 300) return { kind: 'failed', failure: foreign(statusCode) };
    return { kind: 'answered', status: statusCode, body: whole, engine: engineIn(headers) };
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (state.isStale) return stale;
    if (error instanceof errors.ResponseError) {
      return refusedBy(client, error.statusCode ?? 0, error.body, error.headers);
    }
    return failedBy(error, timeoutMs);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

const stale: Answer = {
  kind: 'failed',
  failure: {
    code: 'MEMBERSHIP_STALE',
    message:
      'Writes were held back or broken off, since Kafka has not confirmed for too long that this instance may write.',
  },
};

/**
 * As `ask`, with the answer's own text: the client's parser makes doubles of all numbers.
 */
export async function askText(
  client: Client,
  params: RequestParams,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Exclude<Answer, { kind: 'answered' }> | { readonly kind: 'answered'; readonly text: string }> {
  const answer = await ask(client, params, timeoutMs, signal, textOf);
  if (answer.kind !== 'answered') return answer;
  return { kind: 'answered', text: String(answer.body) };
}

async function textOf(body: unknown): Promise<string> {
  if (!(body instanceof Readable)) return '';
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Statuses that mean the same whoever answers. */
const isUnavailable = (status: number): boolean => status === 408 || status === 429 || status >= 500;

function refusedBy(
  client: Client,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, unknown>> | null | undefined,
): Answer {
  const cause = causeOf(body);
  // Elasticsearch refuses credentials and privileges before it puts its name on the answer. No document is refused by that.
  const isSecurity = (status === 401 || status === 403) && cause?.type === 'security_exception';
  if (isUnavailable(status) || isSecurity || isOwnAnswer(client, headers, cause?.type !== undefined)) {
    return { kind: 'refused', status, cause, engine: engineIn(headers) };
  }
  return { kind: 'failed', failure: foreign(status) };
}

/** Of an answer that something else than the server gave: nothing follows from it for documents and indexes. */
function foreign(status: number): Failure {
  if (status === 413) {
    const message = 'Something between Sluice and Elasticsearch refuses a request for its size (413).';
    return { code: 'REQUEST_TOO_LARGE', message, status };
  }
  const message = `Status ${status} was answered by something else than Elasticsearch: the answer does not carry its name.`;
  return { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message, status };
}

/** The client's errors hold the connection with all its settings; only what is said here leaves this room. */
function failedBy(error: unknown, timeoutMs: number): Answer {
  if (error instanceof errors.TimeoutError || error instanceof errors.RequestAbortedError) {
    const message = `Elasticsearch did not answer within ${timeoutMs} ms.`;
    return { kind: 'failed', failure: { code: 'ELASTICSEARCH_UNREACHABLE', message } };
  }
  if (error instanceof errors.ConnectionError) {
    const message = `No connection to Elasticsearch: ${connectionReason(error.message)}.`;
    return { kind: 'failed', failure: { code: 'ELASTICSEARCH_UNREACHABLE', message } };
  }
  if (error instanceof errors.ProductNotSupportedError) {
    const message =
      'Another HTTP server answers, not Elasticsearch: its product header is missing. Check host and port in `elasticsearch.nodes`; for OpenSearch, set `elasticsearch.engine: opensearch`.';
    return { kind: 'failed', failure: { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message } };
  }
  const name = error instanceof Error ? error.name : typeof error;
  const message = `The answer of Elasticsearch could not be read (${name}).`;
  return { kind: 'failed', failure: { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message } };
}

/** OpenSSL's words for an answer that is not TLS, in words that name the setting. */
function connectionReason(message: string): string {
  return /wrong version number|packet length too long/.test(message)
    ? 'the server answers plain http, but its URL says https; write `http://` in `elasticsearch.nodes`'
    : message;
}

/** `{"error":{"type":…,"reason":…}}`, or nothing where a body is empty or no JSON. */
function causeOf(body: unknown): ErrorCause | undefined {
  if (typeof body !== 'object' || body === null || !('error' in body)) return undefined;
  const { error } = body;
  if (typeof error === 'string') return { reason: error };
  if (typeof error !== 'object' || error === null) return undefined;
  return {
    type: 'type' in error && typeof error.type === 'string' ? error.type : undefined,
    reason: reasonIn(error),
  };
}

/** Of a template that is tried, what is wrong is told by the innermost cause alone. */
function reasonIn(error: object): string | undefined {
  const reason = 'reason' in error && typeof error.reason === 'string' ? error.reason : undefined;
  if (!/^(?:composable|invalid composite|index_template)/.test(reason ?? '') || !('caused_by' in error)) return reason;
  const { caused_by: cause } = error;
  return typeof cause === 'object' && cause !== null ? (reasonIn(cause) ?? reason) : reason;
}
