import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCustody } from '../../../src/rebuild/custody.ts';
import type { PartitionPosition } from '../../../src/rebuild/handover.ts';
import type { Brokers, Signals } from '../../../src/rebuild/ports.ts';
import type { SnapshotPlan } from '../../../src/rebuild/snapshot-request.ts';
import {
  contradiction,
  createSnapshotSource,
  requestOf,
  takeAsComplete,
} from '../../../src/rebuild/snapshot-source.ts';
import { controlOf, storedIn } from '../../contract/control-store.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { createMemoryControlStore } from '../../fakes/memory-control-store.ts';

const plan: SnapshotPlan = {
  kind: 'incremental',
  prefix: 'db',
  collections: ['i.people'],
  channel: { kind: 'topic', name: 'signals' },
  notificationTopic: 'notes',
};

const byTable: SnapshotPlan = {
  kind: 'incremental',
  prefix: 'db',
  collections: ['i.people'],
  channel: { kind: 'table', name: 'i.signals' },
};

/** Brokers with three topics in memory, and a rebuild of `people` that waits for a snapshot. */
async function setWorld(asked = plan) {
  const sent: string[] = [];
  const notes: string[] = [];
  const said: string[] = [];
  const position: { end: number; committed: number } = { end: 10, committed: 10 };
  const signals: Signals = {
    ends: (topic) => Promise.resolve(topic === 'signals' ? { 'signals/0': sent.length } : undefined),
    send: (topic, key, value) => {
      sent.push(`${topic} ${key} ${value}`);
      return Promise.resolve();
    },
    holds: (_, since, isIt) =>
      Promise.resolve(sent.slice(since['signals/0']).some((text) => isIt(text.slice(text.indexOf('{'))))),
    follow: (_, __, take) => {
      let taken = 0;
      const catchUp = (): Promise<void> => {
        for (const note of notes.slice(taken)) take(note);
        taken = notes.length;
        return Promise.resolve();
      };
      return Promise.resolve({ catchUp, [Symbol.asyncDispose]: () => Promise.resolve() });
    },
  };
  const positions = (): readonly PartitionPosition[] => [{ topic: 't', partition: 0, start: 0, ...position }];
  const brokers: Brokers = {
    positions: () => Promise.resolve(positions()),
    group: () => Promise.reject(new Error('nobody asks')),
    history: () => Promise.reject(new Error('nobody asks')),
    forget: () => Promise.resolve(),
  };
  const clock = createManualClock();
  const store = createMemoryControlStore();
  const { signal } = new AbortController();
  const custody = createCustody({ store, document: 'people', clock, waiting: () => undefined, signal });
  const snapshot = await requestOf(asked, 'ours', { signals });
  await store.create({ ...controlOf('people'), snapshot });
  const options = { document: 'people', custody, brokers, signals, clock, say: (text: string) => said.push(text) };
  const control = async () => (await storedIn(store, 'people')).control;
  let source = createSnapshotSource(options);
  return {
    ...{ sent, notes, said, position, options, signals, control, clock },
    obstacle: async () => source.obstacle(await control(), positions()),
    restart: () => (source = createSnapshotSource(options)),
    note: (type: string, details: Readonly<Record<string, string>> = {}) => {
      const told = { id: 'ours', aggregate_type: 'Incremental Snapshot', additional_data: details, timestamp: 1, type };
      notes.push(JSON.stringify(told));
    },
  };
}

test('a snapshot is asked for once, whatever is killed', async () => {
  const world = await setWorld();
  const { send } = world.signals;
  const killed = createSnapshotSource({
    ...world.options,
    signals: {
      ...world.signals,
      send: async (topic, key, value) => {
        await send(topic, key, value);
        throw new Error('killed');
      },
    },
  });
  await assert.rejects(async () => killed.obstacle(await world.control(), []), /killed/);
  assert.equal((await world.control()).snapshot?.asked, false);
  await world.obstacle();
  assert.equal((await world.control()).snapshot?.asked, true);
  world.restart();
  await world.obstacle();
  assert.equal(world.sent.length, 1);
  assert.match(String(world.sent[0]), /^signals db \{"id":"ours","type":"execute-snapshot"/);
});

test('the handover waits until the snapshot is complete, its last records have come, and the load has passed them', async () => {
  const world = await setWorld();
  assert.match(String(await world.obstacle()), /has not told that the snapshot began/);
  world.note('STARTED');
  assert.match(String(await world.obstacle()), /is not complete/);
  world.note('TABLE_SCAN_COMPLETED', { scanned_collection: 'i.people', status: 'SUCCEEDED' });
  world.note('COMPLETED');
  assert.match(String(await world.obstacle()), /may be on their way/);
  // Late, and counted all the same.
  world.position.end = 20;
  world.clock.advance(4999);
  assert.match(String(await world.obstacle()), /may be on their way/);
  world.clock.advance(4999);
  assert.match(String(await world.obstacle()), /may be on their way/);
  world.clock.advance(1);
  assert.match(String(await world.obstacle()), /not loaded yet/);
  assert.deepEqual((await world.control()).snapshot?.complete, { by: 'notification', ends: { 't/0': 20 } });
  world.position.end = 30;
  world.restart();
  assert.match(String(await world.obstacle()), /not loaded yet/);
  world.position.committed = 20;
  assert.equal(await world.obstacle(), undefined);
});

test('under traffic that never ends, the last records of the snapshot are waited for half a minute', async () => {
  const world = await setWorld();
  world.note('STARTED');
  world.note('TABLE_SCAN_COMPLETED', { scanned_collection: 'i.people', status: 'SUCCEEDED' });
  world.note('COMPLETED');
  for (let second = 0; second < 30; second += 1) {
    assert.match(String(await world.obstacle()), /may be on their way/);
    world.position.end += 1;
    world.clock.advance(1000);
  }
  assert.match(String(await world.obstacle()), /not loaded yet/);
});

test('a snapshot that ended without its table ends the rebuild', async () => {
  const world = await setWorld();
  world.note('STARTED');
  world.note('TABLE_SCAN_COMPLETED', { scanned_collection: 'i.people', status: 'NO_PRIMARY_KEY' });
  world.note('COMPLETED');
  await assert.rejects(world.obstacle(), /without having read i\.people \(NO_PRIMARY_KEY\); begin anew with --restart/);
});

test('by a table and without notifications: the statement is told with each start, and the operator says when it is complete', async () => {
  const world = await setWorld(byTable);
  for (const start of [1, 2]) {
    assert.match(String(await world.obstacle()), /say `sluice rebuild people --snapshot-complete`$/);
    await world.obstacle();
    assert.equal(world.said.length, start);
    world.restart();
  }
  assert.match(String(world.said[1]), /if you have not yet: INSERT INTO i\.signals \(id, type, data\) VALUES \('ours'/);
  assert.deepEqual(world.sent, []);
  await takeAsComplete(world.options);
  assert.equal(await world.obstacle(), undefined);
  assert.equal((await world.control()).snapshot?.complete?.by, 'operator');
});

test('a signal topic that is not there is refused before anything is begun', async () => {
  const world = await setWorld();
  const channel = { kind: 'topic', name: 'nothing' } as const;
  await assert.rejects(requestOf({ ...plan, channel }, 'x', world.options), /There is no topic nothing; make it/);
});

test('a rebuild goes on only with the kind of snapshot that it was begun with', async () => {
  const control = await (await setWorld()).control();
  assert.equal(contradiction('people', control, undefined), undefined);
  assert.equal(contradiction('people', control, plan), undefined);
  assert.equal(
    contradiction('people', control, { ...plan, kind: 'blocking' }),
    'The rebuild of people was begun with an incremental snapshot of i.people; begin anew with --restart.',
  );
  assert.match(String(contradiction('people', controlOf('people'), plan)), /was begun without a snapshot/);
});
