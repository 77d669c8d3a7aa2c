/** A scene: tables of one test, captured by a connector of their own, and mapping files for indexes of their own. */
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Admin } from 'kafkajs';
import { Kafka, logLevel } from 'kafkajs';
import type { Captured } from '../stack/inventory.ts';
import { captureInventory } from '../stack/inventory.ts';
import { captureMariadbInventory } from '../stack/mariadb-inventory.ts';
import { inventoryTables, topicPrefix } from '../stack/versions.ts';
import { expectIndexEqualsTable } from './equality.ts';
import { untilTrue } from './poll.ts';

/** Whose tables they are; `connect` is a worker that has the connector for it. */
type Database = { readonly postgres: string } | { readonly mariadb: string };

export type SceneOptions = Database & {
  /** The addresses of the shared servers. */
  readonly kafka: string;
  readonly connect: string;
  readonly elasticsearch: string;
  /** Lower-case letters, digits and `_`, unlike that of any other test. */
  readonly name: string;
  /** Further tables of the schema `inventory`, each with its key and the SQL that makes it and its first row. */
  readonly tables?: readonly { readonly name: string; readonly key: string; readonly sql: string }[];
  /** Further SQL, run before the snapshot. */
  readonly setup?: string;
  /** Further mapping files: name without `.yaml` → text. */
  readonly mappings?: Readonly<Record<string, string>>;
  /** Further connector properties; they win. */
  readonly settings?: Readonly<Record<string, string>>;
};

export interface Scene extends AsyncDisposable {
  readonly inventory: Captured;
  /** The folder of mapping files. */
  readonly documents: string;
  readonly groupId: string;
  readonly admin: Admin;
  topicOf(table: string): string;
  indexOf(table: string): string;
  /** Waits until every change of the database so far has been written and its offset committed. */
  caughtUp(options?: { readonly withinMs?: number }): Promise<void>;
  /** Compares every table with its index; returns how many documents there are in all. */
  expectEqual(): Promise<number>;
}

const keys: Readonly<Record<string, string>> = { orders: 'order_number', products_on_hand: 'product_id' };
/** A row of this table, written last, so that there is a change after all others. */
const marks = 'CREATE TABLE inventory.marks (id integer PRIMARY KEY)';

export async function setScene(options: SceneOptions): Promise<Scene> {
  const { name, tables = [], setup = '' } = options;
  const sql = [marks, ...tables.map((table) => table.sql), setup].join(';\n');
  const inventory =
    'mariadb' in options
      ? await captureMariadbInventory({ ...options, topicPrefix: name, sql })
      : await captureInventory({ ...options, topicPrefix: name, sql });
  const indexOf = (table: string): string => `${name}-${table}`;
  const topicOf = (table: string): string => `${name}.inventory.${table}`;
  const documents = await writeMappings(options, indexOf);
  const kafka = new Kafka({ clientId: 'scene', brokers: [options.kafka], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const compared = [
    ...inventoryTables.map((table) => ({ table, key: keys[table] ?? 'id' })),
    ...tables.map((table) => ({ table: table.name, key: table.key })),
  ];
  let lastMark = 0;
  const topics = compared.map(({ table }) => topicOf(table));
  await untilTrue('the snapshot has made the topics', async () => {
    const existing = await admin.listTopics();
    return topics.every((topic) => existing.includes(topic));
  });

  const isMarked = async (mark: number): Promise<boolean> => {
    if (!(await admin.listTopics()).includes(topicOf('marks'))) return false;
    const offsets = await admin.fetchTopicOffsets(topicOf('marks'));
    return offsets.reduce((sum, { high }) => sum + Number(high), 0) >= mark;
  };

  const isCommitted = async (topic: string): Promise<boolean> => {
    const ends = await admin.fetchTopicOffsets(topic);
    const [committed] = await admin.fetchOffsets({ groupId: name, topics: [topic] });
    return ends.every(({ partition, low, high }) => {
      const at = Number(committed?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
      return Math.max(at, Number(low)) >= Number(high);
    });
  };

  return {
    inventory,
    documents,
    groupId: name,
    admin,
    topicOf,
    indexOf,
    caughtUp: async ({ withinMs = 60_000 } = {}) => {
      const isAcknowledged = await inventory.acknowledgedBeyond();
      lastMark += 1;
      await inventory.query(`INSERT INTO inventory.marks (id) VALUES (${lastMark})`);
      await untilTrue('Kafka has acknowledged every change', isAcknowledged, { withinMs });
      // Where records pass something between the connector and their topics, one after the other.
      await untilTrue(`mark ${lastMark} is in its topic`, () => isMarked(lastMark).catch(notYet), { withinMs });
      for (const topic of topics) {
        await untilTrue(`${topic} is committed to its end`, () => isCommitted(topic).catch(notYet), { withinMs });
      }
    },
    expectEqual: async () => {
      let count = 0;
      for (const { table, key } of compared) {
        count += await expectIndexEqualsTable({
          query: (text) => inventory.query(text),
          select: await inventory.selectRows(`inventory.${table}`, key),
          elasticsearch: options.elasticsearch,
          index: indexOf(table),
          table: `inventory.${table}`,
          key,
        });
      }
      return count;
    },
    [Symbol.asyncDispose]: async () => {
      await admin.disconnect();
      await inventory[Symbol.asyncDispose]();
      for (const { table } of compared) {
        await fetch(`${options.elasticsearch}/${indexOf(table)}-000001`, { method: 'DELETE' });
      }
      await rm(documents, { recursive: true, force: true });
    },
  };
}

/** A broker may not know for a moment who leads a partition. */
function notYet(error: unknown): false {
  if (error instanceof Error && 'retriable' in error && error.retriable === true) return false;
  throw error;
}

/** The shipped mapping files, for the topics and indexes of this scene, and those that the test adds. */
async function writeMappings(options: SceneOptions, indexOf: (table: string) => string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${options.name}-`));
  const shipped = join(import.meta.dirname, '..', '..', 'mappings');
  for (const file of await readdir(shipped)) {
    const text = await readFile(join(shipped, file), 'utf8');
    const moved = text
      .replace(/^document: (\w+)/m, (_, table: string) => `document: ${indexOf(table)}`)
      .replaceAll(`${topicPrefix}.inventory`, `${options.name}.inventory`);
    await writeFile(join(folder, file), moved);
  }
  for (const [file, text] of Object.entries(options.mappings ?? {}))
    await writeFile(join(folder, `${file}.yaml`), text);
  return folder;
}
