/**
 * Who refuses a request for its size. Elasticsearch answers 413 before it reads a body, without its name and without a word, so
 * its answer looks like that of any proxy; but it tells its limit when it is asked.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Failure, WriteOutcome } from '../../model/outcome.ts';
import { ask } from '../request.ts';

/** The most bytes of a body that some node takes; undefined where that cannot be known. */
export async function readContentLimit(
  { client, requestTimeoutMs }: { readonly client: Client; readonly requestTimeoutMs: number },
  signal: AbortSignal,
): Promise<number | undefined> {
  const querystring = { filter_path: 'nodes.*.http.max_content_length_in_bytes' };
  const answer = await ask(client, { method: 'GET', path: '/_nodes/http', querystring }, requestTimeoutMs, signal);
  if (answer.kind !== 'answered') return undefined;
  const limits = [...JSON.stringify(answer.body).matchAll(/"max_content_length_in_bytes":(\d+)/g)];
  return limits.length === 0 ? undefined : Math.max(...limits.map(([, bytes]) => Number(bytes)));
}

/** What a 413 says about the only write of a request of so many bytes: only the limit of Elasticsearch refuses a document. */
export function tooLarge({ code, status }: Failure, bytes: number, limit: number | undefined): WriteOutcome {
  const request = `A request of ${bytes} bytes with a single document was refused for its size (413)`;
  if (limit !== undefined && bytes > limit) {
    const message = `${request}; Elasticsearch takes ${limit} bytes.`;
    return { status: 'rejected', failure: { code: 'DOCUMENT_TOO_LARGE', message, status: 413 } };
  }
  const why =
    limit === undefined
      ? 'Elasticsearch does not tell its own limit'
      : `Elasticsearch would take ${limit} bytes, so something before it refuses it`;
  return {
    status: 'retryable',
    failure: { code, message: `${request}, and ${why}.`, ...(status !== undefined && { status }) },
  };
}
