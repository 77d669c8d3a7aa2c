/** Asks registries over HTTP: their URLs in turn, with credentials, and what a failure is called. */
import { Agent, request } from 'undici';
import type { Failure } from '../model/outcome.ts';

export interface RegistryHttpOptions {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly bearer?: string | undefined;
  /** PEM. */
  readonly ca?: string | undefined;
  readonly rejectUnauthorized: boolean;
  readonly requestTimeoutMs: number;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface RegistryHttp {
  /** The answer of the first of `urls` that gives one. `pathOf`: what is asked of each, after the URL. */
  get(urls: readonly string[], pathOf: PathOf, signal: AbortSignal): Promise<Answer | Failure>;
  close(): Promise<void>;
}

/** `base`: the URL, without a slash at its end. */
export type PathOf = (base: string) => string;

export function createRegistryHttp(options: RegistryHttpOptions): RegistryHttp {
  const { username, password, bearer, ca, rejectUnauthorized, requestTimeoutMs } = options;
  const dispatcher = new Agent({ connect: { rejectUnauthorized, ...(ca !== undefined && { ca }) } });
  const authorization =
    bearer !== undefined
      ? `Bearer ${bearer}`
      : username !== undefined
        ? `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
        : undefined;
  const headers = {
    accept: 'application/vnd.schemaregistry.v1+json, application/json, */*',
    ...(authorization !== undefined && { authorization }),
  };
  return {
    get: async (urls, pathOf, signal) => {
      let failure: Failure | undefined;
      for (const url of urls) {
        const base = url.replace(/\/+$/, '');
        try {
          const timeout = AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]);
          const { statusCode, body } = await request(base + pathOf(base), { dispatcher, headers, signal: timeout });
          const text = await body.text();
          if (statusCode < 500 && statusCode !== 429) return { status: statusCode, text };
          failure = unreachable(url, `it answered ${statusCode}`, statusCode);
        } catch (error) {
          failure = unreachable(url, reasonOf(error));
        }
      }
      return failure ?? unreachable('', 'no URL is configured');
    },
    close: () => dispatcher.close(),
  };
}

/** What an answer other than 200 means; `what` was asked for. */
export function failureOf({ status, text }: Answer, what: string): Failure | undefined {
  if (status === 401 || status === 403) {
    return { code: 'SCHEMA_REGISTRY_UNAUTHORIZED', message: `The schema registry answered ${status}.`, status };
  }
  // The page of a load balancer says nothing of a schema: its records wait, as for a registry that is away.
  if (status !== 404 || /^\s*</.test(text)) return undefined;
  return { code: 'SCHEMA_UNKNOWN', message: `The schema registry does not know ${what}.`, status };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error && 'code' in error)) return 'it did not answer in time';
  if (error.code !== 'ERR_SSL_WRONG_VERSION_NUMBER') return String(error.code);
  return 'it answers plain http, but its URL says https; write `http://` in the URLs of `schemaRegistry`';
}

export function unreachable(url: string, reason: string, status?: number): Failure {
  const host = url === '' ? '' : ` at ${new URL(url).host}`;
  const message = `The schema registry${host} cannot be used: ${reason}.`;
  return { code: 'SCHEMA_REGISTRY_UNREACHABLE', message, ...(status !== undefined && { status }) };
}

/** The value that a text of JSON holds; undefined if it holds none. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
