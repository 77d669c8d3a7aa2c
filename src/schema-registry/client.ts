/**
 * The registry's HTTP interface (Confluent's, which Apicurio and others speak too), as far as a reader needs it.
 *
 * API: https://docs.confluent.io/platform/current/schema-registry/develop/api.html
 */
import { z } from 'zod';
import type { Failure } from '../model/outcome.ts';
import type { HeaderSchemaId } from '../model/schema-headers.ts';
import { createApicurioClient } from './apicurio-client.ts';
import type { RegisteredSchema } from './connect-schema.ts';
import type { RegistryHttp, RegistryHttpOptions } from './http.ts';
import { createRegistryHttp, failureOf, jsonOf, unreachable } from './http.ts';

export interface RegistryClientOptions extends RegistryHttpOptions {
  /** Of Confluent's interface, tried in turn; a path in front of the interface's own (`/apis/ccompat/v7`) belongs to the URL. */
  readonly urls?: readonly string[] | undefined;
  /** Of Apicurio's own interface (`/apis/registry/v2`), tried in turn. */
  readonly apicurioUrls?: readonly string[] | undefined;
}

export type FetchSchema = (signal: AbortSignal) => Promise<RegisteredSchema | Failure>;

export interface RegistryClient {
  /**
   * The schema of a frame's id; the reason why it cannot be fetched (`SCHEMA_UNKNOWN`: the registry does not know it).
   * Absent if no URL of Confluent's interface is configured, which alone knows these ids.
   */
  readonly schemaOf?: (id: number, signal: AbortSignal) => Promise<RegisteredSchema | Failure>;
  /** The schema that a header names; undefined if no URL is configured that could tell. Absent where no header is followed. */
  readonly schemaByHeader?: (id: HeaderSchemaId) => FetchSchema | undefined;
  /** Why a configured interface cannot be used; undefined if each of them answers. */
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
  const { urls, apicurioUrls } = options;
  const http = createRegistryHttp(options);
  const confluent = urls === undefined ? undefined : createConfluentClient(urls, http);
  const apicurio = apicurioUrls === undefined ? undefined : createApicurioClient(apicurioUrls, http);
  return {
    ...(confluent !== undefined && { schemaOf: confluent.schemaOf }),
    schemaByHeader: ({ kind, id }) => {
      switch (kind) {
        case 'globalId':
        case 'contentId':
          return apicurio && ((signal) => apicurio.schemaOf(kind, id, signal));
        case 'guid':
          return confluent && ((signal) => confluent.schemaOfGuid(id, signal));
        case 'id':
          return confluent && ((signal) => confluent.schemaOf(Number(id), signal));
        case 'other':
          return undefined;
      }
    },
    check: async (signal) => (await confluent?.check(signal)) ?? (await apicurio?.check(signal)),
    close: http.close,
  };
}

interface ConfluentClient {
  schemaOf(id: number, signal: AbortSignal): Promise<RegisteredSchema | Failure>;
  schemaOfGuid(guid: string, signal: AbortSignal): Promise<RegisteredSchema | Failure>;
  /** Why it cannot be used; undefined if it answers. */
  check(signal: AbortSignal): Promise<Failure | undefined>;
}

function createConfluentClient(urls: readonly string[], http: RegistryHttp): ConfluentClient {
  const ask = async (path: string, what: string, signal: AbortSignal): Promise<SchemaAnswer | Failure> => {
    const answer = await http.get(urls, () => path, signal);
    if ('code' in answer) return answer;
    const { status, text } = answer;
    const failure = failureOf(answer, what);
    if (failure !== undefined) return failure;
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
      const what = `version ${version} of "${subject}", to which a schema refers`;
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

  const fetchSchema = async (path: string, what: string, signal: AbortSignal): Promise<RegisteredSchema | Failure> => {
    const answer = await ask(path, what, signal);
    if ('code' in answer) return answer;
    const found = new Map<string, string>();
    const failure = await referencesOf(answer, found, 0, signal);
    if (failure !== undefined) return failure;
    const references = [...found].map(([name, text]) => ({ name, text }));
    return { type: answer.schemaType, text: answer.schema, references };
  };

  return {
    schemaOf: (id, signal) => fetchSchema(`/schemas/ids/${id}`, `a schema with id ${id}`, signal),
    schemaOfGuid: (guid, signal) => fetchSchema(`/schemas/guids/${guid}`, `a schema with GUID ${guid}`, signal),
    check: async (signal) => {
      const answer = await http.get(urls, () => '/subjects', signal);
      if ('code' in answer) return answer;
      const { status, text } = answer;
      if (status === 200 && Array.isArray(jsonOf(text))) return undefined;
      if (status === 200) return unreachable('', 'another HTTP server answers; check `schemaRegistry.urls`', status);
      const refused = status === 404 ? undefined : failureOf(answer, '');
      return refused ?? unreachable('', `it answered ${status} to /subjects`, status);
    },
  };
}
