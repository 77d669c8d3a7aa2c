/** A schema registry: Apicurio, which speaks Confluent's interface too; what it knows lives in memory. */
import { join } from 'node:path';
import { type Progress, registryHome } from './artifacts.ts';
import { createRunFolder } from './folders.ts';
import type { Jdk } from './jdk.ts';
import { findJdks, kafkaJdk } from './jdk.ts';
import { freePort } from './ports.ts';
import { type Server, startServer } from './server-process.ts';
import { versions } from './versions.ts';

export interface Registry extends Server {
  /** The URL of Confluent's interface. */
  readonly address: string;
  /** The URL of Apicurio's own. */
  readonly apicurioAddress: string;
  /** The converter properties, without `key.` or `value.`, by which a connector writes Avro in Confluent's frame. */
  readonly converter: Readonly<Record<string, string>>;
}

export async function startRegistry(progress: Progress = () => undefined): Promise<Registry> {
  const [home, jdk] = await Promise.all([registryHome(progress), kafkaJdk()]);
  const classPath = [join(home, '*'), join(home, 'lib', '*')].join(':');
  return start({
    jdk,
    program: ['-cp', classPath, 'io.quarkus.runner.GeneratedMain'],
    interfaceVersion: 'v2',
    progress,
  });
}

/** Apicurio 3; undefined where no Java is new enough for it. */
export async function startRegistry3(progress: Progress = () => undefined): Promise<Registry | undefined> {
  const jdk = (await findJdks()).findLast(({ version }) => version >= 21);
  if (jdk === undefined) return undefined;
  const home = await registryHome(progress, versions.apicurio3);
  const management = `-Dquarkus.management.port=${await freePort()}`;
  const program = [management, '-jar', join(home, 'quarkus-run.jar')];
  return start({ jdk, program, interfaceVersion: 'v3', progress });
}

interface StartOptions {
  readonly jdk: Jdk;
  /** What the Java of `jdk` runs. */
  readonly program: readonly string[];
  /** Of Apicurio's own interface. */
  readonly interfaceVersion: 'v2' | 'v3';
  readonly progress: Progress;
}

async function start({ jdk, program, interfaceVersion, progress }: StartOptions): Promise<Registry> {
  const [folder, port] = await Promise.all([createRunFolder('registry'), freePort()]);
  progress('starting the schema registry');
  const url = `http://127.0.0.1:${port}`;
  const settings = [`-Dquarkus.http.host=127.0.0.1`, `-Dquarkus.http.port=${port}`];
  const server = await startServer({
    name: 'schema registry',
    command: join(jdk.home, 'bin', 'java'),
    args: ['-Xmx256m', ...settings, ...program],
    logFile: join(folder, 'registry.log'),
    isReady: async () => (await fetch(`${url}/apis/ccompat/v7/subjects`, { signal: AbortSignal.timeout(2000) })).ok,
  });
  return Object.assign(server, {
    address: `${url}/apis/ccompat/v7`,
    apicurioAddress: `${url}/apis/registry/${interfaceVersion}`,
    converter: {
      converter: 'io.apicurio.registry.utils.converter.AvroConverter',
      'converter.apicurio.registry.url': `${url}/apis/registry/v2`,
      'converter.apicurio.registry.auto-register': 'true',
      'converter.apicurio.registry.find-latest': 'true',
      'converter.apicurio.registry.as-confluent': 'true',
      'converter.apicurio.registry.headers.enabled': 'false',
      'converter.apicurio.registry.use-id': 'contentId',
    },
  });
}

export interface SchemaToRegister {
  readonly subject: string;
  readonly type: 'AVRO' | 'JSON' | 'PROTOBUF';
  readonly text: string;
  readonly references?: readonly { readonly name: string; readonly subject: string; readonly version: number }[];
}

/** Registers a version of the subject, and returns the schema's id. */
export async function registerSchema({ address }: Registry, schema: SchemaToRegister): Promise<number> {
  const { subject, type, text, references = [] } = schema;
  const response = await fetch(`${address}/subjects/${encodeURIComponent(subject)}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: text, schemaType: type, references }),
  });
  const answer = (await response.json()) as { readonly id?: number };
  if (answer.id === undefined) throw new Error(`The registry refuses ${subject}: ${JSON.stringify(answer)}`);
  return answer.id;
}

export interface ArtifactToRegister {
  readonly artifactId: string;
  readonly type: SchemaToRegister['type'];
  readonly text: string;
  /** Each by the name under which the schema refers to it. */
  readonly references?: readonly { readonly name: string; readonly artifactId: string; readonly version: string }[];
}

/** Registers an artifact by Apicurio's own interface, version 2 of it, which both have. */
export async function registerArtifact(
  { apicurioAddress }: Registry,
  { artifactId, type, text, references = [] }: ArtifactToRegister,
): Promise<{ readonly globalId: number; readonly contentId: number }> {
  const response = await fetch(`${new URL('/apis/registry/v2', apicurioAddress).href}/groups/default/artifacts`, {
    method: 'POST',
    headers: {
      'content-type': 'application/create.extended+json',
      'x-registry-artifactid': artifactId,
      'x-registry-artifacttype': type,
    },
    body: JSON.stringify({
      content: text,
      references: references.map((reference) => ({ groupId: 'default', ...reference })),
    }),
  });
  const answer = (await response.json()) as { readonly globalId?: number; readonly contentId?: number };
  const { globalId, contentId } = answer;
  if (globalId === undefined || contentId === undefined) {
    throw new Error(`The registry refuses ${artifactId}: ${JSON.stringify(answer)}`);
  }
  return { globalId, contentId };
}
