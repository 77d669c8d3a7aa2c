/**
 * Two generations of an index compared while both are written: by count, and by id and version of many documents.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '@elastic/elasticsearch';
import { exactTree } from '../model/exact-json.ts';
import type { Failure } from '../model/outcome.ts';
import type { Refused } from '../rebuild/handover.ts';
import type { Comparison } from '../rebuild/ports.ts';
import { failureOf, isFailure } from './index-answer.ts';
import type { RequestParams } from './request.ts';
import { ask, askText } from './request.ts';

export interface ComparisonOptions {
  readonly client: Client;
  readonly requestTimeoutMs: number;
}

interface Place {
  readonly id: string;
  readonly routing?: string | undefined;
}

/** As many as one search gives: of an index that is no larger, all are compared. */
const sampleSize = 10_000;
const pageSize = 1000;
/** What is different at first may be under way: it is looked at so often. */
const looks = 10;
const betweenLooksMs = 500;

export function createComparison({ client, requestTimeoutMs }: ComparisonOptions): Comparison {
  const bodyOf = async (params: RequestParams): Promise<{ readonly body: unknown } | Failure> => {
    const answer = await askText(client, params, requestTimeoutMs);
    return answer.kind === 'answered' ? { body: exactTree(answer.text) } : failureOf(answer);
  };

  const refresh = async (index: string): Promise<Failure | undefined> => {
    const answer = await ask(
      client,
      { method: 'POST', path: `/${encodeURIComponent(index)}/_refresh` },
      requestTimeoutMs,
    );
    return answer.kind === 'answered' ? undefined : failureOf(answer);
  };

  const count = async (index: string): Promise<number | Failure> => {
    const failure = await refresh(index);
    if (failure !== undefined) return failure;
    const answer = await ask(client, { method: 'GET', path: `/${encodeURIComponent(index)}/_count` }, requestTimeoutMs);
    if (answer.kind !== 'answered') return failureOf(answer);
    return (answer.body as { readonly count: number }).count;
  };

  const sample = async (index: string): Promise<readonly Place[] | Failure> => {
    const query = { function_score: { query: { match_all: {} }, random_score: {} } };
    const body = { size: sampleSize, query, _source: false };
    const answer = await bodyOf({ method: 'POST', path: `/${encodeURIComponent(index)}/_search`, body });
    if (isFailure(answer)) return answer;
    const { hits } = answer.body as { hits: { hits: readonly { _id: string; _routing?: string }[] } };
    return hits.hits.map(({ _id: id, _routing: routing }) => ({ id, routing }));
  };

  /** Id → version, as they are now; those that are not there are left out. */
  const versions = async (index: string, places: readonly Place[]): Promise<ReadonlyMap<string, bigint> | Failure> => {
    const found = new Map<string, bigint>();
    for (let at = 0; at < places.length; at += pageSize) {
      const docs = places.slice(at, at + pageSize).map(({ id, routing }) => ({ _id: id, routing, _source: false }));
      const answer = await bodyOf({ method: 'POST', path: `/${encodeURIComponent(index)}/_mget`, body: { docs } });
      if (isFailure(answer)) return answer;
      const { docs: got } = answer.body as { docs: readonly { _id: string; found?: boolean; _version?: unknown }[] };
      for (const { _id: id, found: isThere, _version: version } of got) {
        if (isThere === true) found.set(id, BigInt(JSON.stringify(version)));
      }
    }
    return found;
  };

  /** Ids whose versions differ; of those that do at first, those that go on doing so. */
  const unlike = async (from: string, to: string, places: readonly Place[]): Promise<readonly Place[] | Failure> => {
    let left = places;
    for (let look = 0; look < looks && left.length > 0; look += 1) {
      if (look > 0) await delay(betweenLooksMs);
      const [one, other] = [await versions(from, left), await versions(to, left)];
      if (isFailure(one)) return one;
      if (isFailure(other)) return other;
      left = left.filter(({ id }) => one.get(id) !== other.get(id));
    }
    return left;
  };

  /** Coarse, for both are written between the two counts; undefined if they are near enough. */
  const countsDiffer = async (from: string, to: string): Promise<string | undefined | Failure> => {
    const before = await count(from);
    if (typeof before !== 'number') return before;
    const there = await count(to);
    if (typeof there !== 'number') return there;
    if (Math.abs(there - before) <= Math.max(100, before / 100)) return undefined;
    return `${from} has ${before} documents and ${to} has ${there}`;
  };

  return {
    refresh,
    nameForWrites: async ({ index, writes }) => {
      const actions = [{ add: { index, alias: writes, is_write_index: true, is_hidden: true } }];
      const answer = await ask(client, { method: 'POST', path: '/_aliases', body: { actions } }, requestTimeoutMs);
      return answer.kind === 'answered' ? undefined : failureOf(answer);
    },
    differences: async (from, to) => {
      const counts = await countsDiffer(from, to);
      if (typeof counts === 'object') return counts;
      const places = new Map<string, Place>();
      for (const index of [from, to]) {
        const sampled = await sample(index);
        if (isFailure(sampled)) return sampled;
        for (const place of sampled) places.set(place.id, place);
      }
      const left = await unlike(from, to, [...places.values()]);
      if (isFailure(left)) return left;
      const examples = left.slice(0, 5).map(({ id }) => `«${id}»`);
      const what = `${left.length} of ${places.size} documents that were compared have another version in ${to} than in ${from}, or are in one of them alone, such as ${examples.join(', ')}`;
      return [...(counts === undefined ? [] : [counts]), ...(left.length === 0 ? [] : [what])];
    },
    heldBy: async (index, refused) => {
      if (refused.length === 0) return [];
      const found = await versions(index, refused);
      if (isFailure(found)) return found;
      return refused.filter(({ id, version }: Refused) => found.get(id) === BigInt(version));
    },
  };
}
