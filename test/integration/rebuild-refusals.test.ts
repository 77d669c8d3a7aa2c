/** What a rebuild refuses: one sentence each, and nothing changed. Without any instance running. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { until } from './poll.ts';
import { generationBehind, phaseOf, runSluice } from './rebuild-scene.ts';
import { setScene } from './scene.ts';
import { startReadySluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());
const { addresses } = stack;
const { elasticsearch } = addresses;

const name = 'rebuild_refusals';

test('what cannot be rebuilt is refused with one sentence and changes nothing; with no instance running a rebuild is made all the same', async (t) => {
  await using scene = await setScene({ ...addresses, name });
  const index = scene.indexOf('customers');
  const sluice = (...args: string[]) => runSluice(addresses, scene, ...args);
  const state = async (): Promise<string> => {
    const indexes = await fetch(`${elasticsearch}/_cat/indices/${index}*?h=index,uuid&s=index`);
    return `${await indexes.text()} ${await generationBehind(elasticsearch, index)} ${await phaseOf(elasticsearch, index)}`;
  };
  const mapping = (properties: string, fields = ''): Promise<void> =>
    writeFile(
      join(scene.documents, 'customers.yaml'),
      `document: ${index}\nfrom: ${name}.inventory.customers\n${fields}index: { mappings: { properties: ${properties} } }\n`,
    );

  await t.test('a document that has no index yet is given its first', async () => {
    const { code, output } = await sluice('rebuild', index).ended;
    assert.equal(code, 0, output);
    assert.match(output, /rebuild_refusals-customers is rebuild_refusals-customers-000001 now: its first index/);
    assert.equal(await phaseOf(elasticsearch, index), undefined);
  });

  const running = await startReadySluice({ ...addresses, ...scene });
  await scene.caughtUp();
  assert.deepEqual(await running.stop(), { code: 0, signal: null });
  const before = await state();

  await t.test('an unknown document', async () => {
    const { code, output } = await sluice('rebuild', 'nothing').ended;
    assert.equal(code, 2);
    assert.match(output, /There is no document "nothing"/);
  });

  await t.test('a rollback, a finish and an abort of nothing', async () => {
    for (const args of [
      ['rollback', index],
      ['rebuild', 'finish', index],
      ['rebuild', index, '--abort'],
    ]) {
      const { code, output } = await sluice(...args).ended;
      assert.equal(code, 1, output);
      assert.match(output, /Nothing is known of a rebuild of/);
    }
  });

  await t.test('a mapping that Elasticsearch refuses', async () => {
    await mapping('{ email: { type: no_such_type } }');
    const { code, output } = await sluice('rebuild', index).ended;
    assert.equal(code, 1, output);
    assert.match(output, /Elasticsearch refuses the index of "rebuild_refusals-customers"/);
    assert.equal(await state(), before);
  });

  await t.test('a dry run', async () => {
    await mapping('{ email: { type: text } }');
    const { code, output } = await sluice('rebuild', index, '--dry-run').ended;
    assert.equal(code, 0, output);
    assert.match(output, /rebuild_refusals\.inventory\.customers: 4 records at most, 0 gone/);
    assert.equal(await state(), before);
  });

  // It makes other documents than the file that the rebuilds below read, so they wait for it in the middle of the handover.
  await mapping('{}', 'fields: { email: { from: email, as: lowercase } }\n');
  const older = await startReadySluice({ ...addresses, ...scene });
  await mapping('{ email: { type: text } }');

  await t.test(
    'a second rebuild of one document; the first waits for an instance with an older mapping file',
    async () => {
      const first = sluice('rebuild', index);
      await until('the first waits for the instance', () =>
        Promise.resolve(first.output().includes('runs with another mapping file') ? true : undefined),
      );
      const { code, output } = await sluice('rebuild', index).ended;
      assert.equal(code, 1, output);
      assert.match(output, /is being rebuilt already, by /);
      first.kill();
      await first.ended;
      assert.equal(await phaseOf(elasticsearch, index), 'dual-write');
    },
  );

  await t.test('a control document that someone deleted', async () => {
    await fetch(`${elasticsearch}/sluice-control/_doc/${index}`, { method: 'DELETE' });
    const { code, output } = await sluice('rebuild', index).ended;
    assert.equal(code, 1, output);
    assert.match(output, /-000002 is there, and nothing says how far it came; was the control index deleted\?/);
    const { code: lost, output: said } = await sluice('rollback', index).ended;
    assert.equal(lost, 1);
    assert.match(said, /Nothing is known of a rebuild/);
  });
  assert.deepEqual(await older.stop(), { code: 0, signal: null });

  await t.test('without any instance', async () => {
    const { code, output } = await sluice('rebuild', index, '--restart').ended;
    assert.equal(code, 0, output);
    await scene.expectEqual();
    assert.equal(await generationBehind(elasticsearch, index), `${index}-000003`);
    const { code: finished, output: said } = await sluice('rebuild', 'finish', index).ended;
    assert.equal(finished, 0, said);
    assert.match(said, /removed rebuild_refusals-customers-000001, rebuild_refusals-customers-000002/);
    await fetch(`${elasticsearch}/${index}-000003`, { method: 'DELETE' });
  });
});
