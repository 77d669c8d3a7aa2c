/** Killed anywhere, Sluice goes on where it must: nothing is lost, nothing goes back (G1, G2, G4). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failpoint } from '../../src/pipeline/failpoints.ts';
import { setScene } from '../integration/scene.ts';
import type { SluiceOptions } from '../integration/sluice-process.ts';
import { startReadySluice, startSluice } from '../integration/sluice-process.ts';
import { startStack } from '../stack/stack.ts';
import { changeItems, itemsMapping, itemsTable, partitionsSettings } from './items.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

const failpoints: readonly Failpoint[] = ['decoded', 'sent', 'answered', 'settled'];
const changesEach = 5000;

test('killed at every failpoint during 20,000 changes of 2,000 keys, the index equals the table after each restart', async (t) => {
  await using scene = await setScene({
    ...stack.addresses,
    name: 'fault_crash',
    tables: [itemsTable],
    mappings: { items: itemsMapping('fault_crash') },
    settings: partitionsSettings(2),
  });
  const options: SluiceOptions = {
    ...stack.addresses,
    ...scene,
    // A killed member keeps its partitions until its session has timed out.
    environment: { SLUICE_KAFKA_SESSION_TIMEOUT_MS: '2000', SLUICE_ELASTICSEARCH_MAX_BATCH_COUNT: '100' },
  };
  for (const [round, failpoint] of failpoints.entries()) {
    await t.test(`killed after "${failpoint}"`, async () => {
      const changing = changeItems(scene, changesEach, 0.1 + round / 10);
      const doomed = await startSluice({
        ...options,
        entry: 'test/fault/run-with-failpoint.ts',
        environment: { ...options.environment, SLUICE_TEST_FAILPOINT: failpoint, SLUICE_TEST_FAILPOINT_PASSES: '10' },
      });
      assert.deepEqual(await doomed.ended, { code: null, signal: 'SIGKILL' }, doomed.output());
      await changing;
      await using sluice = await startReadySluice(options);
      await scene.caughtUp();
      await scene.expectEqual();
      assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
    });
  }
});
