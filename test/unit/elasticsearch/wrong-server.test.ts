import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createElasticsearchClient } from '../../../src/elasticsearch/client.ts';
import { checkElasticsearch } from '../../../src/elasticsearch/health.ts';
import { createRegistryClient } from '../../../src/schema-registry/client.ts';

// Signed by itself, for localhost, valid for a hundred years; it protects nothing.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg2nZnIsaBLfGNd1Qy
ODoM1/AEF3KJ0PvN0y1l0iPjCiihRANCAASdfsaxz6H+8i7qjjlJJwrYD6xZIGgi
J8lAjq7Ui6Y7pKu6ikdsIs57xMD6bjDv7jkhm5W8028ftOfGuhbZSCHt
-----END PRIVATE KEY-----`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBgDCCASWgAwIBAgIUTXbicjTZhArhHdsutx49AsPOkAowCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODE4MzY0OFoYDzIxMjYxMTA0
MTgzNjQ4WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASdfsaxz6H+8i7qjjlJJwrYD6xZIGgiJ8lAjq7Ui6Y7pKu6ikdsIs57
xMD6bjDv7jkhm5W8028ftOfGuhbZSCHto1MwUTAdBgNVHQ4EFgQUcmyewgJAVGhD
ihdJcORHlNZcVCwwHwYDVR0jBBgwFoAUcmyewgJAVGhDihdJcORHlNZcVCwwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAojuU4zsu5hZSqcZA291Y
GNLGFBefJqB7341snZpHZBECIQDyZmvpcs9OoGF/y7M/hgYez282TYx76smO7qKR
0zHzQg==
-----END CERTIFICATE-----`;

/** What a check says of the server at this URL. */
async function said(url: string): Promise<string> {
  const options = { rejectUnauthorized: false, allowApiKeyOverHttp: false, requestTimeoutMs: 3000, compression: false };
  const client = createElasticsearchClient({ ...options, nodes: [url] });
  const health = await checkElasticsearch(client, 3000, 'elasticsearch');
  await client.close();
  return health.ok ? 'ok' : `${health.failure.code}: ${health.failure.message}`;
}

async function registrySaid(url: string): Promise<string> {
  const client = createRegistryClient({ urls: [url], rejectUnauthorized: false, requestTimeoutMs: 3000 });
  const failure = await client.check(new AbortController().signal);
  await client.close();
  return failure === undefined ? 'ok' : `${failure.code}: ${failure.message}`;
}

async function listening(server: Server): Promise<AsyncDisposable & { readonly host: string }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const page =
  (status: number): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'text/html' }).end('<html>It works!</html>');
  };

test('an https URL of a server that speaks http is told as such, in one sentence that names the setting', async () => {
  await using server = await listening(createServer(page(200)));
  assert.equal(
    await said(`https://${server.host}`),
    'ELASTICSEARCH_UNREACHABLE: No connection to Elasticsearch: the server answers plain http, but its URL says https; write `http://` in `elasticsearch.nodes`.',
  );
  assert.match(
    await registrySaid(`https://${server.host}`),
    /answers plain http, but its URL says https; write `http:/,
  );
});

test('an http URL of a server that speaks https is told as such', async () => {
  await using server = await listening(createTlsServer({ key, cert }, page(200)));
  assert.match(await said(`http://${server.host}`), /speaks https, but its URL says http; write `https:\/\/`/);
});

test('another HTTP server in the place of Elasticsearch is named as such, whatever status it answers', async () => {
  for (const status of [200, 400, 401, 403, 404, 405]) {
    await using server = await listening(createServer(page(status)));
    assert.match(
      await said(`http://${server.host}`),
      /^ELASTICSEARCH_ANSWER_UNEXPECTED: Another HTTP server answers.*Check host and port in `elasticsearch\.nodes`/,
      String(status),
    );
  }
});

test('what a proxy says of a server behind it that is away is no claim about that server', async () => {
  await using server = await listening(createServer(page(503)));
  assert.match(await said(`http://${server.host}`), /^ELASTICSEARCH_UNAVAILABLE/);
});

test('another HTTP server in the place of a schema registry is named as such', async () => {
  await using server = await listening(createServer(page(200)));
  assert.match(
    await registrySaid(`http://${server.host}`),
    /another HTTP server answers; check `schemaRegistry\.urls`/,
  );
});
