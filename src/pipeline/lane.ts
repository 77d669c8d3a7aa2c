/**
 * A lane is one document while anything about it is unsettled: at most one write in flight, at most one waiting.
 *
 * A newer write replaces the waiting one, but keeps it below itself: should the newer one be refused for ever (a dead
 * letter), the one below is still to be written, for without the refused record it would have been.
 */
import type { DocumentWrite } from '../model/document.ts';
import type { ExternalVersion } from '../model/position.ts';
import type { Ticket } from './offset-tracker.ts';

/** A write, its ticket, and the older writes of the same document that it stands for. */
export interface Entry {
  readonly write: DocumentWrite;
  readonly ticket: Ticket;
  older: Entry | undefined;
}

export interface Lane {
  readonly index: string;
  readonly id: string;
  /** Not sent yet. */
  waiting: Entry | undefined;
  /** Its document is in flight or its retry is not due: nothing of it may be sent. */
  busy: boolean;
  /** Attempts at the write that failed last; counted from 1. */
  attempts: number;
}

/** Versions are decimal text without leading zeros: the longer is greater, else the text decides. */
export function isNewer(version: ExternalVersion, than: ExternalVersion): boolean {
  return version.length === than.length ? version > than : version.length > than.length;
}

/** One entry that stands for both chains, newest first; of equal versions `b` comes first. */
export function merge(a: Entry, b: Entry): Entry {
  const [top, other] = isNewer(a.write.version, b.write.version) ? [a, b] : [b, a];
  let at = top;
  let rest: Entry | undefined = other;
  while (rest !== undefined) {
    const below: Entry | undefined = at.older;
    if (below === undefined || isNewer(rest.write.version, below.write.version)) {
      at.older = rest;
      at = rest;
      rest = below;
    } else {
      at = below;
    }
  }
  return top;
}
