/** Kafka Connect with a Debezium connector, distributed: its configuration and offsets live in Kafka. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Progress, converterJars, kafkaJars, mariadbConnectorJars } from './artifacts.ts';
import { createRunFolder } from './folders.ts';
import { kafkaJdk } from './jdk.ts';
import { shortLived } from './kafka.ts';
import { freePort } from './ports.ts';
import { propertiesFile } from './properties.ts';
import { type Server, startServer } from './server-process.ts';

/** A Connect worker; `address` is the URL of its REST interface, which `connectors.ts` speaks to. */
export interface Connect extends Server {
  readonly port: number;
  readonly address: string;
}

export interface ConnectOptions {
  /** The bootstrap address; a promise lets a worker be prepared while the broker starts. */
  readonly kafka: string | Promise<string>;
  /** The database whose connector is on the class path: PostgreSQL unless said. */
  readonly database?: keyof typeof connectorJars;
  /** Keeps apart the workers that share a broker; `connect` unless said. */
  readonly group?: string;
  readonly preferredPort?: number;
  readonly heapMegabytes?: number;
  /** Whether the converter that writes Avro by a schema registry is on the class path. */
  readonly converter?: boolean;
  /** Further lines of `connect.properties`; they win. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly progress?: Progress;
}

const connectorJars = { postgres: kafkaJars, mariadb: mariadbConnectorJars } as const;

export async function startConnect(options: ConnectOptions): Promise<Connect> {
  const progress = options.progress ?? (() => undefined);
  const { group = 'connect', database = 'postgres' } = options;
  const [jars, jdk, folder] = await Promise.all([
    connectorJars[database](progress),
    kafkaJdk(),
    createRunFolder('connect'),
  ]);
  const port = await freePort(options.preferredPort);
  const properties = join(folder, 'connect.properties');
  const settings = { ...workerSettings(await options.kafka, port, group), ...options.settings };
  await writeFile(properties, propertiesFile(settings));

  const classPath = [join(jars, '*')];
  if (options.converter === true) classPath.push(join(await converterJars(progress), '*'));
  progress('starting Kafka Connect');
  const heap = `-Xmx${options.heapMegabytes ?? 256}m`;
  const main = 'org.apache.kafka.connect.cli.ConnectDistributed';
  const address = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: 'Kafka Connect',
    command: join(jdk.home, 'bin', 'java'),
    args: [heap, ...shortLived, '-cp', classPath.join(':'), main, properties],
    logFile: join(folder, 'connect.log'),
    isReady: async () => (await fetch(`${address}/connectors`, { signal: AbortSignal.timeout(2000) })).ok,
  });
  return Object.assign(server, { port, address });
}

function workerSettings(kafka: string, port: number, group: string): Record<string, string | number> {
  return {
    'bootstrap.servers': kafka,
    'group.id': group,
    listeners: `http://127.0.0.1:${port}`,
    'rest.advertised.host.name': '127.0.0.1',
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'config.storage.topic': `${group}-config`,
    'config.storage.replication.factor': 1,
    'offset.storage.topic': `${group}-offset`,
    'offset.storage.replication.factor': 1,
    'offset.storage.partitions': 1,
    'status.storage.topic': `${group}-status`,
    'status.storage.replication.factor': 1,
    'status.storage.partitions': 1,
    'plugin.discovery': 'service_load',
    'offset.flush.interval.ms': 250,
    'scheduled.rebalance.max.delay.ms': 0,
    'session.timeout.ms': 2000,
    'heartbeat.interval.ms': 500,
  };
}
