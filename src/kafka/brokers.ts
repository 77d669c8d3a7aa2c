/**
 * What the brokers know of a document's topics and of consumer groups, for a rebuild.
 */
import type { Admin, Kafka } from 'kafkajs';
import kafkajs from 'kafkajs';
import type { GroupView } from '../rebuild/handover.ts';
import type { Brokers, TopicHistory } from '../rebuild/ports.ts';
import { readLag, withAdmin } from './offsets.ts';
import { partitionKey } from '../model/record.ts';

export function createBrokers(kafka: Kafka, topics: readonly string[]): Brokers {
  return {
    positions: (groupId) => readLag(kafka, groupId, topics),
    group: (groupId) => withAdmin(kafka, (admin) => describe(admin, groupId)),
    history: () => withAdmin(kafka, (admin) => historyOf(admin, topics)),
    forget: (groupId) =>
      withAdmin(kafka, async (admin) => {
        await admin.deleteGroups([groupId]).catch(() => undefined);
      }),
  };
}

/** In these states the coordinator knows who owns what; in all others the group rebalances. */
const settledStates: ReadonlySet<string> = new Set(['Stable', 'Empty', 'Dead']);

async function describe(admin: Admin, groupId: string): Promise<GroupView> {
  const { groups } = await admin.describeGroups([groupId]);
  const owners = new Map<string, string>();
  for (const { memberId, memberAssignment } of groups[0]?.members ?? []) {
    if (memberAssignment.length === 0) continue;
    const assignment = kafkajs.AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {};
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) owners.set(partitionKey({ topic, partition }), memberId);
    }
  }
  return { settled: settledStates.has(groups[0]?.state ?? 'Dead'), owners };
}

async function historyOf(admin: Admin, topics: readonly string[]): Promise<readonly TopicHistory[]> {
  const configNames = ['cleanup.policy', 'delete.retention.ms'];
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name, configNames })),
  });
  const histories: TopicHistory[] = [];
  for (const topic of topics) {
    const entries = resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? [];
    const valueOf = (name: string): string => entries.find(({ configName }) => configName === name)?.configValue ?? '';
    const offsets = await admin.fetchTopicOffsets(topic);
    const sum = (of: (at: { readonly low: string; readonly high: string }) => number): number =>
      offsets.reduce((total, at) => total + of(at), 0);
    histories.push({
      topic,
      records: sum(({ low, high }) => Number(high) - Number(low)),
      gone: sum(({ low }) => Number(low)),
      compacted: valueOf('cleanup.policy').includes('compact'),
      deleteRetentionMs: Number(valueOf('delete.retention.ms') || Number.POSITIVE_INFINITY),
    });
  }
  return histories;
}
