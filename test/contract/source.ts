/** What every source does, as its port says; run against each of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offset } from '../../src/model/position.ts';
import type { RecordBatch, TopicPartition } from '../../src/model/record.ts';
import type { Intake, Source } from '../../src/pipeline/ports.ts';
import { untilTrue } from '../integration/poll.ts';

/** A partition that a test fills, and the members of one group that read it. */
export interface SourceWorld {
  readonly partition: TopicPartition;
  append(values: readonly string[]): Promise<void>;
  /** A member; it owns the partition once it runs and no other does. */
  join(): Source;
  /** Lets what is there be delivered; sources that move by themselves need no help. */
  move(): Promise<void>;
  close(): Promise<void>;
}

/** An intake that writes down what it was told, in order. */
function recordingIntake(world: SourceWorld, source: Source) {
  const told: string[] = [];
  const values: string[] = [];
  let next = 0;
  let room = true;
  let opened = (): void => undefined;
  const intake: Intake = {
    room: () => {
      if (room) return undefined;
      return new Promise((resolve) => {
        opened = resolve;
      });
    },
    hasShare: () => true,
    accept: (batch: RecordBatch) => {
      told.push('accept');
      values.push(...batch.records.map(({ value }) => String(value)));
      next = batch.next;
    },
    assigned: (partitions) => {
      told.push(`assigned ${partitions.length}`);
    },
    joining: () => {
      told.push('joining');
    },
    released: () => {
      told.push('released');
    },
    revoking: async () => {
      told.push('revoking');
      if (next > 0) await source.commit([{ ...world.partition, next: offset(next) }]);
    },
  };
  return {
    intake,
    told,
    values,
    setRoom: (has: boolean) => {
      room = has;
      if (has) opened();
    },
  };
}

export function describeSource(name: string, open: () => Promise<SourceWorld>): void {
  const start = (world: SourceWorld) => {
    const source = world.join();
    const recording = recordingIntake(world, source);
    const stopping = new AbortController();
    const running = source.run(recording.intake, stopping.signal);
    const stop = async (): Promise<void> => {
      stopping.abort();
      await running;
    };
    const untilValues = (count: number): Promise<void> =>
      untilTrue(`${count} records`, async () => {
        await world.move();
        return recording.values.length >= count;
      });
    return { source, ...recording, stop, untilValues };
  };

  test(`${name}: the assignment is told before the first record, and records come in their order`, async () => {
    const world = await open();
    await world.append(['1', '2', '3']);
    const member = start(world);
    await member.untilValues(3);
    await world.append(['4']);
    await member.untilValues(4);
    assert.deepEqual(member.values, ['1', '2', '3', '4']);
    const [assigned, accepted] = [member.told.indexOf('assigned 1'), member.told.indexOf('accept')];
    assert.ok(assigned !== -1 && assigned < accepted, member.told.join(', '));
    await member.stop();
    assert.deepEqual(member.told.slice(-2), ['revoking', 'released'], 'the assignment is given up last');
    await world.close();
  });

  test(`${name}: before it has joined a member owns nothing, and after it has left`, async () => {
    const world = await open();
    await world.append(['1']);
    const member = start(world);
    assert.equal(member.source.remainingMs(), 0);
    await member.untilValues(1);
    assert.ok(member.source.remainingMs() > 0);
    assert.ok(member.told.indexOf('joining') < member.told.indexOf('assigned 1'), member.told.join(', '));
    await member.stop();
    assert.equal(member.source.remainingMs(), 0);
    await world.close();
  });

  test(`${name}: another member goes on where the last committed`, async () => {
    const world = await open();
    await world.append(['1', '2']);
    const first = start(world);
    await first.untilValues(2);
    await first.stop();
    await world.append(['3']);
    const second = start(world);
    await second.untilValues(1);
    assert.deepEqual(second.values, ['3']);
    await second.stop();
    await world.close();
  });

  test(`${name}: a partition that is not assigned is not committed (G10)`, async () => {
    const world = await open();
    await world.append(['1']);
    const member = start(world);
    await member.untilValues(1);
    const foreign = { ...world.partition, partition: 99, next: offset(1) };
    const own = { ...world.partition, next: offset(1) };
    assert.deepEqual(await member.source.commit([foreign]), []);
    assert.deepEqual(await member.source.commit([foreign, own]), [own]);
    await member.stop();
    await world.close();
  });

  test(`${name}: nothing is handed over while there is no room`, async () => {
    const world = await open();
    const member = start(world);
    await world.append(['1']);
    await member.untilValues(1);
    member.setRoom(false);
    await world.append(['2']);
    for (let turn = 0; turn < 5; turn += 1) await world.move();
    assert.deepEqual(member.values, ['1']);
    member.setRoom(true);
    await member.untilValues(2);
    await member.stop();
    await world.close();
  });
}
