/**
 * The part of the composition root for `readDoubtfulNulls`: what a service and a rebuild read from the database.
 */
import { clock } from './compose-connections.ts';
import { tableOf } from './compose-source.ts';
import { failed, openPostgres } from './postgres/client.ts';
import { openTable } from './postgres/table.ts';
import type { Config } from './config/schema.ts';
import type { DocumentFile } from './documents/route-problems.ts';
import { createRoutes } from './documents/routes.ts';
import { failureIn } from './errors.ts';
import type { Failure } from './model/outcome.ts';
import { withNullReads } from './pipeline/null-reads.ts';
import type { Observer, Sink } from './pipeline/ports.ts';
import type { NullDatabase } from './rebuild/null-reader.ts';
import { createNullReader } from './rebuild/null-reader.ts';

/** A query that takes longer is given up, and its writes are tried again. */
const timeoutMs = 3000;

export interface NullReadsOptions {
  readonly documents: readonly DocumentFile[];
  readonly topics: readonly string[];
  readonly observer: Observer;
}

/** The sink as it is where nothing is to be read. The database is connected to when the first null is in doubt. */
export function readingNulls(
  sink: Sink,
  config: Config,
  { documents, topics, observer }: NullReadsOptions,
): { readonly sink: Sink } & AsyncDisposable {
  const { source, readDoubtfulNulls } = config;
  if (!readDoubtfulNulls || source === undefined) return { sink, [Symbol.asyncDispose]: () => Promise.resolve() };
  const routes = createRoutes(documents, config, new Set(topics));
  const nulls = createNullReader({
    open: () => openPrimary(source),
    failureOf: knownFailure,
    documentOf: routes.documentOf,
    ...{ clock, timeoutMs, warned: observer.warned },
  });
  return { sink: withNullReads(sink, nulls, observer), [Symbol.asyncDispose]: () => nulls[Symbol.asyncDispose]() };
}

async function openPrimary(url: string): Promise<NullDatabase> {
  const sql = await openPostgres(url);
  try {
    const [row] = await sql.query('SELECT pg_is_in_recovery()');
    if (row?.[0] === 't') {
      throw failed(
        'SOURCE_UNREACHABLE',
        'The database of `source` is a standby, which may not have yet what a record tells.',
      );
    }
  } catch (error) {
    await sql[Symbol.asyncDispose]();
    throw error;
  }
  return {
    openTable: (topic) => {
      const name = tableOf(topic);
      if (name === undefined)
        throw failed('SOURCE_TABLE_MISSING', `The name of the topic ${topic} does not end with a schema and a table.`);
      return openTable(sql, name);
    },
    snapshot: async () => (await sql.query('SELECT txid_current_snapshot()'))[0]?.[0] ?? '',
    close: async () => {
      await sql[Symbol.asyncDispose]();
    },
  };
}

function knownFailure(error: unknown): Failure {
  const failure = failureIn(error);
  if (failure === undefined) throw error;
  return failure;
}
