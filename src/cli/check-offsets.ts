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
import { findMovedOffsets } from '../offsets.ts';
import type { Routes } from '../routes.ts';
import type { Finding } from './check-topics.ts';

export async function checkOffsets(kafka: Kafka, client: Client, config: Config, routes: Routes): Promise<Finding> {
  const { groupId } = config.kafka;
  const { remembered } = createIndexOrigins({ client, ...config.elasticsearch });
  const idleOffsets = () => readIdleOffsets(kafka, groupId, routes.topics);
  try {
    const moved = await findMovedOffsets({ groupId, routes, remembered, idleOffsets });
    const notes = [...(moved?.values() ?? [])].flat().map(explain);
    const state = moved === undefined ? 'instances run' : notes.length > 0 ? 'moved' : 'nobody moved its offsets';
    return { what: [`group ${groupId}: ${state}`, ...notes].join('\n    '), failures: [] };
  } catch (error) {
    return { what: `group ${groupId}`, failures: [kafkaFailure(error)] };
  }
}
