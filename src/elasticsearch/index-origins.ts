/**
 * What an index was made of, remembered in its mapping's `_meta`: the topics, their ids, and the epochs of the versions. With the
 * index and not with the consumer group, because the versions are there, and because Kafka forgets a group's offsets with their topic.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Failure } from '../model/outcome.ts';
import type { TopicOrigin } from '../model/topic-origin.ts';
import { originFailure } from '../model/topic-origin.ts';
import { outcomeOf } from './bulk-outcome.ts';
import type { Answer } from './request.ts';
import { ask } from './request.ts';

export interface IndexOriginsOptions {
  readonly client: Client;
  readonly requestTimeoutMs: number;
}

/** `forgotten`: writes may follow, but the index could not be told so. */
export type Claim =
  | { readonly state: 'claimed' }
  | { readonly state: 'forgotten'; readonly failure: Failure }
  | { readonly state: 'refused'; readonly failures: readonly Failure[] }
  | { readonly state: 'failed'; readonly failure: Failure };

export interface IndexOrigins {
  /**
   * Whether documents of these topics may be written to the indexes behind the alias, which must be there; if so, remembers them.
   * `refused` names each topic that is not the one that the index was made of.
   */
  claim(alias: string, topics: ReadonlyMap<string, TopicOrigin>): Promise<Claim>;
  /** What the indexes behind the alias remember, by topic; nothing if they cannot be asked. */
  remembered(alias: string): Promise<ReadonlyMap<string, TopicOrigin>>;
}

type Json = Readonly<Record<string, unknown>>;

export function createIndexOrigins({ client, requestTimeoutMs }: IndexOriginsOptions): IndexOrigins {
  const remember = async (index: string, meta: Json): Promise<Failure | undefined> => {
    const path = `/${encodeURIComponent(index)}/_mapping`;
    const answer = await ask(client, { method: 'PUT', path, body: { _meta: meta } }, requestTimeoutMs);
    return answer.kind === 'answered' ? undefined : failureOf(answer);
  };

  const described = (alias: string): Promise<Answer> =>
    ask(client, { method: 'GET', path: `/${encodeURIComponent(alias)}/_mapping` }, requestTimeoutMs);

  return {
    remembered: async (alias) => {
      const answer = await described(alias);
      return answer.kind === 'answered' ? originsIn(indexesIn(answer.body)) : new Map();
    },
    claim: async (alias, topics) => {
      const answer = await described(alias);
      if (answer.kind !== 'answered' || answer.status >= 400) return { state: 'failed', failure: failureOf(answer) };
      const indexes = indexesIn(answer.body);
      const failures = indexes.flatMap(({ known }) =>
        [...topics].flatMap(([topic, now]) => {
          const before = originOf(known[topic]);
          return before === undefined ? [] : (originFailure(topic, before, now) ?? []);
        }),
      );
      if (failures.length > 0) return { state: 'refused', failures };
      for (const { index, meta, sluice, known } of indexes) {
        const remembered = { ...known, ...Object.fromEntries(topics) };
        if (JSON.stringify(remembered) === JSON.stringify(known)) continue;
        const failure = await remember(index, { ...meta, sluice: { ...sluice, topics: remembered } });
        if (failure?.code === 'ELASTICSEARCH_FORBIDDEN') return { state: 'forgotten', failure };
        if (failure !== undefined) return { state: 'failed', failure };
      }
      return { state: 'claimed' };
    },
  };
}

interface Described {
  readonly index: string;
  readonly meta: Json;
  readonly sluice: Json;
  /** By topic. */
  readonly known: Json;
}

function indexesIn(body: unknown): readonly Described[] {
  return Object.entries(asJson(body)).map(([index, described]) => {
    const meta = asJson(asJson(asJson(described)['mappings'])['_meta']);
    const sluice = asJson(meta['sluice']);
    return { index, meta, sluice, known: asJson(sluice['topics']) };
  });
}

function originsIn(indexes: readonly Described[]): ReadonlyMap<string, TopicOrigin> {
  const origins = indexes.flatMap(({ known }) => Object.entries(known));
  return new Map(
    origins.flatMap(([topic, described]) => {
      const origin = originOf(described);
      return origin === undefined ? [] : [[topic, origin]];
    }),
  );
}

function originOf(known: unknown): TopicOrigin | undefined {
  const { id, partitions, epoch } = asJson(known);
  if (typeof partitions !== 'number') return undefined;
  const epochs = Object.entries(asJson(epoch)).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  );
  return {
    ...(typeof id === 'string' && { id }),
    partitions,
    epoch: typeof epoch === 'number' ? epoch : Object.fromEntries(epochs),
  };
}

function failureOf(answer: Answer): Failure {
  if (answer.kind === 'failed') return answer.failure;
  const outcome = outcomeOf(answer.status, answer.kind === 'refused' ? (answer.cause ?? {}) : {});
  if (outcome.status === 'retryable') return outcome.failure;
  return { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message: `Elasticsearch answered status ${answer.status}.` };
}

function asJson(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
