/**
 * One connection to MySQL or MariaDB that only reads, and every way in which it may fail, as a sentence. No sentence has the URL in
 * it: it may hold a password.
 */
import type { Connection, QueryError, QueryOptions } from 'mysql2';
import { createConnection } from 'mysql2';
import { SluiceError } from '../errors.ts';
import type { Failure, FailureCode } from '../model/outcome.ts';

export type Cells = readonly (string | null)[];

export interface MySql extends AsyncDisposable {
  /** Of the URL; empty if it names none. */
  readonly database: string;
  readonly isMariadb: boolean;
  /** Every value as the database's own text. */
  query(text: string, parameters?: readonly string[]): Promise<readonly Cells[]>;
  /** As `query`, in pages, for as many rows as there are. */
  pages(text: string, size: number): AsyncIterable<readonly Cells[]>;
}

const connectionTimeoutMs = 10_000;

/** Texts do not depend on how the server is set. A reader that pauses must not be cut off. */
const session = [
  "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = '', net_write_timeout = 3600",
  'SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ',
  'SET SESSION TRANSACTION READ ONLY',
];

/** Rejects with a SluiceError. A password that the URL does not have is taken from MYSQL_PWD, as by the database's own tools. */
export async function openMysql(
  url: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<MySql> {
  let connection: Connection;
  let place: string;
  let database: string;
  try {
    const address = new URL(url.replace(/^mariadb:/, 'mysql:'));
    if (address.protocol !== 'mysql:') throw noUrl;
    const { MYSQL_PWD: password } = environment;
    if (address.password === '' && password !== undefined) address.password = password;
    database = decodeURIComponent(address.pathname.slice(1));
    place = `${address.hostname}:${address.port || '3306'}/${database}`;
    connection = createConnection({ uri: address.href, connectTimeout: connectionTimeoutMs, charset: 'utf8mb4' });
  } catch {
    throw noUrl;
  }
  // Without a listener, a connection that breaks while nothing is asked would end the process.
  connection.on('error', () => undefined);
  const asOptions = (sql: string, values: readonly string[] = []): QueryOptions => ({
    ...{ sql, values: [...values], rowsAsArray: true },
    typeCast: (field) => field.string('utf8'),
  });
  const told = (error: unknown): SluiceError => new SluiceError([failureOf(error, place)]);

  const query: MySql['query'] = (text, parameters) =>
    new Promise((resolve, reject) => {
      connection.query(asOptions(text, parameters), (error: QueryError | null, rows: unknown) => {
        if (error === null) resolve(Array.isArray(rows) ? (rows as Cells[]) : []);
        else reject(told(error));
      });
    });
  const close = (): void => {
    connection.destroy();
  };
  try {
    for (const statement of session) await query(statement);
    const [version] = await query('SELECT @@version');
    return {
      database,
      isMariadb: isMariadbVersion(version?.[0] ?? ''),
      query,
      pages: async function* (text, size) {
        let page: Cells[] = [];
        try {
          for await (const row of connection.query(asOptions(text)).stream({ highWaterMark: size })) {
            page.push(row as Cells);
            if (page.length < size) continue;
            yield page;
            page = [];
          }
        } catch (error) {
          throw error instanceof SluiceError ? error : told(error);
        }
        if (page.length > 0) yield page;
      },
      [Symbol.asyncDispose]: () => {
        close();
        return Promise.resolve();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** By `@@version`: `11.4.2-MariaDB-log`; MySQL's has no name in it. */
export function isMariadbVersion(version: string): boolean {
  return /mariadb/i.test(version);
}

const noUrl = failed(
  'SOURCE_UNREACHABLE',
  '`--source` is no URL such as mysql://user@host:3306/database, or names a file that cannot be read.',
);

export function failed(code: FailureCode, message: string): SluiceError {
  return new SluiceError([{ code, message }]);
}

const unauthorized: ReadonlySet<string> = new Set(['ER_ACCESS_DENIED_ERROR', 'ER_DBACCESS_DENIED_ERROR']);
const forbidden: ReadonlySet<string> = new Set(['ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR']);

/** By the server's own code, or the system's where no server answered. */
function failureOf(error: unknown, place: string): Failure {
  const { code = '', message = '', errno } = error instanceof Error ? (error as QueryError) : {};
  if (unauthorized.has(code)) {
    return { code: 'SOURCE_UNAUTHORIZED', message: `The database ${place} refuses the user or the password.` };
  }
  if (forbidden.has(code)) return { code: 'SOURCE_FORBIDDEN', message: `The database ${place} says: ${message}.` };
  if (code === 'ER_BAD_DB_ERROR')
    return { code: 'SOURCE_UNREACHABLE', message: `The server has no database ${place}.` };
  if (code === 'ER_NO_SUCH_TABLE') {
    return { code: 'SOURCE_TABLE_MISSING', message: `The database ${place} says: ${message}.` };
  }
  if (code.startsWith('ER_') && code !== 'ER_CON_COUNT_ERROR') {
    // Of errors in the data of a query, the message holds values.
    return { code: 'SOURCE_UNUSABLE', message: `The database ${place} refuses a query (${code}, ${errno ?? 0}).` };
  }
  return { code: 'SOURCE_UNREACHABLE', message: `The database ${place} cannot be reached: ${code || message}.` };
}
