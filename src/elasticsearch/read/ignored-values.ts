/**
 * Documents of which a field could not take a value: it is in `_source`, and no search by that field finds the document.
 */
import type { IgnoredValues } from '../../documents/ports.ts';
import type { Failure } from '../../model/outcome.ts';
import { asObject } from '../index/generation-meta.ts';
import { failureOf, isAbsent } from '../index-answer.ts';
import type { Server } from '../index/live-index.ts';
import { ask } from '../request.ts';

const sampled = 50;
/** A text beyond `ignore_above` is missing in its subfield alone: it is searched by its words, and is no fault. */
const query = { regexp: { _ignored: { value: '~(.*\\.keyword)', flags: 'ALL' } } };

/** Counts the searchable documents of an alias; none if there is no such index. */
export async function readIgnoredValues(
  { client, requestTimeoutMs }: Server,
  alias: string,
  signal?: AbortSignal,
): Promise<IgnoredValues | Failure> {
  const params = {
    method: 'POST',
    path: `/${encodeURIComponent(alias)}/_search`,
    querystring: { filter_path: 'hits.total.value,hits.hits._ignored' },
    body: { query, size: sampled, _source: false, track_total_hits: true },
  } as const;
  const answer = await ask(client, params, requestTimeoutMs, signal);
  if (isAbsent(answer)) return { documents: 0, fields: [] };
  if (answer.kind !== 'answered') return failureOf(answer);
  const { total, hits } = asObject(asObject(answer.body)['hits']);
  const found = Array.isArray(hits) ? hits.flatMap((hit: unknown) => asObject(hit)['_ignored'] ?? []) : [];
  const fields = new Set(found.map(String).filter((field) => !field.endsWith('.keyword')));
  return { documents: Number(asObject(total)['value'] ?? 0), fields: [...fields].sort() };
}
