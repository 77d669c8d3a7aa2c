/**
 * How large the messages of topics may be.
 */
import type { Kafka } from 'kafkajs';
import kafkajs from 'kafkajs';
import { withAdmin } from './offsets.ts';

/** `max.message.bytes` of each of these topics, which must exist. Rejects where that may not be asked for. */
export async function readMessageLimits(kafka: Kafka, topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (topics.length === 0) return new Map();
  const resources = topics.map((name) => ({
    type: kafkajs.ConfigResourceTypes.TOPIC,
    name,
    configNames: ['max.message.bytes'],
  }));
  const { resources: described } = await withAdmin(kafka, (admin) =>
    admin.describeConfigs({ includeSynonyms: false, resources }),
  );
  return new Map(
    described.map(({ resourceName, configEntries }) => [resourceName, Number(configEntries[0]?.configValue)]),
  );
}
