/**
 * Apicurio's own HTTP interface, version 2 or 3, as far as ids in headers need it. Its Confluent-compatible interface knows other
 * ids: there, `/schemas/ids/7` is content id 7 or global id 7, as the server is configured.
 *
 * An answer is the schema's text and nothing else. So two more questions are asked: to what the schema refers, and of
 * what type it is.
 */
import { z } from 'zod';
import type { Failure } from '../model/outcome.ts';
import type { RegisteredSchema } from './connect-schema.ts';
import type { Answer, PathOf, RegistryHttp } from './http.ts';
import { failureOf, jsonOf, unreachable } from './http.ts';

export interface ApicurioClient {
  schemaOf(kind: 'globalId' | 'contentId', id: string, signal: AbortSignal): Promise<RegisteredSchema | Failure>;
  /** Whether the registry answers; undefined if it does. */
  check(signal: AbortSignal): Promise<Failure | undefined>;
}

const referencesAnswer = z.array(
  z.object({
    groupId: z.string().nullish(),
    artifactId: z.string(),
    version: z.union([z.string(), z.number()]).transform(String),
    name: z.string(),
  }),
);

type References = z.output<typeof referencesAnswer>;

/** Version 2 finds artifacts, version 3 finds versions of artifacts. */
const searchAnswer = z.union([
  z
    .object({ artifacts: z.array(z.object({ type: z.string() })) })
    .transform(({ artifacts }) => artifacts.map(({ type }) => type)),
  z
    .object({ versions: z.array(z.object({ artifactType: z.string() })) })
    .transform(({ versions }) => versions.map(({ artifactType }) => artifactType)),
]);

/** A chain of references that is deeper goes in circles. */
const maxDepth = 32;

const isVersion3 = (base: string): boolean => base.endsWith('/v3');

/** `urls` end in the version: `…/apis/registry/v2`. */
export function createApicurioClient(urls: readonly string[], http: RegistryHttp): ApicurioClient {
  const ask = async (pathOf: PathOf, what: string, signal: AbortSignal): Promise<string | Failure> => {
    const answer = await http.get(urls, pathOf, signal);
    if ('code' in answer) return answer;
    return answer.status === 200 ? answer.text : (failureOf(answer, what) ?? unexpected(answer, what));
  };

  const askFor = async <T>(
    schema: z.ZodType<T>,
    pathOf: PathOf,
    what: string,
    signal: AbortSignal,
  ): Promise<{ readonly value: T } | Failure> => {
    const answer = await ask(pathOf, what, signal);
    if (typeof answer !== 'string') return answer;
    const parsed = schema.safeParse(jsonOf(answer));
    return parsed.success ? { value: parsed.data } : unexpected({ status: 200 }, what);
  };

  const addReferences = async (
    references: References,
    found: Map<string, string>,
    depth: number,
    signal: AbortSignal,
  ): Promise<Failure | undefined> => {
    for (const { groupId, artifactId, version, name } of references) {
      if (found.has(name)) continue;
      const what = `version ${version} of "${artifactId}", to which a schema refers`;
      if (depth > maxDepth) return { code: 'SCHEMA_UNUSABLE', message: `References go in circles at ${what}.` };
      const [group, artifact] = [groupId ?? 'default', artifactId].map(encodeURIComponent);
      const path = `/groups/${group}/artifacts/${artifact}/versions/${encodeURIComponent(version)}`;
      const text = await ask((base) => `${path}${isVersion3(base) ? '/content' : ''}`, what, signal);
      if (typeof text !== 'string') return text;
      const inner = await askFor(referencesAnswer, () => `${path}/references`, what, signal);
      if ('code' in inner) return inner;
      const failure = await addReferences(inner.value, found, depth + 1, signal);
      if (failure !== undefined) return failure;
      found.set(name, text);
    }
    return undefined;
  };

  return {
    schemaOf: async (kind, id, signal) => {
      const what = `a schema with ${kind} ${id}`;
      const path = `/ids/${kind}s/${id}`;
      const text = await ask(() => path, what, signal);
      if (typeof text !== 'string') return text;
      const searchOf: PathOf = (base) => `/search/${isVersion3(base) ? 'versions' : 'artifacts'}?${kind}=${id}&limit=1`;
      const types = await askFor(searchAnswer, searchOf, `the type of ${what}`, signal);
      if ('code' in types) return types;
      const [type] = types.value;
      if (type === undefined) {
        return { code: 'SCHEMA_UNKNOWN', message: `The schema registry does not know the type of ${what}.` };
      }
      const references = await askFor(
        referencesAnswer,
        () => `${path}/references`,
        `the references of ${what}`,
        signal,
      );
      if ('code' in references) return references;
      const found = new Map<string, string>();
      const failure = await addReferences(references.value, found, 0, signal);
      if (failure !== undefined) return failure;
      return { type, text, references: [...found].map(([name, each]) => ({ name, text: each })) };
    },
    check: async (signal) => {
      const answer = await http.get(urls, () => '/system/info', signal);
      if ('code' in answer) return answer;
      if (answer.status === 200 && typeof jsonOf(answer.text) === 'object') return undefined;
      const refused = answer.status === 404 ? undefined : failureOf(answer, '');
      return (
        refused ?? unreachable('', 'no Apicurio Registry answers; check `schemaRegistry.apicurioUrls`', answer.status)
      );
    },
  };
}

function unexpected({ status }: Pick<Answer, 'status'>, what: string): Failure {
  return unreachable('', `its answer (${status}) for ${what} is not what its interface promises`, status);
}
