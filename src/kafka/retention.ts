/**
 * How long topics keep records.
 */
import type { Kafka } from 'kafkajs';
import kafkajs from 'kafkajs';
import { withAdmin } from './offsets.ts';

/** The retention of those topics whose records expire by time, in milliseconds. Needs DescribeConfigs on the topics. */
export async function readRetentions(kafka: Kafka, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (topics.length === 0) return new Map();
  return withAdmin(kafka, async (admin) => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: topics.map((name) => ({
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name,
        configNames: ['retention.ms', 'cleanup.policy'],
      })),
    });
    const retentions = new Map<string, number>();
    for (const { resourceName, configEntries } of resources) {
      const valueOf = (key: string): string | undefined =>
        configEntries.find(({ configName }) => configName === key)?.configValue;
      const ms = Number(valueOf('retention.ms') ?? -1);
      if (ms >= 0 && valueOf('cleanup.policy')?.includes('delete') === true) retentions.set(resourceName, ms);
    }
    return retentions;
  });
}
