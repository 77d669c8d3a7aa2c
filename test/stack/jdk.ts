/** Finds the Java installations of this machine. */
import { access, glob, readFile, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { isReachableByOthers, isRoot } from './account.ts';

/** A Java installation. */
export interface Jdk {
  /** What JAVA_HOME would be. */
  readonly home: string;
  /** The feature release, as in 17 or 25. */
  readonly version: number;
}

/** Where Debian, Red Hat, macOS, Homebrew and SDKMAN put them. */
const usualHomes = [
  '/usr/lib/jvm/*',
  '/usr/java/*',
  '/opt/java/*',
  '/opt/jdk*',
  '/Library/Java/JavaVirtualMachines/*/Contents/Home',
  '/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home',
  '/usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home',
  join(homedir(), '.sdkman/candidates/java/*'),
];

/** All Java installations found, the oldest first; those named by the environment come before others of their release. */
export async function findJdks(): Promise<readonly Jdk[]> {
  const homes = new Set<string>();
  for (const home of await candidateHomes()) {
    const real = await realpath(home).catch(() => undefined);
    if (real !== undefined) homes.add(real);
  }
  const found = await Promise.all([...homes].map(readJdk));
  return found.filter((jdk) => jdk !== undefined).sort((a, b) => a.version - b.version);
}

async function candidateHomes(): Promise<string[]> {
  const named = [process.env['ES_JAVA_HOME'], process.env['JAVA_HOME']].filter((home) => home !== undefined);
  const onPath: string[] = [];
  for (const folder of process.env['PATH']?.split(delimiter) ?? []) {
    const java = await realpath(join(folder, 'java')).catch(() => undefined);
    if (java !== undefined) onPath.push(dirname(dirname(java)));
  }
  const usual: string[] = [];
  for await (const home of glob(usualHomes)) usual.push(home);
  return [...named, ...onPath, ...usual];
}

/** Reads the `release` file, which every JDK since 9 has; undefined when this is no Java that we can run. */
async function readJdk(home: string): Promise<Jdk | undefined> {
  try {
    const release = await readFile(join(home, 'release'), 'utf8');
    const version = /^JAVA_VERSION="(\d+)/m.exec(release)?.[1];
    await access(join(home, 'bin', 'java'));
    return version === undefined ? undefined : { home, version: Number(version) };
  } catch {
    return undefined;
  }
}

/** The oldest Java from 17 on: what Kafka 4 and Debezium ask for. */
export async function kafkaJdk(): Promise<Jdk> {
  const jdk = (await findJdks()).find(({ version }) => version >= 17);
  if (jdk === undefined) {
    throw new Error('No Java 17 or later was found: install a JDK (21 or later serves every server) or set JAVA_HOME.');
  }
  return jdk;
}

/** The newest Java from 17 on: 21 or later for OpenSearch 3, else 17 for version 2. */
export async function opensearchJdk(): Promise<Jdk> {
  const newest = (await findJdks()).at(-1);
  if (newest === undefined || newest.version < 17) {
    throw new Error('No Java 21 or later was found for OpenSearch: install a JDK or set JAVA_HOME.');
  }
  return newest;
}

/** The newest Java that the user who will run Elasticsearch can reach: 21 or later for version 9, else 17 for version 8. */
export async function elasticsearchJdk(): Promise<Jdk> {
  const reachable: Jdk[] = [];
  for (const jdk of await findJdks()) {
    if (!isRoot || (await isReachableByOthers(jdk.home))) reachable.push(jdk);
  }
  const newest = reachable.at(-1);
  if (newest === undefined || newest.version < 17) {
    throw new Error('No Java 21 or later was found for Elasticsearch: install a JDK or set ES_JAVA_HOME.');
  }
  return newest;
}
