/**
 * The version before, as a process of its own (`test/fixtures/upgrades`): what it left is taken over, and both versions work in one
 * group, whichever came first. A change of a format adds a version there.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { startStack } from '../stack/stack.ts';
import { unpackEarlierSluice } from './earlier-sluice.ts';
import { readLetters } from './letters.ts';
import { untilTrue } from './poll.ts';
import type { RowChange, Rows } from './rows.ts';
import { openRows } from './rows.ts';
import type { CommandResult, SluiceProcess } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());
const earlier = await unpackEarlierSluice('cf78ddc');
test.after(() => earlier[Symbol.asyncDispose]());

const mapping =
  'fields: { s: { from: s, as: lowercase } }\nindex: { mappings: { properties: { n: { type: integer } } } }\n';

/** Rows, and what a source would hold after them. */
async function setScene(story: string, partitions: number) {
  const name = `upgrade-${story}-${process.pid}`;
  const controlIndex = `${name}-control`;
  const environment = {
    SLUICE_KAFKA_SESSION_TIMEOUT_MS: '6000',
    SLUICE_REBUILD_POLL_MS: '300',
    SLUICE_REBUILD_CONTROL_INDEX: controlIndex,
  };
  const rows = await openRows({ ...stack.addresses, name, partitions, mapping, environment });
  const source = new Map<string, object>();
  return {
    rows,
    /** Sends changes, and remembers what the index must hold then. */
    change: async (changes: readonly RowChange[]): Promise<void> => {
      for (const { id, after } of changes) {
        if (after === null) source.delete(String(id));
        else source.set(String(id), after);
      }
      await rows.send(changes);
    },
    expectEqual: async (...indexes: readonly string[]): Promise<void> => {
      await rows.caughtUp();
      for (const index of indexes) assert.deepEqual(await contentsOf(rows, index), documentsOf(source));
    },
    [Symbol.asyncDispose]: async () => {
      for (const index of await indexesOf(rows)) await rows.elasticsearch('DELETE', index);
      await rows.elasticsearch('DELETE', controlIndex);
      await rows[Symbol.asyncDispose]();
    },
  };
}

const row = (id: number, s: string): RowChange => ({ id, after: { n: id, s } });
const range = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, at) => from + at);

function documentsOf(source: ReadonlyMap<string, object>): ReadonlyMap<string, object> {
  const documents = [...source].map(([id, after]) => {
    const s = 's' in after && typeof after.s === 'string' ? after.s.toLowerCase() : undefined;
    return [id, { id: Number(id), ...after, s }] as const;
  });
  return new Map(documents.toSorted(([a], [b]) => Number(a) - Number(b)));
}

async function contentsOf(rows: Rows, index: string): Promise<ReadonlyMap<string, object>> {
  await rows.elasticsearch('POST', `${index}/_refresh`);
  const answer = await rows.elasticsearch('GET', `${index}/_search?size=10000&sort=id`);
  const { hits } = (await answer.json()) as { hits: { hits: readonly { _id: string; _source: object }[] } };
  return new Map(hits.hits.map(({ _id, _source }) => [_id, _source]));
}

async function indexesOf({ elasticsearch, index }: Rows): Promise<readonly string[]> {
  const answer = await elasticsearch('GET', `_cat/indices/${index}-0*?h=index&s=index`);
  return (await answer.text()).trim().split('\n');
}

function expectDone({ code, stdout, stderr }: CommandResult): void {
  assert.equal(code, 0, stdout + stderr);
}

/** Of these two a rebuild of one version has as many: its control index has no shard at first, and writes cross its steps. */
const ofAnyRebuild = /"of":"control index"|"code":"HANDOVER_CHANGED"/;

/** What else a process logged at the level of a warning or above. */
const alarms = (service: SluiceProcess): readonly string[] =>
  service
    .output()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('{"level":"info"') && !ofAnyRebuild.test(line));

test('what the version before left is taken over: its index is written on, and its dead letter is read at its place', async () => {
  await using scene = await setScene('left', 1);
  const { rows, change } = scene;
  const old = rows.ofVersion(earlier.entry);
  {
    await using service = await old.startService();
    await change(range(1, 6).map((id) => row(id, 'A')));
    await rows.send([{ id: 9, after: { n: 'poison', s: 'B' } }]);
    await rows.caughtUp();
    assert.deepEqual(await service.stop(), { code: 0, signal: null }, service.output());
  }

  const { stdout: checked } = await rows.run('check');
  assert.match(checked, /✔ index upgrade-left-\d+: present/);
  assert.match(checked, /✔ indexes: nothing says that one is not whole/);
  await using service = await rows.startService();
  await change([row(1, 'CHANGED'), { id: 2, after: null }, row(6, 'NEW')]);
  await rows.send([{ id: 10, after: { n: 'poison', s: 'B' } }]);
  await scene.expectEqual(rows.index);
  assert.deepEqual(await indexesOf(rows), [`${rows.index}-000001`]);
  assert.deepEqual((await service.status()).doubts, {});
  const others = alarms(service).filter((line) => !line.includes('DOCUMENT_REJECTED'));
  assert.deepEqual(others, []);

  // A letter of either version has the same headers, and its record is found by them.
  const kafka = new Kafka({ brokers: [stack.addresses.kafka], logLevel: logLevel.NOTHING });
  const letters = await readLetters(kafka, `${rows.index}-dead-letters`, 2);
  const [left, made] = letters.map(({ headers = {} }) =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
  );
  for (const name of Object.keys(left ?? {})) assert.ok(name in (made ?? {}), name);
  const partition = left?.['__connect.errors.partition'] ?? '';
  const offset = left?.['__connect.errors.offset'] ?? '';
  const place = ['--partition', partition, '--from', offset, '--count', '1'];
  const planned = await rows.run('plan', rows.index, '--json', ...place);
  assert.match(planned.stdout, /"id":"9"/, planned.stdout + planned.stderr);
  const verified = await rows.run('verify', rows.index, '--json');
  const report = JSON.parse(verified.stdout.trim().split('\n').at(-1) ?? '') as {
    examples: { missing: readonly string[] };
  };
  assert.deepEqual(Object.keys(report.examples), ['missing']);
  assert.deepEqual(report.examples.missing.toSorted(), ['10', '9']);
});

test('both versions work in one group: a rolling upgrade, a step back, a rebuild that both see, and the end of the old one', async () => {
  await using scene = await setScene('rolling', 4);
  const { rows, change } = scene;
  const old = rows.ofVersion(earlier.entry);
  await using first = await old.startService();
  await change(range(0, 200).map((id) => row(id, 'FIRST')));
  await rows.caughtUp();

  /** Each step changes, adds and deletes rows while partitions move. */
  const traffic = async (step: number): Promise<void> => {
    for (let round = 0; round < 10; round += 1) {
      const at = step * 1000 + round * 10;
      await change(range(at, at + 10).map((id) => row(id, `STEP ${step}`)));
      await change(range(0, 20).map((id) => row(id, `STEP ${step} ROUND ${round}`)));
      await change(range(20 + step * 10 + round, 21 + step * 10 + round).map((id) => ({ id, after: null })));
    }
  };
  const [, second] = await Promise.all([traffic(1), rows.startService()]);
  await using newer = second;
  await scene.expectEqual(rows.index);
  const [, third] = await Promise.all([traffic(2), old.startService()]);
  await using again = third;
  await scene.expectEqual(rows.index);
  await Promise.all([traffic(3), first.stop()]);
  await scene.expectEqual(rows.index);

  const rebuilding = rows.run('rebuild', rows.index);
  await traffic(4);
  expectDone(await rebuilding);
  await scene.expectEqual(rows.index, `${rows.index}-000001`, `${rows.index}-000002`);
  await Promise.all([traffic(5), again.stop()]);
  await scene.expectEqual(rows.index, `${rows.index}-000001`);
  expectDone(await rows.run('rollback', rows.index));
  expectDone(await rows.run('rollback', rows.index, '--forward'));
  expectDone(await rows.run('rebuild', 'finish', rows.index));
  await traffic(6);
  await scene.expectEqual(rows.index);
  assert.deepEqual(await indexesOf(rows), [`${rows.index}-000002`]);
  assert.deepEqual(alarms(newer), []);
  expectDone(await rows.run('verify', rows.index));
});

test('an index that `rebuild` of the version before made can be rolled back, forward and finished by this one', async () => {
  await using scene = await setScene('rebuilt', 2);
  const { rows, change } = scene;
  const old = rows.ofVersion(earlier.entry);
  await change(range(0, 50).map((id) => row(id, 'A')));
  {
    await using service = await old.startService();
    await rows.caughtUp();
    expectDone(await old.run('rebuild', rows.index));
    await service.stop();
  }
  await using service = await rows.startService();
  await change([row(1, 'CHANGED'), { id: 2, after: null }]);
  const both = [`${rows.index}-000001`, `${rows.index}-000002`];
  await scene.expectEqual(rows.index, ...both);
  expectDone(await rows.run('rollback', rows.index));
  await change([row(3, 'BACK')]);
  await scene.expectEqual(rows.index, ...both);
  expectDone(await rows.run('rollback', rows.index, '--forward'));
  expectDone(await rows.run('rebuild', 'finish', rows.index));
  await scene.expectEqual(rows.index);
  assert.deepEqual(await indexesOf(rows), both.slice(1));
  assert.deepEqual(alarms(service), []);
  await untilTrue('nothing is in doubt', async () => Object.keys((await service.status()).doubts ?? {}).length === 0);
});
