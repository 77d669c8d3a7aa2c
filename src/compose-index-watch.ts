/**
 * As `compose.ts`, for the watch over indexes, which the service and `sluice check` share.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Kafka } from 'kafkajs';
import { contentDigestOf, indexesOf } from './compose-connections.ts';
import type { Config } from './config/schema.ts';
import type { IndexOrigins } from './documents/ports.ts';
import { createDecoder } from './envelope/decoder.ts';
import type { IndexWatch } from './documents/index-watch.ts';
import { createIndexWatch } from './documents/index-watch.ts';
import { readLag } from './kafka/offsets.ts';
import { sampleRecords } from './kafka/sample.ts';
import type { ChangeEvent } from './model/change-event.ts';
import type { IndexDefinition } from './model/document.ts';
import type { Routes } from './documents/routes.ts';
import type { Registry } from './schema-registry/registry.ts';

export interface IndexWatchConnections {
  readonly kafka: Kafka;
  readonly client: Client;
  readonly config: Config;
  readonly routes: Routes;
  readonly origins: IndexOrigins;
  readonly registry?: Registry | undefined;
  /** False for a command that changes nothing. */
  readonly mayRemember: boolean;
}

/** Records of each partition by which a topic is known to hold rows. */
const perPartition = 20;
const sampleTimeoutMs = 10_000;

export function openIndexWatch(connections: IndexWatchConnections): IndexWatch {
  const { kafka, client, config, routes, origins, registry, mayRemember } = connections;
  const { groupId } = config.kafka;
  const { generations } = indexesOf(client, config);
  return createIndexWatch({
    groupId,
    documents: routes.documents.map((document) => ({
      alias: document.document,
      content: contentDigestOf(document, config),
      topics: document.topics,
    })),
    places: () => readLag(kafka, groupId, routes.topics),
    origins,
    mayRemember,
    isLost: async (alias) => {
      const there = await generations.list(alias);
      return 'code' in there || there.some(({ meta }) => meta?.document === alias);
    },
    // If this cannot be found out, they are taken to hold some: better a question too many.
    holdRows: async (topics) => {
      try {
        const options = { groupId: `${groupId}-check`, topics, perPartition, timeoutMs: sampleTimeoutMs };
        const samples = [...(await sampleRecords(kafka, options))];
        if (samples.every(([, records]) => records.length === 0)) return true;
        for (const [topic, records] of samples) {
          await registry?.prepare(records);
          if (records.map(createDecoder(routes.formOf(topic), registry)).some(isOfRows)) return true;
        }
        return false;
      } catch {
        return true;
      }
    },
  });
}

/** A row, or what nobody can read: that may be one. */
function isOfRows({ op }: ChangeEvent): boolean {
  return op === 'read' || op === 'create' || op === 'update' || op === 'delete' || op === 'unreadable';
}

/** What the files say of an index, and what one that is made now remembers. */
export function withOrigin(routes: Routes, watch: IndexWatch, alias: string): IndexDefinition | undefined {
  const [definition, origin] = [routes.indexDefinition(alias), watch.originOf(alias)];
  return definition && { ...definition, ...(origin && { origin }) };
}
