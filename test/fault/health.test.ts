/** Each alarm that docs/operations.md recommends fires, names what stands still, and ends when it is over. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import type { Message } from 'kafkajs';
import { untilTrue } from '../integration/poll.ts';
import { startSluice } from '../integration/sluice-process.ts';
import { startKafka } from '../stack/kafka.ts';
import { freePort } from '../stack/ports.ts';
import { startStack } from '../stack/stack.ts';
import { startProxy } from './proxy.ts';

const stack = await startStack({ servers: ['elasticsearch'] });
test.after(() => stack.stop());
const documents = await mkdtemp(join(tmpdir(), 'health-'));
test.after(() => rm(documents, { recursive: true }));

// Indexes outlive a test, and topics that are made anew under their names are refused.
const nameOf = (name: string): string => `health-${process.pid}-${name}`;
const [a, b, red, framed] = [nameOf('a'), nameOf('b'), nameOf('red'), nameOf('framed')];
const topics = [a, b, red, framed];

interface Report {
  readonly ready: boolean;
  readonly reason?: string;
  readonly findings: readonly { readonly what: string; readonly code: string }[];
  readonly lastFailure: { readonly code: string; readonly at: string } | null;
  readonly accounts?: { readonly applied: number };
  readonly documents?: readonly { readonly document: string; readonly state: string; readonly message?: string }[];
}

/** Asks Elasticsearch itself, not through the proxy. */
async function elasticsearch(method: string, path: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
  const answer = await fetch(`${stack.addresses.elasticsearch}/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()) as Readonly<Record<string, unknown>>;
}

const change = (id: number, row: object = {}): Message => ({
  key: JSON.stringify({ id }),
  value: JSON.stringify({ before: null, after: { id, ...row }, source: { table: 't' }, op: 'c' }),
});

test('each alarm fires on real servers, names what stands still, and ends when it is over', async () => {
  await using kafka = await startKafka();
  await using proxy = await startProxy(stack.addresses.elasticsearch);
  const client = new Kafka({ clientId: 'health', brokers: [kafka.address], logLevel: logLevel.NOTHING });
  const produce = async (topic: string, ...messages: readonly Message[]): Promise<void> => {
    const producer = client.producer();
    await producer.connect();
    await producer.send({ topic, messages: [...messages] });
    await producer.disconnect();
  };
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ topics: topics.map((topic) => ({ topic, numPartitions: 1 })) });
  await admin.disconnect();

  await kafka.kill();
  const port = await freePort();
  await using sluice = await startSluice({
    kafka: kafka.address,
    elasticsearch: proxy.url,
    groupId: `health-${process.pid}`,
    documents,
    environment: {
      SLUICE_HTTP_PORT: String(port),
      SLUICE_UNMAPPED_TOPICS: `health-${process.pid}-.*`,
      SLUICE_STALLED_AFTER_MS: '2000',
      SLUICE_RETRY_PAUSE_MS: '500',
      SLUICE_RETRY_MAX_MS: '500',
      SLUICE_REBUILD_POLL_MS: '500',
      SLUICE_KAFKA_SESSION_TIMEOUT_MS: '6000',
      SLUICE_SCHEMA_REGISTRY_URLS: `http://127.0.0.1:${await freePort()}`,
    },
  });
  /**
   * Each time on a connection of its own: one that is kept may be closed just when it is used again. On a slow machine a connection
   * may take so long to ask that it is closed, so it is asked once more.
   */
  const get = (path: string) => getOnce(path).catch(() => getOnce(path));
  const getOnce = async (path: string): Promise<{ readonly status: number; readonly text: string }> => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false }).end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    return { status: answer.statusCode ?? 0, text: (await buffer(answer)).toString() };
  };
  const statusOf = (path: string): Promise<number> =>
    get(path).then(
      ({ status }) => status,
      () => 0,
    );
  const report = async (): Promise<Report> => JSON.parse((await get('/status')).text) as Report;
  const metrics = async (): Promise<string> => (await get('/metrics')).text;
  /** Waits until /ready and /health answer so. */
  const expectColours = (ready: number, health: number): Promise<void> =>
    untilTrue(
      `/ready is ${ready} and /health is ${health}`,
      async () => (await statusOf('/ready')) === ready && (await statusOf('/health')) === health,
      { withinMs: 90_000, everyMs: 200 },
    );
  const names = async (what: string, code: string): Promise<boolean> =>
    (await report()).findings.some((finding) => finding.what === what && finding.code === code);
  const green = async (): Promise<void> => {
    await expectColours(200, 200);
    await untilTrue('what is over is no error any more', async () => (await report()).lastFailure === null);
  };

  // Kafka is away when Sluice starts: the port is open, and says so.
  await untilTrue(
    '/ready names Kafka',
    async () => (await statusOf('/live')) === 200 && ((await report()).reason ?? '').startsWith('Kafka'),
  );
  assert.equal(await statusOf('/ready'), 503);
  await kafka.restart();
  await green();

  // A blocked index: named, and no reason to stop a rollout.
  await produce(a, change(1));
  await produce(b, change(1, { n: 5 }));
  const block = (blocked: boolean): Promise<unknown> =>
    elasticsearch('PUT', `${a}/_settings`, { 'index.blocks.write': blocked });
  await untilTrue('both indexes are written', async () => (await report()).accounts?.applied === 2);
  await block(true);
  await produce(a, change(2));
  await untilTrue('the index is named', () => names(a, 'INDEX_BLOCKED'));
  assert.deepEqual([await statusOf('/ready'), await statusOf('/health')], [200, 503]);
  assert.match(await metrics(), new RegExp(`^sluice_waiting_seconds\\{of="${a}",code="INDEX_BLOCKED"\\} \\d`, 'm'));
  assert.equal((await report()).documents?.find(({ document }) => document === a)?.state, 'waiting');
  await block(false);
  await green();
  assert.match(sluice.output(), new RegExp(`INDEX_BLOCKED \\(${a}\\) is over after \\d+ ms`));

  // Elasticsearch is red: the only shard of one index is on no node. The others are written meanwhile.
  const template = `_index_template/${red}`;
  await elasticsearch('PUT', template, {
    index_patterns: [`${red}-*`],
    template: { settings: { 'index.routing.allocation.require._name': 'nobody' } },
  });
  await produce(red, change(1));
  await untilTrue('the index is named', () => names(red, 'ELASTICSEARCH_UNAVAILABLE'));
  assert.equal((await elasticsearch('GET', `_cluster/health/${red}`))['status'], 'red');
  const appliedBefore = (await report()).accounts?.applied ?? 0;
  await produce(b, change(3, { n: 6 }));
  await untilTrue('another is written', async () => (await report()).accounts?.applied === appliedBefore + 1);
  await expectColours(200, 503);
  const waiting = (await report()).documents?.find(({ document }) => document === red);
  assert.equal(waiting?.state, 'waiting');
  assert.match(waiting.message ?? '', /primary shard is not active/);
  const seconds = new RegExp(`^sluice_waiting_seconds\\{of="${red}",code="ELASTICSEARCH_UNAVAILABLE"\\} \\d`, 'm');
  assert.match(await metrics(), seconds);
  assert.match(await metrics(), /^sluice_healthy 0$/m);
  await elasticsearch('DELETE', template);
  await elasticsearch('PUT', `${red}/_settings`, { 'index.routing.allocation.require._name': null });
  await green();
  assert.match(await metrics(), /^sluice_healthy 1$/m);
  assert.match(sluice.output(), new RegExp(`ELASTICSEARCH_UNAVAILABLE \\(${red}\\) is over after \\d+ ms`));

  // A mapping conflict: a counter that was 0 rises.
  const letters = `sluice_records_dead_lettered_total{topic="${b}",code="DOCUMENT_REJECTED"}`;
  assert.ok((await metrics()).includes(`${letters} 0\n`));
  await produce(b, change(2, { n: { a: 1 } }));
  await untilTrue('the dead letter is counted', async () => (await metrics()).includes(`${letters} 1\n`));

  // Elasticsearch is gone, while there is nothing to write.
  await proxy.down();
  await expectColours(503, 503);
  assert.ok(await names('control index', 'ELASTICSEARCH_UNREACHABLE'));
  await proxy.up();
  await green();

  // Kafka is gone after everything was read.
  await kafka.kill();
  await expectColours(503, 503);
  assert.ok(await names('Kafka', 'KAFKA_UNREACHABLE'));
  await untilTrue('/status tells', async () => (await report()).lastFailure?.code === 'KAFKA_UNREACHABLE');
  assert.match(await metrics(), /^sluice_waits_total\{code="KAFKA_UNREACHABLE"\} [1-9]/m);
  await kafka.restart();
  await green();
  assert.match(sluice.output(), /KAFKA_UNREACHABLE \(Kafka\) is over after \d+ ms/);

  // The schema registry is down.
  await produce(framed, { key: null, value: Buffer.from([0, 0, 0, 0, 7, 1]) });
  await untilTrue('the registry is named', () => names('schema 7', 'SCHEMA_REGISTRY_UNREACHABLE'));
  assert.deepEqual([await statusOf('/ready'), await statusOf('/health')], [200, 503]);
});
