/**
 * As `compose.ts`, for rebuilds that the service begins by itself (`index.onChange: rebuild`).
 */
import type { Kafka } from 'kafkajs';
import type { Documents } from './compose-connections.ts';
import { definitionsDigest, readInstances } from './compose-group.ts';
import { openRebuild } from './compose-rebuild.ts';
import type { Config } from './config/schema.ts';
import { explain } from './errors.ts';
import type { IndexRebuilds } from './documents/index-rebuilds.ts';
import { createIndexRebuilds, disagreement } from './documents/index-rebuilds.ts';
import { createBrokers } from './kafka/brokers.ts';
import type { Logger } from './observability/logger.ts';
import { rebuild } from './rebuild/rebuild.ts';
import type { Routes } from './documents/routes.ts';

export interface IndexRebuildsConnections {
  readonly kafka: Kafka;
  readonly config: Config;
  readonly documents: Documents;
  readonly routes: Routes;
  readonly logger: Logger;
}

export function openIndexRebuilds(
  { kafka, config, documents, routes, logger }: IndexRebuildsConnections,
  signal: AbortSignal,
): IndexRebuilds {
  const brokers = createBrokers(kafka, routes.topics);
  const { groupId } = config.kafka;
  const own = definitionsDigest(routes, config);
  return createIndexRebuilds({
    isWanted: (alias) => {
      const routed = routes.documents.find(({ document }) => document === alias);
      return (routed?.definition.index.onChange ?? config.index.onChange) === 'rebuild';
    },
    obstacle: async () => {
      const { settled } = await brokers.group(groupId);
      const instances = await readInstances(kafka, groupId);
      return disagreement({ settled, definitions: instances.map(({ definitions }) => definitions) }, own);
    },
    rebuild: async (document) => {
      const say = (sentence: string): void => {
        logger.info({ alias: document }, sentence);
      };
      const warn: Parameters<typeof openRebuild>[0]['warn'] = (failure) => {
        logger.warn({ alias: document, code: failure.code }, explain(failure));
      };
      await using tools = await openRebuild({ config, documents, document, say, warn }, signal);
      let waitedFor: string | undefined;
      await rebuild(
        {
          ...tools,
          ...{ acceptDifferences: false, incompleteHistory: false, restart: false, snapshot: undefined },
          tell: ({ waitingFor }) => {
            if (waitingFor !== undefined && waitingFor !== waitedFor) say(`The rebuild waits: ${waitingFor}.`);
            waitedFor = waitingFor;
          },
        },
        signal,
      );
    },
    logger,
  });
}
