/**
 * What `sluice check` says of the consumer group: whether it stands where Sluice left it. That it does not may be meant.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Kafka } from 'kafkajs';
import type { Config } from '../config/schema.ts';
import { createIndexOrigins } from '../elasticsearch/index-origins.ts';
import { explain } from '../errors.ts';
import { kafkaFailure } from '../kafka/client.ts';
import { readIdleOffsets } from '../kafka/offsets.ts';
import { createMovedOffsets } from '../offsets.ts';
import type { Routes } from '../routes.ts';
import type { Finding } from './check-topics.ts';

export async function checkOffsets(kafka: Kafka, client: Client, config: Config, routes: Routes): Promise<Finding> {
  const { groupId } = config.kafka;
  const offsets = await readIdleOffsets(kafka, groupId, routes.topics).catch((error: unknown) => kafkaFailure(error));
  if (offsets !== undefined && 'code' in offsets) return { what: `group ${groupId}`, failures: [offsets] };
  const moved = createMovedOffsets(groupId, offsets, routes);
  const origins = createIndexOrigins({ client, ...config.elasticsearch });
  const notes: string[] = [];
  for (const alias of routes.aliases) notes.push(...moved(alias, await origins.remembered(alias)).map(explain));
  const state = offsets === undefined ? 'instances run' : notes.length > 0 ? 'moved' : 'nobody moved its offsets';
  return { what: [`group ${groupId}: ${state}`, ...notes].join('\n    '), failures: [] };
}
