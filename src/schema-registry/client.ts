/**
 * The registry's HTTP interface (Confluent's, which Apicurio and others speak too), as far as a reader needs it.
 *
 * API: https://docs.confluent.io/platform/current/schema-registry/develop/api.html
 */
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { Failure } from '../model/outcome.ts';
import type { Reference } from './connect-schema.ts';

export interface RegistryClientOptions {
  /** Tried in turn; a path in front of the interface's own (`/apis/ccompat/v7`) belongs to the URL. */
  readonly urls: readonly string[];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly bearer?: string | undefined;
  /** PEM. */
  readonly ca?: string | undefined;
  readonly rejectUnauthorized: boolean;
  readonly requestTimeoutMs: number;
}

/** A schema as it was registered. */
export interface RegisteredSchema {
  /** `AVRO`, `JSON`, `PROTOBUF`, or what else a registry keeps. */
  readonly type: string;
  readonly text: string;
  /** Schemas that it refers to, each after those that it refers to itself. */
  readonly references: readonly Reference[];
}

export interface RegistryClient {
  /** The schema of that id; the reason why it cannot be had (`SCHEMA_UNKNOWN`: the registry does not know it). */
  schemaOf(id: number, signal: AbortSignal): Promise<RegisteredSchema | Failure>;
  /** Whether the registry answers; undefined if it does. */
  check(signal: AbortSignal): Promise<Failure | undefined>;
  close(): Promise<void>;
}

const schemaAnswer = z.object({
  schema: z.string(),
  schemaType: z.string().default('AVRO'),
  references: z
    .array(z.object({ name: z.string(), subject: z.string(), version: z.int() }))
    .nullish()
    .transform((references) => references ?? []),
});

type SchemaAnswer = z.output<typeof schemaAnswer>;

/** A chain of references that is deeper goes in circles. */
const maxDepth = 32;

export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const { username, password, bearer, ca, rejectUnauthorized, requestTimeoutMs } = options;
  const dispatcher = new Agent({ connect: { rejectUnauthorized, ...(ca !== undefined && { ca }) } });
  const authorization =
    bearer !== undefined
      ? `Bearer ${bearer}`
      : username !== undefined
        ? `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
        : undefined;
  const headers = {
    accept: 'application/vnd.schemaregistry.v1+json, application/json',
    ...(authorization !== undefined && { authorization }),
  };

  /** The answer's text and status, by the first registry that gives one. */
  const get = async (path: string, signal: AbortSignal): Promise<{ status: number; text: string } | Failure> => {
    let failure: Failure | undefined;
    for (const base of options.urls) {
      const url = `${base.replace(/\/+$/, '')}${path}`;
      try {
        const timeout = AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]);
        const { statusCode, body } = await request(url, { dispatcher, headers, signal: timeout });
        const text = await body.text();
        if (statusCode < 500 && statusCode !== 429) return { status: statusCode, text };
        failure = unreachable(base, `it answered ${statusCode}`, statusCode);
      } catch (error) {
        failure = unreachable(base, reasonOf(error));
      }
    }
    return failure ?? unreachable('', 'no URL is configured');
  };

  const ask = async (path: string, what: string, signal: AbortSignal): Promise<SchemaAnswer | Failure> => {
    const answer = await get(path, signal);
    if ('code' in answer) return answer;
    const { status, text } = answer;
    if (status === 401 || status === 403) {
      return { code: 'SCHEMA_REGISTRY_UNAUTHORIZED', message: `The schema registry answered ${status}.`, status };
    }
    if (status === 404) {
      return { code: 'SCHEMA_UNKNOWN', message: `The schema registry does not know ${what}.`, status };
    }
    const parsed = status === 200 ? schemaAnswer.safeParse(jsonOf(text)) : undefined;
    if (parsed?.success === true) return parsed.data;
    return unreachable('', `its answer (${status}) to ${path} is not what its interface promises`, status);
  };

  const referencesOf = async (
    { references }: SchemaAnswer,
    found: Map<string, string>,
    depth: number,
    signal: AbortSignal,
  ): Promise<Failure | undefined> => {
    for (const { name, subject, version } of references) {
      if (found.has(name)) continue;
      const what = `version ${version} of «${subject}», to which a schema refers`;
      if (depth > maxDepth) return { code: 'SCHEMA_UNUSABLE', message: `References go in circles at ${what}.` };
      const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`;
      const answer = await ask(path, what, signal);
      if ('code' in answer) return answer;
      const failure = await referencesOf(answer, found, depth + 1, signal);
      if (failure !== undefined) return failure;
      found.set(name, answer.schema);
    }
    return undefined;
  };

  return {
    schemaOf: async (id, signal) => {
      const answer = await ask(`/schemas/ids/${id}`, `a schema with id ${id}`, signal);
      if ('code' in answer) return answer;
      const found = new Map<string, string>();
      const failure = await referencesOf(answer, found, 0, signal);
      if (failure !== undefined) return failure;
      const references = [...found].map(([name, text]) => ({ name, text }));
      return { type: answer.schemaType, text: answer.schema, references };
    },
    check: async (signal) => {
      const answer = await get('/subjects', signal);
      if ('code' in answer) return answer;
      const { status, text } = answer;
      if (status === 200 && Array.isArray(jsonOf(text))) return undefined;
      if (status === 200) return unreachable('', 'another HTTP server answers; check `schemaRegistry.urls`', status);
      if (status === 401 || status === 403) {
        return { code: 'SCHEMA_REGISTRY_UNAUTHORIZED', message: `The schema registry answered ${status}.`, status };
      }
      return unreachable('', `it answered ${status} to /subjects`, status);
    },
    close: () => dispatcher.close(),
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error && 'code' in error)) return 'it did not answer in time';
  if (error.code !== 'ERR_SSL_WRONG_VERSION_NUMBER') return String(error.code);
  return 'it answers plain http, but its URL says https; write `http://` in `schemaRegistry.urls`';
}

function unreachable(url: string, reason: string, status?: number): Failure {
  const host = url === '' ? '' : ` at ${new URL(url).host}`;
  const message = `The schema registry${host} cannot be used: ${reason}.`;
  return { code: 'SCHEMA_REGISTRY_UNREACHABLE', message, ...(status !== undefined && { status }) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
