/**
 * The composition root: the only file that knows every adapter.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Client } from '@elastic/elasticsearch';
import type { Kafka } from 'kafkajs';
import { AbortError } from 'p-retry';
import pRetry from 'p-retry';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadedDocument } from './config/load.ts';
import type { Config } from './config/schema.ts';
import type { Adopt } from './elasticsearch/adoption.ts';
import { createAdopt } from './elasticsearch/adoption.ts';
import { createBulkSink } from './elasticsearch/bulk-sink.ts';
import { createElasticsearchClient } from './elasticsearch/client.ts';
import { createControlIndex } from './elasticsearch/control-index.ts';
import { createDocumentReader } from './elasticsearch/document-reader.ts';
import { engineTitles } from './elasticsearch/engine.ts';
import { createGenerations } from './elasticsearch/generations.ts';
import type { Health } from './elasticsearch/health.ts';
import { checkElasticsearch } from './elasticsearch/health.ts';
import { createIndexOrigins } from './elasticsearch/index-origins.ts';
import type { IndexAdmin } from './elasticsearch/index-admin.ts';
import { createDocumentScan } from './elasticsearch/document-scan.ts';
import { createIndexAdmin } from './elasticsearch/index-admin.ts';
import { createIndexMaker } from './elasticsearch/index-maker.ts';
import { withIndexes } from './elasticsearch/with-indexes.ts';
import { createDecoder } from './envelope/decoder.ts';
import { SluiceError, directiveOf, explain } from './errors.ts';
import { createIndexKeeper } from './indexes.ts';
import type { KafkaLog } from './kafka/client.ts';
import { createKafka, kafkaFailure } from './kafka/client.ts';
import { createKafkaDeadLetters } from './kafka/dead-letters.ts';
import { countPartitions, listTopics, readIdleOffsets } from './kafka/offsets.ts';
import { createKafkaSource } from './kafka/source.ts';
import type { DocumentDefinition } from './mapping/definition.ts';
import type { LoadedTransform } from './mapping/transform.ts';
import type { Failure } from './model/outcome.ts';
import type { TopicState } from './model/topic-origin.ts';
import { startHttp } from './observability/http.ts';
import type { Logger } from './observability/logger.ts';
import { createMetrics } from './observability/metrics.ts';
import { createObserver } from './observability/observer.ts';
import { readiness } from './observability/readiness.ts';
import type { Failpoints } from './pipeline/failpoints.ts';
import { createMovedOffsets, tellForgotten, tellMovedOffsets } from './offsets.ts';
import { createPipeline } from './pipeline/pipeline.ts';
import type { Clock, Generations } from './pipeline/ports.ts';
import { withWithheld } from './pipeline/withheld.ts';
import type { Writing } from './rebuild/handover.ts';
import type { ControlStore } from './rebuild/ports.ts';
import { createTwins } from './rebuild/twins.ts';
import type { RoutedDocument } from './routes.ts';
import { createRoutes, unorderedTruncates } from './routes.ts';
import type { RegistryClient } from './schema-registry/client.ts';
import { createRegistryClient } from './schema-registry/client.ts';
import type { Registry, RegistryObserver } from './schema-registry/registry.ts';
import { createRegistry } from './schema-registry/registry.ts';

/** A mapping file, and the module that its `transform` names. */
export type Documents = readonly (LoadedDocument<DocumentDefinition> & {
  readonly transform?: LoadedTransform | undefined;
})[];

export interface ServiceOptions {
  readonly config: Config;
  readonly documents: Documents;
  readonly logger: Logger;
  readonly failpoints?: Failpoints | undefined;
}

/** Found beside `src` as beside `dist`. */
const packageJson = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export const version = `sluice ${packageJson.version}`;

export const clock: Clock = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, { ...(signal && { signal }) }).catch(() => undefined),
};

/** Kafka's client for this configuration. */
export async function openKafka({ kafka }: Config, log: KafkaLog): Promise<Kafka> {
  const { ssl } = kafka;
  const encrypted = ssl?.enabled === true;
  return createKafka(
    {
      ...kafka,
      ssl: encrypted
        ? {
            ca: await textOf(ssl.caFile),
            cert: await textOf(ssl.certFile),
            key: await textOf(ssl.keyFile),
            passphrase: ssl.passphrase,
            rejectUnauthorized: ssl.rejectUnauthorized,
          }
        : undefined,
    },
    log,
  );
}

/** Elasticsearch's client for this configuration. */
export async function openElasticsearch({ elasticsearch }: Config): Promise<Client> {
  return createElasticsearchClient({ ...elasticsearch, ca: await textOf(elasticsearch.caFile) });
}

const unobserved: RegistryObserver = {
  waiting: () => undefined,
  recovered: () => undefined,
  warned: () => undefined,
};

/** The schema registry of a configuration. */
export interface OpenRegistry {
  readonly client: RegistryClient;
  /** Its schemas, fetched until `signal` aborts. */
  open(signal: AbortSignal, observer?: RegistryObserver): Registry;
}

/** Undefined if the configuration names none. */
export async function openSchemaRegistry({ schemaRegistry }: Config): Promise<OpenRegistry | undefined> {
  if (schemaRegistry === undefined) return undefined;
  const client = createRegistryClient({ ...schemaRegistry, ca: await textOf(schemaRegistry.caFile) });
  return { client, open: (signal, observer = unobserved) => createRegistry({ client, clock, observer, signal }) };
}

/** What looks after indexes: those that aliases name, all generations, and those that are taken over. */
export interface Indexes {
  readonly admin: IndexAdmin;
  readonly generations: Generations;
  readonly adopt: Adopt;
}

export function indexesOf(client: Client, { elasticsearch: { requestTimeoutMs } }: Config): Indexes {
  const maker = createIndexMaker({ client, requestTimeoutMs, createdBy: version });
  const generations = createGenerations({ client, requestTimeoutMs, maker });
  const shared = { client, requestTimeoutMs, maker, generations };
  return { admin: createIndexAdmin(shared), generations, adopt: createAdopt({ ...shared, createdBy: version }) };
}

async function textOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  return readFile(file, 'utf8').catch(() => {
    throw new SluiceError([{ code: 'CONFIGURATION_INVALID', message: `The file ${file} cannot be read.` }]);
  });
}

/**
 * Runs until `signal` aborts. Waits, loudly, for servers that cannot be reached; throws a SluiceError for what will not heal by
 * waiting: credentials that are refused, topics that do not exist, a port that is taken.
 */
export async function runService(
  options: ServiceOptions,
  signal: AbortSignal,
): Promise<{ readonly recordsLeft: number }> {
  const { config, documents, logger } = options;
  const kafkaLog: KafkaLog = (level, message) => {
    logger[level](message);
  };
  const kafka = await openKafka(config, kafkaLog);
  const client = await openElasticsearch(config);
  const existing = await waitFor(() => listTopics(kafka).catch(kafkaError), logger, signal);
  const { engine, requestTimeoutMs } = config.elasticsearch;
  let health = await checkElasticsearch(client, requestTimeoutMs, engine);
  if (!health.ok) mindHealth(health, logger);
  const metrics = createMetrics(() => ({ ...pipeline.status(), ready: isReady().ready }));
  const routes = createRoutes(documents, { ...config, nulled: metrics.nulled }, existing);
  if (routes.missing.length > 0) throw new SluiceError(routes.missing);
  const counts = await waitFor(() => countPartitions(kafka, routes.emptied).catch(kafkaError), logger, signal);
  const unordered = unorderedTruncates(counts);
  if (unordered.length > 0) throw new SluiceError(unordered);
  const { groupId } = config.kafka;
  const idle = await waitFor(() => readIdleOffsets(kafka, groupId, routes.topics).catch(kafkaError), logger, signal);
  const tellMoved = tellMovedOffsets(createMovedOffsets(groupId, idle, routes), logger);
  if (health.ok) tellEngine(health.version, config, logger);

  const observer = createObserver(metrics, logger);
  const twins = createTwins({
    store: controlStoreOf(client, config),
    documents: routes.documents.map((document) => ({
      document: document.document,
      definition: digestOf(document),
      topics: new Set(document.topics),
    })),
    instance: processName,
    clock,
    observer,
    ...config.rebuild,
    timeMs: () => Date.now(),
    tell: (document, writing) => {
      logger.info({ document }, writingText(document, writing));
    },
  });
  const keeper = createIndexKeeper({ ...indexesOf(client, config), routes, rebuilds: twins, logger });
  if (health.ok) {
    await twins.look();
    await keeper.atStart();
  }
  const origins = createIndexOrigins({ client, ...config.elasticsearch });
  let topicStates: ReadonlyMap<string, TopicState> = new Map();
  /** Ends the service, when going on would be wrong. */
  const halting = new AbortController();
  const ensureIndex = async (alias: string): Promise<Failure | undefined> => {
    // It was not there at the start; what has come since may be the other engine.
    if (!health.ok) health = await checkElasticsearch(client, requestTimeoutMs, engine);
    if (!health.ok && health.failure.code === 'ELASTICSEARCH_ENGINE_WRONG') return health.failure;
    const failure = await keeper.ensure(alias);
    if (failure !== undefined) return failure;
    const claim = await origins.claim(alias, routes.topicOriginsOf(alias, topicStates));
    if (claim.state === 'refused') halting.abort(new SluiceError(claim.failures));
    if (claim.state === 'forgotten') tellForgotten(alias, claim.failure, logger);
    if (claim.state === 'claimed') tellMoved(alias, claim.before);
    if (claim.state === 'failed') return claim.failure;
    return claim.state === 'refused' ? claim.failures[0] : undefined;
  };
  const bulk = twins.sink(createBulkSink({ client, ...config.elasticsearch }));
  const indexed = withIndexes(bulk, ensureIndex, routes.schemasMet);
  const deadLetters = createKafkaDeadLetters({ kafka, groupId, ...config.deadLetters });
  const schemaRegistry = await openSchemaRegistry(config);
  const registry = schemaRegistry?.open(signal, observer);
  const sink = withWithheld(indexed, createDocumentReader({ client, ...config.elasticsearch }), observer);
  const source = createKafkaSource({
    kafka,
    topics: routes.topics,
    epochsOf: routes.epochsOf,
    seen: (states) => {
      topicStates = states;
      const partitions = routes.emptied.map((topic) => [topic, states.get(topic)?.partitions ?? 1] as const);
      const nowUnordered = unorderedTruncates(new Map(partitions));
      if (nowUnordered.length > 0) halting.abort(new SluiceError(nowUnordered));
    },
    log: kafkaLog,
    ...config.kafka,
  });
  const pipeline = createPipeline({
    source: twins.source(source),
    sink,
    deadLetters,
    scan: createDocumentScan({ client, ...config.elasticsearch }),
    clock,
    observer,
    prepare: registry?.prepare,
    retry: { ...config.retry, random: Math.random },
    routeOf: (topic) => ({
      decode: createDecoder(routes.formOf(topic), registry?.readFrame),
      mappers: routes.mappersOf(topic),
      truncated: routes.truncatedBy(topic),
      redact: routes.redactOf(topic),
    }),
    ...config.elasticsearch,
    maxBytesHeld: config.limits.maxBytesHeld,
    commitIntervalMs: config.commit.intervalMs,
    drainTimeoutMs: config.drainTimeoutMs,
    ...(options.failpoints && { failpoints: options.failpoints }),
  });
  const isReady = () => {
    const status = pipeline.status();
    const movement = {
      ...status,
      joined: status.assignment !== undefined,
      blockedSinceMs: twins.blockedSinceMs(),
    };
    return readiness(movement, clock.nowMs(), config.stalledAfterMs);
  };
  const http = config.http.enabled
    ? await startHttp({
        ...config.http,
        registry: metrics.registry,
        readiness: isReady,
        status: () => ({ ...isReady(), ...pipeline.status(), lagRecords: metrics.lag() }),
      })
    : undefined;
  logger.info({ topics: routes.topics.length, port: http?.port }, `Reading ${routes.topics.length} topics.`);
  try {
    const done = await pipeline.run(AbortSignal.any([signal, halting.signal]));
    if (halting.signal.aborted) throw halting.signal.reason;
    return done;
  } finally {
    await http?.close();
    await deadLetters.close();
    await client.close();
    await schemaRegistry?.client.close();
  }
}

/** Which process this is, for people. */
export const processName = `${hostname()}/${process.pid}`;

export function controlStoreOf(client: Client, { elasticsearch, rebuild }: Config): ControlStore {
  return createControlIndex({
    client,
    requestTimeoutMs: elasticsearch.requestTimeoutMs,
    index: rebuild.controlIndex,
  });
}

/** The same for mapping files that make the same documents, whatever they say of the index. */
export function digestOf({ definition }: RoutedDocument): string {
  return createHash('sha256')
    .update(JSON.stringify({ ...definition, index: undefined }))
    .digest('hex');
}

function writingText(document: string, writing: Writing): string {
  if (writing.kind === 'alias') return `A rebuild of ${document} is over: writing to its alias alone.`;
  const { live, other } = writing;
  return other === undefined
    ? `Of the generations of ${document} only ${live} is written.`
    : `A rebuild of ${document} asks for it: writing to ${live} and ${other}; ${live} decides.`;
}

/** Throws a SluiceError for what will not heal by waiting. */
function mindHealth({ failure }: Extract<Health, { readonly ok: false }>, logger: Logger): void {
  if (failure.code === 'ELASTICSEARCH_UNAUTHORIZED' || directiveOf(failure) === 'stop')
    throw new SluiceError([failure]);
  logger.warn({ code: failure.code }, `${explain(failure)} Records are read and wait.`);
}

/** Where nodes are, without the credentials that a URL may hold. */
export function originsOf(nodes: readonly string[]): string {
  return nodes.map((node) => new URL(node).origin).join(', ');
}

function tellEngine(version: string | undefined, { elasticsearch: { engine, nodes } }: Config, logger: Logger): void {
  const what = version === undefined ? engineTitles[engine] : `${engineTitles[engine]} ${version}`;
  logger.info({ engine, version }, `Writing to ${what} at ${originsOf(nodes)}.`);
}

function kafkaError(error: unknown): never {
  throw failureError(kafkaFailure(error));
}

function failureError(failure: Failure): Error {
  const error = new SluiceError([failure]);
  return directiveOf(failure) === 'stop' ? new AbortError(error) : error;
}

/** Tries for ever, and says so. */
async function waitFor<T>(attempt: () => Promise<T>, logger: Logger, signal: AbortSignal): Promise<T> {
  return pRetry(attempt, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 500,
    maxTimeout: 10_000,
    factor: 2,
    signal,
    onFailedAttempt: ({ error, attemptNumber }) => {
      logger.warn({ attempt: attemptNumber }, error.message);
    },
  });
}
