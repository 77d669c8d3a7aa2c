import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { SourceRecord } from '../../src/model/record.ts';
import { budget } from './budget.ts';
import type { Instance, World } from './pipeline-world.ts';
import {
  createWorld,
  faultKinds,
  faultsOf,
  indexOf,
  unreachableFault,
  fold,
  limits,
  partitions,
  isPoison,
  poisonAfter,
  unreadable,
  withheldMark,
} from './pipeline-world.ts';

const instanceCount = 2;

/** Which instance owns each partition; an instance that is `absent` is thrown out of the group without being told. */
const generation = fc.record({
  kind: fc.constant('rebalance' as const),
  owners: fc.tuple(fc.nat(1), fc.nat(1), fc.nat(1)),
  absent: fc.option(fc.nat(1), { nil: undefined, freq: 2 }),
});

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('append' as const), key: fc.nat(8), value: fc.nat(11) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('deliver' as const),
      instance: fc.nat(1),
      partition: fc.nat(partitions.length - 1),
      count: fc.integer({ min: 1, max: 8 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      which: fc.nat(),
      fault: fc.nat(faultKinds - 1),
      seed: fc.nat(7),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(1, 20, 200, 20_000) }),
  },
  { weight: 2, arbitrary: generation },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), instance: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('heartbeats' as const), instance: fc.nat(1), answered: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('block' as const), isBlocked: fc.boolean() }) },
);

type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

/** The instances as they are now; a killed one is replaced by another that waits for the next rebalance. */
interface Cast {
  readonly world: World;
  readonly living: Instance[];
  readonly dead: Instance[];
}

const letterCount = ({ living, dead }: Cast): number =>
  [...living, ...dead].reduce((sum, { deadLetters }) => sum + deadLetters.letters.length, 0);

async function rebalance(cast: Cast, owners: readonly number[], absent?: number): Promise<void> {
  const present = cast.living.filter((_, number) => number !== absent);
  const assignments = present.map((instance) => {
    const owned = partitions.filter((_, number) => present[(owners[number] ?? 0) % present.length] === instance);
    return [instance.member, owned] as const;
  });
  const done = cast.world.log.rebalance(new Map(assignments));
  await turn();
  for (const { clock } of cast.living) clock.advance(50);
  await done;
}

async function play(cast: Cast, step: Action, texts: { count: number }): Promise<void> {
  const { world, living, dead } = cast;
  switch (step.kind) {
    case 'append': {
      texts.count += 1;
      const to = partitions[step.key % partitions.length] ?? assert.fail();
      const value = [null, null, poisonAfter(documentsOf(world.log.records(to)).get(`k${step.key}`)), unreadable][
        step.value
      ];
      const part = step.value < 8 ? withheldMark : `"kept":${texts.count}`;
      const text = value === undefined ? `{"n":${texts.count},${part}}` : value;
      world.log.append(to, `k${step.key}`, text);
      return;
    }
    case 'deliver':
      living[step.instance]?.member.deliver(partitions[step.partition] ?? assert.fail(), step.count);
      return;
    case 'answer':
      world.sink.held[step.which % Math.max(1, world.sink.held.length)]?.answer(
        faultsOf(step.fault, step.seed, world.isBlocked),
      );
      return;
    case 'advance':
      for (const { clock } of living) clock.advance(step.ms);
      return;
    case 'rebalance':
      await rebalance(cast, step.owners, step.absent);
      return;
    case 'kill': {
      // Its timers stand still from now on and nothing reaches it; its requests may still arrive.
      const killed = living[step.instance];
      if (killed === undefined) return;
      dead.push(killed);
      living[step.instance] = world.start(0);
      await rebalance(cast, [step.instance, 1 - step.instance, step.instance]);
      return;
    }
    case 'restart':
      // Elasticsearch, after a flush: requests that it has not answered die with it, and it forgets what was deleted.
      for (const request of [...world.sink.held]) request.answer(faultsOf(unreachableFault, 0));
      world.sink.forgetDeletes();
      return;
    case 'heartbeats':
      living[step.instance]?.member.setFresh(step.answered);
      return;
    case 'block':
      world.block('others', step.isBlocked);
  }
}

/** Key → document after the records; undefined where the last of them deleted it. */
function documentsOf(records: readonly SourceRecord[]): ReadonlyMap<string, string | undefined> {
  const documents = new Map<string, string | undefined>();
  for (const record of records) {
    const text = record.value?.toString();
    if (isPoison(text) || text === unreadable) continue;
    const key = String(record.key);
    documents.set(key, text === undefined ? undefined : fold(documents.get(key), text));
  }
  return documents;
}

/** Lets everything come to rest: no more faults. */
async function rest(cast: Cast): Promise<void> {
  const { world, living } = cast;
  await rebalance(cast, [0, 1, 0]);
  let rounds = 0;
  for (let idle = 0; idle < 3;) {
    rounds += 1;
    assert.ok(rounds < 5000, 'it never comes to rest');
    const delivered = living.reduce(
      (sum, { member }) => sum + partitions.reduce((count, partition) => count + member.deliver(partition, 8), 0),
      0,
    );
    for (const request of [...world.sink.held]) request.answer(faultsOf(0, 0));
    await turn();
    for (const { clock } of living) clock.advance(200);
    await turn();
    const held = living.reduce((sum, { pipeline }) => sum + pipeline.status().recordsHeld, 0);
    const quiet = delivered === 0 && world.sink.held.length === 0 && held === 0;
    idle = quiet ? idle + 1 : 0;
    if (!quiet) for (const { clock } of living) clock.advanceToNext();
  }
}

/** While an index takes nothing, the records of all others are settled and committed (G6). */
async function restBeside(cast: Cast, index: string): Promise<void> {
  const { world, living } = cast;
  const append = (place: (typeof partitions)[number], count: number): void => {
    for (let n = 0; n < count; n += 1) {
      world.log.append(place, `k${place.partition}${n % 3}`, `{"n":${1000 + n},"kept":${n}}`);
    }
  };
  const round = async (): Promise<void> => {
    for (const { member } of living) for (const place of partitions) member.deliver(place, 8);
    for (const request of [...world.sink.held]) request.answer(faultsOf(0, 0, world.isBlocked));
    await turn();
    for (const { clock } of living) clock.advance(200);
    await turn();
  };
  world.block(index, true);
  await rebalance(cast, [0, 1, 0]);
  // More than the memory holds, and only then something for the others to do.
  for (const place of partitions) if (indexOf(place.topic) === index) append(place, 40);
  for (let rounds = 0; rounds < 8; rounds += 1) await round();
  const others = partitions.filter(({ topic }) => indexOf(topic) !== index);
  for (const place of others) append(place, 2);
  const isDone = (): boolean => others.every((place) => world.log.committed(place) === world.log.records(place).length);
  for (let rounds = 0; !isDone(); rounds += 1) {
    assert.ok(rounds < 500, 'a blocked index stops another');
    await round();
  }
}

test('any interleaving of deliveries, answers, faults, rebalances, kills and time ends with the index equal to the log (G1–G6, G10)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 120, size: 'max' }), fc.nat(3), async (actions, letterFailures) => {
      const world = createWorld();
      const living = Array.from({ length: instanceCount }, () => world.start(letterFailures));
      const cast: Cast = { world, living, dead: [] };
      const texts = { count: 0 };
      await rebalance(cast, [0, 1, 1]);
      for (const step of actions) {
        await play(cast, step, texts);
        await turn();
        assertOneInFlight(cast);
        assertSettledBelowCommitted(cast);
      }
      await restBeside(cast, 'others');
      world.block('others', false);
      await rest(cast);
      assertIndexEqualsLog(cast);
      for (const { pipeline, member } of living) {
        const { accounts, bytesHeld } = pipeline.status();
        const ignored = Object.values(accounts.ignored).reduce((sum, count) => sum + count, 0);
        const { consumed, applied, superseded, coalesced, deadLettered, abandoned } = accounts;
        assert.equal(consumed, applied + superseded + coalesced + deadLettered + abandoned + ignored, 'G5');
        assert.equal(bytesHeld, 0);
        assert.equal(member.unreleased(), 0, 'the memory of a record was not given back');
        assert.ok(member.refused() <= actions.length * partitions.length);
      }
      for (const { stop, clock } of living) {
        const stopped = stop();
        await turn();
        clock.advance(50);
        assert.deepEqual(await stopped, { recordsLeft: 0 });
        assert.equal(clock.sleepers(), 0, 'a timer was left behind');
      }
    }),
    budget(1500),
  );
});

/** G3: no instance has a document in two requests at once. */
function assertOneInFlight({ living }: Cast): void {
  for (const { inFlight } of living) {
    const requests = inFlight();
    const ids = requests.flat();
    assert.equal(new Set(ids).size, ids.length, 'a document is in two requests at once');
    // Beside the limit, one of each index that is held.
    assert.ok(requests.length <= limits.maxRequests + partitions.length - 1);
  }
}

/** G1: of what lies below a committed offset, the last good text of each key is in the index, or something newer is. */
function assertSettledBelowCommitted(cast: Cast): void {
  for (const partition of partitions) {
    const records = cast.world.log.records(partition);
    const committed = cast.world.log.committed(partition);
    const settled = records.slice(0, committed);
    if (settled.some((record) => record.value?.toString() === unreadable)) {
      assert.ok(letterCount(cast) > 0, 'committed before its dead letter was durable');
    }
    for (const [key, text] of documentsOf(settled)) {
      const newer = records.slice(committed).some((record) => String(record.key) === key);
      if (!newer) {
        assert.equal(
          cast.world.sink.sources().get(`${indexOf(partition.topic)}/${key}`),
          text,
          `${key} was committed before it was written`,
        );
      }
    }
  }
}

function assertIndexEqualsLog(cast: Cast): void {
  const { world, living, dead } = cast;
  const letters = new Set(
    [...living, ...dead].flatMap(({ deadLetters }) =>
      deadLetters.letters.map(({ record }) => `${record.topic}/${record.partition}/${record.offset}`),
    ),
  );
  const expected = new Map<string, string>();
  for (const partition of partitions) {
    const records = world.log.records(partition);
    records.forEach((record, position) => {
      const text = record.value?.toString();
      if (isPoison(text) || text === unreadable) assertKept(record, records.slice(position + 1), letters);
    });
    for (const [key, text] of documentsOf(records))
      if (text !== undefined) {
        expected.set(`${indexOf(partition.topic)}/${key}`, text);
      }
    assert.equal(world.log.committed(partition), records.length, 'all committed');
  }
  assert.deepEqual(new Map([...world.sink.sources()].sort()), new Map([...expected].sort()), 'index = source');
}

/** A refused write may have been replaced by a newer one before it was ever sent: then nothing is lost. */
function assertKept(record: SourceRecord, later: readonly SourceRecord[], letters: ReadonlySet<string>): void {
  if (letters.has(`${record.topic}/${record.partition}/${record.offset}`)) return;
  const newer = later.some((other) => String(other.key) === String(record.key));
  assert.ok(newer && isPoison(record.value?.toString()), `${record.offset} is neither indexed nor dead-lettered`);
}
