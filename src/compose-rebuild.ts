/**
 * As `compose.ts`, for rebuilds: the same pipeline, into another generation.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Kafka } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import { expectColumns, gatedMappers } from './compose-columns.ts';
import type { Documents, OpenRegistry } from './compose-connections.ts';
import { readingNulls } from './compose-null-reads.ts';
import {
  clock,
  contentDigestOf,
  controlStoreOf,
  digestOf,
  indexesOf,
  openElasticsearch,
  openKafka,
  openSchemaRegistry,
  pipelineSettings,
  processName,
  quietObserver,
  refuseWithoutPrivileges,
} from './compose-connections.ts';
import type { Config } from './config/schema.ts';
import { createBulkSink } from './elasticsearch/bulk/bulk-sink.ts';
import { createComparison } from './elasticsearch/read/comparison.ts';
import { createDocumentReader } from './elasticsearch/read/document-reader.ts';
import { createDocumentScan } from './elasticsearch/read/document-scan.ts';
import { createIndexOrigins } from './elasticsearch/index/index-origins.ts';
import { withIndexes } from './elasticsearch/bulk/with-indexes.ts';
import { createDecoder } from './envelope/decoder.ts';
import { SluiceError } from './errors.ts';
import { createBrokers } from './kafka/brokers.ts';
import { kafkaFailure } from './kafka/client.ts';
import { listTopics, readLag } from './kafka/offsets.ts';
import { createKafkaSignals } from './kafka/signals.ts';
import { createKafkaSource } from './kafka/source.ts';
import type { IndexDefinition } from './model/document.ts';
import { beganWhole } from './model/index-origin.ts';
import type { Failure } from './model/outcome.ts';
import { partitionKey } from './model/record.ts';
import type { TopicState } from './model/topic-origin.ts';
import type { Failpoints } from './pipeline/failpoints.ts';
import { createPipeline } from './pipeline/pipeline.ts';
import type { DocumentReader, Sink } from './pipeline/ports.ts';
import { withWithheld } from './pipeline/write/withheld.ts';
import { createCustody } from './rebuild/custody.ts';
import type { Control } from './rebuild/handover.ts';
import { generationIn } from './rebuild/handover.ts';
import type { Following } from './rebuild/ports.ts';
import type { LoadHooks, RebuildOptions } from './rebuild/rebuild-options.ts';
import type { AfterwardsOptions } from './rebuild/rollback.ts';
import type { Offsets } from './rebuild/snapshot-request.ts';
import { withMaxRate } from './rebuild/throttle.ts';
import { openTopicReader } from './rebuild/topic-reader.ts';
import type { RoutedDocument, Routes } from './documents/routes.ts';
import { createRoutes } from './documents/routes.ts';

export interface RebuildSettings {
  readonly config: Config;
  readonly documents: Documents;
  /** The alias. */
  readonly document: string;
  /** Records a second, at most; undefined for no limit. */
  readonly maxRate?: number | undefined;
  readonly failpoints?: Failpoints | undefined;
  readonly say: (sentence: string) => void;
  readonly warn: (failure: Failure) => void;
}

type Opened = AfterwardsOptions &
  Pick<
    RebuildOptions,
    'definition' | 'content' | 'indexDefinition' | 'groupId' | 'load' | 'holder' | 'startedBy' | 'signals'
  >;

export interface RebuildTools extends Opened, AsyncDisposable {
  /** Of the document. */
  readonly topics: readonly string[];
  /** Throws a SluiceError if the mapping file names columns that the topics' rows do not have. */
  expectColumns(): Promise<void>;
}

/** Throws a SluiceError if Kafka cannot be reached, or no mapping file makes the document. */
export async function openRebuild(settings: RebuildSettings, signal: AbortSignal): Promise<RebuildTools> {
  const { config, document: name } = settings;
  const kafka = await openKafka(config, () => undefined);
  const existing = await listTopics(kafka).catch((error: unknown) => {
    throw new SluiceError([kafkaFailure(error)]);
  });
  const routes = createRoutes(settings.documents, config, existing);
  const routed = routes.documents.find(({ document }) => document === name);
  if (routed === undefined) throw unknown(name, routes);
  const conflict = routes.conflictOf(name);
  if (conflict !== undefined) throw new SluiceError([conflict]);
  const client = await openElasticsearch(config);
  await refuseWithoutPrivileges(client, config, name);
  const schemaRegistry = await openSchemaRegistry(config);
  const custody = createCustody({
    store: controlStoreOf(client, config),
    document: name,
    clock,
    waiting: settings.warn,
    signal,
  });
  const content = contentDigestOf(routed, config);
  const indexDefinition = () => {
    const definition = routes.indexDefinition(name);
    if (definition === undefined) throw unknown(name, routes);
    return { ...definition, origin: { contents: [content], began: beganWhole(routed.topics) } };
  };
  return {
    document: name,
    topics: routed.topics,
    expectColumns: () => expectColumns({ kafka, config, routes, registry: schemaRegistry?.open(signal) }, name),
    definition: digestOf(routed),
    content,
    indexDefinition,
    groupId: config.kafka.groupId,
    custody,
    generations: indexesOf(client, config).generations,
    comparison: createComparison({ client, requestTimeoutMs: config.elasticsearch.requestTimeoutMs }),
    brokers: createBrokers(kafka, routed.topics),
    signals: createKafkaSignals({
      kafka,
      groupId: config.kafka.groupId,
      follow: (topic, since, take) => follow(kafka, settings, { topic, since, take }, signal),
    }),
    load: (hooks, ended) =>
      load(settings, { kafka, client, routes, routed, schemaRegistry, indexDefinition }, hooks, ended),
    clock,
    now: () => new Date().toISOString(),
    holder: randomUUID(),
    startedBy: processName,
    say: settings.say,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await schemaRegistry?.client.close();
    },
  };
}

function unknown(name: string, { documents }: Routes): SluiceError {
  const known = documents.map(({ document }) => document).join(', ');
  const message = `There is no document "${name}" whose topics exist; there are: ${known || 'none'}.`;
  return new SluiceError([{ code: 'MAPPING_INVALID', message }]);
}

interface Followed {
  readonly topic: string;
  readonly since: Offsets;
  readonly take: (value: string) => void;
}

/** A topic beside those of the document, read by a group of its own that commits nothing. */
async function follow(
  kafka: Kafka,
  { config, say }: RebuildSettings,
  { topic, since, take }: Followed,
  signal: AbortSignal,
): Promise<Following | undefined> {
  if (!(await listTopics(kafka)).has(topic)) return undefined;
  const groupId = `${config.kafka.groupId}-notifications-${randomUUID()}`;
  const source = createKafkaSource({
    ...config.kafka,
    kafka,
    topics: [topic],
    epochsOf: () => [],
    seen: () => undefined,
    log: (level, message) => {
      if (level === 'warn') say(message);
    },
    groupId,
  });
  const reader = await openTopicReader({
    source,
    readEnds: () => readLag(kafka, groupId, [topic]),
    prepare: undefined,
    take: ({ partition, offset, value }) => {
      if (value !== null && offset >= (since[partitionKey({ topic, partition })] ?? 0)) take(value.toString());
    },
    progress: () => undefined,
  });
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  signal.addEventListener('abort', () => {
    stopped.reject(signal.reason);
  });
  return {
    catchUp: () => Promise.race([reader.catchUp(), stopped.promise]),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

interface Connections {
  readonly kafka: Kafka;
  readonly client: Client;
  readonly routes: Routes;
  readonly routed: RoutedDocument;
  /** The index as known by now. */
  readonly indexDefinition: () => IndexDefinition;
  readonly schemaRegistry: OpenRegistry | undefined;
}

/** The pipeline of `sluice run`, for one document, with a group of its own, into the generation that is made. */
async function load(
  settings: RebuildSettings,
  connections: Connections,
  hooks: LoadHooks,
  signal: AbortSignal,
): Promise<void> {
  const { config } = settings;
  const { kafka, client, routes, routed, schemaRegistry, indexDefinition } = connections;
  const { control } = hooks;
  const observer = quietObserver({ waiting: settings.warn, warned: settings.warn });
  const registry = schemaRegistry?.open(signal, observer);
  let topicStates: ReadonlyMap<string, TopicState> = new Map();
  const source = createKafkaSource({
    ...config.kafka,
    kafka,
    topics: routed.topics,
    epochsOf: routes.epochsOf,
    seen: (states) => {
      topicStates = states;
    },
    log: () => undefined,
    groupId: control.groupId,
  });
  const { writes } = generationIn(control, control.to);
  const origins = createIndexOrigins({ client, ...config.elasticsearch });
  /** Ends the load, when going on would be wrong. */
  const halting = new AbortController();
  const ensure = async (): Promise<Failure | undefined> => {
    const definition = indexDefinition();
    const failure = await hooks.ensure(definition);
    if (failure !== undefined) return failure;
    const topics = routes.topicOriginsOf(control.document, topicStates);
    const claim = await origins.claim(writes, topics, ({ identity, origin }) => ({
      contents: [contentDigestOf(routed, config)],
      began: beganWhole(routed.topics),
      ...origin,
      identity,
    }));
    if (claim.state === 'forgotten') settings.warn(claim.failure);
    if (claim.state === 'failed') return claim.failure;
    if (claim.state === 'refused') halting.abort(new SluiceError(claim.failures));
    return claim.state === 'refused' ? claim.failures[0] : undefined;
  };
  const bulk = redirected(
    createBulkSink({ client, ...config.elasticsearch, remainingMs: () => source.remainingMs() }),
    writes,
  );
  const { documents } = settings;
  await using nulls = readingNulls(withIndexes(bulk, ensure, routes.schemasMet), config, {
    ...{ documents, topics: routed.topics, observer },
  });
  const scan = createDocumentScan({ client, ...config.elasticsearch });
  const reader = readerOf(createDocumentReader({ client, ...config.elasticsearch }), control, writes);
  const pipeline = createPipeline({
    source: settings.maxRate === undefined ? source : withMaxRate(source, settings.maxRate, clock),
    sink: withWithheld(nulls.sink, reader, observer),
    deadLetters: {
      // What cannot be read at all is a dead letter of the running instances.
      write: async (letters) => {
        for (const { document, failure } of letters) {
          if (document === undefined) {
            observer.warned(failure);
            continue;
          }
          const { id, routing, version } = document;
          const place = { id, version, ...(routing !== undefined && { routing }) };
          await hooks.refused({ generation: control.to, ...place, code: failure.code });
        }
      },
    },
    // What a truncate deletes is what is in the new generation.
    scan: { documents: (_, ended) => scan.documents(writes, ended) },
    observer,
    prepare: registry?.prepare,
    routeOf: (topic) => ({
      decode: createDecoder(routes.formOf(topic), registry),
      mappers: gatedMappers({ kafka, config, routes, registry, warned: settings.warn }, topic, control.document),
      truncated: routes.truncatedBy(topic, control.document),
      redact: routes.redactOf(topic),
    }),
    ...pipelineSettings(config, settings.failpoints),
  });
  await pipeline.run(AbortSignal.any([signal, halting.signal]));
  if (halting.signal.aborted) throw halting.signal.reason;
}

function redirected(sink: Sink, index: string): Sink {
  return {
    write: (writes, signal) =>
      sink.write(
        writes.map((write) => ({ ...write, index })),
        signal,
      ),
  };
}

/** Values that the topics no longer have are in the generation that is replaced (docs/decisions/0010). */
function readerOf(reader: DocumentReader, { from }: Control, writes: string): DocumentReader {
  return {
    read: async (places, signal) => {
      const own = await reader.read(
        places.map((place) => ({ ...place, index: writes })),
        signal,
      );
      if ('code' in own) return own;
      const lacking = places.filter((_, position) => own[position] === null);
      if (lacking.length === 0 || from === '') return own;
      const old = await reader.read(
        lacking.map((place) => ({ ...place, index: from })),
        signal,
      );
      if ('code' in old) return old;
      const found = old.values();
      return own.map((text) => text ?? found.next().value ?? null);
    },
  };
}
