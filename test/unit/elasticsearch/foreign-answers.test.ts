/** What answers for Elasticsearch without being it: a load balancer's page says nothing about a document or an index. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { createBulkSink } from '../../../src/elasticsearch/bulk/bulk-sink.ts';
import { createElasticsearchClient } from '../../../src/elasticsearch/client.ts';
import { createDocumentReader } from '../../../src/elasticsearch/read/document-reader.ts';
import type { EngineName } from '../../../src/elasticsearch/engine.ts';
import { isAbsent } from '../../../src/elasticsearch/index-answer.ts';
import { ask } from '../../../src/elasticsearch/request.ts';
import type { DocumentWrite } from '../../../src/model/document.ts';
import type { WriteOutcome } from '../../../src/model/outcome.ts';
import { externalVersion, offset } from '../../../src/model/position.ts';

interface Scripted {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const product = { 'x-elastic-product': 'Elasticsearch' };
const json = { 'content-type': 'application/json' };
const page = (status: number): Scripted => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<html><body><h1>Bad Request</h1></body></html>',
});
const answer = (status: number, body: object): Scripted => ({
  status,
  headers: { ...json, ...product },
  body: JSON.stringify(body),
});
const cause = { error: { type: 'illegal_argument_exception', reason: 'scripted' }, status: 400 };

/** A server that answers what the test says, and a client of it. */
async function serve(script: (path: string, body: string) => Scripted, engine: EngineName = 'elasticsearch') {
  const requests: { readonly path: string; readonly body: string }[] = [];
  const server = createServer((incoming, outgoing) => {
    void buffer(incoming).then((bytes) => {
      const path = incoming.url?.split('?')[0] ?? '';
      const body = bytes.toString();
      requests.push({ path, body });
      const { status, headers = {}, body: text = '' } = script(path, body);
      outgoing.writeHead(status, headers).end(text);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const client = createElasticsearchClient({
    engine,
    nodes: [`http://127.0.0.1:${port}`],
    ...{ rejectUnauthorized: true, allowApiKeyOverHttp: false, requestTimeoutMs: 5000, compression: false },
  });
  const { signal } = new AbortController();
  const sink = createBulkSink({ client, requestTimeoutMs: 5000 });
  return {
    client,
    requests,
    write: (ids: readonly string[], bytes = 10) =>
      sink.write(
        ids.map((id) => writeOf(id, bytes)),
        signal,
      ),
    [Symbol.asyncDispose]: async () => {
      await client.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const writeOf = (id: string, bytes: number): DocumentWrite => ({
  action: 'index',
  index: 'docs',
  id,
  version: externalVersion(0, offset(1)),
  source: Buffer.from(JSON.stringify({ text: 'x'.repeat(bytes) })),
});

/** As a server that takes every write. */
function taken(body: string): Scripted {
  const items = body
    .split('\n')
    .filter((line) => line.startsWith('{"index"'))
    .map(() => ({ index: { status: 201 } }));
  return answer(200, { errors: false, items });
}

const codes = (outcomes: readonly WriteOutcome[]): readonly string[] =>
  outcomes.map((outcome) => ('failure' in outcome ? `${outcome.status} ${outcome.failure.code}` : outcome.status));

for (const status of [302, 400, 401, 403, 404, 405, 406, 409, 422]) {
  test(`a page with status ${status} refuses no document: all are tried again`, async () => {
    await using server = await serve(() => page(status));
    assert.deepEqual(
      codes(await server.write(['a', 'b', 'c'])),
      Array(3).fill('retryable ELASTICSEARCH_ANSWER_UNEXPECTED'),
    );
    assert.equal(server.requests.length, 1, 'nobody is to blame, so the request is not halved');
  });
}

test('an error object alone is not enough for Elasticsearch, which tells its name in every answer; nor is its name alone', async () => {
  for (const scripted of [
    { status: 400, headers: json, body: JSON.stringify(cause) },
    { status: 400, headers: product },
    { status: 400, headers: { ...product, ...json }, body: '{"message":"Bad Request"}' },
  ]) {
    await using server = await serve(() => scripted);
    assert.deepEqual(codes(await server.write(['a'])), ['retryable ELASTICSEARCH_ANSWER_UNEXPECTED']);
  }
});

for (const { status, says } of [
  { status: 401, says: 'retryable ELASTICSEARCH_UNAUTHORIZED' },
  { status: 403, says: 'retryable ELASTICSEARCH_FORBIDDEN' },
]) {
  test(`a ${status} of Elasticsearch's security, which does not tell its name there, is its own`, async () => {
    const body = JSON.stringify({ error: { type: 'security_exception', reason: 'not allowed' }, status });
    await using server = await serve(() => ({ status, headers: json, body }));
    assert.deepEqual(codes(await server.write(['a'])), [says]);
  });
}

test('a 400 of Elasticsearch refuses the write that is to blame, alone', async () => {
  await using server = await serve((_, body) => (body.includes('"_id":"b"') ? answer(400, cause) : taken(body)));
  assert.deepEqual(codes(await server.write(['a', 'b', 'c', 'd'])), [
    'applied',
    'rejected DOCUMENT_REJECTED',
    'applied',
    'applied',
  ]);
});

test('an older OpenSearch tells itself by the shape of its errors, and a page does not', async () => {
  const ofOpenSearch = { status: 400, headers: json, body: JSON.stringify(cause) };
  for (const [scripted, expected] of [
    [ofOpenSearch, 'rejected DOCUMENT_REJECTED'],
    [page(400), 'retryable ELASTICSEARCH_ANSWER_UNEXPECTED'],
    [{ ...page(400), headers: json, body: '{"error":"bad request"}' }, 'retryable ELASTICSEARCH_ANSWER_UNEXPECTED'],
  ] as const) {
    await using server = await serve(() => scripted, 'opensearch');
    assert.deepEqual(codes(await server.write(['a'])), [expected]);
  }
});

/** As Elasticsearch refuses a body before it reads it: without its name, without a word. */
const wordless: Scripted = { status: 413, headers: { 'content-length': '0' } };
const limitOf = (bytes: number): Scripted =>
  answer(200, { nodes: { n1: { http: { max_content_length_in_bytes: bytes } } } });

test('a 413 refuses a document that is larger than what Elasticsearch takes, and only it', async () => {
  await using server = await serve((path, body) => {
    if (path === '/_nodes/http') return limitOf(1000);
    return body.length > 1000 ? wordless : taken(body);
  });
  const small = await server.write(['a', 'b', 'c', 'd'], 400);
  assert.deepEqual(codes(small), ['applied', 'applied', 'applied', 'applied']);
  assert.ok(server.requests.length > 1, 'in smaller requests');
  const [outcome] = await server.write(['large'], 2000);
  assert.ok(outcome?.status === 'rejected' && outcome.failure.code === 'DOCUMENT_TOO_LARGE');
  assert.match(outcome.failure.message, /takes 1000 bytes/);
});

test('a 413 for a document that Elasticsearch would take comes from a proxy: the document waits', async () => {
  for (const proxys of [wordless, page(413)]) {
    await using server = await serve((path, body) => {
      if (path === '/_nodes/http') return limitOf(100_000);
      return body.length > 1000 ? proxys : taken(body);
    });
    const [outcome] = await server.write(['large'], 2000);
    assert.deepEqual(codes(outcome === undefined ? [] : [outcome]), ['retryable REQUEST_TOO_LARGE']);
  }
});

test('a 413 refuses no document where the limit of Elasticsearch may not be asked for', async () => {
  await using server = await serve((path) =>
    path === '/_nodes/http' ? answer(403, { error: { type: 'security_exception' }, status: 403 }) : wordless,
  );
  assert.deepEqual(codes(await server.write(['large'], 2000)), ['retryable REQUEST_TOO_LARGE']);
});

test('an item without a reason refuses no document, and only of a delete a 404 says that all is well', async () => {
  const items = [{ index: { status: 400 } }, { index: { status: 404 } }, { create: { status: 201 } }, { index: {} }];
  await using server = await serve(() => answer(200, { errors: true, items }));
  assert.deepEqual(
    (await server.write(['a', 'b', 'c', 'd'])).map(({ status }) => status),
    ['retryable', 'retryable', 'retryable', 'retryable'],
  );
});

test('a page with status 404 does not say that an index is absent, nor that a document is', async () => {
  await using server = await serve(() => page(404));
  assert.equal(isAbsent(await ask(server.client, { method: 'GET', path: '/docs' }, 5000)), false);
  const reader = createDocumentReader({ client: server.client, requestTimeoutMs: 5000 });
  const read = await reader.read([{ index: 'docs', id: 'a' }], new AbortController().signal);
  assert.ok('code' in read && read.code === 'ELASTICSEARCH_ANSWER_UNEXPECTED');
});

test('a page with status 200 is no answer, read as a whole or as a stream', async () => {
  await using server = await serve(() => ({ ...page(200), headers: json, body: '{"docs":[{"found":false}]}' }));
  assert.equal((await ask(server.client, { method: 'GET', path: '/docs' }, 5000)).kind, 'failed');
  const reader = createDocumentReader({ client: server.client, requestTimeoutMs: 5000 });
  const read = await reader.read([{ index: 'docs', id: 'a' }], new AbortController().signal);
  assert.ok('code' in read && read.code === 'ELASTICSEARCH_ANSWER_UNEXPECTED');
});

for (const [status, code] of [
  [429, 'ELASTICSEARCH_OVERLOADED'],
  [502, 'ELASTICSEARCH_UNAVAILABLE'],
  [503, 'ELASTICSEARCH_UNAVAILABLE'],
] as const) {
  test(`a status ${status} means the same whoever answers it`, async () => {
    await using server = await serve(() => page(status));
    assert.deepEqual(codes(await server.write(['a'])), [`retryable ${code}`]);
  });
}
