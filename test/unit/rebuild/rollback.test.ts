import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generationName, generationOf } from '../../../src/model/generation.ts';
import type { Generations } from '../../../src/documents/ports.ts';
import { createCustody } from '../../../src/rebuild/custody.ts';
import { toDualWrite, toSwapping, toWarm } from '../../../src/rebuild/handover.ts';
import type { Keeping } from '../../../src/rebuild/rollback.ts';
import { finish } from '../../../src/rebuild/rollback.ts';
import { controlOf } from '../../contract/control-store.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { createMemoryControlStore } from '../../fakes/memory-control-store.ts';

const now = '2026-01-31T00:00:00.000Z';
const dayMs = 86_400_000;

/** Finishes a rebuild into generation 4, of which 1, 2 and 3 were made 30, 10 and 1 days ago. */
async function finished(keeping: Keeping): Promise<readonly string[]> {
  const store = createMemoryControlStore();
  const control = { ...controlOf('docs'), from: generationName('docs', 3), to: generationName('docs', 4) };
  await store.create(toWarm(toSwapping(toDualWrite(control, now), control.to), now));
  const meta = { document: 'docs', definition: '', createdBy: '', epoch: 0, versions: 'offset' };
  const days = [30, 10, 1, 0];
  const none = () => assert.fail('nothing else is asked');
  const removed: string[] = [];
  const generations: Generations = {
    ...{ current: none, find: none, create: none, extend: none, finishLoading: none, swap: none },
    list: () =>
      Promise.resolve(
        days.map((ago, at) => ({
          ...generationOf('docs', generationName('docs', at + 1), meta),
          createdAtMs: Date.parse(now) - ago * dayMs,
        })),
      ),
    remove: ({ index }) => {
      removed.push(index);
      return Promise.resolve(undefined);
    },
  };
  const clock = createManualClock();
  const { signal } = new AbortController();
  const names = await finish(
    {
      ...{ document: 'docs', generations, clock, now: () => now, say: () => undefined },
      custody: createCustody({ store, document: 'docs', clock, waiting: none, signal }),
      comparison: { nameForWrites: none, refresh: none, sample: none, lacking: none, heldBy: none },
      brokers: { positions: none, group: none, history: none, forget: () => Promise.resolve() },
    },
    keeping,
  );
  assert.deepEqual(names, removed);
  assert.equal(((await store.read(['docs'])) as ReadonlyMap<string, unknown>).size, 0);
  return names.map((name) => name.slice(-1));
}

test('of the old generations those stay that count or age says, never the live one', async () => {
  assert.deepEqual(await finished({ count: 0, ageMs: 0 }), ['1', '2', '3']);
  assert.deepEqual(await finished({ count: 1, ageMs: 0 }), ['1', '2']);
  assert.deepEqual(await finished({ count: 0, ageMs: 7 * dayMs }), ['1', '2']);
  assert.deepEqual(await finished({ count: 2, ageMs: 7 * dayMs }), ['1']);
  assert.deepEqual(await finished({ count: 0, ageMs: 40 * dayMs }), []);
});
