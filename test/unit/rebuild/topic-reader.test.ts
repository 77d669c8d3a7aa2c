import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { offset } from '../../../src/model/position.ts';
import type { RecordBatch } from '../../../src/model/record.ts';
import type { Intake, Source } from '../../../src/pipeline/ports.ts';
import { openTopicReader } from '../../../src/rebuild/topic-reader.ts';

const batchOf = (partition: number, next: number): RecordBatch => ({
  topic: 't',
  partition,
  records: [],
  next: offset(next),
  highWatermark: offset(9),
});

/** Batches in rounds: as with a real consumer, the next round is fetched when all batches of one were taken over. */
function sourceOf(rounds: readonly (readonly RecordBatch[])[]): Source {
  const take = async (intake: Intake, batch: RecordBatch, signal: AbortSignal): Promise<void> => {
    for (let room = intake.room(batch); room !== undefined; room = intake.room(batch)) await room;
    if (!signal.aborted) intake.accept(batch);
  };
  return {
    run: async (intake, signal) => {
      const over = new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      for (const round of rounds) {
        await Promise.race([over, Promise.all(round.map((batch) => take(intake, batch, signal)))]);
      }
      await over;
    },
    commit: () => Promise.resolve([]),
    remainingMs: () => Number.POSITIVE_INFINITY,
  };
}

test('a partition that is beyond its end is not held while another is not there yet; when all are, nothing more is read', async () => {
  const partitions = [
    { topic: 't', partition: 0, start: 0, end: 2, committed: undefined },
    { topic: 't', partition: 1, start: 0, end: 3, committed: undefined },
  ];
  const rounds = [
    [batchOf(0, 2), batchOf(1, 1)],
    [batchOf(0, 4), batchOf(1, 2)],
    [batchOf(1, 3)],
    [batchOf(0, 6), batchOf(1, 6)],
  ];
  await using reader = await openTopicReader({
    source: sourceOf(rounds),
    readEnds: () => Promise.resolve(partitions),
    prepare: undefined,
    take: () => undefined,
    progress: () => undefined,
  });
  const caughtUp = await Promise.race([reader.catchUp().then(() => true), delay(2000, false)]);
  assert.equal(caughtUp, true);
  assert.deepEqual(reader.positions(), [4, 3]);
  await delay(20);
  assert.deepEqual(reader.positions(), [4, 3]);
});
