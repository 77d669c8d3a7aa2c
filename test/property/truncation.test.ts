import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { SourceRecord } from '../../src/model/record.ts';
import { budget } from './budget.ts';
import type { Instance, World } from './pipeline-world.ts';
import { createWorld, faultKinds, faultsOf, truncated } from './pipeline-world.ts';

const partition = { topic: 't', partition: 0 };

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), key: fc.nat(9), deletes: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 8 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      which: fc.nat(),
      fault: fc.nat(faultKinds - 1),
      seed: fc.nat(7),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(1, 20, 200, 20_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const), tells: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
);

type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

/** The instance that owns the partition, and those that owned it before and may still have requests under way. */
interface Cast {
  readonly world: World;
  readonly all: Instance[];
  owner: Instance;
}

/** The table's rows after the records: what a truncate leaves is nothing. */
function rowsAfter(records: readonly SourceRecord[]): ReadonlyMap<string, string> {
  const rows = new Map<string, string>();
  for (const { key, value } of records) {
    const text = value?.toString();
    if (text === truncated) rows.clear();
    else if (text === undefined) rows.delete(`docs/${String(key)}`);
    else rows.set(`docs/${String(key)}`, text);
  }
  return rows;
}

/** Another instance gets the partition. One that is not told goes on with what it has, and its commits are refused. */
async function handOver(cast: Cast, tells: boolean): Promise<void> {
  const before = cast.owner;
  cast.owner = cast.world.start(0);
  cast.all.push(cast.owner);
  const assignments = new Map([[cast.owner.member, [partition]]]);
  if (tells) assignments.set(before.member, []);
  const done = cast.world.log.rebalance(assignments);
  await turn();
  for (const { clock } of cast.all) clock.advance(50);
  await done;
}

async function play(cast: Cast, step: Action, count: number): Promise<void> {
  const { world, owner } = cast;
  switch (step.kind) {
    case 'write':
      world.log.append(partition, `k${step.key}`, step.deletes ? null : `{"n":${count}}`);
      return;
    case 'truncate':
      world.log.append(partition, null, truncated);
      return;
    case 'deliver':
      owner.member.deliver(partition, step.count);
      return;
    case 'answer':
      world.sink.held[step.which % Math.max(1, world.sink.held.length)]?.answer(faultsOf(step.fault, step.seed));
      return;
    case 'advance':
      owner.clock.advance(step.ms);
      return;
    case 'move':
    case 'kill':
      await handOver(cast, step.kind === 'move' && step.tells);
  }
}

async function rest(cast: Cast): Promise<void> {
  const { world, owner } = cast;
  for (let idle = 0, rounds = 0; idle < 3; rounds += 1) {
    assert.ok(rounds < 5000, 'it never comes to rest');
    const delivered = owner.member.deliver(partition, 8);
    const held = [...world.sink.held];
    for (const request of held) request.answer();
    for (let n = 0; n < 4; n += 1) await turn();
    const busy = owner.pipeline.status().recordsHeld > 0;
    const committed = world.log.committed(partition) === world.log.records(partition).length;
    for (const { clock } of cast.all) clock.advance(200);
    idle = delivered > 0 || held.length > 0 || busy || !committed ? 0 : idle + 1;
  }
}

test('whatever a truncate is interleaved with, and whoever dies, the index ends equal to the table', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 100, size: 'max' }), async (actions) => {
      const world = createWorld();
      const first = world.start(0);
      const cast: Cast = { world, all: [first], owner: first };
      await world.log.rebalance(new Map([[first.member, [partition]]]));
      let count = 0;
      for (const step of actions) {
        count += 1;
        await play(cast, step, count);
        await turn();
        assertCommittedIsSettled(world);
      }
      await rest(cast);
      const expected = rowsAfter(world.log.records(partition));
      assert.deepEqual(new Map([...world.sink.sources()].sort()), new Map([...expected].sort()));
      const { accounts, bytesHeld } = cast.owner.pipeline.status();
      assert.equal(accounts.consumed, accounts.applied + accounts.superseded + accounts.coalesced, 'G5');
      assert.equal(bytesHeld, 0);
    }),
    budget(1500),
  );
});

/** G1: what was committed is so in the index, but for rows that changed later. */
function assertCommittedIsSettled({ log, sink }: World): void {
  const committed = log.committed(partition);
  const later = log.records(partition).slice(committed);
  if (later.some(({ value }) => value?.toString() === truncated)) return;
  const changed = new Set(later.map(({ key }) => `docs/${String(key)}`));
  const settled = rowsAfter(log.records(partition).slice(0, committed));
  for (const place of new Set([...settled.keys(), ...sink.sources().keys()])) {
    if (!changed.has(place)) assert.equal(sink.sources().get(place), settled.get(place), `${place}, ${committed}`);
  }
}
