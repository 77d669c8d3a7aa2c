/**
 * Whether Elasticsearch is there, knows us, and which version it is.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Failure } from '../model/outcome.ts';
import { outcomeOf } from './bulk-outcome.ts';
import { ask } from './request.ts';

export type Health =
  /** `version` is unknown where we may not ask for it. */
  { readonly ok: true; readonly version: string | undefined } | { readonly ok: false; readonly failure: Failure };

export async function checkElasticsearch(client: Client, timeoutMs: number): Promise<Health> {
  const path = '/_nodes/_local';
  const querystring = { filter_path: 'nodes.*.version' };
  const answer = await ask(client, { method: 'GET', path, querystring }, timeoutMs);
  if (answer.kind === 'answered') return { ok: true, version: versionIn(answer.body) };
  if (answer.kind === 'failed') return { ok: false, failure: answer.failure };
  // Known, but not allowed to look at nodes: writing needs no such privilege.
  if (answer.status === 403) return { ok: true, version: undefined };
  const outcome = outcomeOf(answer.status, answer.cause ?? {});
  const failure: Failure =
    outcome.status === 'retryable' || outcome.status === 'rejected'
      ? outcome.failure
      : { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message: `Elasticsearch answered status ${answer.status}.` };
  return { ok: false, failure };
}

function versionIn(body: unknown): string | undefined {
  return /"version":"([^"]+)"/.exec(JSON.stringify(body))?.[1];
}
