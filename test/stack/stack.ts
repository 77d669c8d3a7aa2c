/** The servers that a run of the tests shares: started in parallel, or taken from the environment. */
import type { Progress } from './artifacts.ts';
import { type ConnectOptions, startConnect } from './connect.ts';
import { type ElasticsearchOptions, startElasticsearch } from './elasticsearch.ts';
import { type KafkaOptions, startKafka } from './kafka.ts';
import { type OpenSearchOptions, startOpenSearch } from './opensearch.ts';
import { type PostgresOptions, startPostgres } from './postgres.ts';
import type { Server } from './server-process.ts';

/** What nearly every test needs. */
export const serverNames = ['kafka', 'postgres', 'connect', 'elasticsearch'] as const;

/** What is started only where it is named. */
export const optionalServerNames = ['opensearch'] as const;

export const allServerNames = [...serverNames, ...optionalServerNames] as const;

export type ServerName = (typeof allServerNames)[number];

/** The variable that names a server which is there already, and the form of its value. */
export const addressVariables = {
  /** `host:port` */
  kafka: 'SLUICE_TEST_KAFKA',
  /** `postgres://user:password@host:port/database`, a superuser */
  postgres: 'SLUICE_TEST_POSTGRES',
  /** `http://host:port` */
  connect: 'SLUICE_TEST_CONNECT',
  /** `http://host:port` */
  elasticsearch: 'SLUICE_TEST_ELASTICSEARCH',
  /** `http://host:port` */
  opensearch: 'SLUICE_TEST_OPENSEARCH',
} as const satisfies Record<ServerName, string>;

export interface StackOptions<Name extends ServerName> {
  readonly servers: readonly Name[];
  readonly kafka?: KafkaOptions;
  readonly postgres?: PostgresOptions;
  readonly connect?: Omit<ConnectOptions, 'kafka'>;
  readonly elasticsearch?: ElasticsearchOptions;
  readonly opensearch?: OpenSearchOptions;
  /** Whether servers whose address is in the environment are used instead of started; true unless said. */
  readonly useEnvironment?: boolean;
  /** Told which server says what. */
  readonly progress?: (server: ServerName, line: string) => void;
}

/** Servers and where they are. */
export interface Stack<Name extends ServerName = (typeof serverNames)[number]> extends AsyncDisposable {
  readonly addresses: Readonly<Record<Name, string>>;
  /** Those that were started here; those of the environment are not ours to stop. */
  readonly started: readonly Server[];
  /** Stops what was started here, what depends on another first. */
  stop(): Promise<void>;
}

/**
 * Starts the servers named, all at once, except those whose address is in the environment. Connect asks for Kafka, so
 * naming it alone needs Kafka's address there. If one does not start, the others are stopped and the error is thrown.
 */
export async function startStack<Name extends ServerName>(options: StackOptions<Name>): Promise<Stack<Name>> {
  const started: (Server & { address: string })[] = [];
  const progressOf =
    (name: ServerName): Progress =>
    (line) =>
      options.progress?.(name, line);
  const startOne = async (name: ServerName, start: () => Promise<Server & { address: string }>): Promise<string> => {
    const given = options.useEnvironment === false ? undefined : process.env[addressVariables[name]];
    if (given !== undefined && given !== '') return given;
    const server = await start();
    started.push(server);
    return server.address;
  };
  const wanted = new Set<ServerName>(options.servers);
  const kafka =
    wanted.has('kafka') || wanted.has('connect')
      ? startOne('kafka', () => startKafka({ progress: progressOf('kafka'), ...options.kafka }))
      : undefined;
  const starting: Partial<Record<ServerName, Promise<string>>> = {
    ...(kafka && { kafka }),
    ...(wanted.has('postgres') && {
      postgres: startOne('postgres', () => startPostgres({ progress: progressOf('postgres'), ...options.postgres })),
    }),
    ...(wanted.has('elasticsearch') && {
      elasticsearch: startOne('elasticsearch', () =>
        startElasticsearch({ progress: progressOf('elasticsearch'), ...options.elasticsearch }),
      ),
    }),
    ...(wanted.has('opensearch') && {
      opensearch: startOne('opensearch', () =>
        startOpenSearch({ progress: progressOf('opensearch'), ...options.opensearch }),
      ),
    }),
    ...(wanted.has('connect') &&
      kafka && {
        connect: startOne('connect', () =>
          startConnect({ kafka, progress: progressOf('connect'), ...options.connect }),
        ),
      }),
  };
  const stop = async (): Promise<void> => {
    for (const server of started.splice(0).reverse()) await server.stop();
  };
  const results = await Promise.allSettled(Object.values(starting));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) {
    await stop();
    throw failure.reason;
  }
  const addresses = {} as Record<Name, string>;
  for (const name of options.servers) addresses[name] = (await starting[name]) ?? '';
  return { addresses, started, stop, [Symbol.asyncDispose]: stop };
}

/** The environment that makes another process use these servers. */
export function stackEnvironment(addresses: Readonly<Partial<Record<ServerName, string>>>): Record<string, string> {
  const known = allServerNames.map((name) => [addressVariables[name], addresses[name]] as const);
  return Object.fromEntries(known.filter((entry): entry is [(typeof entry)[0], string] => entry[1] !== undefined));
}
