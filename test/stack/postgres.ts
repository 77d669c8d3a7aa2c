/** PostgreSQL with logical replication, from the binaries that npm carries. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { giveTo, unprivilegedAccount } from './account.ts';
import { type Progress, postgresHome } from './artifacts.ts';
import { createRunFolder } from './folders.ts';
import { freePort } from './ports.ts';
import { type Server, startServer } from './server-process.ts';

/** A database server; `address` is a connection URI of its superuser. */
export interface Postgres extends Server {
  readonly port: number;
  readonly address: string;
}

export interface PostgresOptions {
  readonly preferredPort?: number;
  /** Further settings, as in postgresql.conf; they win. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly progress?: Progress;
}

export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const progress = options.progress ?? (() => undefined);
  const [home, account, folder] = await Promise.all([
    postgresHome(progress),
    unprivilegedAccount(),
    createRunFolder('postgres'),
  ]);
  const data = join(folder, 'data');
  await mkdir(data, { mode: 0o700 });
  await giveTo(account, folder);
  await giveTo(account, data);
  const identity = { cwd: '/', env: { ...process.env, LC_ALL: 'C' }, ...account };
  const initialise = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N'];
  await promisify(execFile)(join(home, 'bin', 'initdb'), initialise, identity);

  progress('starting PostgreSQL');
  const port = await freePort(options.preferredPort);
  const settings = Object.entries({ ...defaultSettings, ...options.settings });
  const address = `postgres://postgres:postgres@127.0.0.1:${port}/postgres`;
  const server = await startServer({
    name: 'PostgreSQL',
    command: join(home, 'bin', 'postgres'),
    args: [
      '-D',
      data,
      '-p',
      String(port),
      '-k',
      '',
      ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    environment: { LC_ALL: 'C' },
    account,
    logFile: join(folder, 'postgres.log'),
    isReady: () => answersQueries(address),
    // "Fast" shutdown: the default, SIGTERM, waits for clients to go.
    stopSignal: 'SIGINT',
  });
  return Object.assign(server, { port, address });
}

/** Its data are thrown away, so it need not wait for the disk; every test may have a slot of its own. */
const defaultSettings = {
  listen_addresses: '127.0.0.1',
  wal_level: 'logical',
  fsync: 'off',
  max_replication_slots: '50',
  max_wal_senders: '50',
  max_connections: '200',
};

/** The port accepts connections before the server is ready for them. */
async function answersQueries(address: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: address, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } finally {
    await client.end();
  }
}
