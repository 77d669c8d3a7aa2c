/**
 * Whether the topics are still those that they were: asked before each join and every few seconds. Committed offsets carry the
 * id of their topic in their metadata, so that one of an earlier topic of that name is not taken for a place in the new one.
 */
import type { Failure } from '../model/outcome.ts';
import type { Epochs } from '../model/position.ts';
import type { TopicState } from '../model/topic-origin.ts';
import { changeOf } from '../model/topic-origin.ts';
import type { Cluster, GroupMember } from './kafkajs/kafkajs-internals.ts';
import { readTopicStates } from './kafkajs/topic-states.ts';

export interface TopicWatchOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** The epochs of the documents that are made of a topic. */
  readonly epochsOf: (topic: string) => readonly Epochs[];
  /** Told before each join, and when something changed that may be. */
  readonly seen: (states: ReadonlyMap<string, TopicState>) => void;
}

export interface TopicWatch {
  /** Asks the brokers; a failure if a topic is another one than when it was asked last. Rejects if none answers. */
  look(cluster: Cluster): Promise<Failure | undefined>;
  /** After a join: partitions whose committed offset is of an earlier topic are read from their beginning. */
  place(member: GroupMember): Promise<void>;
  /** What is committed with an offset of the topic: a mark, with the topic's id where there is one. */
  metadataOf(topic: string): string;
}

export function createTopicWatch({ groupId, topics, epochsOf, seen }: TopicWatchOptions): TopicWatch {
  let known: ReadonlyMap<string, TopicState> = new Map();

  const isOfEarlier = (topic: string, metadata: string | null | undefined): boolean => {
    const id = topicIdIn(metadata);
    const current = known.get(topic)?.id;
    return id !== undefined && current !== undefined && id !== current;
  };

  return {
    look: async (cluster) => {
      const states = await readTopicStates(cluster, topics);
      for (const [topic, now] of states) {
        const before = known.get(topic);
        if (before === undefined) continue;
        const failures = epochsOf(topic).flatMap((epoch) => changeOf(topic, before, now, epoch) ?? []);
        if (failures[0] !== undefined) return failures[0];
      }
      // A topic that is gone for the moment is compared when it is back.
      known = new Map([...known, ...states]);
      seen(known);
      return undefined;
    },
    place: async ({ coordinator, cluster, offsetManager }) => {
      if (coordinator == null || offsetManager === null) return;
      const assigned = Object.entries(offsetManager.memberAssignment).map(([topic, numbers]) => ({
        topic,
        partitions: numbers.map((partition) => ({ partition })),
      }));
      if (assigned.length === 0) return;
      const { responses } = await coordinator.offsetFetch({ groupId, topics: assigned });
      const earlier = responses
        .map(({ topic, partitions }) => ({
          topic,
          fromBeginning: true,
          partitions: partitions
            .filter(({ metadata }) => isOfEarlier(topic, metadata))
            .map(({ partition }) => ({ partition })),
        }))
        .filter(({ partitions }) => partitions.length > 0);
      if (earlier.length === 0) return;
      for (const { topic, partitions } of await cluster.fetchTopicsOffset(earlier)) {
        const committed = offsetManager.committedOffsets()[topic];
        for (const { partition, offset } of partitions) if (committed !== undefined) committed[partition] = offset;
      }
    },
    metadataOf: (topic) => {
      return JSON.stringify({ topicId: known.get(topic)?.id });
    },
  };
}

/** Whether an offset with this metadata was committed by Sluice; tools that set offsets leave it empty. */
export function isOurs(metadata: string | null | undefined): boolean {
  return metadata?.startsWith('{') === true;
}

/** Others may commit for the group too, with metadata of their own or none. */
function topicIdIn(metadata: string | null | undefined): string | undefined {
  if (metadata == null || !isOurs(metadata)) return undefined;
  try {
    const parsed: unknown = JSON.parse(metadata);
    if (typeof parsed !== 'object' || parsed === null || !('topicId' in parsed)) return undefined;
    return typeof parsed.topicId === 'string' ? parsed.topicId : undefined;
  } catch {
    return undefined;
  }
}
