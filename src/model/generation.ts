/**
 * The indexes behind an alias: `customers-000001` is a generation of `customers`, and so is an index that was taken over.
 */

import type { IndexOrigin } from './index-origin.ts';

/** What each generation says of itself, in `_meta.sluice` of its mapping; how its documents came into it, since indexes remember that. */
export interface GenerationMeta extends Partial<IndexOrigin> {
  /** The alias whose documents it holds. */
  readonly document: string;
  /** Digest of the settings and mappings that were asked for. */
  readonly definition: string;
  /** `sluice 0.1.0` */
  readonly createdBy: string;
  /** The highest epoch that was written into it: writes of a lower one would all be superseded. */
  readonly epoch: number;
  /** What the versions of its documents are made of: `offset`, the epoch and the record's offset (docs/decisions/0000, "Versions"). */
  readonly versions: string;
  /** Full names of inferred fields for whose types the server has no more than a stand-in → the types that were asked for. */
  readonly standIns?: Readonly<Record<string, string>>;
  /** Columns that have another name in the index, since it cannot hold theirs → their fields. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Present while it is being loaded: the settings that it gets when that is over, by their full names. */
  readonly loading?: Readonly<Record<string, string>> | undefined;
}

export interface Generation {
  readonly alias: string;
  /** 1 of `customers-000001`; 0 of an index with any other name. */
  readonly number: number;
  /** Its own name, for everything but writes. */
  readonly index: string;
  /**
   * What writes to this generation name, whichever generation the alias names: a hidden alias of its own. Writes require an
   * alias, so that none ever creates an index; under its own name, a generation that was removed would come back unmapped.
   */
  readonly writes: string;
  /** Undefined: Sluice did not make it, nor was it taken over. */
  readonly meta: GenerationMeta | undefined;
  /** When the index was made, as the server says; undefined where nobody asked. */
  readonly createdAtMs?: number;
}

/** The name of a generation: at least six digits, so that names sort as their numbers do. */
export function generationName(alias: string, number: number): string {
  return `${alias}-${String(number).padStart(6, '0')}`;
}

/** The number in the name of a generation; 0 if the name is not one of this alias. */
export function generationNumber(alias: string, index: string): number {
  if (!index.startsWith(`${alias}-`)) return 0;
  const digits = index.slice(alias.length + 1);
  return /^\d{6,}$/.test(digits) ? Number(digits) : 0;
}

export function generationOf(alias: string, index: string, meta: GenerationMeta | undefined): Generation {
  return { alias, number: generationNumber(alias, index), index, writes: `${index}-writes`, meta };
}
