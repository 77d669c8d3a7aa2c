/** Topics that do not hold all history: a snapshot that the connector is asked for is the source of the rest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { startStack } from '../stack/stack.ts';
import { until, untilTrue } from './poll.ts';
import type { CommandRun } from './sluice-process.ts';
import {
  changeMapping,
  controlOf,
  generationBehind,
  runSluice,
  setRebuildScene,
  startReader,
  startTraffic,
} from './rebuild-scene.ts';
import { startReadySluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());
const { addresses } = stack;
const { elasticsearch } = addresses;

const name = 'rebuild_snapshot';
const signals = `${name}.signals`;
/** Rows that nobody changes; the reader must always find each of them. */
const stillRows = 10_000;
const notifications = `${name}.notifications`;

test('topics whose early records are gone: refused without --snapshot; with one, incremental, blocking or asked for by the operator, killed in the middle, the new index equals the table', async (t) => {
  const kafka = new Kafka({ clientId: name, brokers: [addresses.kafka], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  t.after(() => admin.disconnect());
  await admin.createTopics({ topics: [{ topic: signals, numPartitions: 1 }], waitForLeaders: true });
  await using scene = await setRebuildScene(addresses, name, stillRows, {
    sql: 'CREATE TABLE inventory.signals (id text PRIMARY KEY, type text NOT NULL, data text)',
    settings: {
      'signal.data.collection': 'inventory.signals',
      'signal.enabled.channels': 'source,kafka',
      'signal.kafka.topic': signals,
      'signal.kafka.bootstrap.servers': addresses.kafka,
      'signal.poll.interval.ms': '500',
      'notification.enabled.channels': 'sink',
      'notification.sink.topic.name': notifications,
      'incremental.snapshot.chunk.size': '256',
    },
  });
  const index = scene.indexOf('items');
  const topic = scene.topicOf('items');
  const sluice = (...args: string[]) => runSluice(addresses, scene, 'rebuild', index, ...args);
  const signalsSent = async (): Promise<number> => {
    const offsets = await admin.fetchTopicOffsets(signals);
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  };
  const forgetHistory = async (): Promise<void> => {
    const ends = await admin.fetchTopicOffsets(topic);
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
    await admin.deleteTopicRecords({ topic, partitions });
  };
  const connector = async (to: 'pause' | 'resume'): Promise<void> => {
    const { status } = await fetch(`${addresses.connect}/connectors/${scene.groupId}/${to}`, { method: 'PUT' });
    assert.equal(status, 202);
    await untilTrue(`${to}d`, async () => {
      const answer = await fetch(`${addresses.connect}/connectors/${scene.groupId}/status`);
      const { tasks } = (await answer.json()) as { tasks: readonly { readonly state: string }[] };
      return tasks.every(({ state }) => state === (to === 'pause' ? 'PAUSED' : 'RUNNING'));
    });
  };
  const says = (run: CommandRun, text: RegExp): Promise<unknown> => {
    const state = { isOver: false };
    void run.ended.then(() => (state.isOver = true));
    return until(`"${text.source}"`, () => {
      assert.equal(state.isOver, false, run.output());
      return Promise.resolve(text.test(run.output()) ? true : undefined);
    });
  };

  await using instance = await startReadySluice({ ...addresses, ...scene });
  await scene.caughtUp();
  await scene.expectEqual();
  await changeMapping(scene, name);
  await using reader = startReader(elasticsearch, index, stillRows);
  let number = 1;
  /** The alias is the next generation, equal to the table. */
  const expectRebuilt = async (run: CommandRun): Promise<void> => {
    const { code, output } = await run.ended;
    assert.equal(code, 0, output);
    number += 1;
    assert.equal(await generationBehind(elasticsearch, index), `${index}-00000${number}`);
    await scene.caughtUp({ withinMs: 120_000 });
    await scene.expectEqual();
    const finished = await runSluice(addresses, scene, 'rebuild', 'finish', index).ended;
    assert.equal(finished.code, 0, finished.output);
  };

  await t.test('without --snapshot it is refused, and says what can be done', async () => {
    await forgetHistory();
    const { code, output } = await sluice().ended;
    assert.equal(code, 1, output);
    assert.match(output, /offsets of the topic \S+ are gone .*; --snapshot has the connector read the tables again/);
    const { code: misused, output: said } = await sluice('--snapshot', 'incremental').ended;
    assert.equal(misused, 2, said);
    assert.match(said, /`--snapshot` needs either `--signal-topic` or `--signal-table`/);
    const dry = await sluice('--dry-run', '--snapshot', 'blocking', '--signal-topic', signals).ended;
    assert.equal(dry.code, 0, dry.output);
    assert.match(dry.output, /The connector of rebuild_snapshot would be asked for its inventory\.items, blocking\./);
    assert.equal(await controlOf(elasticsearch, index), undefined);
  });

  for (const kind of ['incremental', 'blocking']) {
    await t.test(`${kind}, asked for by the signal topic, under traffic`, async () => {
      await using traffic = startTraffic(scene, 200);
      await forgetHistory();
      const sentBefore = await signalsSent();
      const args = ['--snapshot', kind, '--signal-topic', signals, '--notification-topic', notifications];
      // Nothing comes out of the connector any more, so the topics are loaded long before the snapshot is in them.
      await connector('pause');
      const doomed = sluice(...args);
      await says(doomed, /the connector has not told that the snapshot began/);
      doomed.kill();
      t.diagnostic((await doomed.ended).output);
      const run = sluice(...args);
      await says(run, /"lag":0,.*the connector has not told that the snapshot began/);
      assert.equal((await controlOf(elasticsearch, index))?.phase, 'loading');
      await connector('resume');
      await run.ended;
      t.diagnostic(run.output());
      await traffic.stop();
      await expectRebuilt(run);
      assert.equal((await signalsSent()) - sentBefore, 1, 'asked once');
    });
  }

  await t.test('one that the operator asks for by the signal table, and tells the end of', async () => {
    await forgetHistory();
    const args = ['--snapshot', 'incremental', '--signal-table', 'inventory.signals'];
    const doomed = sluice(...args);
    await says(doomed, /INSERT INTO inventory\.signals/);
    await says(doomed, /when it is, say `sluice rebuild \S+ --snapshot-complete`/);
    doomed.kill();
    const { output } = await doomed.ended;
    const [, statement = ''] = /(INSERT INTO .*?\))(?:"|$)/m.exec(output) ?? [];
    // As the line of JSON had it: only its quotation marks were read already.
    await scene.inventory.query(String(JSON.parse(`"${statement.replaceAll('"', '\\"')}"`)));
    const run = sluice(...args);
    await says(run, /INSERT INTO inventory\.signals/);
    const endOf = async () => JSON.stringify(await admin.fetchTopicOffsets(topic));
    let before = '';
    await untilTrue('the snapshot is over', async () => {
      const end = await endOf();
      const isOver = end === before && (await hasAll());
      before = end;
      await new Promise((resolve) => setTimeout(resolve, 1000));
      return isOver;
    });
    const word = await sluice('--snapshot-complete').ended;
    assert.equal(word.code, 0, word.output);
    await expectRebuilt(run);

    async function hasAll(): Promise<boolean> {
      const offsets = await admin.fetchTopicOffsets(topic);
      return offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0) > stillRows;
    }
  });

  t.diagnostic(`${await reader.stop()} searches`);
  await fetch(`${elasticsearch}/${index}-00000${number}`, { method: 'DELETE' });
  assert.deepEqual(await instance.stop(), { code: 0, signal: null }, instance.output());
});
