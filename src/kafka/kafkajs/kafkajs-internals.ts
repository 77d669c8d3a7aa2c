/**
 * What kafkajs 2.2.4 lacks and has no public hook for. It is pinned to that version, and a start fails if one of these is
 * not there (docs/decisions/0004-kafka-client.md).
 *
 *  1. A member must finish and commit what it has before it joins again. `joinAndSync` is where every rejoin passes, whether
 *     the group asked for it or metadata went stale.
 *  2. An offset out of range is answered by resetting to the beginning or the end, with a log line and nothing else.
 *  3. Each connection keeps a timer of 1 ms running although nothing is pending (kafkajs issue 1704).
 *  4. It does not ask for the ids of topics; its encoder, decoder and connections can.
 *  5. A connection keeps what follows an answer, mostly nothing, and copies the next answer together with it.
 *  6. Its decoder of records is dear; ours takes its place before kafkajs loads what uses it.
 *  7. `heartbeat()` resolves without a request inside its interval, and does not tell when one was sent; handlers of batches go
 *     on to send heartbeats while the member joins. So the requests to the coordinator themselves are watched.
 *  8. It does not tell which partitions a fetch was answered for; that a heartbeat was answered says nothing about their leaders.
 */
import { createRequire } from 'node:module';
import type { Assigner, PartitionAssigner } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { Moment } from '../../pipeline/tenure.ts';
import type { MemberProfile } from '../group-assigner.ts';
import { createGroupAssigner } from '../group-assigner.ts';
import { decodeRecordBatch } from './record-batch.ts';

/** Commits in the name of the generation in which it was made, once, without retry. */
interface OffsetManager {
  commitOffsets(offsets: {
    readonly topics: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly offset: string;
        readonly metadata?: string | undefined;
      }[];
    }[];
  }): Promise<void>;
  readonly memberAssignment: Readonly<Record<string, readonly number[]>>;
  /** Where reading begins: topic → partition → offset. */
  committedOffsets(): Record<string, Record<number, string>>;
}

interface Asked {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number }[];
}

interface Placed {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
}

interface Coordinator {
  heartbeat(request: unknown): Promise<unknown>;
  joinGroup(request: unknown): Promise<unknown>;
  syncGroup(request: unknown): Promise<unknown>;
  offsetFetch(asked: { readonly groupId: string; readonly topics: readonly Asked[] }): Promise<{
    readonly responses: readonly {
      readonly topic: string;
      readonly partitions: readonly {
        readonly partition: number;
        readonly offset: string;
        readonly metadata?: string | null;
      }[];
    }[];
  }>;
}

interface ProtocolRequest<T> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    expectResponse(): boolean;
    encode(): Promise<Encoder>;
  };
  readonly response: { decode(bytes: Buffer): Promise<T>; parse(decoded: T): Promise<T> };
}

interface Broker {
  readonly versions: Readonly<Record<number, { readonly maxVersion: number } | undefined>> | null;
  readonly connectionPool: { send<T>(request: ProtocolRequest<T>): Promise<T> };
}

/** The brokers as one client knows them. */
export interface Cluster {
  findBroker(asked: { readonly nodeId: string }): Promise<object>;
  readonly brokerPool: { findConnectedBroker(): Promise<Broker> };
  metadata(asked: { readonly topics: string[] }): Promise<{
    readonly topicMetadata: readonly { readonly topic: string; readonly partitionMetadata: readonly unknown[] }[];
  }>;
  fetchTopicsOffset(asked: readonly (Asked & { readonly fromBeginning: boolean })[]): Promise<readonly Placed[]>;
}

export interface Encoder {
  writeInt8(value: number): Encoder;
  writeUVarInt(value: number): Encoder;
  writeBuffer(value: Buffer): Encoder;
  writeUVarIntString(value: string): Encoder;
}

export interface Decoder {
  readInt16(): number;
  readInt32(): number;
  readBoolean(): boolean;
  readBytes(length: number): Buffer | null;
  readUVarInt(): number;
  readUVarIntString(): string | null;
  readTaggedFields(): unknown;
}

const requireOfKafkajs = createRequire(import.meta.url);

export function createEncoder(): Encoder {
  const Class = requireOfKafkajs('kafkajs/src/protocol/encoder') as new () => Encoder;
  return new Class();
}

export function createDecoder(bytes: Buffer): Decoder {
  const Class = requireOfKafkajs('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => Decoder;
  return new Class(bytes);
}

/** A member of a group, from one join to the next. */
export interface GroupMember {
  readonly memberId: string | null;
  readonly generationId: number | null;
  readonly offsetManager: OffsetManager | null;
  readonly assigners: readonly Assigner[];
  readonly cluster: Cluster;
  coordinator?: Coordinator | null;
}

export interface MemberHooks {
  /** Awaited before the member joins; `again` when it gives up partitions by it. */
  joining(member: GroupMember, again: boolean): Promise<void>;
  /** A request to join is sent: the member owns nothing until `confirmed` and the event of its join. */
  joinSent(): void;
  /** The join failed; kafkajs tries again in its own time. */
  joinFailed(): void;
  /** Whether the member has joined, and has not asked to join again since. */
  isJoined(): boolean;
  /** Now, for `confirmed`. */
  now(): Moment;
  /** The group answered a heartbeat, or gave the member its partitions, at a request that was sent then. */
  confirmed(sent: Moment): void;
  /** Awaited after the member has joined and before it reads. */
  joined(member: GroupMember): Promise<void>;
  /** The position of a partition is not in the topic any more. */
  outOfRange(topic: string, partition: number): void;
  /** A broker answered a fetch of these partitions, none of them with an error. */
  fetched(partitions: readonly { readonly topic: string; readonly partition: number }[]): void;
}

interface ConsumerGroupPrototype {
  joinAndSync(this: GroupMember): Promise<void>;
  recoverFromOffsetOutOfRange(this: GroupMember, error: OutOfRange): Promise<void>;
}

interface OutOfRange {
  readonly topic: string;
  readonly partition: number;
}

interface RequestQueuePrototype {
  scheduleCheckPendingRequests(this: { readonly pending: readonly unknown[]; readonly throttledUntil: number }): void;
}

interface ConnectionPrototype {
  processData(this: { chunks: readonly Buffer[]; readonly bytesBuffered: number }, data: Buffer): void;
}

/** A member is told from others by its assigner, the only thing of ours that it holds. */
const hooksOf = new WeakMap<Assigner, MemberHooks>();

/** An assigner by which the member that uses it finds its hooks. */
export function hookedAssigner(hooks: MemberHooks, profile?: MemberProfile): PartitionAssigner {
  return (config) => {
    const assigner = createGroupAssigner(profile, config);
    hooksOf.set(assigner, hooks);
    return assigner;
  };
}

function hooksFor(member: GroupMember): MemberHooks | undefined {
  const [assigner] = member.assigners;
  return assigner && hooksOf.get(assigner);
}

/** kafkajs would try again in its own way; whether that is right is for the source to say. */
function crash(error: unknown): never {
  throw new kafkajs.KafkaJSNonRetriableError(error instanceof Error ? error : String(error));
}

/** The coordinator as the member is to see it. A heartbeat that is refused because of a rebalance confirms nothing. */
export function watchedCoordinator(broker: Coordinator, hooks: MemberHooks): Coordinator {
  const confirming = async (request: () => Promise<unknown>): Promise<unknown> => {
    const sent = hooks.now();
    const answer = await request();
    hooks.confirmed(sent);
    return answer;
  };
  const watched: Pick<Coordinator, 'heartbeat' | 'joinGroup' | 'syncGroup'> = {
    // A join that was sent may still arrive, so an answer to the earlier generation proves nothing: the member must join again.
    heartbeat: (request) =>
      hooks.isJoined()
        ? confirming(() => broker.heartbeat(request))
        : Promise.reject(new kafkajs.KafkaJSProtocolError(rebalancing)),
    joinGroup: (request) => {
      hooks.joinSent();
      return broker.joinGroup(request);
    },
    syncGroup: (request) => confirming(() => broker.syncGroup(request)),
  };
  return Object.assign(Object.create(broker) as Coordinator, watched);
}

const rebalancing = Object.assign(new Error('The member joins its group again.'), {
  type: 'REBALANCE_IN_PROGRESS',
  code: 27,
  retriable: false,
});

const watchedMembers = new WeakSet<GroupMember>();

/** From now on, each coordinator that the member finds is watched. */
function watchCoordinators(member: GroupMember, hooks: MemberHooks): void {
  if (watchedMembers.has(member)) return;
  watchedMembers.add(member);
  let coordinator = member.coordinator;
  Object.defineProperty(member, 'coordinator', {
    enumerable: true,
    configurable: true,
    get: () => coordinator,
    set: (broker: Coordinator | null) => {
      coordinator = broker === null ? null : watchedCoordinator(broker, hooks);
    },
  });
}

interface FetchAnswer {
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly { readonly partition: number }[];
  }[];
}

interface BrokerPrototype extends Coordinator {
  fetch(this: object, request: unknown): Promise<FetchAnswer>;
}

const watchedClusters = new WeakSet<Cluster>();
/** Brokers from which a member fetches. */
const fetching = new WeakMap<object, MemberHooks>();

/** From now on, answers of brokers that the member finds are told to its hooks. */
function watchFetches({ cluster }: GroupMember, hooks: MemberHooks): void {
  if (watchedClusters.has(cluster)) return;
  watchedClusters.add(cluster);
  const findBroker = cluster.findBroker.bind(cluster);
  cluster.findBroker = async (asked) => {
    const broker = await findBroker(asked);
    fetching.set(broker, hooks);
    return broker;
  };
}

let installed = false;

/** Puts the hooks into kafkajs, once a process. */
export function installHooks(): void {
  if (installed) return;
  installed = true;
  const require = requireOfKafkajs;
  const { prototype: group } = require('kafkajs/src/consumer/consumerGroup') as { prototype: ConsumerGroupPrototype };
  const { prototype: queue } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueuePrototype };
  const { prototype: connection } = require('kafkajs/src/network/connection') as { prototype: ConnectionPrototype };
  const batchDecoder = require.resolve('kafkajs/src/protocol/recordBatch/v0/decoder');
  const usesBatchDecoder = require.resolve('kafkajs/src/protocol/requests/fetch/v4/decodeMessages');
  require(batchDecoder);
  const { [batchDecoder]: decoderModule, [usesBatchDecoder]: isTooLate } = require.cache;
  const { joinAndSync } = group;
  const { scheduleCheckPendingRequests } = queue;
  const { processData } = connection;
  const { prototype: broker } = require('kafkajs/src/broker') as { prototype: BrokerPrototype };
  const { heartbeat, joinGroup, syncGroup, fetch } = broker;
  const all = [
    fetch,
    heartbeat,
    joinGroup,
    syncGroup,
    joinAndSync,
    group.recoverFromOffsetOutOfRange,
    scheduleCheckPendingRequests,
    processData,
  ];
  if (all.some((method) => typeof method !== 'function')) {
    throw new Error('This is not kafkajs 2.2.4: a method that Sluice extends is not there.');
  }
  if (typeof decoderModule?.exports !== 'function' || isTooLate !== undefined) {
    throw new Error('This is not kafkajs 2.2.4: its record decoder cannot be replaced.');
  }
  decoderModule.exports = decodeRecordBatch;
  group.joinAndSync = async function () {
    const hooks = hooksFor(this);
    if (hooks !== undefined) {
      watchCoordinators(this, hooks);
      watchFetches(this, hooks);
    }
    await hooks?.joining(this, this.memberId !== null && this.offsetManager !== null).catch(crash);
    try {
      await joinAndSync.call(this);
    } catch (error) {
      hooks?.joinFailed();
      throw error;
    }
    await hooks?.joined(this).catch(crash);
  };
  group.recoverFromOffsetOutOfRange = function (error) {
    hooksFor(this)?.outOfRange(error.topic, error.partition);
    return Promise.reject(
      new kafkajs.KafkaJSNonRetriableError(`offset out of range in ${error.topic}[${error.partition}]`),
    );
  };
  broker.fetch = async function (request) {
    const answer = await fetch.call(this, request);
    fetching
      .get(this)
      ?.fetched(
        answer.responses.flatMap(({ topicName: topic, partitions }) =>
          partitions.map(({ partition }) => ({ topic, partition })),
        ),
      );
    return answer;
  };
  connection.processData = function (data) {
    processData.call(this, data);
    if (this.bytesBuffered === 0) this.chunks = [];
  };
  queue.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) scheduleCheckPendingRequests.call(this);
  };
}
