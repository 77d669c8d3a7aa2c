/**
 * One connection to PostgreSQL that only reads, and every way in which it may fail, as a sentence. Nothing that is told has the
 * URL in it: it may hold a password.
 */
import pg from 'pg';
import { SluiceError } from '../errors.ts';
import type { Failure, FailureCode } from '../model/outcome.ts';

type Parameter = string | number | null | readonly (string | null)[];

export interface Sql extends AsyncDisposable {
  /** Every value as the database's own text. */
  query(text: string, parameters?: readonly Parameter[]): Promise<readonly (readonly (string | null)[])[]>;
}

const connectionTimeoutMs = 10_000;

/** Texts are the database's own, in forms that do not depend on how server and client are set. */
const session = `
  SET default_transaction_read_only = on; SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601';
  SET bytea_output = 'hex'; SET extra_float_digits = 3; SET client_encoding = 'UTF8'; SET search_path = pg_catalog;
  SET statement_timeout = 0`;

const textOnly = { getTypeParser: () => (value: string) => value };

/** Rejects with a SluiceError. What the URL does not say is taken from PGUSER, PGPASSWORD and their like, and `.pgpass`. */
export async function openPostgres(url: string): Promise<Sql> {
  let client: pg.Client;
  if (!/^postgres(?:ql)?:\/\//.test(url)) throw noUrl;
  try {
    client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: connectionTimeoutMs,
      application_name: 'sluice verify',
    });
  } catch {
    throw noUrl;
  }
  const place = `${client.host}:${client.port}/${client.database ?? ''}`;
  // Without a listener, a connection that breaks while nothing is asked would end the process.
  client.on('error', () => undefined);
  const asked = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      throw new SluiceError([failureOf(error, place)]);
    }
  };
  try {
    await asked(client.connect());
    await asked(client.query(session));
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  return {
    query: async (text, parameters = []) => {
      const query = { text, values: [...parameters], rowMode: 'array', types: textOnly } as const;
      return (await asked(client.query<(string | null)[]>(query))).rows;
    },
    [Symbol.asyncDispose]: () => client.end().catch(() => undefined),
  };
}

const noUrl = failed(
  'SOURCE_UNREACHABLE',
  '`--source` is no URL such as postgres://user@host:5432/database or mysql://user@host:3306/database, or names a file that cannot be read.',
);

export function failed(code: FailureCode, message: string): SluiceError {
  return new SluiceError([{ code, message }]);
}

/** By the class of SQLSTATE, or the system's code where no server answered. */
function failureOf(error: unknown, place: string): Failure {
  const { code = '', message = '' } = error instanceof Error ? (error as Error & { readonly code?: string }) : {};
  if (code === '42501') return { code: 'SOURCE_FORBIDDEN', message: `The database ${place} says: ${message}.` };
  if (code === '42P01') return { code: 'SOURCE_TABLE_MISSING', message: `The database ${place} says: ${message}.` };
  // pg itself, where the server asks for a password and there is none.
  const lacksPassword = /password must be a .*string/.test(message);
  if (code.startsWith('28') || lacksPassword) {
    const why = lacksPassword ? 'asks for a password, and none is given' : 'refuses the user or the password';
    return { code: 'SOURCE_UNAUTHORIZED', message: `The database ${place} ${why}.` };
  }
  if (code === '3D000') return { code: 'SOURCE_UNREACHABLE', message: `The server has no database ${place}.` };
  if (/^[0-9A-Z]{5}$/.test(code) && !/^(?:08|53|57)/.test(code) && !/^E[A-Z]{4}$/.test(code)) {
    // Of errors in the data of a query, the message holds values.
    return { code: 'SOURCE_UNUSABLE', message: `The database ${place} refuses a query (SQLSTATE ${code}).` };
  }
  const reason = code === '' ? message : code;
  return { code: 'SOURCE_UNREACHABLE', message: `The database ${place} cannot be reached: ${reason}.` };
}
