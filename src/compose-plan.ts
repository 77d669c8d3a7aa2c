/**
 * The part of the composition root that `plan` needs: records from a topic or a file, and the index as it is.
 */
import type { Documents } from './compose-connections.ts';
import { indexesOf, openElasticsearch, openKafka, openSchemaRegistry } from './compose-connections.ts';
import { firstWaits } from './compose-verify.ts';
import type { Config } from './config/schema.ts';
import { differencesText } from './model/difference.ts';
import { createDecoder } from './envelope/decoder.ts';
import { SluiceError } from './errors.ts';
import { kafkaFailure } from './kafka/client.ts';
import { listTopics, readLag } from './kafka/offsets.ts';
import { readRange } from './kafka/read-range.ts';
import type { IndexDefinition } from './model/document.ts';
import type { Failure } from './model/outcome.ts';
import type { SourceRecord } from './model/record.ts';
import type { PlanRoute } from './rebuild/plan.ts';
import type { Routes } from './documents/routes.ts';
import { createRoutes } from './documents/routes.ts';

export type PlanSource =
  | { readonly kind: 'records'; readonly records: readonly SourceRecord[] }
  /** The document's first topic unless one is named. */
  | {
      readonly kind: 'topic';
      readonly topic: string | undefined;
      readonly partition: number;
      readonly from: number;
      readonly count: number;
    };

export interface PlanOptions {
  readonly config: Config;
  readonly documents: Documents;
  readonly document: string;
  readonly source: PlanSource;
}

export interface PlannedIndex {
  /** Of the index as it is: whether it is there, or why that is not known. */
  readonly state: string;
  /** As it would be made after these records. */
  readonly definition: IndexDefinition | undefined;
}

export interface Plan extends AsyncDisposable {
  readonly records: readonly SourceRecord[];
  routeOf(topic: string): PlanRoute;
  /** After the records were planned, whose schemas it is made of. */
  index(): Promise<PlannedIndex>;
}

/** Throws a SluiceError for a document or topic that is not there, and for servers that do not answer. */
export async function openPlan({ config, documents, document, source }: PlanOptions): Promise<Plan> {
  const { routes, records } = await readRecords({ config, documents, document, source });
  const schemaRegistry = await openSchemaRegistry(config);
  const ending = new AbortController();
  const observer = firstWaits((failure) => {
    // A dry run does not wait for a registry that is down.
    ending.abort();
    throw new SluiceError([failure]);
  });
  const registry = schemaRegistry?.open(ending.signal, observer);
  await registry?.prepare(records);
  const client = await openElasticsearch(config);
  const made = new Map<string, PlanRoute>();
  return {
    records,
    routeOf: (topic) => {
      const known = made.get(topic);
      if (known !== undefined) return known;
      const route: PlanRoute = {
        decode: createDecoder(routes.formOf(topic), registry),
        mapper:
          routes.documentOf(topic, document)?.createMapper() ?? (() => ({ kind: 'ignored', reason: 'not-mapped' })),
      };
      made.set(topic, route);
      return route;
    },
    index: async () => {
      const definition = routes.indexDefinition(document);
      if (definition === undefined) return { state: 'of no known document', definition };
      const found = await indexesOf(client, config).admin.inspect(definition);
      if (found.state === 'failed') return { state: found.failure.message, definition };
      const lacking = found.state === 'present' ? differencesText(found.pending) : '';
      return { state: lacking === '' ? found.state : `${found.state}; it would be given: ${lacking}`, definition };
    },
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await schemaRegistry?.client.close();
    },
  };
}

async function readRecords({
  config,
  documents,
  document,
  source,
}: PlanOptions): Promise<{ readonly routes: Routes; readonly records: readonly SourceRecord[] }> {
  if (source.kind === 'records') {
    const topics = new Set(source.records.map(({ topic }) => topic));
    const routes = createRoutes(documents, config, topics);
    if (routes.topicsFor(document).length === 0) throw unknownDocument(document, routes);
    return { routes, records: source.records };
  }
  const { partition, from, count } = source;
  try {
    const kafka = await openKafka(config, () => undefined);
    const routes = createRoutes(documents, config, await listTopics(kafka));
    const topics = routes.topicsFor(document);
    const topic = source.topic ?? topics[0];
    if (topic === undefined || !topics.includes(topic)) throw unknownDocument(document, routes);
    const lag = await readLag(kafka, config.kafka.groupId, [topic]);
    const found = lag.find((one) => one.partition === partition);
    if (found === undefined) throw misuse(`${topic} has no partition ${partition}.`);
    const range = { topic, partition, from: Math.max(from, found.start), count, end: found.end };
    return { routes, records: await readRange(kafka, config.kafka.groupId, range) };
  } catch (error) {
    throw error instanceof SluiceError ? error : new SluiceError([kafkaFailure(error)]);
  }
}

function unknownDocument(document: string, routes: Routes): SluiceError {
  const known = routes.aliases.length === 0 ? 'no document' : routes.aliases.join(', ');
  return misuse(`These topics make ${known}, and not "${document}".`);
}

function misuse(message: string): SluiceError {
  const failure: Failure = { code: 'CONFIGURATION_INVALID', message };
  return new SluiceError([failure]);
}
