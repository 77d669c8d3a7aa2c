/**
 * The source: one member of a consumer group, for ever, whatever happens to brokers and group.
 *
 * What kafkajs does of itself, and what is done about it, is in docs/decisions/0004-kafka-client.md. In short: it has no
 * heartbeat of its own, so a batch that must wait beats while it does; its positions start anew from what is committed with
 * every join, so a batch is resolved in the same turn in which it is handed over; and it joins again without asking, so a hook
 * makes it wait until everything that was handed over is settled and committed. From when the request to join is sent until the
 * new assignment is known, nothing is owned; how long it is owned afterwards is counted from the requests that the group
 * answered (docs/decisions/0013-ownership.md).
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { SluiceError, directiveOf } from '../errors.ts';
import type { Failure } from '../model/outcome.ts';
import { offset } from '../model/position.ts';
import type { Reading } from '../model/reading.ts';
import type { RecordBatch, SourceRecord } from '../model/record.ts';
import { partitionKey } from '../model/record.ts';
import { backoffMs } from '../model/retrying.ts';
import type { Intake, Settled, Source } from '../pipeline/ports.ts';
import { createFreshness, lifetimeMs } from '../pipeline/tenure.ts';
import { kafkaFailure } from './client.ts';
import type { KafkaLog } from './client.ts';
import { handOver, waitMs } from './hand-over.ts';
import type { MemberProfile } from './group-assigner.ts';
import type { GroupMember } from './kafkajs/kafkajs-internals.ts';
import { hookedAssigner } from './kafkajs/kafkajs-internals.ts';
import { createPauses } from './pauses.ts';
import { createReadingWatch } from './reading.ts';
import { KafkaRecord } from './kafkajs/record-batch.ts';
import type { TopicWatch, TopicWatchOptions } from './topic-watch.ts';
import { createTopicWatch } from './topic-watch.ts';

export interface KafkaSourceOptions extends TopicWatchOptions {
  readonly kafka: Kafka;
  /** What the member tells the group of itself. */
  readonly profile?: MemberProfile | undefined;
  /** A member that is silent for longer loses its partitions. */
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** Of one fetch from one broker, as compressed as the records are. */
  readonly maxBytesPerFetch: number;
  /** Of one partition in it; a quarter of it, and at least 2 MiB, unless said. */
  readonly maxBytesPerPartition?: number | undefined;
  readonly log: KafkaLog;
}

/** How often the brokers are asked whether the topics are still the same ones. */
const lookEveryMs = 5000;
const restart = { initialMs: 500, maxMs: 15_000 };
/** kafkajs may hang while it leaves; the broker notices by itself. */
const leaveWithinMs = 5000;

/** A refusal of a commit which only says that the group has moved on. */
const movedOn: ReadonlySet<string> = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'FENCED_INSTANCE_ID',
]);

export interface KafkaSource extends Source {
  /** Whether the assigned partitions are read. */
  reading(): Reading;
}

export function createKafkaSource(options: KafkaSourceOptions): KafkaSource {
  const { groupId, log } = options;
  /** Rises with each join; a batch of an earlier one is not handed over any more. */
  let generation = 0;
  let member: GroupMember | undefined;
  let assigned = new Set<string>();
  /** From before a join until it is over: nothing is handed over. */
  let revoking = false;
  /** From each join until the next request to join is sent. */
  let joined = false;
  const freshness = createFreshness({
    lifetimeMs: lifetimeMs(options.sessionTimeoutMs, options.rebalanceTimeoutMs),
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
  });
  const watch = createTopicWatch(options);
  const reading = createReadingWatch(() => performance.now());

  /** The life of one consumer, from its first join to its crash or to `signal`. Resolves with why it ended. */
  const live = async (intake: Intake, signal: AbortSignal): Promise<Failure | undefined> => {
    let lastSignOfLife = Date.now();
    revoking = false;
    joined = false;
    /** Why the next crash is one. */
    let reason: Failure | undefined;
    const crashed = Promise.withResolvers<Failure>();
    const consumer = createConsumer(options, {
      joining: async (joiner, again) => {
        member = joiner;
        reading.joining();
        if (again) {
          revoking = true;
          await intake.revoking();
        }
        reason = await watch.look(joiner.cluster);
        if (reason !== undefined) throw new SluiceError([reason]);
      },
      joinSent: () => {
        joined = false;
        freshness.lapse();
        intake.joining();
      },
      joinFailed: () => {
        revoking = false;
      },
      isJoined: () => joined,
      now: freshness.now,
      confirmed: freshness.renewed,
      joined: watch.place,
      fetched: reading.fetched,
      outOfRange: (topic, partition) => {
        const message = `The committed offset of ${topic}[${partition}] for group "${groupId}" is not in the topic any more.`;
        reason = { code: 'OFFSET_OUT_OF_RANGE', message };
      },
    });
    const pauses = createPauses({
      pause: ({ topic, partition }) => {
        consumer.pause([{ topic, partitions: [partition] }]);
      },
      resume: ({ topic, partition }) => {
        consumer.resume([{ topic, partitions: [partition] }]);
      },
      hasShare: intake.hasShare,
      waiting: reading.pausing,
      nowMs: () => performance.now(),
    });
    const { GROUP_JOIN, CRASH, HEARTBEAT, FETCH, END_BATCH_PROCESS } = consumer.events;
    consumer.on(GROUP_JOIN, ({ payload }) => {
      generation += 1;
      joined = true;
      revoking = false;
      const partitions = Object.entries(payload.memberAssignment).flatMap(([topic, numbers]) =>
        numbers.map((partition) => ({ topic, partition })),
      );
      assigned = new Set(partitions.map(partitionKey));
      pauses.assigned(partitions);
      reading.joined(partitions);
      log('info', `Joined group "${groupId}" as ${payload.memberId} with ${partitions.length} partitions.`);
      intake.assigned(partitions, { memberId: payload.memberId, generation: member?.generationId ?? -1 });
    });
    consumer.on(CRASH, ({ payload }) => {
      crashed.resolve(reason ?? kafkaFailure(payload.error));
    });
    for (const event of [GROUP_JOIN, HEARTBEAT, FETCH]) consumer.on(event, () => (lastSignOfLife = Date.now()));
    consumer.on(END_BATCH_PROCESS, ({ payload: { topic, partition, batchSize, lastOffset, highWatermark } }) => {
      // Nothing but control records, or of transactions that were aborted: it never reaches `eachBatch`.
      if (batchSize > 0 || revoking || !joined || !assigned.has(partitionKey({ topic, partition }))) return;
      const next = offset(Number(lastOffset) + 1);
      intake.accept({ topic, partition, records: [], next, highWatermark: offset(highWatermark) });
    });

    const eachBatch = async ({
      batch,
      resolveOffset,
      heartbeat,
      isRunning,
      isStale,
    }: EachBatchPayload): Promise<void> => {
      const born = generation;
      const over = (): boolean => !isRunning() || isStale() || born !== generation;
      const leaving = (): boolean => revoking || !joined || signal.aborted;
      const records = recordBatch(batch);
      const handled = reading.handling(records);
      try {
        await handOver(records, {
          ...{ intake, pauses, heartbeat, delay, isOver: over, isLeaving: leaving },
          reached: (next) => {
            resolveOffset(String(next - 1));
          },
          nowMs: () => performance.now(),
        });
      } finally {
        handled();
      }
    };

    const stalled = async (ended: AbortSignal): Promise<Failure> => {
      const patienceMs = Math.max(60_000, 2 * options.sessionTimeoutMs);
      while (!ended.aborted && Date.now() - lastSignOfLife < patienceMs) {
        await delay(1000, undefined, { signal: ended }).catch(() => undefined);
      }
      return { code: 'KAFKA_UNREACHABLE', message: `Nothing was fetched from Kafka for ${patienceMs} ms.` };
    };

    /** A topic is another one than before; never, if none is. */
    const changed = async (over: AbortSignal): Promise<Failure | undefined> => {
      for (;;) {
        await delay(lookEveryMs, undefined, { signal: over }).catch(() => undefined);
        if (over.aborted) return undefined;
        // Whoever fetches notices that brokers are away.
        const failure = await lookAgain(watch, member).catch(() => undefined);
        if (failure !== undefined) return failure;
      }
    };

    const lookForRoom = async (over: AbortSignal): Promise<void> => {
      while (!over.aborted) {
        pauses.look();
        await delay(waitMs, undefined, { signal: over }).catch(() => undefined);
      }
    };

    const ended = new AbortController();
    const stopped = new Promise<undefined>((resolve) => {
      const stop = (): void => {
        resolve(undefined);
      };
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
    });
    try {
      await consumer.connect();
      void lookForRoom(ended.signal);
      await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 64,
        eachBatch,
      });
      const why = await Promise.race([crashed.promise, stopped, stalled(ended.signal), changed(ended.signal)]);
      if (why === undefined) await intake.revoking();
      return why;
    } catch (error) {
      return reason ?? kafkaFailure(error);
    } finally {
      ended.abort();
      // Before the group knows that its partitions are free.
      intake.released();
      freshness.lapse();
      member = undefined;
      assigned = new Set();
      await Promise.race([consumer.disconnect().catch(() => undefined), delay(leaveWithinMs)]);
    }
  };

  return {
    remainingMs: freshness.remainingMs,
    reading: reading.report,
    run: async (intake, signal) => {
      for (let attempt = 1; !signal.aborted; attempt += 1) {
        const startedAt = Date.now();
        const failure = await live(intake, signal);
        if (failure === undefined) return;
        reading.ended(failure);
        if (directiveOf(failure) === 'stop') throw new SluiceError([failure]);
        if (Date.now() - startedAt > 60_000) attempt = 1;
        const delayMs = backoffMs(restart, attempt);
        log('warn', `${failure.message} Joining again in ${delayMs} ms.`);
        await delay(delayMs, undefined, { signal }).catch(() => undefined);
      }
      await intake.revoking();
    },
    commit: async (settled) => {
      const committing = settled.filter((position) => assigned.has(partitionKey(position)));
      if (committing.length === 0 || member?.offsetManager == null) return [];
      try {
        await member.offsetManager.commitOffsets({ topics: byTopic(committing, watch) });
        return committing;
      } catch (error) {
        const type = error instanceof Error && 'type' in error ? error.type : undefined;
        if (typeof type === 'string' && movedOn.has(type)) return [];
        throw error;
      }
    },
  };
}

function createConsumer(options: KafkaSourceOptions, hooks: Parameters<typeof hookedAssigner>[0]): Consumer {
  return options.kafka.consumer({
    groupId: options.groupId,
    sessionTimeout: options.sessionTimeoutMs,
    rebalanceTimeout: options.rebalanceTimeoutMs,
    heartbeatInterval: Math.ceil(options.sessionTimeoutMs / 10),
    partitionAssigners: [hookedAssigner(hooks, options.profile)],
    maxWaitTimeInMs: 250,
    maxBytes: options.maxBytesPerFetch,
    // A batch of records that is larger than this is still delivered; less would let compacted topics stand still.
    maxBytesPerPartition:
      options.maxBytesPerPartition ?? Math.max(2 * 1024 * 1024, Math.floor(options.maxBytesPerFetch / 4)),
    allowAutoTopicCreation: false,
    // Restarts are ours: a consumer that restarts itself may come back after it was told to leave.
    // New partitions are found by their topic's metadata.
    metadataMaxAge: 30_000,
    retry: { initialRetryTime: 200, maxRetryTime: 5000, retries: 5, restartOnFailure: () => Promise.resolve(false) },
  });
}

function recordBatch(batch: EachBatchPayload['batch']): RecordBatch {
  const { topic, partition } = batch;
  const records = batch.messages.map((message) => recordOf(message, topic, partition));
  const next = offset(Number(batch.lastOffset()) + 1);
  return { topic, partition, records, next, highWatermark: offset(batch.highWatermark) };
}

/** A message as kafkajs hands it over. */
export function recordOf(message: KafkaMessage, topic: string, partition: number): SourceRecord {
  // Brokers before Kafka 4 may still hold records in the formats of 2016, which kafkajs decodes.
  if (!(message instanceof KafkaRecord)) return oldRecord(message, topic, partition);
  message.topic = topic;
  message.partition = partition;
  return message;
}

function oldRecord({ key, value, headers, ...message }: KafkaMessage, topic: string, partition: number): SourceRecord {
  const place = { topic, partition, offset: offset(message.offset) };
  return { ...place, timestampMs: Number(message.timestamp), headers, key, value };
}

/** Not while the member joins: then it is looked anyway. */
async function lookAgain(watch: TopicWatch, member: GroupMember | undefined): Promise<Failure | undefined> {
  return member?.offsetManager == null ? undefined : watch.look(member.cluster);
}

function byTopic(settled: readonly Settled[], watch: TopicWatch) {
  return [...Map.groupBy(settled, ({ topic }) => topic)].map(([topic, positions]) => ({
    topic,
    partitions: positions.map(({ partition, next }) => ({
      partition,
      offset: String(next),
      metadata: watch.metadataOf(topic),
    })),
  }));
}
