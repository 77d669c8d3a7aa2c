/**
 * The composition root of the service; with `compose-*.ts` the only files that know every adapter.
 */
import { AbortError } from 'p-retry';
import pRetry from 'p-retry';
import type { Config } from './config/schema.ts';
import { createBulkSink } from './elasticsearch/bulk/bulk-sink.ts';
import { createDocumentReader } from './elasticsearch/read/document-reader.ts';
import { engineTitles } from './elasticsearch/engine.ts';
import type { Health } from './elasticsearch/health.ts';
import { checkElasticsearch } from './elasticsearch/health.ts';
import { createIndexOrigins } from './elasticsearch/index/index-origins.ts';
import { createDocumentScan } from './elasticsearch/read/document-scan.ts';
import { withIndexes } from './elasticsearch/bulk/with-indexes.ts';
import { createDecoder } from './envelope/decoder.ts';
import { readIgnoredValues } from './elasticsearch/read/ignored-values.ts';
import { directiveOf, explain, failureIn, SluiceError } from './errors.ts';
import { watchIgnored } from './documents/ignored-watch.ts';
import { createDoubtTeller, watchIndexes } from './documents/index-watch.ts';
import { createIndexKeeper } from './documents/indexes.ts';
import type { KafkaLog } from './kafka/client.ts';
import { kafkaFailure } from './kafka/client.ts';
import { createKafkaDeadLetters } from './kafka/dead-letters.ts';
import { countPartitions, listTopics, readEnds, readIdleOffsets } from './kafka/offsets.ts';
import { readRetentions } from './kafka/retention.ts';
import { createKafkaSource } from './kafka/source.ts';
import type { GroupInstance } from './model/group-definitions.ts';
import type { Failure } from './model/outcome.ts';
import type { TopicState } from './model/topic-origin.ts';
import { backoffMs } from './model/retrying.ts';
import { exposeDoubts } from './observability/index-doubts.ts';
import type { Logger } from './observability/logger.ts';
import type { Failpoints } from './pipeline/failpoints.ts';
import { findMovedOffsets, tellForgotten, tellMovedOffsets } from './documents/moved-offsets.ts';
import { createPipeline } from './pipeline/pipeline.ts';
import { withWithheld } from './pipeline/write/withheld.ts';
import type { Writing } from './rebuild/handover.ts';
import { createTwins } from './rebuild/twins.ts';
import { unorderedTruncates } from './documents/route-problems.ts';
import { createRoutes } from './documents/routes.ts';
import { watchArrivals } from './documents/topic-arrivals.ts';
import { gatedMappers } from './compose-columns.ts';
import type { Documents } from './compose-connections.ts';
import { definitionsDigest, readInstances, watchDefinitions } from './compose-group.ts';
import type { Monitor } from './compose-health.ts';
import { startMonitor } from './compose-health.ts';
import { openIndexRebuilds } from './compose-index-rebuilds.ts';
import { openIndexWatch, withOrigin } from './compose-index-watch.ts';
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
  originsOf,
  pipelineSettings,
  processName,
  version,
} from './compose-connections.ts';

export interface ServiceOptions {
  readonly config: Config;
  readonly documents: Documents;
  readonly logger: Logger;
  readonly failpoints?: Failpoints | undefined;
}

/**
 * Runs until `signal` aborts. Waits, loudly, for servers that cannot be reached; throws a SluiceError for what will not heal by
 * waiting: credentials that are refused, topics that do not exist, a port that is taken.
 */
export async function runService(
  options: ServiceOptions,
  signal: AbortSignal,
): Promise<{ readonly recordsLeft: number }> {
  const monitor = await startMonitor(options.config, options.logger);
  try {
    return await runMonitored(options, monitor, signal);
  } finally {
    await monitor.close();
  }
}

async function runMonitored(
  options: ServiceOptions,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<{ readonly recordsLeft: number }> {
  const { config, documents, logger } = options;
  const { metrics, observer } = monitor;
  const waitFor = <T>(attempt: () => Promise<T>): Promise<T> => waitForKafka(attempt, monitor, signal);
  const kafkaLog: KafkaLog = (level, message) => {
    logger[level](message);
  };
  const kafka = await openKafka(config, kafkaLog);
  const client = await openElasticsearch(config);
  const existing = await waitFor(() => listTopics(kafka).catch(kafkaError));
  const { engine, requestTimeoutMs } = config.elasticsearch;
  let health = await checkElasticsearch(client, requestTimeoutMs, engine);
  if (!health.ok) mindHealth(health, logger);
  const doubted = (doubt: Failure): void => {
    logger.warn({ code: doubt.code }, explain(doubt));
  };
  const routes = createRoutes(documents, { ...config, nulled: metrics.nulled, doubted }, existing);
  if (routes.missing.length > 0) throw new SluiceError(routes.missing);
  const counts = await waitFor(() => countPartitions(kafka, routes.emptied).catch(kafkaError));
  const unordered = unorderedTruncates(counts);
  if (unordered.length > 0) throw new SluiceError(unordered);
  monitor.starting(health.ok ? undefined : health.failure);
  metrics.begin({ topics: routes.topics, indexes: routes.aliases, version });
  if (health.ok) tellEngine(health.version, config, logger);

  // It was not there at the start; what has come since may be the other engine.
  const wrongEngine = async (): Promise<Failure | undefined> => {
    if (!health.ok) health = await checkElasticsearch(client, requestTimeoutMs, engine);
    return !health.ok && health.failure.code === 'ELASTICSEARCH_ENGINE_WRONG' ? health.failure : undefined;
  };
  const controls = controlStoreOf(client, config);
  const twins = createTwins({
    store: {
      ...controls,
      read: async (names) => {
        const read = (await wrongEngine()) ?? (await controls.read(names));
        monitor.starting('code' in read && !health.ok ? read : undefined);
        return read;
      },
    },
    documents: routes.documents.map((document) => ({
      document: document.document,
      definition: digestOf(document),
      content: contentDigestOf(document, config),
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
  const origins = createIndexOrigins({ client, ...config.elasticsearch });
  const schemaRegistry = await openSchemaRegistry(config);
  const registry = schemaRegistry?.open(signal, observer);
  const watch = openIndexWatch({ kafka, client, config, routes, origins, registry, mayRemember: true });
  exposeDoubts(metrics.registry, watch.doubts);
  const keeper = createIndexKeeper({
    ...indexesOf(client, config),
    routes: { aliases: routes.aliases, indexDefinition: (alias) => withOrigin(routes, watch, alias) },
    rebuilds: twins,
    logger,
    nowMs: () => clock.nowMs(),
  });
  const { groupId } = config.kafka;
  const tellDoubts = createDoubtTeller(logger);
  // Where the group stands is known before this instance joins it, whether Elasticsearch answers or not.
  const doubts = await waitFor(() => watch.look().catch(kafkaError));
  if (!('code' in doubts)) tellDoubts(doubts);
  if (health.ok) {
    await twins.look();
    await keeper.atStart();
    const idleOffsets = () => readIdleOffsets(kafka, groupId, routes.topics).catch(kafkaError);
    const find = () => findMovedOffsets({ groupId, routes, remembered: origins.remembered, idleOffsets });
    tellMovedOffsets(await waitFor(find), logger);
  }
  let topicStates: ReadonlyMap<string, TopicState> = new Map();
  /** Ends the service, when going on would be wrong. */
  const halting = new AbortController();
  const ensureIndex = async (alias: string): Promise<Failure | undefined> => {
    const failure = (await wrongEngine()) ?? (await keeper.ensure(alias));
    if (failure !== undefined) return failure;
    const claim = await origins.claim(alias, routes.topicOriginsOf(alias, topicStates), watch.nextOf(alias));
    if (claim.state === 'refused') halting.abort(new SluiceError(claim.failures));
    if (claim.state === 'forgotten') tellForgotten(alias, claim.failure, logger);
    if (claim.state === 'failed') return claim.failure;
    return claim.state === 'refused' ? claim.failures[0] : undefined;
  };
  const bulk = twins.sink(createBulkSink({ client, ...config.elasticsearch, remainingMs: () => source.remainingMs() }));
  const indexed = withIndexes(bulk, ensureIndex, routes.schemasMet);
  const deadLetters = createKafkaDeadLetters({ kafka, groupId, ...config.deadLetters });
  await using nulls = readingNulls(indexed, config, { documents, topics: routes.topics, observer });
  const sink = withWithheld(nulls.sink, createDocumentReader({ client, ...config.elasticsearch }), observer);
  const definitions = definitionsDigest(routes, config);
  let instances: readonly GroupInstance[] = [];
  const source = createKafkaSource({
    kafka,
    profile: { instance: processName, definitions },
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
    observer,
    prepare: registry?.prepare,
    documents: routes.aliases.length,
    routeOf: (topic) => ({
      decode: createDecoder(routes.formOf(topic), registry),
      mappers: gatedMappers({ kafka, config, routes, registry, warned: observer.warned }, topic),
      documents: routes.madeOf(topic).map(({ made }) => made.document),
      truncated: routes.truncatedBy(topic),
      redact: routes.redactOf(topic),
    }),
    ...pipelineSettings(config, options.failpoints),
  });
  monitor.watch({
    status: pipeline.status,
    reading: source.reading,
    aliases: () => routes.aliases,
    details: () => ({ doubts: Object.fromEntries(watch.doubts()), definitions, instances }),
    retentions: () => readRetentions(kafka, routes.topics),
    ends: (topics) => readEnds(kafka, topics),
  });
  logger.info({ topics: routes.topics.length, port: monitor.port }, `Reading ${routes.topics.length} topics.`);
  const over = new AbortController();
  const arrivals = watchArrivals(
    {
      listTopics: () => listTopics(kafka),
      routesWith: (now) => createRoutes(documents, config, now),
      topics: routes.topics,
      everyMs: lookForTopicsEveryMs,
      clock,
      warned: observer.warned,
    },
    over.signal,
  );
  const ended = AbortSignal.any([signal, over.signal]);
  const rebuilds = openIndexRebuilds({ kafka, config, documents, routes, logger }, ended);
  const watched = watchIndexes(
    watch,
    {
      ...{ clock, everyMs: config.index.lookMs, ensure: ensureIndex },
      found: (found) => {
        tellDoubts(found);
        rebuilds.consider(found);
      },
      met: () => routes.aliases.filter(routes.hasRows),
    },
    ended,
  );
  const group = watchDefinitions(
    {
      ...{ groupId, own: definitions, everyMs: lookAtGroupEveryMs, clock, observer },
      read: () => readInstances(kafka, groupId),
      seen: (found) => {
        instances = found;
      },
    },
    over.signal,
  );
  const ignored = watchIgnored(
    {
      aliases: routes.aliases,
      read: (alias) => readIgnoredValues({ client, requestTimeoutMs }, alias, over.signal),
      counted: metrics.valuesIgnored,
      warned: observer.warned,
      everyMs: countIgnoredEveryMs,
      clock,
    },
    over.signal,
  );
  try {
    const done = await pipeline.run(AbortSignal.any([signal, halting.signal]));
    if (halting.signal.aborted) throw halting.signal.reason;
    return done;
  } finally {
    over.abort();
    await Promise.all([arrivals, group, ignored]);
    await watched;
    await rebuilds.settled();
    await deadLetters.close();
    await client.close();
    await schemaRegistry?.client.close();
  }
}

/** Documents whose values a field ignored are counted this often: a search over the names of fields, which are few. */
const countIgnoredEveryMs = 60_000;
/** Topics that are new are looked for this often. */
const lookForTopicsEveryMs = 60_000;
/** What the other instances of the group run with is looked at this often. */
const lookAtGroupEveryMs = 10_000;

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

const startBackoff = { initialMs: 500, maxMs: 10_000 };

/** Tries for ever, and says so. */
async function waitForKafka<T>(attempt: () => Promise<T>, monitor: Monitor, signal: AbortSignal): Promise<T> {
  const sinceMs = clock.nowMs();
  const waited = new Set<string>();
  const found = await pRetry(attempt, {
    ...{
      retries: Number.POSITIVE_INFINITY,
      minTimeout: startBackoff.initialMs,
      maxTimeout: startBackoff.maxMs,
      factor: 2,
      signal,
    },
    onFailedAttempt: ({ error, attemptNumber }) => {
      const failure = failureIn(error);
      if (failure === undefined) return;
      waited.add(failure.code);
      monitor.starting(failure);
      monitor.observer.waiting(failure, attemptNumber, backoffMs(startBackoff, attemptNumber), 'Kafka');
    },
  });
  for (const code of waited) monitor.observer.recovered(code, clock.nowMs() - sinceMs, 'Kafka');
  if (waited.size > 0) monitor.starting(undefined);
  return found;
}
