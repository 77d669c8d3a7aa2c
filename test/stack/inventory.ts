/** The tutorial's `inventory` database, one to a test: a database, a connector and a topic prefix of its own. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { connectorOffset, deleteConnector, isInSnapshot, registerConnector } from './connectors.ts';
import { inventoryConnector } from './versions.ts';

/** Creates the schema and its rows in the database that `address` names. */
export async function loadInventory(address: string): Promise<void> {
  const sql = await readFile(join(import.meta.dirname, 'inventory.sql'), 'utf8');
  await withClient(address, (client) => client.query(sql));
}

/** An inventory whose changes flow to Kafka; disposing of it removes the connector, the topics and the database. */
export interface Captured extends AsyncDisposable {
  /** Topics are `<topicPrefix>.inventory.customers` and so on; also the name of the connector. */
  readonly topicPrefix: string;
  /** Runs one or more statements. */
  query(sql: string): Promise<{ readonly rows: readonly unknown[] }>;
  /** The SQL by which the database itself tells a table's rows: `id`, their key as text, and `row`, a JSON object. */
  selectRows(table: string, key: string): Promise<string>;
  /**
   * Takes the place of the last change that was committed by now. What it resolves to tells whether Connect has remembered the place of
   * a later change: it does so only when Kafka has acknowledged every record before it, whatever the order in which those were sent again.
   */
  acknowledgedBeyond(): Promise<() => Promise<boolean>>;
}

/** In PostgreSQL, where a prefix is also the name of a database and of a slot. */
export interface CapturedInventory extends Captured {
  /** The connection URI of the database. */
  readonly address: string;
  /** Runs one transaction of one or more statements. */
  query(sql: string): Promise<pg.QueryResult>;
}

export interface CaptureOptions {
  readonly kafka: string;
  readonly postgres: string;
  readonly connect: string;
  /** Lower-case letters, digits and `_`, and unlike that of any other test. */
  readonly topicPrefix: string;
  /** Run after `inventory.sql` and before the snapshot, for further tables and rows. */
  readonly sql?: string;
  /** Further connector properties; they win. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Creates the database, registers its connector and waits until that runs; the snapshot may still be under way. */
export async function captureInventory(options: CaptureOptions): Promise<CapturedInventory> {
  const { topicPrefix } = options;
  await withClient(options.postgres, (client) => client.query(`CREATE DATABASE ${topicPrefix}`));
  const address = new URL(options.postgres);
  address.pathname = topicPrefix;
  await loadInventory(address.href);
  const client = new pg.Client({ connectionString: address.href });
  await client.connect();
  if (options.sql !== undefined) await client.query(options.sql);
  const config = inventoryConnector({
    host: address.hostname,
    port: Number(address.port),
    user: address.username,
    password: address.password,
    database: topicPrefix,
    topicPrefix,
    ...(options.settings && { settings: options.settings }),
  });
  await registerConnector(options.connect, topicPrefix, config);
  return {
    topicPrefix,
    address: address.href,
    query: (sql) => client.query(sql),
    selectRows: (table, key) => Promise.resolve(selectRows(table, key)),
    acknowledgedBeyond: async () => {
      const { rows } = await client.query<{ at: string }>("SELECT pg_current_wal_lsn() - '0/0' AS at");
      const at = Number(rows[0]?.at);
      // The slot itself is told of a transaction only when the next one has ended.
      return async () => {
        const remembered = await connectorOffset(options.connect, topicPrefix);
        return !isInSnapshot(remembered) && Number(remembered['lsn'] ?? 0) >= at;
      };
    },
    async [Symbol.asyncDispose]() {
      await client.end();
      await deleteConnector(options.connect, topicPrefix);
      await deleteTopics(options.kafka, `${topicPrefix}.`);
      await withClient(options.postgres, (admin) => dropDatabase(admin, topicPrefix));
    },
  };
}

/** The SQL by which PostgreSQL tells a table's rows as JSON. */
export const selectRows = (table: string, key: string): string =>
  `SELECT ${key}::text AS id, to_json(t)::text AS row FROM ${table} t`;

/** Deletes the topics whose names begin so. */
export async function deleteTopics(kafka: string, prefix: string): Promise<void> {
  const admin = new Kafka({ clientId: 'inventory', brokers: [kafka], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  } finally {
    await admin.disconnect();
  }
}

/** The connector lets go of its slot when its task has ended, a little after its deletion was accepted. */
async function dropDatabase(admin: pg.Client, name: string): Promise<void> {
  await admin.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1', [name]);
  const deadline = performance.now() + 10_000;
  for (;;) {
    const left = await admin.query<{ active: boolean }>(
      'SELECT active FROM pg_replication_slots WHERE slot_name = $1',
      [name],
    );
    if (left.rows.every((slot) => !slot.active) || performance.now() > deadline) break;
  }
  await admin.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [
    name,
  ]);
  await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
}

async function withClient<T>(address: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: address });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
