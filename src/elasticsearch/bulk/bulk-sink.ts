/**
 * The sink: one bulk request for a batch of writes, one outcome for each.
 */
import type { Client } from '@elastic/elasticsearch';
import type { DocumentWrite } from '../../model/document.ts';
import type { Failure, WriteOutcome } from '../../model/outcome.ts';
import { applied } from '../../model/outcome.ts';
import type { Sink } from '../../pipeline/ports.ts';
import type { VersionType } from './bulk-body.ts';
import { bulkBody, createBodyRooms } from './bulk-body.ts';
import type { ErrorCause } from './bulk-outcome.ts';
import { itemFields, outcomeOf } from './bulk-outcome.ts';
import { readContentLimit, tooLarge } from './content-limit.ts';
import { ask } from '../request.ts';

export interface BulkSinkOptions {
  readonly client: Client;
  /** For a whole request, its answer read. */
  readonly requestTimeoutMs: number;
  /**
   * For how long writes may still be sent, by the rule of tenure (docs/decisions/0013-ownership.md); for ever, unless said: for
   * writers that no consumer group fences.
   */
  readonly remainingMs?: (() => number) | undefined;
  /** `external` unless said. */
  readonly versionType?: VersionType | undefined;
}

/** An answer as `itemFields` leaves it. */
interface BulkAnswer {
  readonly errors: boolean;
  readonly items: readonly Readonly<Record<string, { readonly status: number; readonly error?: ErrorCause }>>[];
}

/**
 * So long Elasticsearch waits for a shard that is away, instead of a minute. It answers before we give the request up: else it would
 * write after nobody waits any more, and the writes of other indexes in that request would be as unknown as those of this one.
 */
const shardWaitMs = 5000;

export function createBulkSink(options: BulkSinkOptions): Sink {
  const { client, requestTimeoutMs, versionType, remainingMs } = options;
  const rooms = createBodyRooms();
  const write = async (writes: readonly DocumentWrite[], signal: AbortSignal): Promise<readonly WriteOutcome[]> => {
    signal.throwIfAborted();
    const body = bulkBody(writes, versionType, rooms);
    const waitMs = Math.max(1, Math.floor(Math.min(shardWaitMs, requestTimeoutMs / 2, remainingMs?.() ?? Infinity)));
    const params = {
      method: 'POST',
      path: '/_bulk',
      querystring: { filter_path: itemFields, timeout: `${waitMs}ms` },
      bulkBody: body,
    } as const;
    const answer = await ask(client, params, requestTimeoutMs, signal, undefined, remainingMs);
    switch (answer.kind) {
      case 'answered':
        // The server has read it, or it could not have answered it; of a request that ended otherwise, who knows.
        rooms.giveBack(body);
        return itemOutcomes(writes, answer.body);
      case 'failed': {
        const { failure } = answer;
        if (failure.code !== 'REQUEST_TOO_LARGE') return all(writes, { status: 'retryable', failure });
        // Smaller requests may pass.
        if (writes.length > 1) return halved(writes, signal);
        const limit = await readContentLimit({ client, requestTimeoutMs }, signal);
        return all(writes, tooLarge(failure, body.length, limit));
      }
      case 'refused': {
        const outcome = wholeOutcome(answer.status, answer.cause);
        // One of them is to blame, and found when it is alone.
        return outcome.status === 'rejected' && writes.length > 1 ? halved(writes, signal) : all(writes, outcome);
      }
    }
  };
  const halved: Sink['write'] = async (writes, signal) => {
    const middle = Math.ceil(writes.length / 2);
    const first = await write(writes.slice(0, middle), signal);
    return [...first, ...(await write(writes.slice(middle), signal))];
  };
  return { write };
}

const all = (writes: readonly DocumentWrite[], outcome: WriteOutcome): readonly WriteOutcome[] =>
  writes.map(() => outcome);

/** A request that was refused as a whole was not applied, whatever an item of that status would have meant. */
function wholeOutcome(status: number, cause: ErrorCause | undefined): WriteOutcome {
  return outcomeOf(status, cause ?? {});
}

function itemOutcomes(writes: readonly DocumentWrite[], body: unknown): readonly WriteOutcome[] {
  if (!isBulkAnswer(body) || body.items.length !== writes.length) {
    const failure: Failure = {
      code: 'ELASTICSEARCH_ANSWER_UNEXPECTED',
      message: `The answer to ${writes.length} writes is not a list of ${writes.length} items.`,
    };
    return all(writes, { status: 'retryable', failure });
  }
  if (!body.errors) return all(writes, applied);
  return body.items.map((item, position) => {
    const action = writes[position]?.action ?? '';
    const { status, error } = item[action] ?? { status: 0, error: {} };
    // Only for a delete it means that all is well.
    return outcomeOf(status, error ?? (status === 404 && action !== 'delete' ? {} : undefined));
  });
}

function isBulkAnswer(body: unknown): body is BulkAnswer {
  if (typeof body !== 'object' || body === null || !('errors' in body) || !('items' in body)) return false;
  return typeof body.errors === 'boolean' && Array.isArray(body.items);
}
