/** Rows in a topic, as Debezium's envelope without schema has them, and a service that makes documents of them: no database. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Admin, Producer } from 'kafkajs';
import { CompressionTypes, Kafka, logLevel } from 'kafkajs';
import { untilTrue } from './poll.ts';
import type { CommandResult, SluiceProcess } from './sluice-process.ts';
import { runCommand, startReadySluice } from './sluice-process.ts';

export interface RowsOptions {
  readonly kafka: string;
  readonly elasticsearch: string;
  /** Unlike that of any other test; the document's, too. */
  readonly name: string;
  readonly partitions?: number;
  /** Of the mapping file, below `document` and `from`. */
  readonly mapping?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A row under its key; null deletes it. `source` is put into the envelope's own. */
export interface RowChange {
  readonly id: number;
  readonly after: object | null;
  readonly op?: string;
  readonly source?: object;
}

export interface Rows extends AsyncDisposable {
  readonly topic: string;
  readonly index: string;
  readonly admin: Admin;
  readonly folder: string;
  send(changes: readonly RowChange[]): Promise<void>;
  startService(): Promise<SluiceProcess>;
  /** Waits until the service has settled all of the topic. */
  caughtUp(): Promise<void>;
  /** A command of Sluice, configured as the service. */
  run(...args: readonly string[]): Promise<CommandResult>;
  /** The service and the commands of another version, whose entry that is. */
  ofVersion(entry: string): Pick<Rows, 'startService' | 'run'>;
  elasticsearch(method: string, path: string, body?: object): Promise<Response>;
}

export async function openRows(options: RowsOptions): Promise<Rows> {
  const { name, partitions = 1, mapping = '' } = options;
  const topic = `${name}.public.rows`;
  const kafka = new Kafka({ clientId: 'rows', brokers: [options.kafka], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true });
  const producer: Producer = kafka.producer();
  await producer.connect();
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  await writeFile(join(folder, 'rows.yaml'), `document: ${name}\nfrom: ${topic}\n${mapping}`);
  const service = { ...options, groupId: name, documents: folder };
  const isSettled = async (): Promise<boolean> => {
    const [committed] = await admin.fetchOffsets({ groupId: name, topics: [topic] });
    const ends = await admin.fetchTopicOffsets(topic);
    return ends.every(({ partition, high }) => {
      const at = committed?.partitions.find((one) => one.partition === partition)?.offset ?? '-1';
      return high === '0' || Number(at) >= Number(high);
    });
  };
  return {
    topic,
    index: name,
    admin,
    folder,
    send: async (changes) => {
      for (let at = 0; at < changes.length; at += 5000) {
        const messages = changes.slice(at, at + 5000).map((change) => ({
          key: JSON.stringify({ id: change.id }),
          value: JSON.stringify(envelopeOf(change)),
        }));
        await producer.send({ topic, messages, compression: CompressionTypes.GZIP });
      }
    },
    startService: () => startReadySluice(service),
    caughtUp: () => untilTrue(`${topic} is settled`, isSettled, { withinMs: 300_000 }),
    run: (...args) => runCommand(service, args),
    ofVersion: (entry) => ({
      startService: () => startReadySluice({ ...service, entry }),
      run: (...args) => runCommand({ ...service, entry }, args),
    }),
    elasticsearch: (method, path, body) =>
      fetch(`${options.elasticsearch}/${path}`, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    [Symbol.asyncDispose]: async () => {
      await producer.disconnect();
      await admin.disconnect();
      await fetch(`${options.elasticsearch}/${name}-000001`, { method: 'DELETE' });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function envelopeOf({ id, after, op, source = {} }: RowChange): object {
  const common = { ts_ms: 1, source: { connector: 'postgresql', schema: 'public', table: 'rows', lsn: 1, ...source } };
  if (after === null) return { before: { id }, after: null, op: 'd', ...common };
  return { before: null, after: { id, ...after }, op: op ?? 'c', ...common };
}
