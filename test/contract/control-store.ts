/** What every store of control documents must do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Control } from '../../src/rebuild/handover.ts';
import type { ControlStore, Stored } from '../../src/rebuild/ports.ts';
import { isFailure } from '../../src/model/outcome.ts';

export function controlOf(document: string): Control {
  return {
    document,
    rebuild: 'r',
    phase: 'loading',
    from: `${document}-000001`,
    to: `${document}-000002`,
    live: `${document}-000001`,
    groupId: 'g',
    definition: 'd',
    created: false,
    startedAt: '2026-01-01T00:00:00.000Z',
    startedBy: 'test',
    lease: { holder: 'h', count: 0 },
    acknowledged: {},
    refused: [],
    lost: [],
  };
}

export async function storedIn(store: ControlStore, document: string): Promise<Stored> {
  const found = await store.read([document]);
  assert.ok(!isFailure(found));
  return found.get(document) ?? assert.fail(`${document} is not there`);
}

/** `newStore` is called once a test and gives one that nothing is in. */
export function describeControlStore(name: string, newStore: () => ControlStore): void {
  test(`${name}: nothing is read before it is made, and it is made once`, async () => {
    const store = newStore();
    assert.deepEqual(await store.read(['a', 'b']), new Map());
    assert.equal(await store.create(controlOf('a')), 'done');
    assert.equal(await store.create({ ...controlOf('a'), rebuild: 'another' }), 'changed');
    assert.deepEqual((await storedIn(store, 'a')).control, controlOf('a'));
  });

  test(`${name}: of two changes of one version one is made`, async () => {
    const store = newStore();
    await store.create(controlOf('a'));
    const { control, mark } = await storedIn(store, 'a');
    const answers = await Promise.all([
      store.replace({ ...control, phase: 'dual-write' }, mark),
      store.replace({ ...control, phase: 'warm' }, mark),
    ]);
    assert.deepEqual([...answers].sort(), ['changed', 'done']);
    const { control: now } = await storedIn(store, 'a');
    assert.equal(now.phase, answers[0] === 'done' ? 'dual-write' : 'warm');
  });

  test(`${name}: what is gone cannot be changed, and a removal needs the newest version`, async () => {
    const store = newStore();
    await store.create(controlOf('a'));
    const { control, mark } = await storedIn(store, 'a');
    await store.replace({ ...control, phase: 'warm' }, mark);
    assert.equal(await store.remove('a', mark), 'changed');
    const newest = await storedIn(store, 'a');
    assert.equal(await store.remove('a', newest.mark), 'done');
    assert.equal(await store.replace(control, newest.mark), 'changed');
    assert.deepEqual(await store.read(['a']), new Map());
  });
}
