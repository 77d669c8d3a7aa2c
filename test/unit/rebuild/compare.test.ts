/** A rebuild's comparison beside instances whose requests take eight seconds each. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CompareOptions } from '../../../src/rebuild/compare.ts';
import { compare } from '../../../src/rebuild/compare.ts';
import { createCustody } from '../../../src/rebuild/custody.ts';
import type { Comparison, Lacking } from '../../../src/rebuild/ports.ts';
import type { Progress } from '../../../src/rebuild/rebuild-options.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { createMemoryControlStore } from '../../fakes/memory-control-store.ts';

interface Write {
  readonly id: string;
  readonly isDelete?: boolean;
  /** Whether one of the generations never gets it. */
  readonly onlyIn?: 'old' | 'new';
}

const latencyMs = 8000;
const control = { from: 'old', to: 'new', groupId: 'rebuild', phase: 'dual-write' } as const;

/** A topic whose records come one a second; the rebuild has each at once, the instances eight seconds later. */
function worldOf(writes: readonly Write[], { stopsAt = Number.POSITIVE_INFINITY, firstMs = 0 } = {}) {
  const clock = createManualClock();
  const comeBy = (ms: number): number => Math.max(0, Math.min(writes.length, Math.floor((ms - firstMs) / 1000) + 1));
  const end = (): number => comeBy(clock.nowMs());
  const reached = (group: string): number =>
    group === 'rebuild' ? end() : Math.min(stopsAt, Math.max(0, comeBy(clock.nowMs() - latencyMs)));
  const documentsOf = (index: string): ReadonlyMap<string, number> => {
    const documents = new Map<string, number>();
    const upTo = index === 'new' ? end() : reached('live');
    for (const [offset, { id, isDelete, onlyIn }] of writes.slice(0, upTo).entries()) {
      if (onlyIn !== undefined && onlyIn !== index) continue;
      if (isDelete === true) documents.delete(id);
      else documents.set(id, offset);
    }
    return documents;
  };
  const lackingOf = (ids: readonly string[]): readonly Lacking[] => {
    const [old, fresh] = [documentsOf('old'), documentsOf('new')];
    return ids.flatMap((id) => {
      const [one, other] = [old.get(id), fresh.get(id)];
      return one === undefined || (other ?? -1) >= one ? [] : [{ id, version: String(one) }];
    });
  };
  const none = () => assert.fail('nothing else is asked');
  const comparison: Comparison = {
    ...{ nameForWrites: none, refresh: none, heldBy: none },
    sample: () => {
      const [old, fresh] = [documentsOf('old'), documentsOf('new')];
      const ids = [...new Set([...old.keys(), ...fresh.keys()])];
      const ahead = ids.filter((id) => (fresh.get(id) ?? -1) > (old.get(id) ?? -1)).length;
      const counts = { from: old.size, to: fresh.size };
      return Promise.resolve({ compared: ids.length, lacking: lackingOf(ids), ahead, counts });
    },
    lacking: (_from, _to, places) => Promise.resolve(lackingOf(places.map(({ id }) => id))),
  };
  const told: Progress[] = [];
  const said: string[] = [];
  const { signal } = new AbortController();
  const options: CompareOptions = {
    acceptDifferences: false,
    clock,
    comparison,
    groupId: 'live',
    custody: createCustody({
      ...{ store: createMemoryControlStore(), document: 'docs', clock, signal },
      waiting: () => undefined,
    }),
    brokers: {
      ...{ history: none, forget: none },
      positions: (group) =>
        Promise.resolve([{ topic: 't', partition: 0, start: 0, end: end(), committed: reached(group) }]),
      group: () =>
        Promise.resolve({ settled: true, owners: new Map(stopsAt < writes.length ? [] : [['t/0', 'member']]) }),
    },
    say: (sentence) => said.push(sentence),
    tell: (progress) => told.push(progress),
  };
  return { clock, options, told, said, signal };
}

async function compared(world: ReturnType<typeof worldOf>, startAtMs: number, withinMs = 120_000) {
  const { clock, options, signal } = world;
  clock.advance(startAtMs);
  let result: readonly string[] | undefined;
  void compare(options, control, signal).then((differences) => (result = differences));
  while (result === undefined && clock.nowMs() < startAtMs + withinMs) {
    await new Promise(setImmediate);
    clock.advanceToNext();
  }
  return result;
}

const inserts = Array.from({ length: 10 }, (_, n): Write => ({ id: `d${n}` }));

test('instances that are eight seconds behind are waited for: what they have not deleted yet is not missing in the new generation', async () => {
  const deletes = inserts.map(({ id }): Write => ({ id, isDelete: true }));
  const world = worldOf([...inserts, ...deletes]);
  assert.deepEqual(await compared(world, 19_000), []);
  assert.match(world.told[0]?.waitingFor ?? '', /^the instances are 8 records behind/);
  assert.ok(world.clock.nowMs() >= 19_000 + latencyMs - 1000);
});

test('a document that the new generation lacks is found beside instances that are behind, and only that one', async () => {
  const deletes = inserts.slice(5).map(({ id }): Write => ({ id, isDelete: true }));
  const world = worldOf([{ id: 'lost', onlyIn: 'old' }, ...inserts, ...deletes]);
  const differences = await compared(world, 15_000);
  assert.equal(differences?.length, 1);
  assert.match(differences[0] ?? '', /^new lacks 1 of 8 documents .* such as "lost"$/);
});

test('a document that the new generation has in an older version is a difference; a newer one, or one that only it has, is told', async () => {
  const older = worldOf([{ id: 'a' }, { id: 'a', onlyIn: 'old' }]);
  assert.match((await compared(older, 20_000))?.[0] ?? '', /"a"$/);
  const healed = worldOf([{ id: 'a' }, { id: 'a', onlyIn: 'new' }, { id: 'dead letter', onlyIn: 'new' }]);
  assert.deepEqual(await compared(healed, 20_000), []);
  assert.match(healed.said[0] ?? '', /Of 2 that were compared 2 are newer in new, or only there/);
});

test('nothing is refused because no instance runs: the comparison waits for one and says so', async () => {
  const world = worldOf([...inserts, { id: 'd0', isDelete: true }], { stopsAt: 10 });
  assert.equal(await compared(world, 30_000), undefined);
  assert.match(world.told.at(-1)?.waitingFor ?? '', /no instance of the group live runs, and it is 1 records behind/);
});

test('differences that are accepted are not waited for', async () => {
  const world = worldOf([...inserts, { id: 'd0', isDelete: true }], { stopsAt: 10 });
  const accepting = { ...world, options: { ...world.options, acceptDifferences: true } };
  assert.equal((await compared(accepting, 30_000))?.length, 1);
});

test('a document that changed between two looks is no difference yet: it is compared once more', async () => {
  const world = worldOf(inserts);
  const looks: (readonly Lacking[])[] = [[{ id: 'hot', version: '1' }], [{ id: 'hot', version: '2' }], []];
  const lacking = () => Promise.resolve(looks.shift() ?? []);
  const sample: Comparison['sample'] = async () => {
    return { compared: 1, lacking: await lacking(), ahead: 0, counts: { from: 1, to: 1 } };
  };
  const options = { ...world.options, comparison: { ...world.options.comparison, sample, lacking } };
  assert.deepEqual(await compared({ ...world, options }, 30_000), []);
  assert.equal(looks.length, 0);
});
