/**
 * What documents need from the world: indexes that are kept to their definitions, and what they remember. The prose is the
 * specification; `test/contract` runs it against Elasticsearch and OpenSearch.
 */
import type { Difference } from '../model/difference.ts';
import type { IndexDefinition } from '../model/document.ts';
import type { Generation } from '../model/generation.ts';
import type { DescribedIndex, IndexOrigin } from '../model/index-origin.ts';
import type { Failure } from '../model/outcome.ts';
import type { TopicOrigin } from '../model/topic-origin.ts';

/** A field that was changed: its full name, and the types. */
export interface Replacement {
  readonly field: string;
  readonly type: string;
  readonly by: string;
}

export type IndexState =
  /** `replaced`: inferred fields for whose types the server has no more than a stand-in. */
  | { readonly state: 'created'; readonly generation: Generation; readonly replaced: readonly Replacement[] }
  | {
      readonly state: 'present';
      readonly generation: Generation;
      /** What it lacked and was given now. */
      readonly added: readonly Difference[];
      /** What it lacks and could be given. */
      readonly pending: readonly Difference[];
      readonly warnings: readonly Failure[];
    }
  | { readonly state: 'absent' }
  | { readonly state: 'failed'; readonly failure: Failure };

export interface IndexAdmin {
  /**
   * Whether the index is there and as it is defined; a failure if no write may go into it, or if that cannot be found out.
   * Changes nothing.
   */
  inspect(definition: IndexDefinition): Promise<IndexState>;
  /**
   * As `inspect`, and gives an index that is there what it lacks, unless the definition says never. Safe when several
   * instances do it at once, as is `ensure`.
   */
  align(definition: IndexDefinition): Promise<IndexState>;
  /**
   * As `align`, and makes the index and its alias unless the alias is there, with stand-ins for inferred fields whose types the
   * server lacks.
   */
  ensure(definition: IndexDefinition): Promise<IndexState>;
}

/** `forgotten`: writes may follow, but the index could not be told so. */
export type Claim =
  | { readonly state: 'claimed' }
  | { readonly state: 'forgotten'; readonly failure: Failure }
  | { readonly state: 'refused'; readonly failures: readonly Failure[] }
  | { readonly state: 'failed'; readonly failure: Failure };

/** What an index is to remember, by what it remembers. */
export type NextOrigin = (found: DescribedIndex) => IndexOrigin;

export interface IndexOrigins {
  /**
   * Whether documents of these topics may be written to the indexes behind the alias, which must be there; if so, remembers them.
   * `refused` names each topic that is not the one that the index was made of. `next` says what else the index is to remember.
   */
  claim(alias: string, topics: ReadonlyMap<string, TopicOrigin>, next?: NextOrigin): Promise<Claim>;
  /** The index behind each alias, the first if it names several; an alias that is not there is left out. */
  describe(aliases: readonly string[]): Promise<ReadonlyMap<string, DescribedIndex> | Failure>;
  /** What the indexes behind the alias remember, by topic; nothing if they cannot be asked. */
  remembered(alias: string): Promise<ReadonlyMap<string, TopicOrigin>>;
}

/** Documents of which a field could not take a value. */
export interface IgnoredValues {
  readonly documents: number;
  /** Fields that ignored a value, of the first documents that were found. */
  readonly fields: readonly string[];
}

export interface Generations {
  /**
   * By name (`customers-000001`, …) and what the alias names, ascending by number; each with what its `_meta` says, which is
   * nothing for an index that Sluice did not make.
   */
  list(alias: string): Promise<readonly Generation[] | Failure>;
  /**
   * The one that the alias names; undefined if there is no such alias. An alias that names several, or only a part of one, is
   * a failure.
   */
  current(alias: string): Promise<Generation | undefined | Failure>;
  /** An index of any name as a generation of this alias; undefined if it is not there. */
  find(alias: string, index: string): Promise<Generation | undefined | Failure>;
  /**
   * Makes the next generation, which the alias does not name yet. With `number`, that one, and it may be there already: if it
   * was made by the same definition it is the answer, so that what was killed can be begun again. `loading`: no refreshes, no
   * replicas, deleted versions kept for a day; what the definition wants instead is kept in `_meta` until `finishLoading`.
   */
  create(
    definition: IndexDefinition,
    options: { readonly loading: boolean; readonly number?: number },
  ): Promise<Generation | Failure>;
  /**
   * Gives a generation, whether the alias names it or not, the fields that it lacks (a column came while it was loaded, or
   * while it is written beside another); a failure if it cannot have them.
   */
  extend(generation: Generation, definition: IndexDefinition): Promise<Failure | undefined>;
  /**
   * Restores the settings that the definition wants, each said explicitly (an index without a `refresh_interval` of its own is
   * not refreshed while nobody searches), refreshes, and waits until every shard is where it should be; a cluster with too few
   * nodes for the replicas is not waited for. May be repeated.
   */
  finishLoading(generation: Generation, options: { readonly withinMs: number }): Promise<Failure | undefined>;
  /**
   * Moves the alias in one step, unless it is there already; fails if the alias names anything but `from`. What became of it
   * is read back. Without `from`, gives the alias to `to` if nothing has it.
   */
  swap(alias: string, from: Generation | undefined, to: Generation): Promise<Failure | undefined>;
  /** Removes the index; done if it is gone. Never the one that the alias names, nor one that Sluice does not know. */
  remove(generation: Generation): Promise<Failure | undefined>;
}

/** Sentences for those who run the service, with what programs may look for. */
export type Log = Readonly<Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>>;

/** What is known of the rebuild of a document. */
export interface RebuildsUnderWay {
  /** Whether a rebuild of the document is under way, or kept for going back. */
  isRebuilt(document: string): boolean;
  /** Whether its first index is being loaded: it must not be made by anyone else. */
  isFirstLoaded(document: string): boolean;
  /** The generation that is written beside the live one; undefined if none is. */
  otherOf(document: string): string | undefined;
}
