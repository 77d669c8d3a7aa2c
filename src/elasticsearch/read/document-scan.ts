/**
 * The documents of an alias for the pipeline: refreshed first, since a scan finds what a search finds.
 */
import type { Client } from '@elastic/elasticsearch';
import { SluiceError } from '../../errors.ts';
import type { Failure } from '../../model/outcome.ts';
import type { DocumentScan } from '../../pipeline/ports.ts';
import { outcomeOf } from '../bulk/bulk-outcome.ts';
import type { EngineName } from '../engine.ts';
import { scanIndex } from './index-scan.ts';
import { isFailure } from '../../model/outcome.ts';
import { ask } from '../request.ts';

export interface DocumentScanOptions {
  readonly client: Client;
  readonly engine: EngineName;
  /** For each request. */
  readonly requestTimeoutMs: number;
  /** Documents a page. */
  readonly pageSize?: number;
}

export function createDocumentScan(options: DocumentScanOptions): DocumentScan {
  const { client, engine, requestTimeoutMs, pageSize = 1000 } = options;

  /** False if the alias is not there. */
  const refresh = async (index: string, signal: AbortSignal): Promise<boolean> => {
    const path = `/${encodeURIComponent(index)}/_refresh`;
    const answer = await ask(client, { method: 'POST', path }, requestTimeoutMs, signal);
    if (answer.kind === 'failed') throw new SluiceError([answer.failure]);
    if (answer.kind === 'refused') {
      if (answer.status === 404 && answer.cause?.type === 'index_not_found_exception') return false;
      throw new SluiceError([refusal(index, answer.status, answer.cause?.type)]);
    }
    if (failedShards(answer.body) === 0) return true;
    const message = `Not every shard of "${index}" was refreshed.`;
    throw new SluiceError([{ code: 'ELASTICSEARCH_UNAVAILABLE', message }]);
  };

  return {
    documents: async function* (index, signal) {
      if (!(await refresh(index, signal))) return;
      const scanned = { engine, index, source: false, pageSize, requestTimeoutMs };
      for await (const page of scanIndex(client, scanned, signal)) {
        if (isFailure(page)) throw new SluiceError([page]);
        yield page;
      }
    },
  };
}

/** `{"_shards":{"failed":0}}` */
function failedShards(body: unknown): number {
  const shards = typeof body === 'object' && body !== null && '_shards' in body ? body._shards : undefined;
  const failed = typeof shards === 'object' && shards !== null && 'failed' in shards ? shards.failed : undefined;
  return typeof failed === 'number' ? failed : 1;
}

function refusal(index: string, status: number, type: string | undefined): Failure {
  const outcome = outcomeOf(status, { type });
  if (outcome.status === 'retryable') return outcome.failure;
  const message = `Elasticsearch refuses to refresh "${index}" (${status}${type === undefined ? '' : `, ${type}`}).`;
  return { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message, status };
}
