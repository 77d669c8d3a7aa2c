/**
 * Whether the engine is there, is the one that was configured, knows us, and which version it is.
 */
import { connect } from 'node:tls';
import type { Client } from '@elastic/elasticsearch';
import type { Failure } from '../model/outcome.ts';
import { outcomeOf } from './bulk/bulk-outcome.ts';
import type { EngineName } from './engine.ts';
import { anyEngine, engineTitles, opensearchVersion } from './engine.ts';
import type { Answer } from './request.ts';
import { ask } from './request.ts';

export type Health =
  /** `version` is unknown where we may not ask for it. */
  { readonly ok: true; readonly version: string | undefined } | { readonly ok: false; readonly failure: Failure };

/** Asks through `client`, which was made for `engine`; waits at most `timeoutMs`, and as long again if the engine is in doubt. */
export async function checkElasticsearch(client: Client, timeoutMs: number, engine: EngineName): Promise<Health> {
  const path = '/_nodes/_local';
  const querystring = { filter_path: 'nodes.*.version' };
  const answer = await ask(client, { method: 'GET', path, querystring }, timeoutMs);
  const wrong = await wrongEngine(client, timeoutMs, engine, answer);
  if (wrong !== undefined) return { ok: false, failure: wrong };
  if (answer.kind === 'answered') return { ok: true, version: versionIn(answer.body) };
  if (answer.kind === 'failed') {
    const { failure } = answer;
    const isForeign = failure.code === 'ELASTICSEARCH_ANSWER_UNEXPECTED' && failure.status !== undefined;
    if (isForeign && engine === 'elasticsearch') return { ok: false, failure: otherServer(failure.status) };
    return { ok: false, failure: await explainScheme(client, failure, timeoutMs) };
  }
  // Known, but not allowed to look at nodes: writing needs no such privilege.
  if (answer.status === 403) return { ok: true, version: undefined };
  const outcome = outcomeOf(answer.status, answer.cause ?? {});
  const failure: Failure =
    outcome.status === 'retryable' || outcome.status === 'rejected'
      ? outcome.failure
      : { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message: `Elasticsearch answered status ${answer.status}.` };
  return { ok: false, failure };
}

/** A server that closes the connection of an `http:` URL and greets in TLS has a URL with the wrong scheme. */
async function explainScheme(client: Client, failure: Failure, timeoutMs: number): Promise<Failure> {
  if (failure.code !== 'ELASTICSEARCH_UNREACHABLE') return failure;
  for (const { url } of client.connectionPool.connections) {
    if (url.protocol !== 'http:' || !(await speaksTls(url, timeoutMs))) continue;
    const message = `No connection to Elasticsearch: the server at ${url.host} speaks https, but its URL says http; write \`https://\` in \`elasticsearch.nodes\`.`;
    return { ...failure, message };
  }
  return failure;
}

/** Whether a TLS handshake comes to an end there, whoever signed the certificate. */
function speaksTls({ hostname, port }: URL, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port || 80), rejectUnauthorized: false });
    const end = (speaks: boolean) => (): void => {
      socket.destroy();
      resolve(speaks);
    };
    socket.once('secureConnect', end(true)).once('error', end(false)).once('close', end(false));
    socket.setTimeout(Math.min(timeoutMs, 3000), end(false));
  });
}

function otherServer(status: number): Failure {
  const message = `Another HTTP server answers (status ${status}), not Elasticsearch: its product header is missing. Check host and port in \`elasticsearch.nodes\`; for OpenSearch, set \`elasticsearch.engine: opensearch\`.`;
  return { code: 'ELASTICSEARCH_ANSWER_UNEXPECTED', message, status };
}

/** Only what says of itself that it is the other engine is refused: headers may be lost on the way. */
async function wrongEngine(
  client: Client,
  timeoutMs: number,
  engine: EngineName,
  answer: Answer,
): Promise<Failure | undefined> {
  if (answer.kind === 'failed' && answer.failure.code !== 'ELASTICSEARCH_ANSWER_UNEXPECTED') return undefined;
  const found = answer.kind === 'failed' ? undefined : answer.engine;
  if (found !== undefined) return found === engine ? undefined : mistaken(engine, found);
  if (engine === 'opensearch') return undefined;
  // Older OpenSearch tells itself only here, and the client has thrown away what it took for no Elasticsearch.
  const itself = await ask(anyEngine(client), { method: 'GET', path: '/' }, timeoutMs);
  const version = itself.kind === 'answered' ? opensearchVersion(itself.body) : undefined;
  return version === undefined ? undefined : mistaken(engine, 'opensearch', version);
}

function mistaken(engine: EngineName, found: EngineName, version?: string): Failure {
  const who = version === undefined ? engineTitles[found] : `${engineTitles[found]} ${version}`;
  return {
    code: 'ELASTICSEARCH_ENGINE_WRONG',
    message: `${who} answers, but \`elasticsearch.engine\` is \`${engine}\`.`,
  };
}

function versionIn(body: unknown): string | undefined {
  return /"version":"([^"]+)"/.exec(JSON.stringify(body))?.[1];
}
