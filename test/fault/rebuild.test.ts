/** A rebuild that is killed at each step, with an instance and Elasticsearch killed beside it, comes to its end all the same (G11). */
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

const phases = ['loading', 'dual-write', 'swapping'] as const;

test('killed in each phase, with an instance and Elasticsearch killed too, a rebuild under traffic ends with the index equal to its table, and so do rollbacks', async (t) => {
  // One of its own: it is killed.
  await using server = await startElasticsearch();
  const addresses = { ...stack.addresses, elasticsearch: server.address };
  const { elasticsearch } = addresses;
  const name = 'fault_rebuild';
  await using scene = await setRebuildScene(addresses, name);
  const index = scene.indexOf('items');
  const options = { ...addresses, ...scene, environment: { SLUICE_KAFKA_SESSION_TIMEOUT_MS: '6000' } };
  await using first = await startReadySluice(options);
  let second = await startReadySluice(options);
  await scene.caughtUp();
  await changeMapping(scene, name);
  const traffic = startTraffic(scene);
  const reader = startReader(elasticsearch, index, true);

  const rebuildUntil = async (phase: string, kill: (rebuild: { kill(): void }) => Promise<void>): Promise<void> => {
    // Slowly at first, so that it is met while it loads.
    const rebuild = runSluice(
      addresses,
      scene,
      'rebuild',
      index,
      ...(phase === 'loading' ? ['--max-rate', '2000'] : []),
    );
    let over = false;
    void rebuild.ended.then(() => (over = true));
    await until(`the rebuild is in the phase ${phase} or over`, async () =>
      over || (await phaseOf(elasticsearch, index)) === phase ? true : undefined,
    );
    await kill(rebuild);
    const { output, signal } = await rebuild.ended;
    t.diagnostic(
      `${phase}: ${signal ?? 'ended'}, ${output.split('\n').filter((line) => line.includes('message')).length} messages`,
    );
  };

  for (const phase of phases) {
    await rebuildUntil(phase, (rebuild) => {
      rebuild.kill();
      return Promise.resolve();
    });
    if (phase === 'dual-write') {
      await second.kill();
      second = await startReadySluice(options);
    }
    if ((await phaseOf(elasticsearch, index)) === 'warm') break;
    const again = runSluice(addresses, scene, 'rebuild', index);
    await until(`it goes on in the phase ${phase}`, () =>
      Promise.resolve(again.output().includes('"phase"') || again.output().includes(' is ') ? true : undefined),
    );
    await server.kill();
    await server.restart();
    if (phase === 'swapping') break;
    again.kill();
    await again.ended;
  }
  const rebuilt = await runSluice(addresses, scene, 'rebuild', index).ended;
  assert.ok(rebuilt.code === 0 || /was rebuilt into|is being rebuilt already/.test(rebuilt.output), rebuilt.output);
  await until('the alias names the new generation', async () =>
    (await generationBehind(elasticsearch, index)) === `${index}-000002` &&
    (await phaseOf(elasticsearch, index)) === 'warm'
      ? true
      : undefined,
  );

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
