/**
 * The part of the composition root that the commands share which compare an index with its topics: `verify`, `repair`, `sweep`.
 */
import { randomUUID } from 'node:crypto';
import { expectColumns } from './compose-columns.ts';
import type { Documents } from './compose-connections.ts';
import { clock, openElasticsearch, openKafka, openSchemaRegistry, quietObserver } from './compose-connections.ts';
import type { Config } from './config/schema.ts';
import { createBulkSink } from './elasticsearch/bulk/bulk-sink.ts';
import { readStored } from './elasticsearch/read/document-reader.ts';
import { scanIndex } from './elasticsearch/read/index-scan.ts';
import { outcomeOf } from './elasticsearch/bulk/bulk-outcome.ts';
import { ask } from './elasticsearch/request.ts';
import type { IgnoredValues } from './documents/ports.ts';
import { readIgnoredValues } from './elasticsearch/read/ignored-values.ts';
import { readVectorFields } from './elasticsearch/read/vectors.ts';
import { createDecoder } from './envelope/decoder.ts';
import { SluiceError } from './errors.ts';
import { kafkaFailure } from './kafka/client.ts';
import { listTopics, readLag } from './kafka/offsets.ts';
import { createKafkaSource } from './kafka/source.ts';
import { sampleRecords } from './kafka/sample.ts';
import type { CompiledDocument } from './mapping/compile.ts';
import type { ChangeEvent } from './model/change-event.ts';
import type { Failure } from './model/outcome.ts';
import type { VectorField } from './model/vector-field.ts';
import type { Clock, Observer, Sink } from './pipeline/ports.ts';
import type { Fold, FoldRoute } from './rebuild/fold.ts';
import { createFold } from './rebuild/fold.ts';
import type { PartitionEnds } from './rebuild/topic-reader.ts';
import { openTopicReader } from './rebuild/topic-reader.ts';
import type { ProofIndex, ProofStore, TakeRecord, TopicReader } from './rebuild/verify-ports.ts';
import { createRoutes } from './documents/routes.ts';
import { createSqliteProofStore } from './store/sqlite-proof-store.ts';

export interface ProofOptions {
  readonly config: Config;
  readonly documents: Documents;
  readonly document: string;
  /** The index that is looked at; the document's alias unless said. */
  readonly index?: string | undefined;
  /** For the pages of what is known of the documents. */
  readonly cacheBytes: number;
  /** Where those that do not fit are put. */
  readonly folder?: string | undefined;
  readonly readRecords: (done: number, total: number) => void;
  readonly warned: (failure: Failure) => void;
}

export interface ReadTopics {
  readonly reader: TopicReader;
  readonly fold: Fold;
}

export interface Proof extends AsyncDisposable {
  readonly topics: readonly string[];
  readonly store: ProofStore;
  readonly index: ProofIndex;
  /** Of the index. */
  readonly vectors: readonly VectorField[];
  readonly clock: Clock;
  /** Takes a version that is there already. */
  readonly sink: Sink;
  partitions(): Promise<readonly PartitionEnds[]>;
  /** Documents of the index with values that no field took. */
  ignored(): Promise<IgnoredValues | Failure>;
  /** Begins to read the topics. */
  read(keepsText: (id: string) => boolean, watch?: RecordWatch): Promise<ReadTopics>;
  /** Reads the topics to their ends, with the texts of all documents only if some cannot be told without. */
  readWhole(): Promise<ReadTopics & { readonly keepsTexts: boolean }>;
  /** How the records of a topic are read. */
  routeOf(topic: string): FoldRoute;
  /** The document as the topic makes it; undefined for another's topic. */
  documentOf(topic: string): CompiledDocument | undefined;
  /** The last changes of each topic, or the first, as far as they can be read. */
  sample(perPartition: number, fromStart?: boolean): Promise<ReadonlyMap<string, readonly ChangeEvent[]>>;
}

export interface RecordWatch {
  /** Sees each record before the fold does. */
  readonly see?: TakeRecord | undefined;
  /** Whether the fold leaves the record out. */
  readonly skips?: ((offset: number, source: number) => boolean) | undefined;
}

const pageSize = 1000;
const sampleTimeoutMs = 15_000;

const partMet = new Error('A document needs the text of the one before.');

/** Throws a SluiceError for a document that is not there, and for servers that do not answer. */
export async function openProof(options: ProofOptions, signal: AbortSignal): Promise<Proof> {
  const { config, document } = options;
  const kafka = await openKafka(config, () => undefined);
  const existing = await listTopics(kafka).catch(kafkaError);
  const routes = createRoutes(options.documents, config, existing);
  const topics = routes.topicsFor(document);
  if (topics.length === 0) throw new SluiceError([...routes.missing, noDocument(document, routes.aliases)]);
  // Such an index is right by accident at most, and the comparison has the same fault as the index.
  const conflict = routes.conflictOf(document);
  if (conflict !== undefined) throw new SluiceError([conflict]);
  const schemaRegistry = await openSchemaRegistry(config);
  const observer = firstWaits(options.warned);
  const registry = schemaRegistry?.open(signal, observer);
  await expectColumns({ kafka, config, routes, registry }, document).catch(async (error: unknown) => {
    await schemaRegistry?.client.close();
    throw error;
  });
  const client = await openElasticsearch(config);
  const { requestTimeoutMs, engine } = config.elasticsearch;
  const index = options.index ?? document;
  const vectors = await readVectorFields({ client, requestTimeoutMs }, index, signal);
  if ('code' in vectors) {
    await client.close();
    await schemaRegistry?.client.close();
    throw new SluiceError([vectors]);
  }
  const store = createSqliteProofStore(options);
  const readEnds = () => readLag(kafka, config.kafka.groupId, topics).catch(kafkaError);
  const divided = new Set<string>();

  const routeOf = (topic: string): FoldRoute => {
    const made = routes.documentOf(topic, document);
    return {
      decode: createDecoder(routes.formOf(topic), registry),
      mapper: made?.createMapper() ?? (() => ({ kind: 'ignored', reason: 'not-mapped' })),
      isDivided: divided.has(topic),
      truncatedBy: made?.truncated.policy === 'delete' ? made.truncated.versionOf : undefined,
    };
  };

  const read: Proof['read'] = async (keepsText, watch = {}) => {
    for (const { topic, partition } of await readEnds()) if (partition > 0) divided.add(topic);
    const fold = createFold({ store, routeOf, keepsText, vectors });
    const source = createKafkaSource({
      kafka,
      topics,
      epochsOf: routes.epochsOf,
      seen: () => undefined,
      log: () => undefined,
      ...config.kafka,
      // What was fetched stays in memory while the index is looked at, and may be twenty times as large as it came.
      maxBytesPerFetch: 256 * 1024,
      maxBytesPerPartition: 128 * 1024,
      // Of its own, so that nobody's partitions are taken away; it commits nothing, and vanishes by itself.
      groupId: `${config.kafka.groupId}-verify-${randomUUID()}`,
    });
    const take: TakeRecord = (record, number) => {
      watch.see?.(record, number);
      if (watch.skips?.(record.offset, number) !== true) fold.take(record, number);
    };
    const reader = await openTopicReader({
      ...{ source, readEnds, take, prepare: registry?.prepare },
      progress: options.readRecords,
    });
    return { reader, fold };
  };

  return {
    topics,
    store,
    vectors,
    clock,
    routeOf,
    documentOf: (topic) => routes.documentOf(topic, document),
    sample: async (perPartition, fromStart = false) => {
      const groupId = `${config.kafka.groupId}-verify`;
      const own = { groupId, topics, perPartition, timeoutMs: sampleTimeoutMs, fromStart };
      const samples = await sampleRecords(kafka, own).catch(kafkaError);
      const events = new Map<string, readonly ChangeEvent[]>();
      for (const [topic, records] of samples) {
        await registry?.prepare(records);
        events.set(topic, records.map(createDecoder(routes.formOf(topic), registry)));
      }
      return events;
    },
    partitions: readEnds,
    ignored: () => readIgnoredValues({ client, requestTimeoutMs }, index, signal),
    index: {
      refresh: async () => {
        const path = `/${encodeURIComponent(index)}/_refresh`;
        const answer = await ask(client, { method: 'POST', path }, requestTimeoutMs, signal);
        if (answer.kind === 'answered') return undefined;
        if (answer.kind === 'failed') return answer.failure;
        const outcome = outcomeOf(answer.status, answer.cause ?? {});
        return 'failure' in outcome ? outcome.failure : undefined;
      },
      scan: (source) => scanIndex(client, { engine, index, source, pageSize, requestTimeoutMs }, signal),
      read: (places) =>
        readStored(
          { client, requestTimeoutMs },
          places.map((place) => ({ index, ...place })),
          signal,
        ),
    },
    sink: createBulkSink({ client, requestTimeoutMs, versionType: 'external_gte' }),
    read,
    readWhole: async () => {
      let isFirst = true;
      const lean = await read(() => false, {
        skips: () => {
          if (isFirst && lean.fold.counts().metPart > 0) throw partMet;
          return false;
        },
      });
      try {
        await lean.reader.catchUp();
        isFirst = false;
        if (lean.fold.counts().metPart === 0) return { ...lean, keepsTexts: false };
      } catch (error) {
        if (error !== partMet) throw error;
      }
      await lean.reader[Symbol.asyncDispose]();
      store.clear();
      const full = await read(() => true);
      await full.reader.catchUp();
      return { ...full, keepsTexts: true };
    },
    [Symbol.asyncDispose]: async () => {
      store.close();
      await client.close();
      await schemaRegistry?.client.close();
    },
  };
}

function kafkaError(error: unknown): never {
  throw new SluiceError([kafkaFailure(error)]);
}

function noDocument(document: string, documents: readonly string[]): Failure {
  const known = documents.length === 0 ? 'none is made of any topic that exists' : `there are ${documents.join(', ')}`;
  return { code: 'CONFIGURATION_INVALID', message: `There is no document "${document}": ${known}.` };
}

/** Waits for a schema registry are told; all else is told in the end. */
export function firstWaits(warned: (failure: Failure) => void): Observer {
  return quietObserver({
    waiting: (failure, attempt) => {
      if (attempt === 1) warned(failure);
    },
    warned,
  });
}
