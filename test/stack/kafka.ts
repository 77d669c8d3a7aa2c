/** Apache Kafka: one node that is broker and controller. */
import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Progress, kafkaJars } from './artifacts.ts';
import { createRunFolder } from './folders.ts';
import { kafkaJdk } from './jdk.ts';
import { freePort } from './ports.ts';
import { propertiesFile } from './properties.ts';
import { type Server, startServer } from './server-process.ts';

/** A broker; `address` is what clients call its bootstrap server. */
export interface Kafka extends Server {
  readonly port: number;
  readonly address: string;
}

export interface KafkaOptions {
  readonly preferredPort?: number;
  /** 256 unless said; benchmarks give it more. */
  readonly heapMegabytes?: number;
  /** Keeps the optimising compiler on: slower to start, faster in the long run. */
  readonly optimise?: boolean;
  /** Further lines of `server.properties`; they win. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Further arguments when its storage is formatted: `--add-scram` and its user. */
  readonly formatArgs?: readonly string[];
  readonly progress?: Progress;
}

/** Any 22-character id does: the cluster is thrown away. */
const clusterId = 'c2x1aWNlLXRlc3Qtc3RhY2s';

export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const progress = options.progress ?? (() => undefined);
  const [jars, jdk, folder] = await Promise.all([kafkaJars(progress), kafkaJdk(), createRunFolder('kafka')]);
  const port = await freePort(options.preferredPort);
  const properties = join(folder, 'server.properties');
  await writeFile(
    properties,
    propertiesFile({ ...brokerSettings(port, await freePort(), folder), ...options.settings }),
  );

  const java = join(jdk.home, 'bin', 'java');
  const classPath = ['-cp', join(jars, '*')];
  const format = [
    'kafka.tools.StorageTool',
    'format',
    '--standalone',
    '-t',
    clusterId,
    '-c',
    properties,
    ...(options.formatArgs ?? []),
  ];
  await promisify(execFile)(java, [...shortLived, ...classPath, ...format]);

  progress('starting Kafka');
  const heap = `-Xmx${options.heapMegabytes ?? 256}m`;
  const server = await startServer({
    name: 'Kafka',
    command: java,
    args: [heap, ...(options.optimise === true ? [] : shortLived), ...classPath, 'kafka.Kafka', properties],
    logFile: join(folder, 'kafka.log'),
    isReady: () => acceptsConnections(port),
  });
  return Object.assign(server, { port, address: `127.0.0.1:${port}` });
}

/** Flags for a JVM that lives for minutes: it starts faster and takes less memory. */
export const shortLived: readonly string[] = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];

function brokerSettings(port: number, controllerPort: number, folder: string): Record<string, string | number> {
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    'log.cleaner.dedupe.buffer.size': 8_388_608,
    'log.dirs': join(folder, 'data'),
  };
}

async function acceptsConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}
