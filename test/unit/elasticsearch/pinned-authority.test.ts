/** An authority known by its fingerprint is trusted as if its file were given: no more, and no less. Needs `openssl`. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { ElasticsearchOptions } from '../../../src/elasticsearch/client.ts';
import { createElasticsearchClient } from '../../../src/elasticsearch/client.ts';
import { ask } from '../../../src/elasticsearch/request.ts';

const run = promisify(execFile);
let folder = '';
const path = (name: string): string => join(folder, name);

async function key(name: string): Promise<readonly string[]> {
  await run('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', path(`${name}.key`)]);
  return ['-key', path(`${name}.key`), '-subj', `/CN=${name.replace('impostor', 'authority')}`];
}

async function authority(name: string): Promise<void> {
  await run('openssl', ['req', '-x509', '-new', '-days', '2', '-out', path(`${name}.pem`), ...(await key(name))]);
}

/** A node's certificate: for which host, signed by whom, for how many days. */
async function certificate(name: string, host: string, by: string, days: string): Promise<void> {
  await run('openssl', ['req', '-new', '-out', path(`${name}.csr`), ...(await key(name))]);
  // Without the key of its authority, a certificate looks as if any authority of that name had signed it.
  await writeFile(path(`${name}.ext`), `subjectAltName=${host}\nauthorityKeyIdentifier=none\n`);
  const signed = ['-CA', path(`${by}.pem`), '-CAkey', path(`${by}.key`), '-CAcreateserial', '-days', days];
  const files = ['-in', path(`${name}.csr`), '-extfile', path(`${name}.ext`), '-out', path(`${name}.pem`)];
  await run('openssl', ['x509', '-req', ...files, ...signed]);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'authority-'));
  await Promise.all(['authority', 'impostor', 'other'].map(authority));
  await certificate('good', 'IP:127.0.0.1', 'authority', '2');
  await certificate('expired', 'IP:127.0.0.1', 'authority', '-1');
  await certificate('elsewhere', 'DNS:elsewhere.example', 'authority', '2');
  await certificate('forged', 'IP:127.0.0.1', 'impostor', '2');
});

after(() => rm(folder, { recursive: true }));

const fingerprintOf = async (name: string): Promise<string> =>
  new X509Certificate(await readFile(path(`${name}.pem`))).fingerprint256;

/** What a client is told by a node with these certificates, and how many requests the node got. */
async function asked(
  node: string,
  sent: readonly string[],
  tls: Pick<ElasticsearchOptions, 'ca' | 'caFingerprint'> & { readonly rejectUnauthorized?: boolean },
): Promise<string> {
  let requests = 0;
  const pems = await Promise.all([node, ...sent].map((name) => readFile(path(`${name}.pem`), 'utf8')));
  const server = createServer({ key: await readFile(path(`${node}.key`)), cert: pems.join('') }, (_, response) => {
    requests += 1;
    response.setHeader('content-type', 'application/json').setHeader('x-elastic-product', 'Elasticsearch').end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = createElasticsearchClient({
    ...{ nodes: [`https://127.0.0.1:${port}`], username: 'u', password: 'p' },
    ...{ rejectUnauthorized: true, allowApiKeyOverHttp: false, requestTimeoutMs: 10_000, compression: false },
    ...tls,
  });
  try {
    const twice = [];
    for (let time = 0; time < 2; time += 1) {
      const answer = await ask(client, { method: 'GET', path: '/' }, 10_000);
      twice.push(answer.kind === 'failed' ? answer.failure.message : answer.kind);
    }
    assert.equal(twice[0], twice[1]);
    assert.equal(requests, twice[0] === 'answered' ? 2 : 0);
    return twice[0] ?? '';
  } finally {
    await client.close();
    server.closeAllConnections();
    server.close();
  }
}

test('a fingerprint alone is enough, however it is written', async () => {
  const caFingerprint = await fingerprintOf('authority');
  assert.equal(await asked('good', ['authority'], { caFingerprint }), 'answered');
  assert.equal(
    await asked('good', ['authority'], { caFingerprint: caFingerprint.replaceAll(':', '').toLowerCase() }),
    'answered',
  );
  assert.equal(await asked('good', ['authority'], { caFingerprint, rejectUnauthorized: false }), 'answered');
});

test('a node that does not send its authority’s certificate needs the file', async () => {
  const caFingerprint = await fingerprintOf('authority');
  assert.match(await asked('good', [], { caFingerprint }), /does not send its authority.s certificate; use .*caFile/);
  const ca = await readFile(path('authority.pem'), 'utf8');
  assert.equal(await asked('good', [], { caFingerprint, ca }), 'answered');
});

for (const rejectUnauthorized of [true, false]) {
  test(`a certificate that is wrong gets no request, with rejectUnauthorized: ${rejectUnauthorized}`, async () => {
    const caFingerprint = await fingerprintOf('authority');
    const tls = { caFingerprint, rejectUnauthorized };
    assert.match(await asked('expired', ['authority'], tls), /certificate has expired/);
    assert.match(await asked('elsewhere', ['authority'], tls), /does not match certificate's altnames/);
    // The genuine authority's certificate is public: whoever sends it along has not been signed by it.
    assert.match(await asked('forged', ['authority'], tls), /certificate signature failure/);
    const wrong = /no certificate that the node sends has the fingerprint/;
    assert.match(await asked('forged', ['impostor'], tls), wrong);
    assert.match(
      await asked('good', ['authority'], { caFingerprint: await fingerprintOf('other'), rejectUnauthorized }),
      wrong,
    );
  });
}

test('without a fingerprint, the file decides', async () => {
  const ca = await readFile(path('authority.pem'), 'utf8');
  assert.equal(await asked('good', ['authority'], { ca }), 'answered');
  assert.match(await asked('expired', ['authority'], { ca }), /certificate has expired/);
  assert.match(
    await asked('good', ['authority'], { ca: await readFile(path('other.pem'), 'utf8') }),
    /self-signed certificate in certificate chain|unable to/,
  );
});

test('a fingerprint for plain http is refused before anything is sent', () => {
  const options = { rejectUnauthorized: true, allowApiKeyOverHttp: false, requestTimeoutMs: 1, compression: false };
  const create = () =>
    createElasticsearchClient({ ...options, nodes: ['http://127.0.0.1:9'], caFingerprint: 'ab'.repeat(32) });
  assert.throws(create, /`elasticsearch\.caFingerprint` needs https, and 127\.0\.0\.1:9/);
});
