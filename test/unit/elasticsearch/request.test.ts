/** How long a request may take: the smaller of its timeout and what remains of the membership. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, errors } from '@elastic/elasticsearch';
import { createBulkSink } from '../../../src/elasticsearch/bulk/bulk-sink.ts';
import { ask } from '../../../src/elasticsearch/request.ts';
import { externalVersion, offset } from '../../../src/model/position.ts';

/** A client whose requests wait, for a connection or an answer, until they are broken off or the test answers them. */
function waitingClient() {
  const requests: { readonly path: string; readonly timeout: unknown; readonly answer: () => void }[] = [];
  const client = new Client({ node: 'http://127.0.0.1:1' });
  client.transport.request = ((
    { path, querystring }: { path: string; querystring?: { timeout?: string } },
    { signal }: { signal: AbortSignal },
  ) =>
    new Promise((resolve, reject) => {
      requests.push({
        path,
        timeout: querystring?.timeout,
        answer: () => {
          resolve({ statusCode: 200, headers: {}, body: { errors: false, items: [] } });
        },
      });
      signal.addEventListener('abort', () => {
        reject(new errors.RequestAbortedError('broken off'));
      });
    })) as typeof client.transport.request;
  return { client, requests };
}

const params = { method: 'POST', path: '/_bulk' } as const;
const never = new AbortController().signal;

test('a request whose membership ends before its timeout is broken off then, also while it waits for a connection', async () => {
  const { client, requests } = waitingClient();
  const endsAtMs = performance.now() + 30;
  const answer = await ask(client, params, 60_000, never, undefined, () => endsAtMs - performance.now());
  assert.equal(requests.length, 1);
  assert.ok(answer.kind === 'failed');
  assert.equal(answer.failure.code, 'MEMBERSHIP_STALE');
});

test('a request whose timeout ends before its membership is broken off then', async () => {
  const { client } = waitingClient();
  const answer = await ask(client, params, 30, never, undefined, () => 60_000);
  assert.ok(answer.kind === 'failed');
  assert.equal(answer.failure.code, 'ELASTICSEARCH_UNREACHABLE');
});

test('a membership that is confirmed meanwhile prolongs the request', async () => {
  const { client, requests } = waitingClient();
  let looks = 0;
  const answer = await ask(client, params, 60_000, never, undefined, () => {
    looks += 1;
    if (looks === 10) requests[0]?.answer();
    return 1;
  });
  assert.equal(answer.kind, 'answered');
});

test('nothing is sent when no time remains, or after the ownership has ended', async () => {
  const { client, requests } = waitingClient();
  const answer = await ask(client, params, 60_000, never, undefined, () => 0);
  assert.ok(answer.kind === 'failed');
  assert.equal(answer.failure.code, 'MEMBERSHIP_STALE');
  await assert.rejects(ask(client, params, 60_000, AbortSignal.abort(new Error('joining'))), /joining/);
  const sink = createBulkSink({ client, requestTimeoutMs: 60_000 });
  await assert.rejects(sink.write([], AbortSignal.abort(new Error('joining'))), /joining/);
  assert.equal(requests.length, 0);
});

test('Elasticsearch waits for a shard so briefly that it answers before the request or the membership ends', async () => {
  const { client, requests } = waitingClient();
  const writes = [{ action: 'delete', index: 'i', id: '1', version: externalVersion(0, offset(1)) } as const];
  for (const { requestTimeoutMs, remainingMs } of [
    { requestTimeoutMs: 60_000, remainingMs: () => 3000.5 },
    { requestTimeoutMs: 60_000, remainingMs: () => 40_000 },
    { requestTimeoutMs: 60_000, remainingMs: undefined },
    { requestTimeoutMs: 4000, remainingMs: () => 40_000 },
  ]) {
    void createBulkSink({ client, requestTimeoutMs, ...(remainingMs && { remainingMs }) }).write(writes, never);
  }
  for (const { answer } of requests) answer();
  assert.deepEqual(
    requests.map(({ timeout }) => timeout),
    ['3000ms', '5000ms', '5000ms', '2000ms'],
  );
  await client.close();
});
