/** Instances come and go, politely or not, while rows change: partitions move, documents stay right (G3, G10). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { untilTrue } from '../integration/poll.ts';
import type { Scene } from '../integration/scene.ts';
import { setScene } from '../integration/scene.ts';
import type { SluiceOptions } from '../integration/sluice-process.ts';
import { startReadySluice } from '../integration/sluice-process.ts';
import { startStack } from '../stack/stack.ts';
import { changeItems, itemsMapping, itemsTable, partitionsSettings } from './items.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

/** Looks at the committed offsets all the time; a former owner that commits would move one of them back. */
function watchCommits(scene: Scene, topic: string) {
  const highest = new Map<number, number>();
  const movedBack: string[] = [];
  const look = async (): Promise<void> => {
    const [committed] = await scene.admin.fetchOffsets({ groupId: scene.groupId, topics: [topic] });
    for (const { partition, offset } of committed?.partitions ?? []) {
      const before = highest.get(partition) ?? -1;
      if (Number(offset) < before) movedBack.push(`partition ${partition}: ${offset} after ${before}`);
      highest.set(partition, Math.max(before, Number(offset)));
    }
  };
  let watching = true;
  const watched = untilTrue(
    'the watch is over',
    async () => {
      await look();
      return !watching;
    },
    { withinMs: 300_000, everyMs: 20 },
  );
  const end = async (): Promise<{ movedBack: string[]; partitions: number }> => {
    watching = false;
    await watched;
    return { movedBack, partitions: highest.size };
  };
  return {
    end,
    [Symbol.asyncDispose]: async () => {
      await end();
    },
  };
}

test('instances that join, leave, are killed and are frozen beyond their session never lose, reorder or uncommit anything', async (t) => {
  await using scene = await setScene({
    ...stack.addresses,
    name: 'fault_group',
    tables: [itemsTable],
    mappings: { items: itemsMapping('fault_group') },
    settings: partitionsSettings(4),
  });
  const options: SluiceOptions = {
    ...stack.addresses,
    ...scene,
    environment: { SLUICE_KAFKA_SESSION_TIMEOUT_MS: '2000', SLUICE_ELASTICSEARCH_MAX_BATCH_COUNT: '100' },
  };
  await changeItems(scene, 2000, -0.5);
  await using first = await startReadySluice(options);
  await using watch = watchCommits(scene, scene.topicOf('items'));
  let seed = 0;
  for (const end of ['kill', 'stop', 'freeze', 'kill', 'freeze', 'stop'] as const) {
    t.diagnostic(`the second will ${end}`);
    seed += 0.1;
    await using second = await startReadySluice(options);
    const changing = changeItems(scene, 4000, seed);
    await untilTrue('the second has work', async () => (await second.status()).accounts.consumed > 0);
    switch (end) {
      case 'kill':
        await second.kill();
        break;
      case 'stop':
        assert.deepEqual(await second.stop(), { code: 0, signal: null });
        break;
      case 'freeze':
        // The first takes over all partitions; then the second wakes and believes that it still has its own.
        process.kill(second.pid, 'SIGSTOP');
        await changing;
        await scene.caughtUp();
        process.kill(second.pid, 'SIGCONT');
        await untilTrue('the second has joined again', () => second.isReady());
    }
    await changing;
  }
  await scene.caughtUp();
  await scene.expectEqual();
  assert.deepEqual(await watch.end(), { movedBack: [], partitions: 4 });
  assert.deepEqual(await first.stop(), { code: 0, signal: null });
});
