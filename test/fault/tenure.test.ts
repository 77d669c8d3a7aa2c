/**
 * Deleted documents stay deleted (G4): instances that lose their partitions while they hold writes, and an Elasticsearch that was
 * flushed, killed and restarted, so that it has forgotten which documents were deleted.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { untilTrue } from '../integration/poll.ts';
import type { Rows } from '../integration/rows.ts';
import { openRows } from '../integration/rows.ts';
import type { SluiceProcess } from '../integration/sluice-process.ts';
import { startReadySluice } from '../integration/sluice-process.ts';
import type { Elasticsearch } from '../stack/elasticsearch.ts';
import { startElasticsearch } from '../stack/elasticsearch.ts';
import { startStack } from '../stack/stack.ts';
import type { Behaviour } from './proxy.ts';
import { startProxy } from './proxy.ts';

const stack = await startStack({ servers: ['kafka'] });
test.after(() => stack.stop());

const sessionTimeoutMs = 6000;
const environment = {
  SLUICE_KAFKA_SESSION_TIMEOUT_MS: String(sessionTimeoutMs),
  SLUICE_KAFKA_REBALANCE_TIMEOUT_MS: '10000',
  SLUICE_DRAIN_TIMEOUT_MS: '1000',
  SLUICE_RETRY_MAX_MS: '500',
  SLUICE_ELASTICSEARCH_REQUEST_TIMEOUT_MS: '5000',
};

const pass = (): Behaviour => ({ kind: 'pass' });
const cut = (): Behaviour => ({ kind: 'reset' });

/** Two partitions of rows, and an instance whose bulk requests go through a proxy. */
async function setScene(elasticsearch: Elasticsearch, story: string) {
  // Topics outlive a test that failed.
  const name = `${story}-${process.pid}`;
  const proxy = await startProxy(elasticsearch.address);
  const servers = { kafka: stack.addresses.kafka, elasticsearch: elasticsearch.address };
  const rows = await openRows({ ...servers, name, partitions: 2, environment });
  const start = (address: string): Promise<SluiceProcess> =>
    startReadySluice({ ...servers, elasticsearch: address, groupId: name, documents: rows.folder, environment });
  const a = await start(proxy.url);
  return {
    rows,
    proxy,
    a,
    startOther: () => start(elasticsearch.address),
    [Symbol.asyncDispose]: async () => {
      await a[Symbol.asyncDispose]();
      await rows[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

type Scene = Awaited<ReturnType<typeof setScene>>;

const ids = Array.from({ length: 12 }, (_, id) => id);

/** The instance behind the proxy has read the inserts of all rows, and cannot write them. */
async function holdInserts({ rows, proxy, a }: Scene): Promise<void> {
  proxy.behave(cut);
  await rows.send(ids.map((id) => ({ id, after: { n: id } })));
  await untilTrue('the inserts are held', async () => (await a.status()).recordsHeld === ids.length).catch(
    (error: unknown) => {
      throw new Error(a.output(), { cause: error });
    },
  );
}

const deleteAll = ({ rows }: Scene): Promise<void> => rows.send(ids.map((id) => ({ id, after: null })));

async function countDocuments(rows: Rows): Promise<number> {
  await rows.elasticsearch('POST', `${rows.index}/_refresh`);
  const answer = await rows.elasticsearch('GET', `${rows.index}/_count`);
  return ((await answer.json()) as { count: number }).count;
}

/** What was deleted so far is forgotten. */
async function forget(elasticsearch: Elasticsearch, all: readonly Rows[]): Promise<void> {
  for (const rows of all) assert.ok((await rows.elasticsearch('POST', `${rows.index}/_flush?force=true`)).ok);
  await elasticsearch.kill();
  await elasticsearch.restart();
  for (const rows of all) {
    await untilTrue('its shards are there', async () => {
      const answer = await rows.elasticsearch('GET', `${rows.index}/_count`).catch(() => undefined);
      return answer?.ok === true;
    });
  }
}

/** Partitions whose records are all settled. */
async function settledPartitions({ admin, index, topic }: Rows): Promise<number> {
  const [committed] = await admin.fetchOffsets({ groupId: index, topics: [topic] });
  const ends = await admin.fetchTopicOffsets(topic);
  return ends.filter(({ partition, high }) =>
    committed?.partitions.some((one) => one.partition === partition && one.offset === high),
  ).length;
}

async function untilIdle(instance: SluiceProcess): Promise<void> {
  await untilTrue('it has nothing to write', async () => {
    const { recordsHeld, documentsInFlight } = await instance.status();
    return recordsHeld === 0 && documentsInFlight === 0;
  });
}

async function expectNone({ rows, a }: Scene): Promise<void> {
  await rows.caughtUp();
  await untilIdle(a);
  assert.equal(await countDocuments(rows), 0, a.output());
}

const elasticsearch = await startElasticsearch();
test.after(() => elasticsearch[Symbol.asyncDispose]());

/** The first half of a story ends before Elasticsearch forgets; what it returns is the second half. */
interface Story {
  readonly claim: string;
  readonly begin: (scene: Scene, others: AsyncDisposableStack) => Promise<() => Promise<void>>;
}

const untilAbandoned = (a: SluiceProcess): Promise<void> =>
  untilTrue('it knows that it has lost them', async () => (await a.status()).accounts.abandoned === ids.length);

const stories: readonly Story[] = [
  {
    claim: 'an instance that cannot reach Elasticsearch while it loses a partition',
    begin: async (scene, others) => {
      const { rows, proxy, a } = scene;
      const b = others.use(await scene.startOther());
      await untilTrue('the other has written its partition', async () => (await settledPartitions(rows)) === 1);
      assert.ok((await countDocuments(rows)) > 0);
      const { accounts } = await a.status();
      assert.equal(accounts.abandoned, await countDocuments(rows));
      await deleteAll(scene);
      await untilTrue('the other has deleted them', async () => (await countDocuments(rows)) === 0);
      await untilIdle(b);
      return async () => {
        proxy.behave(pass);
        await expectNone(scene);
      };
    },
  },
  {
    claim: 'an instance that was frozen beyond its session, and wakes',
    begin: async (scene, others) => {
      const { rows, proxy, a } = scene;
      process.kill(a.pid, 'SIGSTOP');
      const b = others.use(await scene.startOther());
      await untilTrue('the other has written both', async () => (await settledPartitions(rows)) === 2);
      await deleteAll(scene);
      await rows.caughtUp();
      assert.equal(await countDocuments(rows), 0);
      await untilIdle(b);
      return async () => {
        proxy.behave(pass);
        process.kill(a.pid, 'SIGCONT');
        await untilAbandoned(a);
        await expectNone(scene);
      };
    },
  },
  {
    claim: 'an instance that regains its partitions, which begins them anew',
    begin: async (scene) => {
      const { rows, proxy, a } = scene;
      process.kill(a.pid, 'SIGSTOP');
      {
        await using b = await scene.startOther();
        await untilTrue('the other has written both', async () => (await settledPartitions(rows)) === 2);
        await deleteAll(scene);
        await rows.caughtUp();
        assert.deepEqual(await b.stop(), { code: 0, signal: null });
      }
      assert.equal(await countDocuments(rows), 0);
      return async () => {
        proxy.behave(pass);
        process.kill(a.pid, 'SIGCONT');
        await untilAbandoned(a);
        await rows.send([{ id: 99, after: { n: 99 } }]);
        await rows.caughtUp();
        await untilIdle(a);
        assert.equal(await countDocuments(rows), 1, a.output());
      };
    },
  },
];

test('after Elasticsearch has forgotten which documents were deleted, none is brought back', async (t) => {
  await using disposed = new AsyncDisposableStack();
  // Side by side: they share one restart of Elasticsearch.
  const begun = await Promise.all(
    stories.map(async ({ claim, begin }, n) => {
      const scene = disposed.use(await setScene(elasticsearch, `tenure-${n}`));
      await holdInserts(scene);
      return { claim, scene, finish: await begin(scene, disposed) };
    }),
  );
  await forget(
    elasticsearch,
    begun.map(({ scene }) => scene.rows),
  );
  for (const { claim, finish } of begun) await t.test(`by ${claim}`, finish);
});

test('Elasticsearch is killed and restarted while instances come and go: no deleted document is back, and none is lost', async () => {
  await using scene = await setScene(elasticsearch, 'tenure-rolling');
  const { rows, a } = scene;
  const expected = new Set<number>();
  let sent = 0;
  /** Each row comes and goes; by the end of a round every other is there. */
  const change = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) {
      const id = sent % 200;
      const isThere = Math.floor(sent / 200) % 2 === 0;
      sent += 1;
      if (isThere) expected.add(id);
      else expected.delete(id);
      await rows.send([{ id, after: isThere ? { n: sent } : null }]);
    }
  };
  await change(150);
  for (const end of ['stop', 'kill'] as const) {
    await using b = await scene.startOther();
    await Promise.all([change(250), forget(elasticsearch, [rows]).then(() => b[end]())]);
  }
  await rows.caughtUp();
  await untilIdle(a);
  assert.equal(await countDocuments(rows), expected.size);
});
