/**
 * A rebuild that is killed at each step, with an instance and Elasticsearch killed beside it, comes to its end all the same
 * (G11). SLUICE_TEST_REBUILD_ROWS says how many rows it loads, and a sixtieth of them change each second.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../integration/poll.ts';
import {
  changeMapping,
  generationBehind,
  phaseOf,
  runSluice,
  setRebuildScene,
  startReader,
  startTraffic,
} from '../integration/rebuild-scene.ts';
import { startReadySluice } from '../integration/sluice-process.ts';
import { startElasticsearch } from '../stack/elasticsearch.ts';
import { startStack } from '../stack/stack.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect'] });
test.after(() => stack.stop());

/** Rows that nobody changes. */
const stillRows = Number(process.env['SLUICE_TEST_REBUILD_ROWS'] ?? 6000);
const changesPerSecond = stillRows / 60;
const phases = ['loading', 'dual-write', 'swapping'] as const;

test('killed in each phase, with an instance and Elasticsearch killed too, a rebuild under traffic ends with the index equal to its table, and so do rollbacks', async (t) => {
  // One of its own: it is killed.
  await using server = await startElasticsearch();
  const addresses = { ...stack.addresses, elasticsearch: server.address };
  const { elasticsearch } = addresses;
  const name = 'fault_rebuild';
  await using scene = await setRebuildScene(addresses, name, stillRows);
  const index = scene.indexOf('items');
  const options = { ...addresses, ...scene, environment: { SLUICE_KAFKA_SESSION_TIMEOUT_MS: '6000' } };
  await using first = await startReadySluice(options);
  let second = await startReadySluice(options);
  await scene.caughtUp();
  // Refreshes, too: what the reader sees first is whole.
  await scene.expectEqual();
  await changeMapping(scene, name);
  await using traffic = startTraffic(scene, changesPerSecond);
  await using reader = startReader(elasticsearch, index, stillRows, true);

  const patience = { withinMs: 240_000 };
  const start = (...args: readonly string[]) => {
    const run = runSluice(addresses, scene, 'rebuild', index, ...args);
    const state = { isOver: false };
    void run.ended.then(() => (state.isOver = true));
    return { run, state };
  };
  /** Until the phase is reached, or the rebuild has passed it. */
  const untilPhase = async ({ run, state }: ReturnType<typeof start>, wanted: string): Promise<void> => {
    const reached = async () => {
      const phase = await phaseOf(elasticsearch, index);
      return state.isOver || phase === wanted || phase === 'warm' ? true : undefined;
    };
    await until(`the phase ${wanted}; it said ${run.output()}`, reached, patience);
  };

  for (const phase of phases) {
    const doomed = start();
    await untilPhase(doomed, phase);
    doomed.run.kill();
    const { code, signal, output } = await doomed.run.ended;
    t.diagnostic(`${phase}: ${signal ?? `ended with ${code ?? ''}: ${output}`}`);
    await second.kill();
    second = await startReadySluice(options);
    if ((await phaseOf(elasticsearch, index)) === 'warm') break;
    const other = start();
    await untilPhase(other, phase);
    await server.kill();
    await server.restart();
    t.diagnostic(`${phase}: Elasticsearch was killed`);
    other.run.kill();
    await other.run.ended;
  }
  const rebuilt = await start().run.ended;
  assert.ok(rebuilt.code === 0 || rebuilt.output.includes('was rebuilt into'), rebuilt.output);
  assert.equal(await generationBehind(elasticsearch, index), `${index}-000002`);
  assert.equal(await phaseOf(elasticsearch, index), 'warm');

  const doomed = runSluice(addresses, scene, 'rollback', index);
  await until('the rollback is under way or over', async () =>
    doomed.output() !== '' || (await phaseOf(elasticsearch, index)) === 'swapping' ? true : undefined,
  );
  doomed.kill();
  await doomed.ended;
  for (const [args, generation] of [
    [['rollback', index], `${index}-000001`],
    [['rollback', index, '--forward'], `${index}-000002`],
  ] as const) {
    const swapped = await runSluice(addresses, scene, ...args).ended;
    assert.equal(swapped.code, 0, swapped.output);
    assert.equal(await generationBehind(elasticsearch, index), generation);
  }
  const changes = await traffic.stop();
  await scene.caughtUp({ withinMs: 120_000 });
  await scene.expectEqual();
  assert.equal((await runSluice(addresses, scene, 'rollback', index).ended).code, 0);
  await scene.expectEqual();
  t.diagnostic(`${changes} changes, ${await reader.stop()} searches`);
  await first.stop();
  await second.stop();
});
