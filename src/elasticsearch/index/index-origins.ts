/**
 * What an index was made of, remembered in its mapping's `_meta`: the topics, their ids, and the epochs of the versions; and how its
 * documents came into it (`model/index-origin.ts`). With the index and not with the consumer group, because the versions are
 * there, and because Kafka forgets a group's offsets with their topic.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Client } from '@elastic/elasticsearch';
import type { IndexOrigins } from '../../documents/ports.ts';
import type { DescribedIndex } from '../../model/index-origin.ts';
import type { Failure } from '../../model/outcome.ts';
import type { TopicOrigin } from '../../model/topic-origin.ts';
import { originFailure } from '../../model/topic-origin.ts';
import { outcomeOf } from '../bulk/bulk-outcome.ts';
import { identityOf, originOf as indexOriginOf } from './generation-meta.ts';
import { isAbsent } from '../index-answer.ts';
import type { Answer } from '../request.ts';
import { ask } from '../request.ts';

export interface IndexOriginsOptions {
  readonly client: Client;
  readonly requestTimeoutMs: number;
}

type Json = Readonly<Record<string, unknown>>;

export function createIndexOrigins({ client, requestTimeoutMs }: IndexOriginsOptions): IndexOrigins {
  const remember = async (index: string, meta: Json): Promise<Failure | undefined> => {
    const path = `/${encodeURIComponent(index)}/_mapping`;
    const answer = await ask(client, { method: 'PUT', path, body: { _meta: meta } }, requestTimeoutMs);
    return answer.kind === 'answered' ? undefined : failureOf(answer);
  };

  const described = (names: readonly string[]): Promise<Answer> => {
    const path = `/${names.map(encodeURIComponent).join(',')}`;
    const querystring = { filter_path: wanted, flat_settings: 'true', ignore_unavailable: String(names.length > 1) };
    return ask(client, { method: 'GET', path, querystring }, requestTimeoutMs);
  };

  return {
    remembered: async (alias) => {
      const answer = await described([alias]);
      return answer.kind === 'answered' ? originsIn(indexesIn(answer.body)) : new Map();
    },
    describe: async (aliases) => {
      const found = new Map<string, DescribedIndex>();
      for (let at = 0; at < aliases.length; at += namesARequest) {
        const names = aliases.slice(at, at + namesARequest);
        const answer = await described(names);
        if (isAbsent(answer)) continue;
        if (answer.kind !== 'answered') return failureOf(answer);
        for (const one of indexesIn(answer.body)) {
          for (const name of names.filter((alias) => alias in one.aliases)) {
            const isOwn = one.sluice['document'] === name && !found.has(name);
            found.set(name, { ...(found.get(name) ?? asFound(one)), isOwn });
          }
        }
      }
      return found;
    },
    claim: async (alias, topics, next) => {
      const answer = await described([alias]);
      if (answer.kind !== 'answered' || answer.status >= 400) return { state: 'failed', failure: failureOf(answer) };
      const indexes = indexesIn(answer.body);
      const failures = indexes.flatMap(({ known }) =>
        [...topics].flatMap(([topic, now]) => {
          const before = originOf(known[topic]);
          return before === undefined ? [] : (originFailure(topic, before, now) ?? []);
        }),
      );
      if (failures.length > 0) return { state: 'refused', failures };
      for (const one of indexes) {
        const { index, meta, sluice, known } = one;
        const remembered = { ...sluice, ...next?.(asFound(one)), topics: { ...known, ...Object.fromEntries(topics) } };
        if (isDeepStrictEqual(remembered, sluice)) continue;
        const failure = await remember(index, { ...meta, sluice: remembered });
        if (failure?.code === 'ELASTICSEARCH_FORBIDDEN') return { state: 'forgotten', failure };
        if (failure !== undefined) return { state: 'failed', failure };
      }
      return { state: 'claimed' };
    },
  };
}

/** All that is asked of an index; something of `settings`, so that no index is left out of the answer. */
const wanted = '*.aliases,*.mappings._meta,*.settings.index*uuid';
/** A path must not become too long. */
const namesARequest = 50;

interface Described {
  readonly index: string;
  readonly aliases: Json;
  readonly identity: string;
  readonly meta: Json;
  readonly sluice: Json;
  /** By topic. */
  readonly known: Json;
}

function indexesIn(body: unknown): readonly Described[] {
  return Object.entries(asJson(body)).map(([index, described]) => {
    const { aliases, mappings, settings } = asJson(described);
    const meta = asJson(asJson(mappings)['_meta']);
    const sluice = asJson(meta['sluice']);
    const identity = identityOf(asJson(settings));
    return { index, aliases: asJson(aliases), identity, meta, sluice, known: asJson(sluice['topics']) };
  });
}

function asFound({ index, identity, sluice, known }: Described): DescribedIndex {
  return { index, identity, isOwn: true, origin: indexOriginOf(sluice), topics: Object.keys(known) };
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
