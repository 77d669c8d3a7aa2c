/** OpenSearch: one node in a process of its own, with the modules of its core and no plugins (so no security and no vectors). */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import getPort, { portNumbers } from 'get-port';
import { stringify } from 'yaml';
import { type Progress, opensearchJars } from './artifacts.ts';
import { createRunFolder } from './folders.ts';
import { opensearchJdk } from './jdk.ts';
import { freePort } from './ports.ts';
import { type Server, startServer } from './server-process.ts';
import { versions } from './versions.ts';

/** A node; `address` is the URL of its HTTP interface. */
export interface OpenSearch extends Server {
  readonly port: number;
  readonly address: string;
  /** As the server says it: `3.3.0`. */
  readonly version: string;
}

export interface OpenSearchOptions {
  /** 512 unless said. */
  readonly heapMegabytes?: number;
  /** Further settings, as in `opensearch.yml`; they win. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** Of the package (`versions.opensearch`); the newest that the newest JDK here can run, unless said. */
  readonly version?: string;
  readonly progress?: Progress;
}

export async function startOpenSearch(options: OpenSearchOptions = {}): Promise<OpenSearch> {
  const progress = options.progress ?? (() => undefined);
  const jdk = await opensearchJdk();
  const version = options.version ?? (jdk.version >= 21 ? versions.opensearch : versions.opensearchForJava17);
  const [jars, folder, port] = await Promise.all([
    opensearchJars(version, progress),
    createRunFolder('opensearch'),
    freeHttpPort(),
  ]);
  const config = await configure(folder, options);
  // Nodes whose clusters have one name join each other.
  const clusterName = `sluice-${process.pid}-${basename(folder)}`;

  progress(`starting OpenSearch ${version}`);
  const heap = options.heapMegabytes ?? 512;
  const address = `http://127.0.0.1:${port}`;
  const runner = ['-numOfNode', '1', '-confPath', config, '-basePath', join(folder, 'nodes')];
  const server = await startServer({
    name: 'OpenSearch',
    command: join(jdk.home, 'bin', 'java'),
    args: [
      ...[`-Xms${heap}m`, `-Xmx${heap}m`, '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', join(jars, '*')],
      ...['org.codelibs.opensearch.runner.OpenSearchRunner', ...runner],
      // The first node's port is one more.
      ...['-baseHttpPort', String(port - 1), '-clusterName', clusterName],
    ],
    logFile: join(folder, 'opensearch.log'),
    isReady: async () => {
      const response = await fetch(`${address}/_cluster/health`, { signal: AbortSignal.timeout(2000) });
      const health = (await response.json()) as { readonly cluster_name?: string };
      return response.ok && health.cluster_name === clusterName;
    },
  });
  return Object.assign(server, { port, address, version: version.split('.').slice(0, 3).join('.') });
}

/** The runner takes no port above 9299; from a random place on, so that processes that start together do not meet. */
async function freeHttpPort(): Promise<number> {
  const ports = [...portNumbers(9210, 9299)];
  const from = Math.floor(Math.random() * ports.length);
  return getPort({ port: [...ports.slice(from), ...ports.slice(0, from)] });
}

/** Writes the configuration, without which the runner heeds no settings; returns its folder. */
async function configure(folder: string, options: OpenSearchOptions): Promise<string> {
  const config = join(folder, 'config');
  for (const path of [config, join(folder, 'nodes')]) await mkdir(path);
  const settings = {
    'discovery.type': 'single-node',
    'network.host': '127.0.0.1',
    'transport.port': await freePort(),
    'cluster.routing.allocation.disk.threshold_enabled': false,
    ...options.settings,
  };
  await writeFile(join(config, 'opensearch.yml'), stringify(settings));
  await writeFile(join(config, 'log4j2.properties'), consoleLog);
  return config;
}

const consoleLog = `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n%throwable
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`;
