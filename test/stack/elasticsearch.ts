/** Elasticsearch: one node, without the optional modules (no scripts, no by-query APIs; docs/development.md says more). */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Account, giveTo, unprivilegedAccount } from './account.ts';
import { type Progress, elasticsearchHome } from './artifacts.ts';
import { createRunFolder } from './folders.ts';
import { elasticsearchJdk } from './jdk.ts';
import { freePort } from './ports.ts';
import { type Server, startServer } from './server-process.ts';
import { versions } from './versions.ts';

/** A node; `address` is the URL of its HTTP interface, without credentials. */
export interface Elasticsearch extends Server {
  readonly port: number;
  readonly address: string;
  readonly version: string;
}

export interface ElasticsearchOptions {
  readonly preferredPort?: number;
  /** 512 unless said; benchmarks give it 1024. */
  readonly heapMegabytes?: number;
  /** Further settings, as in `elasticsearch.yml`, for example `http.max_content_length`; they win. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>;
  /** The newest that the newest JDK here can run, unless said. */
  readonly version?: string;
  /** Turns security on. */
  readonly security?: Security;
  readonly progress?: Progress;
}

/** Users of the file realm and their roles; roles of one's own are written as in `roles.yml`. */
export interface Security {
  readonly users: readonly { readonly name: string; readonly password: string; readonly roles: readonly string[] }[];
  readonly roles?: Readonly<Record<string, unknown>>;
}

export async function startElasticsearch(options: ElasticsearchOptions = {}): Promise<Elasticsearch> {
  const progress = options.progress ?? (() => undefined);
  const jdk = await elasticsearchJdk();
  const version = options.version ?? (jdk.version >= 21 ? versions.elasticsearch : versions.elasticsearchForJava17);
  if (jdk.version < 21)
    progress(`only Java ${jdk.version} was found: starting Elasticsearch ${version}; 9 asks for Java 21`);
  const [home, account, folder] = await Promise.all([
    elasticsearchHome(version, progress),
    unprivilegedAccount(),
    createRunFolder('elasticsearch'),
  ]);
  const port = await freePort(options.preferredPort);
  const config = await configure(home, folder, account, options, { port, transportPort: await freePort() });

  progress(`starting Elasticsearch ${version}`);
  const heap = options.heapMegabytes ?? 512;
  const address = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: 'Elasticsearch',
    command: join(home, 'bin', 'elasticsearch'),
    args: [],
    environment: {
      ES_PATH_CONF: config,
      ES_JAVA_HOME: jdk.home,
      ES_TMPDIR: join(folder, 'tmp'),
      ES_JAVA_OPTS: `-Xms${heap}m -Xmx${heap}m -XX:-AlwaysPreTouch`,
    },
    account,
    logFile: join(folder, 'elasticsearch.log'),
    isReady: () => isHealthy(address, options.security),
  });
  return Object.assign(server, { port, address, version });
}

/** Lays out the folders of the node and its configuration; returns the configuration folder. */
async function configure(
  home: string,
  folder: string,
  account: Account | undefined,
  options: ElasticsearchOptions,
  ports: { port: number; transportPort: number },
): Promise<string> {
  const config = join(folder, 'config');
  await cp(join(home, 'config'), config, { recursive: true });
  for (const name of ['data', 'logs', 'tmp']) await mkdir(join(folder, name));

  const jvmOptions = await readFile(join(config, 'jvm.options'), 'utf8');
  await writeFile(join(config, 'jvm.options'), jvmOptions.replaceAll(/^.*-Xlog:gc.*$/gm, ''));
  await writeFile(join(config, 'log4j2.properties'), consoleLog);
  const settings = {
    'discovery.type': 'single-node',
    'network.host': '127.0.0.1',
    'http.port': ports.port,
    'transport.port': ports.transportPort,
    'path.data': join(folder, 'data'),
    'path.logs': join(folder, 'logs'),
    'xpack.security.enabled': options.security !== undefined,
    'xpack.security.autoconfiguration.enabled': false,
    'cluster.routing.allocation.disk.threshold_enabled': false,
    ...options.settings,
  };
  await writeFile(join(config, 'elasticsearch.yml'), stringify(settings));
  if (options.security !== undefined) await writeFileRealm(config, options.security);
  for (const path of [folder, config, ...['data', 'logs', 'tmp'].map((name) => join(folder, name))])
    await giveTo(account, path);
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

async function writeFileRealm(config: string, security: Security): Promise<void> {
  const users = security.users.map(({ name, password }) => `${name}:${passwordHash(password)}\n`);
  const roleNames = new Set(security.users.flatMap(({ roles }) => roles));
  const members = (role: string): string =>
    security.users
      .filter(({ roles }) => roles.includes(role))
      .map(({ name }) => name)
      .join(',');
  await writeFile(join(config, 'users'), users.join(''));
  await writeFile(join(config, 'users_roles'), [...roleNames].map((role) => `${role}:${members(role)}\n`).join(''));
  await writeFile(join(config, 'roles.yml'), stringify(security.roles ?? {}, { aliasDuplicateObjects: false }));
}

/** A hash in the form that Elasticsearch keeps in its `users` file; few rounds, since the passwords are for tests. */
function passwordHash(password: string): string {
  const rounds = 1000;
  const salt = randomBytes(32);
  const hash = pbkdf2Sync(password, salt, rounds, 32, 'sha512');
  return `{PBKDF2}${rounds}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

async function isHealthy(address: string, security: Security | undefined): Promise<boolean> {
  const user = security?.users[0];
  const headers = user && { authorization: `Basic ${btoa(`${user.name}:${user.password}`)}` };
  const response = await fetch(`${address}/_cluster/health`, {
    headers: headers ?? {},
    signal: AbortSignal.timeout(2000),
  });
  // A user who may not ask for the health of the cluster is still an answer of a cluster that serves.
  return response.ok || (security !== undefined && response.status === 403);
}
