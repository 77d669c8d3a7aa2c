/** An index that takes nothing, and one that must not notice (G6, G8). */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import type { Message } from 'kafkajs';
import { untilTrue } from '../integration/poll.ts';
import { startReadySluice } from '../integration/sluice-process.ts';
import type { StatusReport } from '../integration/sluice-process.ts';
import { startStack } from '../stack/stack.ts';

/** How long the busy index is written beside those that take nothing. */
const seconds = Number(process.env['SLUICE_TEST_BLOCKED_SECONDS'] ?? 15);
const perSecond = 2000;
const tickMs = 100;
const mebibyte = 1024 * 1024;
const maxBytesHeld = 4 * mebibyte;
/** What one piece of a batch may add: 128 KiB of text, or 256 records. */
const onePiece = mebibyte;

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());
const documents = await mkdtemp(join(tmpdir(), 'blocked-'));
test.after(() => rm(documents, { recursive: true }));

const prefix = `blocked-${process.pid}`;
const [blocked, refused, busy] = ['a', 'b', 'c'].map((name) => `${prefix}-${name}`) as [string, string, string];
const topics = [blocked, refused, busy];

interface Report extends StatusReport {
  readonly partitions: readonly { readonly topic: string; readonly lagRecords: number }[];
  readonly documents: readonly { readonly document: string; readonly state: string; readonly code?: string }[];
}

async function elasticsearch(method: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`${stack.addresses.elasticsearch}/${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${text}`);
  return JSON.parse(text);
}

/** The documents of an index: id → the revision of the row that it was made of. */
async function documentsOf(index: string): Promise<ReadonlyMap<string, number>> {
  await elasticsearch('POST', `${index}/_refresh`);
  const { hits } = (await elasticsearch('POST', `${index}/_search`, { size: 10_000, _source: ['revision'] })) as {
    readonly hits: {
      readonly hits: readonly { readonly _id: string; readonly _source: { readonly revision: number } }[];
    };
  };
  return new Map(hits.hits.map(({ _id, _source }) => [_id, _source.revision]));
}

const block = (isBlocked: boolean): Promise<unknown> =>
  elasticsearch('PUT', `${blocked}/_settings`, { 'index.blocks.read_only_allow_delete': isBlocked ? true : null });

test('an index that is blocked and one whose creation is refused fill their share, and a busy one goes on', async (told) => {
  const client = new Kafka({ clientId: prefix, brokers: [stack.addresses.kafka], logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ topics: topics.map((topic) => ({ topic, numPartitions: 2 })) });
  await admin.disconnect();
  const producer = client.producer();
  await producer.connect();
  test.after(() => producer.disconnect());

  const rows = new Map(topics.map((topic) => [topic, new Map<string, number>()]));
  let revision = 0;
  /** Changes of the rows from `from` on. */
  const change = async (topic: string, from: number, count: number): Promise<void> => {
    const messages = Array.from({ length: count }, (_, n): Message => {
      revision += 1;
      const id = from + n;
      rows.get(topic)?.set(String(id), revision);
      const after = { id, revision, text: 'x'.repeat(300) };
      return { key: JSON.stringify({ id }), value: JSON.stringify({ before: null, after, source: {}, op: 'c' }) };
    });
    await producer.send({ topic, messages });
  };

  // Elasticsearch refuses an index whose name is kept for data streams.
  await elasticsearch('PUT', `_index_template/${refused}`, {
    index_patterns: [`${refused}*`],
    data_stream: {},
    priority: 900,
  });
  test.after(() => elasticsearch('DELETE', `_index_template/${refused}`).catch(() => undefined));

  await using sluice = await startReadySluice({
    kafka: stack.addresses.kafka,
    elasticsearch: stack.addresses.elasticsearch,
    groupId: prefix,
    documents,
    environment: {
      SLUICE_UNMAPPED_TOPICS: `${prefix}-.*`,
      SLUICE_LIMITS_MAX_BYTES_HELD: String(maxBytesHeld),
      SLUICE_RETRY_PAUSE_MS: '500',
    },
  });
  const report = async (): Promise<Report> => (await sluice.status()) as Report;
  const stateOf = async (document: string): Promise<string> => {
    const found = (await report()).documents.find((each) => each.document === document);
    return `${found?.state} ${found?.code}`;
  };
  const equals = async (topic: string): Promise<boolean> => {
    const [expected, found] = [rows.get(topic) ?? new Map<string, number>(), await documentsOf(topic)];
    return found.size === expected.size && [...expected].every(([id, at]) => found.get(id) === at);
  };

  await change(blocked, 0, 1);
  await change(busy, 0, 1);
  await untilTrue('the first documents are written', async () => (await report()).accounts.applied === 2);
  await block(true);
  // Each as much as would fill the whole limit three times over.
  for (let from = 1; from < 8000; from += 1000) await change(blocked, from, 1000);
  for (let from = 0; from < 8000; from += 1000) await change(refused, from, 1000);
  await untilTrue('the index is named', async () => (await stateOf(blocked)) === 'waiting INDEX_BLOCKED');
  await untilTrue('the other is named', async () => (await stateOf(refused)) === 'waiting INDEX_REFUSED');

  let most = 0;
  let mostLag = 0;
  let looks = 0;
  const beganMs = performance.now();
  for (let tick = 0; tick < (seconds * 1000) / tickMs; tick += 1) {
    const count = (perSecond * tickMs) / 1000;
    await change(busy, (tick * count) % 5000, count);
    const dueMs = beganMs + (tick + 1) * tickMs;
    if (dueMs > performance.now()) await delay(dueMs - performance.now());
    if (tick % 5 !== 0) continue;
    const { bytesHeld, partitions } = await report();
    const lags = partitions.filter(({ topic }) => topic === busy).map(({ lagRecords }) => lagRecords);
    looks += 1;
    most = Math.max(most, bytesHeld);
    mostLag = Math.max(
      mostLag,
      lags.reduce((sum, lag) => sum + lag, 0),
    );
  }
  const tookSeconds = (performance.now() - beganMs) / 1000;
  told.diagnostic(`${looks} looks in ${tookSeconds} s: ${most} bytes held, ${mostLag} records behind`);
  assert.ok(most < maxBytesHeld + onePiece, `${most} bytes were held`);
  assert.ok(mostLag < 5 * perSecond, `the busy index was ${mostLag} records behind`);
  await untilTrue('the busy index equals its source while the others take nothing', () => equals(busy), {
    withinMs: 10_000,
  });
  assert.equal(await sluice.isReady(), true);
  assert.equal(await stateOf(blocked), 'waiting INDEX_BLOCKED');
  assert.equal((await documentsOf(blocked)).size, 1);

  await block(false);
  await untilTrue('the index that was blocked equals its source', () => equals(blocked));
  assert.equal(await stateOf(refused), 'waiting INDEX_REFUSED');
  await elasticsearch('DELETE', `_index_template/${refused}`);
  await untilTrue(
    'the index that was refused is there',
    async () => (await stateOf(refused)) !== 'waiting INDEX_REFUSED',
  );
  await untilTrue('and equals its source', () => equals(refused));
  await untilTrue('nothing waits any more', async () => (await report()).recordsHeld === 0);
});
