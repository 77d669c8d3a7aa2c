/** Topics change under Sluice: more partitions, deleted and made anew. It says so, and the documented procedure ends right. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import { rebuildToEnd } from './rebuild-scene.ts';
import type { Scene } from './scene.ts';
import { setScene } from './scene.ts';
import { startReadySluice, startSluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

const rows = 60;
const mappingOf = (name: string, epoch: string): string =>
  `document: ${name}-counters\nfrom: ${name}.inventory.counters\nepoch: ${epoch}\n`;

const sceneOf = (name: string): Promise<Scene> =>
  setScene({
    ...stack.addresses,
    name,
    tables: [
      {
        name: 'counters',
        key: 'id',
        sql: `CREATE TABLE inventory.counters (id integer PRIMARY KEY, n integer);
              INSERT INTO inventory.counters SELECT n, 0 FROM generate_series(1, ${rows}) n`,
      },
    ],
    mappings: { counters: mappingOf(name, '0') },
  });

const setEpoch = (scene: Scene, epoch: string): Promise<void> =>
  writeFile(join(scene.documents, 'counters.yaml'), mappingOf(scene.groupId, epoch));

/** Changes rows until `over` resolves. */
async function changeUntil(scene: Scene, over: Promise<unknown>): Promise<void> {
  const traffic = { isOver: false };
  void over.finally(() => (traffic.isOver = true));
  for (let n = 1; !traffic.isOver; n += 1) {
    await scene.inventory.query(`UPDATE inventory.counters SET n = n + 1 WHERE id % 7 = ${n % 7};
      DELETE FROM inventory.counters WHERE id = ${n % rows}; INSERT INTO inventory.counters VALUES (${n % rows}, ${n})`);
  }
}

/** A producer learns of partitions when it begins, or minutes later. */
async function restartConnector({ groupId }: Scene): Promise<void> {
  const answer = await fetch(`${stack.addresses.connect}/connectors/${groupId}/restart?includeTasks=true`, {
    method: 'POST',
  });
  assert.ok(answer.ok);
}

test('partitions that are raised under traffic end Sluice, unless their epoch is higher already; then documents equal rows', async () => {
  await using scene = await sceneOf('topic_raised');
  const topic = scene.topicOf('counters');
  const options = { ...stack.addresses, ...scene };
  {
    await using sluice = await startReadySluice(options);
    await scene.caughtUp();
    const traffic = changeUntil(scene, sluice.ended);
    await scene.admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] });
    assert.equal((await sluice.ended).code, 1);
    await traffic;
    assert.match(sluice.output(), /The topic "topic_raised\.inventory\.counters" has 2 partitions instead of 1\. Give/);
  }
  await restartConnector(scene);
  const changeAll = (): Promise<unknown> => scene.inventory.query('UPDATE inventory.counters SET n = n + 1');
  await changeAll();
  await untilTrue('keys have moved', async () => {
    const ends = await scene.admin.fetchTopicOffsets(topic);
    return ends.some(({ partition, high }) => partition === 1 && Number(high) > 0);
  });
  const again = await startSluice(options);
  assert.equal((await again.ended).code, 1, 'it does not go on of itself');
  assert.match(again.output(), /has 2 partitions instead of 1/);

  await setEpoch(scene, '{ 0: 0, 1: 1, 2: 2 }');
  await using sluice = await startReadySluice(options);
  await scene.caughtUp();
  await scene.expectEqual();

  await scene.admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] });
  await restartConnector(scene);
  await changeAll();
  await scene.caughtUp({ withinMs: 120_000 });
  await scene.expectEqual();
  assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
});

/** Deletes the topic; the connector makes it anew and sends each row `times` times. */
async function remake(scene: Scene, times: number): Promise<void> {
  const topic = scene.topicOf('counters');
  await scene.admin.deleteTopics({ topics: [topic] });
  await untilTrue('the topic is gone', async () => !(await scene.admin.listTopics()).includes(topic));
  for (let n = 0; n < times; n += 1) await scene.inventory.query('UPDATE inventory.counters SET n = n + 1');
  await untilTrue('the topic is there', async () => (await scene.admin.listTopics()).includes(topic));
}

for (const { amount, times } of [
  { amount: 'fewer', times: 1 },
  { amount: 'more', times: 12 },
]) {
  test(`a topic that is made anew with ${amount} records while Sluice is stopped is noticed; a higher epoch makes documents equal rows`, async () => {
    await using scene = await sceneOf(`topic_anew_${amount}`);
    const options = { ...stack.addresses, ...scene };
    {
      await using sluice = await startReadySluice(options);
      for (let n = 0; n < 4; n += 1) await scene.inventory.query('UPDATE inventory.counters SET n = n + 1');
      await scene.caughtUp();
      await sluice.stop();
    }
    await remake(scene, times);
    const refused = await startSluice(options);
    assert.equal((await refused.ended).code, 1);
    assert.match(
      refused.output(),
      /counters" is not the one that the documents were made of: it was deleted and made anew\. Raise `epoch`/,
    );
    await setEpoch(scene, '1');
    await using sluice = await startReadySluice(options);
    await scene.caughtUp();
    await scene.expectEqual();
    assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  });

  test(`a topic that is made anew with ${amount} records while Sluice runs ends it; a higher epoch makes documents equal rows`, async () => {
    await using scene = await sceneOf(`topic_live_${amount}`);
    const options = { ...stack.addresses, ...scene };
    {
      await using sluice = await startReadySluice(options);
      for (let n = 0; n < 4; n += 1) await scene.inventory.query('UPDATE inventory.counters SET n = n + 1');
      await scene.caughtUp();
      await remake(scene, times);
      assert.equal((await sluice.ended).code, 1);
      assert.match(sluice.output(), /it was deleted and made anew|is not in the topic any more/);
    }
    await setEpoch(scene, '1');
    await using sluice = await startReadySluice(options);
    await scene.caughtUp();
    await scene.expectEqual();
    assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  });
}

test('an index that was rebuilt remembers the topic that it was rebuilt from: one made anew later is noticed', async () => {
  await using scene = await sceneOf('topic_rebuilt');
  const options = { ...stack.addresses, ...scene };
  const index = scene.indexOf('counters');
  {
    await using sluice = await startReadySluice(options);
    await scene.inventory.query('UPDATE inventory.counters SET n = n + 1');
    await scene.caughtUp();
    await rebuildToEnd(options, index);
    // Nothing was written since by the instance, which would have left its own mark.
    assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  }
  await remake(scene, 1);
  {
    await using refused = await startSluice(options);
    const ended = await Promise.race([refused.ended, delay(30_000, undefined, { ref: false })]);
    assert.equal(ended?.code, 1, 'it goes on with another topic');
    assert.match(
      refused.output(),
      /counters" is not the one that the documents were made of: it was deleted and made anew/,
    );
  }
  await setEpoch(scene, '1');
  await using sluice = await startReadySluice(options);
  await scene.caughtUp();
  await scene.expectEqual();
  assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  await fetch(`${stack.addresses.elasticsearch}/${index}-000002`, { method: 'DELETE' });
});
