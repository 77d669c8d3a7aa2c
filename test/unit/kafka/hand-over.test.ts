/** Batches that are handed over as there is room, and partitions that are paused while there is none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { handOver, pieceOf } from '../../../src/kafka/hand-over.ts';
import { createPauses } from '../../../src/kafka/pauses.ts';
import { offset } from '../../../src/model/position.ts';
import type { RecordBatch, SourceRecord, TopicPartition } from '../../../src/model/record.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';

const place = (topic: string): TopicPartition => ({ topic, partition: 0 });

/** Offsets 10, 12, 14, …: one less than half of them is not there. */
function batchOf(topic: string, records: number, bytes: number, released: number[] = []): RecordBatch {
  const record = (n: number): SourceRecord => ({
    ...{ ...place(topic), offset: offset(10 + 2 * n), timestampMs: 0, headers: undefined, key: null },
    value: Buffer.alloc(bytes),
    release: () => {
      released.push(n);
    },
  });
  const next = offset(10 + 2 * records + 5);
  return { ...place(topic), records: Array.from({ length: records }, (_, n) => record(n)), next, highWatermark: next };
}

function setUp(topics: readonly string[]) {
  const clock = createManualClock();
  const fetched = new Set(topics);
  const waiting = new Set<string>();
  const full = new Set<string>();
  const told: string[] = [];
  const pauses = createPauses({
    pause: ({ topic }) => fetched.delete(topic),
    resume: ({ topic }) => fetched.add(topic),
    hasShare: ({ topic }) => !full.has(topic),
    waiting: ({ topic }) => {
      waiting.add(topic);
      return () => waiting.delete(topic);
    },
    nowMs: clock.nowMs,
  });
  pauses.assigned(topics.map(place));
  let beats = 0;
  let isOver = false;
  const give = async (batch: RecordBatch): Promise<void> => {
    await handOver(batch, {
      intake: {
        room: ({ topic }) => (full.has(topic) ? new Promise(() => undefined) : undefined),
        hasShare: ({ topic }) => !full.has(topic),
        accept: ({ topic, records }) => told.push(`${topic} ${records.length}`),
      },
      pauses,
      heartbeat: () => {
        beats += 1;
        return Promise.resolve();
      },
      isOver: () => isOver,
      isLeaving: () => false,
      reached: (next) => told.push(`to ${next}`),
      nowMs: clock.nowMs,
      delay: (ms) => clock.sleep(ms),
    });
    told.push(`${batch.topic} is done`);
  };
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 10) {
      clock.advance(Math.min(left, 10));
      await turn();
    }
  };
  return {
    ...{ clock, fetched, waiting, full, told, pauses, give, pass },
    beats: () => beats,
    end: () => {
      isOver = true;
    },
  };
}

test('a batch is cut into pieces by bytes and by records, with the offset at which each ends', () => {
  const ends = (batch: RecordBatch): readonly (readonly [number, number])[] => {
    const pieces: (readonly [number, number])[] = [];
    for (let at = 0; at < batch.records.length;) {
      const piece = pieceOf(batch, at);
      pieces.push([piece.records.length, piece.next]);
      at += piece.records.length;
    }
    return pieces;
  };
  assert.deepEqual(ends(batchOf('a', 5, 64 * 1024)), [
    [2, 13],
    [2, 17],
    [1, 25],
  ]);
  assert.deepEqual(ends(batchOf('a', 300, 1)), [
    [256, 521],
    [44, 615],
  ]);
  const small = batchOf('a', 10, 10);
  assert.equal(pieceOf(small, 0), small, 'nothing is made anew for it');
});

test('while there is room the pieces follow each other in one turn', async () => {
  const { give, told } = setUp(['a', 'b']);
  await give(batchOf('a', 3, 100_000));
  assert.deepEqual(told, ['a 2', 'to 13', 'a 1', 'to 21', 'a is done']);
});

test('a partition whose documents have no room for 250 ms is paused alone, and what was not taken is let go', async () => {
  const released: number[] = [];
  const { give, told, full, fetched, waiting, pass } = setUp(['a', 'b']);
  full.add('a');
  const given = give(batchOf('a', 3, 100, released));
  await pass(200);
  assert.deepEqual([...fetched], ['a', 'b']);
  await pass(150);
  await given;
  assert.deepEqual([[...fetched], [...waiting], told, released], [['b'], ['a'], ['a is done'], [0, 1, 2]]);
});

test('it is read again as soon as there is room, and paused at once if there is none then', async () => {
  const { give, full, fetched, waiting, pauses, pass, beats } = setUp(['a', 'b']);
  full.add('a');
  const given = give(batchOf('a', 1, 100));
  await pass(400);
  await given;
  pauses.look();
  assert.deepEqual([...fetched], ['b']);
  full.clear();
  pauses.look();
  assert.deepEqual([[...fetched], [...waiting]], [['b', 'a'], []]);
  full.add('a');
  const before = beats();
  await give(batchOf('a', 1, 100));
  assert.equal(beats(), before + 1, 'it does not wait a second time');
  assert.deepEqual([...fetched], ['b']);
});

test('the last partition that is fetched waits in hand, with heartbeats, until another is fetched', async () => {
  const { give, told, full, fetched, pauses, pass, beats } = setUp(['a', 'b']);
  full.add('a').add('b');
  void give(batchOf('a', 1, 100));
  await pass(400);
  void give(batchOf('b', 1, 100));
  const before = beats();
  await pass(1000);
  assert.ok(beats() >= before + 9);
  assert.deepEqual([...fetched], ['b']);
  full.delete('a');
  pauses.look();
  await pass(200);
  assert.deepEqual([...fetched], ['a'], 'it holds up no other');
  assert.deepEqual(told, ['a is done', 'b is done']);
});

test('a batch that waits because all memory is held pauses nothing', async () => {
  const clock = createManualClock();
  const paused: string[] = [];
  let turns = 0;
  void handOver(batchOf('a', 1, 100), {
    intake: { room: () => clock.sleep(10_000), hasShare: () => true, accept: () => undefined },
    pauses: { patienceMs: () => 250, pause: ({ topic }) => paused.push(topic) > 0 },
    heartbeat: () => Promise.resolve(),
    isOver: () => (turns += 1) > 20,
    isLeaving: () => false,
    reached: () => undefined,
    nowMs: clock.nowMs,
    delay: (ms) => clock.sleep(ms),
  });
  for (let n = 0; n < 20; n += 1) {
    clock.advance(100);
    await turn();
  }
  assert.deepEqual(paused, []);
});

test('a batch of an earlier generation is handed over no further', async () => {
  const { give, told, full, end, pass } = setUp(['a', 'b']);
  full.add('a');
  const given = give(batchOf('a', 1, 100));
  end();
  full.clear();
  await pass(100);
  await given;
  assert.deepEqual(told, ['a is done']);
});

test('after a join nothing is paused', async () => {
  const { give, full, fetched, waiting, pauses, pass } = setUp(['a', 'b']);
  full.add('a');
  const given = give(batchOf('a', 1, 100));
  await pass(400);
  await given;
  pauses.assigned([place('a')]);
  assert.deepEqual([[...fetched].sort(), [...waiting]], [['a', 'b'], []]);
  assert.equal(pauses.pause(place('a')), false, 'it is the only one now');
  assert.equal(pauses.pause(place('b')), false, 'it is not assigned any more');
});
