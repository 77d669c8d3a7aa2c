/**
 * Two generations of an index compared while both are written: by count, and by id and version of many documents.
 */
import type { Client } from '@elastic/elasticsearch';
import { exactTree } from '../../json/exact.ts';
import type { Failure } from '../../model/outcome.ts';
import type { Refused } from '../../rebuild/handover.ts';
import type { Comparison, Lacking } from '../../rebuild/ports.ts';
import { failureOf } from '../index-answer.ts';
import { isFailure } from '../../model/outcome.ts';
import type { RequestParams } from '../request.ts';
import { ask, askText } from '../request.ts';

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

type Versions = Place & { readonly one: bigint | undefined; readonly other: bigint | undefined };

function lackingIn({ id, routing, one, other }: Versions): readonly Lacking[] {
  if (one === undefined || (other !== undefined && other >= one)) return [];
  return [{ id, routing, version: String(one) }];
}

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

  /** `from` is read first, so that what comes to both meanwhile is not missing in `to`. */
  const versionsOf = async (
    from: string,
    to: string,
    places: readonly Place[],
  ): Promise<readonly Versions[] | Failure> => {
    const one = await versions(from, places);
    if (isFailure(one)) return one;
    const other = await versions(to, places);
    if (isFailure(other)) return other;
    return places.map((place) => ({ ...place, one: one.get(place.id), other: other.get(place.id) }));
  };

  const lacking: Comparison['lacking'] = async (from, to, places) => {
    const found = await versionsOf(from, to, places);
    return isFailure(found) ? found : found.flatMap(lackingIn);
  };

  return {
    refresh,
    nameForWrites: async ({ index, writes }) => {
      const actions = [{ add: { index, alias: writes, is_write_index: true, is_hidden: true } }];
      const answer = await ask(client, { method: 'POST', path: '/_aliases', body: { actions } }, requestTimeoutMs);
      return answer.kind === 'answered' ? undefined : failureOf(answer);
    },
    lacking,
    sample: async (from, to) => {
      const counts: number[] = [];
      const places = new Map<string, Place>();
      for (const index of [from, to]) {
        const counted = await count(index);
        if (typeof counted !== 'number') return counted;
        counts.push(counted);
        const sampled = await sample(index);
        if (isFailure(sampled)) return sampled;
        for (const place of sampled) places.set(place.id, place);
      }
      const found = await versionsOf(from, to, [...places.values()]);
      if (isFailure(found)) return found;
      const [ofFrom = 0, ofTo = 0] = counts;
      return {
        compared: places.size,
        lacking: found.flatMap(lackingIn),
        ahead: found.filter(({ one, other }) => other !== undefined && (one === undefined || other > one)).length,
        counts: { from: ofFrom, to: ofTo },
      };
    },
    heldBy: async (index, refused) => {
      if (refused.length === 0) return [];
      const found = await versions(index, refused);
      if (isFailure(found)) return found;
      return refused.filter(({ id, version }: Refused) => found.get(id) === BigInt(version));
    },
  };
}
