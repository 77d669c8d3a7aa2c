/**
 * The part of the composition root for `readDoubtfulNulls`: what a service and a rebuild read from the database.
 */
import { clock } from './compose-connections.ts';
import { openDatabase, tableOf } from './compose-source.ts';
import type { Config } from './config/schema.ts';
import type { DocumentFile } from './documents/route-problems.ts';
import { createRoutes } from './documents/routes.ts';
import { SluiceError } from './errors.ts';
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
    failureOf: failureIn,
    documentOf: routes.documentOf,
    ...{ clock, timeoutMs, warned: observer.warned },
  });
  return { sink: withNullReads(sink, nulls, observer), [Symbol.asyncDispose]: () => nulls[Symbol.asyncDispose]() };
}

async function openPrimary(url: string): Promise<NullDatabase> {
  const database = await openDatabase(url);
  const isStandby = await database.isStandby().catch(async (error: unknown) => {
    await database[Symbol.asyncDispose]();
    throw error;
  });
  if (isStandby) {
    await database[Symbol.asyncDispose]();
    throw failed(
      'SOURCE_UNREACHABLE',
      'The database of `source` is a standby, which may not have yet what a record tells.',
    );
  }
  return {
    openTable: (topic) => {
      const name = tableOf(topic);
      if (name === undefined)
        throw failed('SOURCE_TABLE_MISSING', `The name of ${topic} does not end with a schema and a table.`);
      return database.openTable(name);
    },
    snapshot: () => database.snapshot(),
    close: async () => {
      await database[Symbol.asyncDispose]();
    },
  };
}

const failed = (code: Failure['code'], message: string): SluiceError => new SluiceError([{ code, message }]);

function failureIn(error: unknown): Failure {
  const [failure] = error instanceof SluiceError ? error.failures : [];
  if (failure === undefined) throw error;
  return failure;
}
