/**
 * Real records, damaged in every way that we could think of: no crash, no hang, no growth, no placeholder and no wrong digit in a
 * document, and one outcome for each.
 *
 * SLUICE_FUZZ_RECORDS says how many, SLUICE_FUZZ_SEED which; a failure prints both. The same records every time unless told, so
 * that a failure is one of what was changed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createDecoder } from '../../src/envelope/decoder.ts';
import type { ReadFrame } from '../../src/model/frame.ts';
import { offset } from '../../src/model/position.ts';
import type { SourceRecord } from '../../src/model/record.ts';
import { documentedNames, documentedRecord } from '../fixtures/documented.ts';
import { loadRecording } from '../fixtures/recordings.ts';
import { settings } from '../fixtures/settings.ts';
import { createDice, mutated } from './fuzz-mutations.ts';
import { type Topic, createFuzzWorld } from './fuzz-world.ts';

const count = Number(process.env['SLUICE_FUZZ_RECORDS'] ?? 8000);
const seed = Number(process.env['SLUICE_FUZZ_SEED'] ?? 7);
/** Records of one topic that are handed over together. */
const batchCount = 20;
/** Of a record of some kilobytes; a garbage collection and a busy machine included. */
const maxRecordMs = 2000;
const maxGrowthBytes = 8 * 1024 ** 2;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

function topicOf(name: string, records: readonly SourceRecord[], compared: boolean, readFrame?: ReadFrame): Topic[] {
  const [first, ...rest] = records;
  if (first === undefined) return [];
  const decode = createDecoder(undefined, readFrame && { readFrame });
  const columns = records.flatMap((record) => {
    const event = decode(record);
    return 'after' in event ? [event.after.columns] : [];
  });
  return [{ name, records: [first, ...rest], readFrame, columns: columns[0] ?? [], compared }];
}

/** All topics that were recorded, each under a name of its own, and one for each documented record. */
async function loadTopics(): Promise<ReadonlyMap<string, Topic>> {
  const recorded = await Promise.all(
    settings.map(async (setting) => {
      const { topics, readFrame } = await loadRecording(setting);
      return [...topics].flatMap(([name, records]) =>
        topicOf(`${setting.database}/${setting.name}/${name}`, records, name.includes('.fixtures.'), readFrame),
      );
    }),
  );
  const documented = documentedNames.flatMap((name) => topicOf(name, [documentedRecord(name)], false));
  return new Map([...recorded.flat(), ...documented].map((topic) => [topic.name, topic]));
}

const all = [...(await loadTopics()).values()];

interface Run {
  readonly topics: readonly Topic[];
  readonly records: number;
  readonly replay: string;
}

/** Damages records and hands them over; fails at the first that is not as it must be. */
async function fuzz({ topics, records: count, replay }: Run) {
  const world = createFuzzWorld(new Map(topics.map((topic) => [topic.name, topic])));
  const dice = createDice(seed);
  const oneOf = <T>(choices: readonly T[]): T => {
    const chosen = choices[dice.below(choices.length)];
    assert.ok(chosen !== undefined);
    return chosen;
  };
  let heapAtStart: number | undefined;
  let taken = 0;
  while (taken < count) {
    if (taken >= count / 10) heapAtStart ??= heapBytes();
    const topic = oneOf(topics);
    const from = oneOf([topic, oneOf(all)]);
    const records = Array.from({ length: batchCount }, (_, nth) => {
      const damaged = mutated(oneOf(topic.records), oneOf(from.records), dice);
      return { ...damaged, topic: topic.name, partition: 0, offset: offset(taken + nth) };
    });
    taken += batchCount;
    await world.take(topic, records);
    assert.deepEqual(world.wrong, [], replay);
  }
  const growth = heapBytes() - (heapAtStart ?? 0);
  const { consumed, applied, superseded, coalesced, deadLettered, ignored } = world.accounts();
  const ignoredCount = Object.values(ignored).reduce((sum, records) => sum + records, 0);
  assert.equal(consumed, taken, replay);
  assert.equal(applied + superseded + coalesced + deadLettered + ignoredCount, taken, replay);
  assert.ok(applied + superseded + coalesced > taken / 10, `most records are still read: ${replay}`);
  assert.ok(world.seen.slowestMs < maxRecordMs, `a record took ${world.seen.slowestMs} ms: ${replay}`);
  assert.deepEqual(await world.stop(), { recordsLeft: 0 });
  const { letters, documents, numbers, slowestMs } = world.seen;
  const outcomes = { applied, superseded, deadLettered, ignored: ignoredCount };
  return { seed, taken, ...outcomes, letters: Object.fromEntries(letters), documents, numbers, slowestMs, growth };
}

const replay = `SLUICE_FUZZ_SEED=${seed} SLUICE_FUZZ_RECORDS=${count}`;

test('damaged records of every recording each end in one outcome, and no document holds a wrong digit or a placeholder', async (context) => {
  const report = await fuzz({ topics: all, records: Math.ceil(count / 2), replay });
  context.diagnostic(JSON.stringify(report));
  assert.ok(report.numbers > count / 10, `numbers are compared: ${replay}`);
});

test('damaged records of a few topics for a long time leave nothing behind in memory', async (context) => {
  const few = all
    .filter(({ records }) => records.length > 3)
    .filter((_, at, { length }) => at % Math.ceil(length / 8) === 0);
  const report = await fuzz({ topics: few, records: Math.ceil(count / 2), replay });
  context.diagnostic(JSON.stringify(report));
  assert.ok(report.growth < maxGrowthBytes, `the heap grew by ${report.growth} bytes: ${replay}`);
});
