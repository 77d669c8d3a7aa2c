/**
 * The indexes of all documents, held to their definitions: at the start, before the first write of each, and when a schema
 * with new columns comes.
 */
import type { IndexAdmin, IndexState } from './ports.ts';
import { differencesText } from '../model/difference.ts';
import type { Replacement } from './ports.ts';
import { SluiceError, explain } from '../errors.ts';
import type { IndexDefinition } from '../model/document.ts';
import type { Failure, FailureCode } from '../model/outcome.ts';
import type { Log } from './ports.ts';
import type { Generations } from './ports.ts';
import type { RebuildsUnderWay } from './ports.ts';
import type { Routes } from './routes.ts';

export interface IndexKeeper {
  /**
   * Looks at the indexes that are there, and gives them what they lack. Throws a SluiceError if a mapping file contradicts its
   * index: better no start than records that wait.
   */
  atStart(): Promise<void>;
  /** Sees to the index of an alias; a failure if no write may go into it. */
  ensure(alias: string): Promise<Failure | undefined>;
}

/** What only a change of the files, or of the index as a whole, can mend. */
const contradictions: ReadonlySet<FailureCode> = new Set<FailureCode>(['INDEX_INCOMPATIBLE', 'EPOCH_LOWERED']);
/** What is wrong with one index, and stays so until someone changes something: each is told when it is seen, whatever waits already. */
const refusals: ReadonlySet<FailureCode> = new Set<FailureCode>(['INDEX_REFUSED', 'FIELDS_COLLIDE']);

export interface IndexKeeperOptions {
  readonly admin: IndexAdmin;
  readonly generations: Generations;
  readonly routes: Pick<Routes, 'aliases' | 'indexDefinition'>;
  /** What is known of rebuilds by now. */
  readonly rebuilds: RebuildsUnderWay;
  readonly logger: Log;
  /** The clock that measures durations. */
  readonly nowMs: () => number;
}

export function createIndexKeeper(options: IndexKeeperOptions): IndexKeeper {
  const { admin, generations, routes, rebuilds, logger, nowMs } = options;
  /** What was last found to be so; schemas may come that change nothing. */
  const known = new Map<string, string>();
  const warned = new Set<string>();
  /** What was said to wait, by alias; said again when it is over. */
  const waits = new Map<string, { readonly failure: Failure; readonly sinceMs: number }>();

  /** Each once: columns that have another name in the index. */
  const tellRenamed = (alias: string): void => {
    const renamed = Object.entries(routes.indexDefinition(alias)?.renamed ?? {});
    const untold = renamed.filter(([column]) => !warned.has(`${alias}/${column}`));
    if (untold.length === 0) return;
    for (const [column] of untold) warned.add(`${alias}/${column}`);
    logger.warn({ alias }, `An index cannot hold the names of some columns of ${alias}: ${renamedText(untold)}.`);
  };

  const begin = (alias: string, failure: Failure): void => {
    waits.set(alias, { failure, sinceMs: waits.get(alias)?.sinceMs ?? nowMs() });
  };

  /** What comes back after its end was told is told again. */
  const end = (alias: string): void => {
    const { failure, sinceMs } = waits.get(alias) ?? {};
    if (failure === undefined || sinceMs === undefined) return;
    const { code, message } = failure;
    const afterMs = nowMs() - sinceMs;
    logger.info({ alias, code, afterMs }, `${code} (${alias}) is over after ${Math.round(afterMs)} ms.`);
    waits.delete(alias);
    warned.delete(message);
  };

  /** An index that cannot be written is named as soon as it is seen, beside others that cannot be. */
  const tellFailure = (alias: string, failure: Failure): void => {
    if (!refusals.has(failure.code) || warned.has(failure.message)) return;
    warned.add(failure.message);
    logger.error({ alias, code: failure.code }, `${explain(failure)} Records of ${alias} wait.`);
    begin(alias, failure);
  };

  const tell = (alias: string, found: IndexState): void => {
    if (found.state === 'failed') tellFailure(alias, found.failure);
    if (found.state === 'created' || found.state === 'present') tellRenamed(alias);
    if (found.state === 'created') {
      logger.info({ alias }, `Created ${found.generation.index} behind the alias ${alias}.`);
      tellReplaced(alias, found.replaced, logger);
    }
    if (found.state !== 'present') return;
    const { generation, added, pending, warnings } = found;
    const { index } = generation;
    if (added.length > 0) logger.info({ alias, index }, `Extended ${index}: ${differencesText(added)}.`);
    if (pending.length > 0)
      logger.warn({ alias, index }, `${index} is left as it is (\`index.apply: never\`): ${differencesText(pending)}.`);
    for (const warning of warnings) {
      if (warned.has(warning.message)) continue;
      warned.add(warning.message);
      logger.warn({ alias, code: warning.code }, explain(warning));
    }
  };

  /**
   * While an index is rebuilt one of its generations is that of another mapping file, and both are written as they are: what
   * one of them refuses is the handover's business.
   */
  const isTolerated = (alias: string, { code, message }: Failure): boolean => {
    if (code !== 'INDEX_INCOMPATIBLE' || !rebuilds.isRebuilt(alias)) return false;
    if (!warned.has(message)) logger.info({ alias }, `${message} It is left so, since ${alias} is being rebuilt.`);
    warned.add(message);
    return true;
  };

  /** Gives the generation that is written beside the one that the alias names what it lacks. */
  const extendOther = async (alias: string, definition: IndexDefinition): Promise<Failure | undefined> => {
    const other = rebuilds.otherOf(alias);
    if (other === undefined) return undefined;
    const found = await generations.find(alias, other);
    // If it is gone, the first write to it tells.
    if (found === undefined || 'code' in found) return found;
    const failure = await generations.extend(found, definition);
    return failure === undefined || isTolerated(alias, failure) ? undefined : failure;
  };

  /** While a rebuild loads the first index nobody else makes one, and records wait until the alias is there. */
  const notLoaded = (alias: string, found: IndexState): Failure | undefined => {
    if (!rebuilds.isFirstLoaded(alias)) return undefined;
    if (found.state !== 'absent' && !(found.state === 'failed' && found.failure.code === 'ALIAS_LOST'))
      return undefined;
    const message = `The first index of ${alias} is being loaded by \`sluice rebuild ${alias}\`; until it is whole the records of ${alias} wait.`;
    return { code: 'INDEX_LOADING', message };
  };

  const tellInDoubt = ({ alias, nullInDoubt = [] }: IndexDefinition): void => {
    for (const warning of nullsInDoubt(alias, nullInDoubt)) {
      if (!warned.has(warning.message)) logger.warn({ alias, code: warning.code }, explain(warning));
      warned.add(warning.message);
    }
  };

  return {
    atStart: async () => {
      const wrong: Failure[] = [];
      for (const alias of routes.aliases) {
        const definition = routes.indexDefinition(alias);
        if (definition === undefined) continue;
        const aligned = await admin.align(definition);
        const loading = notLoaded(alias, aligned);
        const found: IndexState = loading === undefined ? aligned : { state: 'failed', failure: loading };
        tell(alias, found);
        if (found.state !== 'failed' || isTolerated(alias, found.failure)) continue;
        if (contradictions.has(found.failure.code)) wrong.push(found.failure);
        else if (!refusals.has(found.failure.code)) {
          logger.warn({ alias, code: found.failure.code }, `${explain(found.failure)} Records of ${alias} wait.`);
          begin(alias, found.failure);
        }
      }
      if (wrong.length > 0) throw new SluiceError(wrong);
    },
    ensure: async (alias) => {
      const definition = routes.indexDefinition(alias);
      if (definition === undefined) return undefined;
      const text = JSON.stringify(definition);
      if (known.get(alias) === text) return undefined;
      tellInDoubt(definition);
      const found = rebuilds.isFirstLoaded(alias) ? await admin.align(definition) : await admin.ensure(definition);
      const loading = notLoaded(alias, found);
      if (loading !== undefined) return loading;
      tell(alias, found);
      if (found.state === 'failed' && !isTolerated(alias, found.failure)) return found.failure;
      const failure = await extendOther(alias, definition);
      if (failure !== undefined) return failure;
      known.set(alias, text);
      end(alias);
      return failure;
    },
  };
}

/** A warning for each column; `check` says the same. */
export function nullsInDoubt(alias: string, columns: readonly string[]): readonly Failure[] {
  return columns.map((column) => ({
    code: 'NULL_IN_DOUBT',
    message: `The column "${column}" of ${alias} has a type for which the PostgreSQL connector sends null in place of a large value that an update did not change, unless the table has REPLICA IDENTITY FULL.`,
  }));
}

function tellReplaced(alias: string, replaced: readonly Replacement[], logger: Log): void {
  if (replaced.length === 0) return;
  const fields = replaced.map(({ field, type, by }) => `${field} is ${by} instead of ${type}`).join(', ');
  logger.info({ alias }, `The server lacks types that ${alias} would have: ${fields}.`);
}

/** `_id` is the field `%5Fid`, … */
export function renamedText(renamed: readonly (readonly [column: string, field: string])[]): string {
  return renamed.map(([column, field]) => `\`${column}\` is the field \`${field}\``).join(', ');
}
