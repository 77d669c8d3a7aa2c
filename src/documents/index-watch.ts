/**
 * Whether the indexes hold what the group has read: looked at before this instance joins the group, and again and again. What is
 * doubtful stays so, visibly, until somebody mends it (docs/decisions/0011-indexes.md).
 */
import { isDeepStrictEqual } from 'node:util';
import type { IndexOrigins, NextOrigin } from './ports.ts';
import { explain } from '../errors.ts';
import type { DescribedIndex, GroupPlace, GroupPlaces, IndexOrigin, MadeDocument } from '../model/index-origin.ts';
import { absenceOf, beganNow, doubtsOf, hasPassed, nextOrigin } from '../model/index-origin.ts';
import type { Failure } from '../model/outcome.ts';
import type { Log } from './ports.ts';
import type { Clock } from '../pipeline/ports.ts';

export interface IndexWatchOptions {
  readonly groupId: string;
  readonly documents: readonly MadeDocument[];
  /** Where the group stands, of all topics of the documents. */
  readonly places: () => Promise<readonly GroupPlace[]>;
  readonly origins: Pick<IndexOrigins, 'describe' | 'claim'>;
  /** Whether indexes of the alias are there that it does not name: that is another failure, with another remedy. */
  readonly isLost: (alias: string) => Promise<boolean>;
  /** False for a command that changes nothing. */
  readonly mayRemember: boolean;
  /** Whether the topics hold rows: of a topic without rows no index is made. */
  readonly holdRows: (topics: readonly string[]) => Promise<boolean>;
}

export interface IndexWatch {
  /** A failure while the indexes cannot be looked at; throws what `places` throws. An alias without doubts is not in it. */
  look(): Promise<ReadonlyMap<string, readonly Failure[]> | Failure>;
  /** What was found last. */
  doubts(): ReadonlyMap<string, readonly Failure[]>;
  /** Whether an alias had no index when it was looked at last. */
  isAbsent(alias: string): boolean;
  /** What an index that is made now remembers from its beginning; undefined for an alias of no document. */
  originOf(alias: string): IndexOrigin | undefined;
  /** What an index is to remember that this instance writes; undefined for an alias of no document. */
  nextOf(alias: string): NextOrigin | undefined;
}

export function createIndexWatch(options: IndexWatchOptions): IndexWatch {
  const { groupId, origins } = options;
  const byAlias = new Map(options.documents.map((document) => [document.alias, document]));
  /** Aliases without an index whose topics hold no rows: whatever the group has read of them, nothing is missing. */
  const rowless = new Set<string>();
  const written = new Set<string>();
  let atStart: readonly GroupPlace[] | undefined;
  let now: readonly GroupPlace[] = [];
  let absent: ReadonlySet<string> = new Set();
  let doubts: ReadonlyMap<string, readonly Failure[]> = new Map();

  const placesOf = ({ alias, topics }: MadeDocument): GroupPlaces => {
    const own = (places: readonly GroupPlace[]) =>
      rowless.has(alias) ? [] : places.filter(({ topic }) => topics.includes(topic));
    return { atStart: own(atStart ?? now), now: own(now) };
  };

  const originNow = (document: MadeDocument, found: DescribedIndex): IndexOrigin =>
    nextOrigin(document, found, placesOf(document), written.has(document.alias));

  const doubtsAbout = async (
    document: MadeDocument,
    found: DescribedIndex | undefined,
  ): Promise<readonly Failure[]> => {
    const { alias } = document;
    if (found?.isOwn === false) return [];
    if (found !== undefined) {
      const next = originNow(document, found);
      // An index of before this was remembered is taken over; one that was just made learns its identity. What may not be
      // written is told before the first document.
      if (options.mayRemember && !isDeepStrictEqual(next, found.origin))
        await origins.claim(alias, new Map(), (one) => originNow(document, one));
      return doubtsOf(groupId, document, found, placesOf(document));
    }
    const { now: places } = placesOf(document);
    const failure = absenceOf(groupId, alias, places);
    if (failure === undefined || (await options.isLost(alias))) return [];
    const topics = new Set(places.filter(hasPassed).map(({ topic }) => topic));
    if (written.has(alias) || (await options.holdRows([...topics]))) return [failure];
    rowless.add(alias);
    return [];
  };

  return {
    look: async () => {
      now = await options.places();
      atStart ??= now;
      const found = await origins.describe([...byAlias.keys()]);
      if ('code' in found) return found;
      const next = new Map<string, readonly Failure[]>();
      for (const [alias, document] of byAlias) {
        const failures = await doubtsAbout(document, found.get(alias));
        if (failures.length > 0) next.set(alias, failures);
      }
      absent = new Set([...byAlias.keys()].filter((alias) => !found.has(alias)));
      doubts = next;
      return doubts;
    },
    doubts: () => doubts,
    isAbsent: (alias) => absent.has(alias),
    originOf: (alias) => {
      const document = byAlias.get(alias);
      if (document === undefined) return undefined;
      return { contents: [document.content], began: beganNow(document.topics, placesOf(document).atStart) };
    },
    nextOf: (alias) => {
      const document = byAlias.get(alias);
      if (document === undefined) return undefined;
      written.add(alias);
      return (found) => originNow(document, found);
    },
  };
}

/** Logs what is new, and what is over. */
export function createDoubtTeller(
  logger: Pick<Log, 'warn' | 'info'>,
): (doubts: ReadonlyMap<string, readonly Failure[]>) => void {
  let told = new Map<string, string>();
  return (doubts) => {
    const now = new Map(
      [...doubts].flatMap(([alias, failures]) => failures.map((failure) => [failure.message, { alias, failure }])),
    );
    for (const [message, { alias, failure }] of now) {
      if (!told.has(message)) logger.warn({ alias, code: failure.code }, explain(failure));
    }
    for (const [message, alias] of told) {
      if (!now.has(message) && !doubts.has(alias))
        logger.info({ alias }, `Nothing is doubtful about ${alias} any more.`);
    }
    told = new Map([...now].map(([message, { alias }]) => [message, alias]));
  };
}

/** Looks until `signal` aborts; tells what was found, and sees to indexes whose rows came without a document. */
export async function watchIndexes(
  watch: IndexWatch,
  options: {
    readonly clock: Clock;
    readonly everyMs: number;
    readonly found: (doubts: ReadonlyMap<string, readonly Failure[]>) => void;
    /** Aliases whose rows were met. */
    readonly met: () => readonly string[];
    readonly ensure: (alias: string) => Promise<unknown>;
  },
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await options.clock.sleep(options.everyMs, signal);
    if (signal.aborted) return;
    // Rows of which none became a document leave an index, so that what was read is remembered.
    for (const alias of options.met()) if (watch.isAbsent(alias)) await options.ensure(alias);
    const doubts = await watch.look().catch(() => undefined);
    if (doubts !== undefined && !('code' in doubts)) options.found(doubts);
  }
}
