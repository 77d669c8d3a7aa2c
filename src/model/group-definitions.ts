/**
 * Whether the instances of one consumer group make the same documents. A rolling change makes them differ for a while, so they are
 * told, and never stopped.
 */
import type { Failure } from './outcome.ts';

/** An instance in the group. */
export interface GroupInstance {
  /** Host and process; the member's id where it does not say, as an earlier version. */
  readonly instance: string;
  /** The digest of its definitions; undefined where it does not say. */
  readonly definitions: string | undefined;
}

/** Undefined if no instance says that it has other definitions than `own`. */
export function definitionsFailure(
  groupId: string,
  own: string,
  instances: readonly GroupInstance[],
): Failure | undefined {
  const others = instances.filter(({ definitions }) => definitions !== undefined && definitions !== own);
  if (others.length === 0) return undefined;
  const named = others.map(({ instance, definitions = '' }) => `${instance} (${shortDigest(definitions)})`).toSorted();
  const message = `In the group "${groupId}", ${named.join(', ')} ${named.length === 1 ? 'runs' : 'run'} with other definitions of documents than this instance (${shortDigest(own)}).`;
  return { code: 'DEFINITIONS_DIFFER', message };
}

/** Enough of a digest for people. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 8);
}
