/** G11: an index is made anew under traffic, and back, and forward; readers of the alias never notice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import {
  changeMapping,
  generationBehind,
  phaseOf,
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

/** Rows that nobody changes; the reader must always find each of them. */
const stillRows = 200_000;

test('an index whose mapping changed is rebuilt under traffic with two instances, rolled back and forward, and equals its table each time', async (t) => {
  const name = 'rebuild';
  await using scene = await setRebuildScene(addresses, name, stillRows);
  const index = scene.indexOf('items');
  const sluice = (...args: string[]) => runSluice(addresses, scene, ...args);
  const options = { ...addresses, ...scene };
  await using first = await startReadySluice(options);
  await using second = await startReadySluice(options);
  await scene.caughtUp();
  // Refreshes, too: what the reader sees first is whole.
  await scene.expectEqual();
  await changeMapping(scene, name);
  await using traffic = startTraffic(scene, 500);
  await using reader = startReader(elasticsearch, index, stillRows);

  const startedAt = performance.now();
  const rebuilt = await sluice('rebuild', index).ended;
  t.diagnostic(`rebuilt in ${Math.round(performance.now() - startedAt)} ms`);
  assert.equal(rebuilt.code, 0, rebuilt.output);
  if (process.env['SLUICE_TEST_SHOW'] !== undefined) t.diagnostic(rebuilt.output);
  assert.equal(await generationBehind(elasticsearch, index), `${index}-000002`);
  await scene.caughtUp({ withinMs: 120_000 });
  const mapping = await (await fetch(`${elasticsearch}/${index}/_mapping`)).text();
  assert.match(mapping, /"changed_at":\{"type":"date_nanos"\}/);
  assert.match(mapping, /"name":\{"type":"text"/);

  const verified = await sluice('verify', index).ended;
  assert.equal(verified.code, 0, verified.output);

  for (const [args, generation] of [
    [['rollback', index], `${index}-000001`],
    [['rollback', index, '--forward'], `${index}-000002`],
  ] as const) {
    const swapped = await sluice(...args).ended;
    assert.equal(swapped.code, 0, swapped.output);
    assert.equal(await generationBehind(elasticsearch, index), generation);
  }
  const changes = await traffic.stop();
  await scene.caughtUp({ withinMs: 120_000 });
  await scene.expectEqual();
  await sluice('rollback', index).ended;
  await scene.expectEqual();
  assert.equal((await sluice('rollback', index, '--forward').ended).code, 0);

  const finished = await sluice('rebuild', 'finish', index).ended;
  assert.equal(finished.code, 0, finished.output);
  assert.match(finished.output, /removed rebuild-items-000001/);
  assert.equal(await phaseOf(elasticsearch, index), undefined);
  await scene.inventory.query("UPDATE inventory.items SET name = 'after the end' WHERE id % 10 = 0 AND id < 3000");
  await scene.caughtUp();
  await scene.expectEqual();
  t.diagnostic(`${changes} changes, ${await reader.stop()} searches`);
  await fetch(`${elasticsearch}/${index}-000002`, { method: 'DELETE' });
  assert.deepEqual(await first.stop(), { code: 0, signal: null }, first.output());
  assert.deepEqual(await second.stop(), { code: 0, signal: null }, second.output());
});
