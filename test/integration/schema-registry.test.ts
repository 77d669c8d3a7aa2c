/** The client against a real registry: schemas that refer to others, credentials, certificates, registries that fail. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server as HttpServer, RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RegistryClientOptions } from '../../src/schema-registry/client.ts';
import { createRegistryClient } from '../../src/schema-registry/client.ts';
import { createRegistry } from '../../src/schema-registry/registry.ts';
import { offset } from '../../src/model/position.ts';
import type { SourceRecord } from '../../src/model/record.ts';
import { createManualClock } from '../fakes/manual-clock.ts';
import { silentObserver } from '../fakes/silent-observer.ts';
import { kafkaJdk } from '../stack/jdk.ts';
import type { Registry } from '../stack/registry.ts';
import { registerArtifact, registerSchema, startRegistry, startRegistry3 } from '../stack/registry.ts';

const registry = await startRegistry();
test.after(() => registry.stop());
const folder = await mkdtemp(join(tmpdir(), 'registry-'));
test.after(() => rm(folder, { recursive: true }));

const { signal } = new AbortController();
const options: RegistryClientOptions = { urls: [registry.address], rejectUnauthorized: true, requestTimeoutMs: 5000 };
const ask = async (id: number, given: Partial<RegistryClientOptions> = {}) => {
  const client = createRegistryClient({ ...options, ...given });
  try {
    assert.ok(client.schemaOf !== undefined);
    return await client.schemaOf(id, signal);
  } finally {
    await client.close();
  }
};

function frameOf(id: number, body: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(id, 1);
  return Buffer.concat([head, body]);
}

const recordOf = (value: Buffer): SourceRecord => ({
  topic: 't',
  partition: 0,
  offset: offset(0),
  timestampMs: 0,
  headers: undefined,
  key: null,
  value,
});

/** What is read of a frame of that schema, by the registry as the service has it. */
async function read(id: number, body: Uint8Array, given: Partial<RegistryClientOptions> = {}): Promise<string> {
  const client = createRegistryClient({ ...options, ...given });
  const clock = createManualClock();
  const { prepare, readFrame } = createRegistry({ client, clock, observer: silentObserver({}), signal });
  const value = frameOf(id, body);
  await prepare([recordOf(value)]);
  const framed = readFrame(value);
  await client.close();
  return 'text' in framed ? framed.text : framed.code;
}

/** Servers are stopped with the test file. */
async function listen(server: HttpServer | SecureServer): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const answering = async (listener: RequestListener): Promise<string> =>
  `http://${await listen(createServer(listener))}`;

test('an Avro schema is read with those that it refers to, and that they refer to', async () => {
  const city = { type: 'record', name: 'a.City', fields: [{ name: 'name', type: 'string' }] };
  const address = { type: 'record', name: 'a.Address', fields: [{ name: 'city', type: 'a.City' }] };
  const person = { type: 'record', name: 'a.Person', fields: [{ name: 'address', type: 'a.Address' }] };
  await registerSchema(registry, { subject: 'avro-city', type: 'AVRO', text: JSON.stringify(city) });
  await registerSchema(registry, {
    subject: 'avro-address',
    type: 'AVRO',
    text: JSON.stringify(address),
    references: [{ name: 'a.City', subject: 'avro-city', version: 1 }],
  });
  const id = await registerSchema(registry, {
    subject: 'avro-person',
    type: 'AVRO',
    text: JSON.stringify(person),
    references: [{ name: 'a.Address', subject: 'avro-address', version: 1 }],
  });
  assert.equal(await read(id, Buffer.from([2, 0x58])), '{"address":{"city":{"name":"X"}}}');
});

test('a Protobuf schema is read with the files that it imports, and that they import', async () => {
  const line = 'syntax = "proto3"; package shop; message Line { int64 n = 1; }';
  const order = `syntax = "proto3"; package shop; import "shop/line.proto"; import "google/protobuf/timestamp.proto";
    message Order { repeated Line lines = 1; google.protobuf.Timestamp at = 2; }`;
  const event =
    'syntax = "proto3"; import "shop/order.proto"; message Other {} message Event { shop.Order order = 1; }';
  await registerSchema(registry, { subject: 'proto-line', type: 'PROTOBUF', text: line });
  await registerSchema(registry, {
    subject: 'proto-order',
    type: 'PROTOBUF',
    text: order,
    references: [{ name: 'shop/line.proto', subject: 'proto-line', version: 1 }],
  });
  const id = await registerSchema(registry, {
    subject: 'proto-event',
    type: 'PROTOBUF',
    text: event,
    references: [{ name: 'shop/order.proto', subject: 'proto-order', version: 1 }],
  });
  const body = Buffer.from([2, 2, 10, 8, 10, 2, 8, 7, 18, 2, 8, 1]);
  assert.equal(await read(id, body), '{"order":{"lines":[{"n":7}],"at":"1970-01-01T00:00:01.000Z"}}');
});

test('a JSON schema knows the columns of those that it refers to', async () => {
  const address = {
    $id: 'https://example.org/address.json',
    type: 'object',
    properties: { city: { $ref: '#/$defs/city' } },
  };
  const text = JSON.stringify({ ...address, $defs: { city: { type: 'string', title: 'a.City' } } });
  const person = { type: 'object', properties: { home: { $ref: 'https://example.org/address.json' } } };
  await registerSchema(registry, { subject: 'json-address', type: 'JSON', text });
  const id = await registerSchema(registry, {
    subject: 'json-person',
    type: 'JSON',
    text: JSON.stringify(person),
    references: [{ name: 'https://example.org/address.json', subject: 'json-address', version: 1 }],
  });
  const answer = await ask(id);
  assert.ok('references' in answer);
  assert.deepEqual(answer.references, [{ name: 'https://example.org/address.json', text }]);
  assert.equal(await read(id, Buffer.from('{"home":null}')), '{"home":null}');
});

test('ids in headers are resolved by the own interface of Apicurio, version 2, with all that a schema refers to', () =>
  expectIdsInHeaders(registry));

test('ids in headers are resolved by the own interface of Apicurio, version 3, with all that a schema refers to', async (t) => {
  await using registry3 = await startRegistry3();
  if (registry3 === undefined) t.skip('Apicurio 3 needs Java 21');
  else await expectIdsInHeaders(registry3);
});

/** Of all three kinds of schema, by both ids. */
async function expectIdsInHeaders(apicurio: Registry): Promise<void> {
  const city = { type: 'record', name: 'n.City', fields: [{ name: 'name', type: 'string' }] };
  const address = { type: 'record', name: 'n.Address', fields: [{ name: 'city', type: 'n.City' }] };
  const person = { type: 'record', name: 'n.Person', fields: [{ name: 'address', type: 'n.Address' }] };
  const artifact = (artifactId: string, type: 'AVRO' | 'JSON' | 'PROTOBUF', text: string, ...references: string[][]) =>
    registerArtifact(apicurio, {
      ...{ artifactId, type, text },
      references: references.map(([name = '', to = '']) => ({ name, artifactId: to, version: '1' })),
    });
  await artifact('n-city', 'AVRO', JSON.stringify(city));
  await artifact('n-address', 'AVRO', JSON.stringify(address), ['n.City', 'n-city']);
  const avro = await artifact('n-person', 'AVRO', JSON.stringify(person), ['n.Address', 'n-address']);
  const jsonText = JSON.stringify({
    type: 'object',
    properties: { at: { title: 'io.debezium.time.Date', type: 'integer' } },
  });
  const json = await artifact('n-json', 'JSON', jsonText);
  const line = 'syntax = "proto3"; package n; message Line { int64 m = 1; }';
  const order = 'syntax = "proto3"; import "n/line.proto"; message Order { n.Line line = 1; }';
  await artifact('n-line', 'PROTOBUF', line);
  const proto = await artifact('n-order', 'PROTOBUF', order, ['n/line.proto', 'n-line']);
  // The same content has the same content id, and a global id of its own.
  const again = await artifact('n-city-again', 'AVRO', JSON.stringify(city));
  assert.notEqual(again.globalId, again.contentId);

  const client = createRegistryClient({
    ...options,
    urls: [apicurio.address],
    apicurioUrls: [apicurio.apicurioAddress],
  });
  const clock = createManualClock();
  const { prepare, readByHeader } = createRegistry({ client, clock, observer: silentObserver({}), signal });
  const message = Buffer.from('Order');
  for (const [ids, value, expected] of [
    [avro, Buffer.from([2, 0x58]), '{"address":{"city":{"name":"X"}}}'],
    [again, Buffer.from([2, 0x58]), '{"name":"X"}'],
    [json, Buffer.from('{"at":1}'), '{"at":1}'],
    [proto, Buffer.from([10, 2, 8, 7]), '{"line":{"m":7}}'],
  ] as const) {
    for (const kind of ['globalId', 'contentId'] as const) {
      const id = Buffer.alloc(8);
      id.writeBigInt64BE(BigInt(ids[kind]));
      const headers = { [`apicurio.value.${kind}`]: id, 'apicurio.protobuf.type': message };
      const record = { ...recordOf(value), headers };
      await prepare([record]);
      const read = readByHeader(record, 'value', value);
      assert.equal(read !== undefined && 'text' in read ? read.text : read?.code, expected, `${kind} ${ids[kind]}`);
    }
  }
  const unknown = await client.schemaByHeader?.({
    kind: 'globalId',
    id: '9999999',
    header: '',
    message: { name: '' },
  })?.(signal);
  assert.ok(unknown !== undefined && 'code' in unknown && unknown.code === 'SCHEMA_UNKNOWN');
  assert.equal(await client.check(signal), undefined);
  await client.close();
}

test('over TLS, credentials are asked for and taken; without them, or the certificate, it is told what is wrong', async () => {
  const store = join(folder, 'registry.p12');
  const certificate = join(folder, 'registry.pem');
  const { home } = await kafkaJdk();
  const keytool = (...args: string[]) => {
    const where = ['-keystore', store, '-storetype', 'PKCS12', '-storepass', 'changeit', '-alias', 'registry'];
    return promisify(execFile)(join(home, 'bin', 'keytool'), [...args, ...where]);
  };
  await keytool('-genkeypair', '-keyalg', 'EC', '-dname', 'CN=registry', '-ext', 'san=ip:127.0.0.1', '-validity', '30');
  await keytool('-exportcert', '-rfc', '-file', certificate);
  const ca = await readFile(certificate, 'utf8');
  const allowed = new Set(['Bearer right-token', `Basic ${Buffer.from('sluice:pass:wörd').toString('base64')}`]);
  const server = createSecureServer({ pfx: await readFile(store), passphrase: 'changeit' }, (request, response) => {
    if (!allowed.has(request.headers.authorization ?? '')) {
      response.writeHead(401).end('{}');
      return;
    }
    void fetch(`${new URL(registry.address).origin}${request.url ?? ''}`).then(async (answer) => {
      response.writeHead(answer.status).end(await answer.text());
    });
  });
  const urls = [`https://${await listen(server)}/apis/ccompat/v7/`];
  const id = await registerSchema(registry, { subject: 'secret', type: 'AVRO', text: '"string"' });
  const typeOrCode = async (given: Partial<RegistryClientOptions>): Promise<string> => {
    const answer = await ask(id, { urls, ca, ...given });
    if ('code' in answer) assert.ok(!/right-token|pass:/.test(answer.message));
    return 'code' in answer ? answer.code : answer.type;
  };
  assert.equal(await typeOrCode({ username: 'sluice', password: 'pass:wörd' }), 'AVRO');
  assert.equal(await typeOrCode({ bearer: 'right-token' }), 'AVRO');
  assert.equal(await typeOrCode({ username: 'sluice', password: 'wrong' }), 'SCHEMA_REGISTRY_UNAUTHORIZED');
  assert.equal(await typeOrCode({}), 'SCHEMA_REGISTRY_UNAUTHORIZED');
  assert.equal(await typeOrCode({ bearer: 'right-token', ca: undefined }), 'SCHEMA_REGISTRY_UNREACHABLE');
  assert.equal(await typeOrCode({ bearer: 'right-token', ca: undefined, rejectUnauthorized: false }), 'AVRO');
});

test('URLs are tried in turn: past one that is down, one that hangs, one that breaks off and one that answers 500', async () => {
  const id = await registerSchema(registry, { subject: 'turn', type: 'AVRO', text: '"long"' });
  const down = 'http://127.0.0.1:1';
  const hanging = await answering(() => undefined);
  const halfway = await answering((_, response) => response.writeHead(200).write('{"schema":'));
  const broken = await answering((_, response) => response.writeHead(500).end('no'));
  const busy = await answering((_, response) => response.writeHead(429).end());
  const failing = [down, hanging, halfway, broken, busy];
  const answer = await ask(id, { urls: [...failing, registry.address], requestTimeoutMs: 300 });
  assert.equal('code' in answer ? answer.code : answer.text, '"long"');
  for (const url of failing) {
    const failure = await ask(id, { urls: [url], requestTimeoutMs: 300 });
    assert.equal('code' in failure && failure.code, 'SCHEMA_REGISTRY_UNREACHABLE', url);
  }
  const unknown = await ask(9_999_999);
  assert.equal('code' in unknown && unknown.code, 'SCHEMA_UNKNOWN');
});

test('a registry that hangs, answers 500, breaks off and answers nonsense is waited for, and then the record is read', async () => {
  const id = await registerSchema(registry, { subject: 'patience', type: 'AVRO', text: '"boolean"' });
  let asked = 0;
  const failing = await answering((request, response) => {
    asked += 1;
    if (asked === 1) return;
    if (asked === 2) response.writeHead(500).end('no');
    else if (asked === 3) response.destroy();
    else if (asked === 4) response.writeHead(200).end('<html>');
    else {
      void fetch(`${new URL(registry.address).origin}${request.url ?? ''}`).then(async (answer) => {
        response.writeHead(answer.status).end(await answer.text());
      });
    }
  });
  const client = createRegistryClient({ ...options, urls: [`${failing}/apis/ccompat/v7`], requestTimeoutMs: 300 });
  const clock = createManualClock();
  const waited: string[] = [];
  const observer = silentObserver({ waiting: ({ code }) => waited.push(code) });
  const { prepare, readFrame } = createRegistry({ client, clock, observer, signal });
  const value = frameOf(id, Buffer.of(1));
  const ready = prepare([recordOf(value)])?.then(() => true);
  while ((await Promise.race([ready, delay(10)])) !== true) clock.advanceToNext();
  const framed = readFrame(value);
  assert.equal('text' in framed ? framed.text : framed.code, 'true');
  assert.deepEqual(
    waited,
    Array.from({ length: 4 }, () => 'SCHEMA_REGISTRY_UNREACHABLE'),
  );
  await client.close();
});
