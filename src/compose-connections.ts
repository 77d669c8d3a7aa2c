/**
 * The part of the composition root that the service and all commands share: connections to the servers, as configured.
 */
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Client } from '@elastic/elasticsearch';
import type { Kafka } from 'kafkajs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadedDocument } from './config/load.ts';
import type { Config } from './config/schema.ts';
import type { Adopt } from './elasticsearch/index/adoption.ts';
import { createAdopt } from './elasticsearch/index/adoption.ts';
import { createElasticsearchClient } from './elasticsearch/client.ts';
import { createControlIndex } from './elasticsearch/control-index.ts';
import { createGenerations } from './elasticsearch/index/generations.ts';
import type { IndexAdmin } from './documents/ports.ts';
import { createIndexAdmin } from './elasticsearch/index/index-admin.ts';
import { createIndexMaker } from './elasticsearch/index/index-maker.ts';
import type { TryIndex } from './elasticsearch/index/index-trial.ts';
import { createTryIndex } from './elasticsearch/index/index-trial.ts';
import { lackingPrivileges, neededToRebuild, readPrivileges } from './elasticsearch/privileges.ts';
import { SluiceError } from './errors.ts';
import type { KafkaLog } from './kafka/client.ts';
import { createKafka } from './kafka/client.ts';
import type { DocumentDefinition } from './mapping/definition.ts';
import type { LoadedTransform } from './mapping/transform.ts';
import type { Failpoints } from './pipeline/failpoints.ts';
import type { Clock, Observer } from './pipeline/ports.ts';
import type { Generations } from './documents/ports.ts';
import type { ControlStore } from './rebuild/ports.ts';
import type { RoutedDocument } from './documents/routes.ts';
import type { RegistryClient } from './schema-registry/client.ts';
import { createRegistryClient } from './schema-registry/client.ts';
import type { Registry, RegistryObserver } from './schema-registry/registry.ts';
import { createRegistry } from './schema-registry/registry.ts';

/** A mapping file, and the module that its `transform` names. */
export type Documents = readonly (LoadedDocument<DocumentDefinition> & {
  readonly transform?: LoadedTransform | undefined;
})[];

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
  const { headers } = schemaRegistry;
  return {
    client,
    open: (signal, observer = unobserved) => createRegistry({ client, clock, observer, signal, headers }),
  };
}

/** What looks after indexes: those that aliases name, all generations, and those that are taken over. */
export interface Indexes {
  readonly admin: IndexAdmin;
  readonly generations: Generations;
  readonly adopt: Adopt;
  readonly tryIndex: TryIndex;
}

export function indexesOf(client: Client, { elasticsearch: { requestTimeoutMs, engine } }: Config): Indexes {
  const maker = createIndexMaker({ client, requestTimeoutMs, createdBy: version, engine });
  const generations = createGenerations({ client, requestTimeoutMs, maker });
  const shared = { client, requestTimeoutMs, maker, generations };
  return {
    admin: createIndexAdmin(shared),
    generations,
    adopt: createAdopt({ ...shared, createdBy: version }),
    tryIndex: createTryIndex(shared, maker),
  };
}

async function textOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  return readFile(file, 'utf8').catch(() => {
    throw new SluiceError([{ code: 'CONFIGURATION_INVALID', message: `The file ${file} cannot be read.` }]);
  });
}

/** What every pipeline takes from the configuration. */
export function pipelineSettings(config: Config, failpoints: Failpoints | undefined) {
  return {
    ...config.elasticsearch,
    clock,
    retry: { ...config.retry, random: Math.random },
    maxBytesHeld: config.limits.maxBytesHeld,
    commitIntervalMs: config.commit.intervalMs,
    drainTimeoutMs: config.drainTimeoutMs,
    ...(failpoints && { failpoints }),
  };
}

/** Tells of what must be waited for and of what is worth attention, as it is told to, and of nothing else. */
export function quietObserver(told: Pick<Observer, 'waiting' | 'warned'>): Observer {
  const nothing = (): void => undefined;
  return {
    ...{ accepted: nothing, ignored: nothing, wrote: nothing, request: nothing, deadLettered: nothing },
    abandoned: nothing,
    ...{ committed: nothing, withheld: nothing, nullRead: nothing, recovered: nothing },
    ...told,
  };
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

/** Throws a SluiceError if the user lacks what a rebuild needs: it would stop half-way, and ask for it again for ever. */
export async function refuseWithoutPrivileges(client: Client, config: Config, name: string): Promise<void> {
  const { elasticsearch, rebuild } = config;
  if (elasticsearch.engine === 'opensearch') return;
  const needed = neededToRebuild([name], rebuild.controlIndex);
  const found = await readPrivileges(client, elasticsearch.requestTimeoutMs, needed);
  if (found.state !== 'lacking') return;
  await client.close();
  throw new SluiceError([lackingPrivileges(`${name} cannot be rebuilt`, found)]);
}

/** The same for mapping files that make the same documents, whatever they say of the index. */
export function digestOf({ definition }: RoutedDocument): string {
  return createHash('sha256')
    .update(JSON.stringify({ ...definition, index: undefined }))
    .digest('hex');
}

/**
 * The same for definitions that make the same documents: what an index remembers. With `as: hash` the secret decides, too; only
 * something that it signed is in the digest.
 */
export function contentDigestOf(
  { definition, contentText }: Pick<RoutedDocument, 'definition' | 'contentText'>,
  { masking: { hashKey } }: Config,
): string {
  const isHashed = Object.values(definition.fields).some(({ as }) => as === 'hash');
  const digest = createHash('sha256').update(contentText);
  if (isHashed && hashKey !== undefined) digest.update(createHmac('sha256', hashKey).update('sluice').digest());
  return digest.digest('hex').slice(0, 32);
}

/** Where nodes are, without the credentials that a URL may hold. */
export function originsOf(nodes: readonly string[]): string {
  return [...new Set(nodes.map((node) => new URL(node).origin))].join(', ');
}
