/** The tutorial's `inventory` in MariaDB: one at a time on a server, for its database has the same name in every test. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { connectorOffset, deleteConnector, isInSnapshot, registerConnector } from './connectors.ts';
import { type Captured, deleteTopics } from './inventory.ts';
import { connectToMariadb } from './mariadb.ts';

export interface MariadbCaptureOptions {
  readonly kafka: string;
  readonly mariadb: string;
  /** A worker that has the connector for MariaDB. */
  readonly connect: string;
  /** Lower-case letters, digits and `_`, and unlike that of any other test. */
  readonly topicPrefix: string;
  /** Run after `inventory.sql` and before the snapshot, for further tables and rows. */
  readonly sql?: string;
  /** Further connector properties; they win. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** As `captureInventory`. */
export async function captureMariadbInventory(options: MariadbCaptureOptions): Promise<Captured> {
  const { topicPrefix } = options;
  const connection = await connectToMariadb(options.mariadb);
  await connection.query(await inventorySql());
  if (options.sql !== undefined) await connection.query(options.sql);
  const config = { ...mariadbConnector({ ...options, databases: 'inventory' }), ...options.settings };
  await registerConnector(options.connect, topicPrefix, config);
  return {
    topicPrefix,
    query: async (sql) => {
      const [rows] = await connection.query(sql);
      return { rows: Array.isArray(rows) ? rows : [] };
    },
    selectRows: (table, key) => selectRows(connection, table, key),
    acknowledgedBeyond: async () => {
      const [rows] = await connection.query<RowDataPacket[]>('SHOW MASTER STATUS');
      const place = placeOf({ file: rows[0]?.['File'], pos: rows[0]?.['Position'] });
      // A record's place is where its transaction begins, which for the next one is where the log ends now.
      return async () => {
        const remembered = await connectorOffset(options.connect, topicPrefix);
        return !isInSnapshot(remembered) && placeOf(remembered) >= place;
      };
    },
    async [Symbol.asyncDispose]() {
      await connection.query('DROP DATABASE inventory');
      await connection.end();
      await deleteConnector(options.connect, topicPrefix);
      // The schema changes have a topic named as the prefix; the connector's memory of them another.
      await deleteTopics(options.kafka, topicPrefix);
      await deleteTopics(options.kafka, historyTopic(topicPrefix));
    },
  };
}

/** The configuration of a connector for the databases named, on the server at `mariadb`. */
export function mariadbConnector(options: {
  readonly mariadb: string;
  readonly kafka: string;
  readonly topicPrefix: string;
  /** Separated by commas. */
  readonly databases: string;
}): Record<string, string> {
  const address = new URL(options.mariadb);
  return {
    'connector.class': 'io.debezium.connector.mariadb.MariaDbConnector',
    'tasks.max': '1',
    'database.hostname': address.hostname,
    'database.port': address.port,
    'database.user': address.username,
    'database.password': address.password,
    'database.server.id': '1',
    'database.ssl.mode': 'disable',
    'database.include.list': options.databases,
    'topic.prefix': options.topicPrefix,
    'schema.history.internal.kafka.bootstrap.servers': options.kafka,
    'schema.history.internal.kafka.topic': historyTopic(options.topicPrefix),
    // Else the connector takes the year 1 for 2001, as MySQL takes two digits that somebody typed.
    'enable.time.adjuster': 'false',
    'poll.interval.ms': '50',
  };
}

const historyTopic = (topicPrefix: string): string => `history.${topicPrefix}`;

/** A place in the binary log, so that later ones sort later: files have numbers of six digits. */
function placeOf({ file, pos }: { readonly file?: unknown; readonly pos?: unknown }): string {
  return `${typeof file === 'string' ? file : ''}/${(typeof pos === 'number' ? pos : 0).toString().padStart(12, '0')}`;
}

/** The tables of `inventory.sql` as MariaDB takes them: its `serial` is another type, and there are no sequences to set. */
async function inventorySql(): Promise<string> {
  const sql = await readFile(join(import.meta.dirname, 'inventory.sql'), 'utf8');
  return sql.replaceAll(' serial ', ' integer AUTO_INCREMENT ').replaceAll(/^SELECT setval.*$/gm, '');
}

/** MariaDB makes JSON of columns that are named, one by one. */
async function selectRows(connection: Connection, table: string, key: string): Promise<string> {
  const [columns] = await connection.query<RowDataPacket[]>(
    "SELECT column_name AS name FROM information_schema.columns WHERE CONCAT(table_schema, '.', table_name) = ?",
    [table],
  );
  const pairs = columns.map(({ name }) => `'${String(name)}', "${String(name)}"`);
  return `SELECT CAST("${key}" AS char) AS id, CAST(JSON_OBJECT(${pairs.join(', ')}) AS char) AS row FROM ${table}`;
}
