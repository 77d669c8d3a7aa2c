/**
 * The assigner of Sluice's members: kafkajs's round robin by name and result, so that members of earlier versions may be in the
 * group, with two differences. Each member tells the group which definitions it runs with; and a partition is given only to members
 * that read its topic, for kafkajs drops the others without a trace.
 */
import type { Assigner, GroupMember, PartitionAssigner } from 'kafkajs';
import kafkajs from 'kafkajs';

const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol;

/** What a member tells the group of itself. */
export interface MemberProfile {
  /** Host and process, for people. */
  readonly instance: string;
  /** The digest of everything that decides its documents. */
  readonly definitions: string;
}

/** `profile` travels as user data, which other members, of whatever version, leave alone. */
export function createGroupAssigner(
  profile: MemberProfile | undefined,
  config: Parameters<PartitionAssigner>[0],
): Assigner {
  const { cluster } = config;
  const { name, version } = kafkajs.PartitionAssigners.roundRobin(config);
  return {
    name,
    version,
    assign: ({ members, topics }) => {
      const partitions = topics.flatMap((topic) =>
        cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ topic, partition: partitionId })),
      );
      const assigned = assignmentOf(members.map(subscriptionOf), partitions);
      return Promise.resolve(
        [...assigned].map(([memberId, assignment]) => ({
          memberId,
          memberAssignment: MemberAssignment.encode({ version, assignment, userData: noData }),
        })),
      );
    },
    protocol: ({ topics }) => ({
      name,
      metadata: MemberMetadata.encode({ version, topics, userData: userDataOf(profile) }),
    }),
  };
}

/** What a member tells in the metadata of its join; undefined for one of an earlier version, and for other programs. */
export function profileIn(metadata: Buffer): MemberProfile | undefined {
  const userData = decoded(metadata)?.userData;
  if (userData === undefined || userData.length === 0) return undefined;
  try {
    const said: unknown = JSON.parse(userData.toString());
    if (typeof said !== 'object' || said === null || !('definitions' in said) || !('instance' in said))
      return undefined;
    const { definitions, instance } = said;
    return typeof definitions === 'string' && typeof instance === 'string' ? { definitions, instance } : undefined;
  } catch {
    return undefined;
  }
}

interface Subscription {
  readonly memberId: string;
  /** Undefined if it cannot be told. */
  readonly topics: ReadonlySet<string> | undefined;
}

type Assignment = Record<string, number[]>;

/** Member → topic → partitions: round robin among those that read the topic. */
export function assignmentOf(
  members: readonly Subscription[],
  partitions: readonly { readonly topic: string; readonly partition: number }[],
): ReadonlyMap<string, Assignment> {
  const sorted = members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const assigned = new Map<string, Assignment>();
  for (const [at, { topic, partition }] of partitions.entries()) {
    const readers = sorted.filter(({ topics }) => topics === undefined || topics.has(topic));
    const member = readers[at % readers.length];
    if (member === undefined) continue;
    const own = assigned.get(member.memberId) ?? {};
    own[topic] = [...(own[topic] ?? []), partition];
    assigned.set(member.memberId, own);
  }
  return assigned;
}

const noData = Buffer.alloc(0);

function userDataOf(profile: MemberProfile | undefined): Buffer {
  return profile === undefined ? noData : Buffer.from(JSON.stringify(profile));
}

function subscriptionOf({ memberId, memberMetadata }: GroupMember): Subscription {
  const topics = decoded(memberMetadata)?.topics;
  return { memberId, topics: topics && new Set(topics) };
}

/** Metadata of other programs may be anything, and none where the group is between two generations. */
function decoded(metadata: Buffer): ReturnType<typeof MemberMetadata.decode> | undefined {
  try {
    return metadata.length === 0 ? undefined : MemberMetadata.decode(metadata);
  } catch {
    return undefined;
  }
}
