/**
 * What `sluice check` says of the consumer group: whether it stands where Sluice left it, which it may be moved from on purpose; and
 * whether the indexes hold what it has read.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Kafka } from 'kafkajs';
import { openIndexWatch } from '../compose-index-watch.ts';
import type { Config } from '../config/schema.ts';
import { createIndexOrigins } from '../elasticsearch/index/index-origins.ts';
import { explain } from '../errors.ts';
import { kafkaFailure } from '../kafka/client.ts';
import { readIdleOffsets } from '../kafka/offsets.ts';
import { findMovedOffsets } from '../documents/moved-offsets.ts';
import type { Routes } from '../documents/routes.ts';
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

/** Whether the indexes are whole, as `sluice run` warns of it. */
export async function checkDoubts(kafka: Kafka, client: Client, config: Config, routes: Routes): Promise<Finding> {
  const origins = createIndexOrigins({ client, ...config.elasticsearch });
  try {
    const doubts = await openIndexWatch({ kafka, client, config, routes, origins, mayRemember: false }).look();
    if ('code' in doubts) return { what: 'indexes: whether they are whole is not known', failures: [doubts] };
    const warnings = [...doubts.values()].flat();
    const what = warnings.length === 0 ? 'indexes: nothing says that one is not whole' : 'indexes: not all are whole';
    return { what, failures: [], warnings };
  } catch (error) {
    return { what: `group ${config.kafka.groupId}`, failures: [kafkaFailure(error)] };
  }
}
