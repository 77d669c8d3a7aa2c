/**
 * Settings of an index while it is loaded, and their end.
 */
import type { Client } from '@elastic/elasticsearch';
import type { IndexDefinition } from '../../model/document.ts';
import type { Generation } from '../../model/generation.ts';
import type { Failure } from '../../model/outcome.ts';
import { asObject, metaIn, withMeta } from './generation-meta.ts';
import { failureOf } from '../index-answer.ts';
import type { IndexRequest } from './index-maker.ts';
import type { Server } from './live-index.ts';
import type { Answer } from '../request.ts';
import { ask } from '../request.ts';
import { durationMs, flatSettings, settingText } from '../../model/index-settings.ts';

/** Versions of deleted documents are kept for as long as a load may take (docs/decisions/0012). */
const gcDeletesWhileLoading = '1d';

/** What an index has where nobody says otherwise. */
const defaults = { 'index.refresh_interval': '1s', 'index.number_of_replicas': '1', 'index.gc_deletes': '60s' };

/** No refreshes and no replicas, and what the definition wants instead. */
export function loadingOf({ settings }: Pick<IndexDefinition, 'settings'>): NonNullable<IndexRequest['loading']> {
  const asked = flatSettings(settings);
  const wanted: Record<string, string> = {};
  for (const [name, byDefault] of Object.entries(defaults)) wanted[name] = settingText(asked[name] ?? byDefault);
  const expand = asked['index.auto_expand_replicas'];
  if (expand !== undefined) wanted['index.auto_expand_replicas'] = settingText(expand);
  const gcDeletes = durationMs(wanted['index.gc_deletes'] ?? '') ?? 0;
  const isLong = gcDeletes < 0 || gcDeletes >= (durationMs(gcDeletesWhileLoading) ?? 0);
  return {
    settings: {
      'index.refresh_interval': '-1',
      'index.number_of_replicas': '0',
      ...(expand !== undefined && { 'index.auto_expand_replicas': 'false' }),
      ...(!isLong && { 'index.gc_deletes': gcDeletesWhileLoading }),
    },
    wanted,
  };
}

/** See `Generations.finishLoading`. */
export async function finishLoading(
  { client, requestTimeoutMs }: Server,
  { index }: Generation,
  withinMs: number,
): Promise<Failure | undefined> {
  const path = `/${encodeURIComponent(index)}`;
  const put = (what: string, body: Readonly<Record<string, unknown>>): Promise<Answer> =>
    ask(client, { method: 'PUT', path: `${path}/${what}`, body }, requestTimeoutMs);
  const live = await ask(client, { method: 'GET', path: `${path}/_mapping` }, requestTimeoutMs);
  if (live.kind !== 'answered') return failureOf(live);
  const mappings = asObject(asObject(asObject(live.body)[index])['mappings']);
  const meta = metaIn(mappings);
  if (meta?.loading !== undefined) {
    const restored = await put('_settings', meta.loading);
    if (restored.kind !== 'answered') return failureOf(restored);
    const noted = await put('_mapping', { _meta: withMeta(mappings, { ...meta, loading: undefined }) });
    if (noted.kind !== 'answered') return failureOf(noted);
  }
  // All that was written since the beginning becomes searchable at once.
  const refreshed = await ask(
    client,
    { method: 'POST', path: `${path}/_refresh` },
    Math.max(requestTimeoutMs, withinMs),
  );
  if (refreshed.kind !== 'answered') return failureOf(refreshed);
  return untilGreen(client, index, withinMs, requestTimeoutMs);
}

async function untilGreen(
  client: Client,
  index: string,
  withinMs: number,
  requestTimeoutMs: number,
): Promise<Failure | undefined> {
  const deadline = performance.now() + withinMs;
  const path = `/_cluster/health/${encodeURIComponent(index)}`;
  // In slices: after each it is seen whether there are nodes enough.
  for (;;) {
    const sliceMs = Math.round(Math.max(1, Math.min(1000, deadline - performance.now())));
    const querystring = { wait_for_status: 'green', timeout: `${sliceMs}ms` };
    const waited = await ask(client, { method: 'GET', path, querystring }, sliceMs + requestTimeoutMs);
    const isOver = waited.kind === 'refused' && waited.status === 408;
    if (waited.kind !== 'answered' && !isOver) return failureOf(waited);
    const now = await ask(client, { method: 'GET', path }, requestTimeoutMs);
    if (now.kind !== 'answered') return failureOf(now);
    const { status, number_of_data_nodes: nodes } = asObject(now.body);
    if (status === 'green') return undefined;
    // Where replicas have no nodes to be on, no waiting helps, and the index is as whole as any other.
    if (status === 'yellow' && Number(nodes) <= (await replicasOf(client, index, requestTimeoutMs))) return undefined;
    if (performance.now() >= deadline) return notGreen(index, withinMs);
  }
}

/** 0 if that cannot be found out. */
async function replicasOf(client: Client, index: string, requestTimeoutMs: number): Promise<number> {
  const path = `/${encodeURIComponent(index)}/_settings`;
  const answer = await ask(client, { method: 'GET', path, querystring: { flat_settings: 'true' } }, requestTimeoutMs);
  if (answer.kind !== 'answered') return 0;
  return Number(asObject(asObject(asObject(answer.body)[index])['settings'])['index.number_of_replicas'] ?? 0);
}

function notGreen(index: string, withinMs: number): Failure {
  const message = `The index "${index}" is not green after ${withinMs} ms.`;
  return { code: 'ELASTICSEARCH_UNAVAILABLE', message };
}
