/** MariaDB with its binary log, from the binaries that Maven carries. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Connection, createConnection } from 'mysql2/promise';
import { giveTo, unprivilegedAccount } from './account.ts';
import { type Progress, mariadbHome } from './artifacts.ts';
import { createRunFolder } from './folders.ts';
import { freePort } from './ports.ts';
import { type Server, startServer } from './server-process.ts';

/** A database server; `address` is a connection URI of a user who may do everything. */
export interface Mariadb extends Server {
  readonly port: number;
  readonly address: string;
}

export interface MariadbOptions {
  readonly preferredPort?: number;
  /** Further lines of the section `mariadbd` of my.cnf; they win. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly progress?: Progress;
}

export async function startMariadb(options: MariadbOptions = {}): Promise<Mariadb> {
  const progress = options.progress ?? (() => undefined);
  const [home, account, folder] = await Promise.all([
    mariadbHome(progress),
    unprivilegedAccount(),
    createRunFolder('mariadb'),
  ]);
  const data = join(folder, 'data');
  await mkdir(data, { mode: 0o700 });
  await giveTo(account, folder);
  await giveTo(account, data);
  const port = await freePort(options.preferredPort);
  const configuration = join(folder, 'my.cnf');
  await writeFile(configuration, optionsFile({ ...serverSettings(home, folder, data, port), ...options.settings }));

  const defaults = `--defaults-file=${configuration}`;
  const initialise = [defaults, `--basedir=${home}`, `--datadir=${data}`, '--skip-name-resolve'];
  initialise.push('--auth-root-authentication-method=normal');
  const identity = { cwd: '/', env: { ...process.env, LC_ALL: 'C' }, ...account };
  await promisify(execFile)(join(home, 'scripts', 'mariadb-install-db'), initialise, identity);

  progress('starting MariaDB');
  const server = await startServer({
    name: 'MariaDB',
    command: join(home, 'bin', 'mariadbd'),
    args: [defaults],
    environment: { LC_ALL: 'C' },
    account,
    logFile: join(folder, 'mariadb.log'),
    isReady: () => letsIn(`mysql://root@127.0.0.1:${port}`),
  });
  return Object.assign(server, { port, address: `mysql://${user}:${user}@127.0.0.1:${port}` });
}

/** A connection on which one text may hold several statements, and a backslash is a letter like any other. */
export async function connectToMariadb(address: string): Promise<Connection> {
  const connection = await createConnection({ uri: address, multipleStatements: true, charset: 'utf8mb4' });
  await connection.query("SET SESSION sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES,ANSI_QUOTES')");
  return connection;
}

/** Also his password, as people's connectors have one. */
const user = 'sluice';

/** Its data are thrown away, so it need not wait for the disk. */
function serverSettings(home: string, folder: string, data: string, port: number): Record<string, string> {
  return {
    basedir: home,
    datadir: data,
    'lc-messages-dir': join(home, 'share'),
    port: String(port),
    'bind-address': '127.0.0.1',
    socket: join(folder, 'socket'),
    'pid-file': join(folder, 'pid'),
    'server-id': '223344',
    'log-bin': 'binlog',
    binlog_format: 'ROW',
    binlog_row_image: 'FULL',
    innodb_flush_log_at_trx_commit: '0',
    'character-set-server': 'utf8mb4',
    // Without it the server takes a quarter of a minute to start.
    'skip-ssl': '',
    'skip-name-resolve': '',
  };
}

function optionsFile(settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings).map(([name, value]) => (value === '' ? name : `${name}=${value}`));
  return ['[mariadbd]', ...lines, ''].join('\n');
}

/** Whether the server answers; then it has our user, and no anonymous ones, who would stand before him. */
async function letsIn(address: string): Promise<boolean> {
  const connection = await createConnection({ uri: address, multipleStatements: true, connectTimeout: 2000 });
  try {
    await connection.query(`
      DELETE FROM mysql.global_priv WHERE User = '';
      FLUSH PRIVILEGES;
      CREATE USER IF NOT EXISTS '${user}'@'%' IDENTIFIED BY '${user}';
      GRANT ALL PRIVILEGES ON *.* TO '${user}'@'%' WITH GRANT OPTION`);
    return true;
  } finally {
    await connection.end();
  }
}
