/**
 * A lane is one document while anything about it is unsettled: at most one write in flight, at most one waiting.
 *
 * A newer write replaces the waiting one, but keeps it below itself: should the newer one be refused for ever (a dead
 * letter), the one below is still to be written, for without the refused record it would have been.
 */
import type { DocumentWrite } from '../../model/document.ts';
import type { Step } from '../../model/partial-change.ts';
import type { ExternalVersion } from '../../model/position.ts';
import type { Ticket } from '../settle/ticket.ts';

/** A write, its ticket, and the older writes of the same document that it stands for. */
export interface Entry {
  /** Replaced by itself with what it takes over, never by another. */
  write: DocumentWrite;
  readonly ticket: Ticket;
  older: Entry | undefined;
  /** The older entry from which `write` has taken over what it lacks. */
  tookOver?: Entry;
}

export interface Lane {
  readonly index: string;
  /** Its name among the lanes of its index: the document's id, or what `formerPlaceKey` makes. */
  readonly key: string;
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

/**
 * Gives a write what it lacks and the writes below it have, for they will never reach the index themselves; and what they leave
 * to the document of the row's next key. Writes that are left from an earlier assignment are passed over: another member of the
 * group may have written the document between them and this one, and the index knows.
 */
export function takeOver(top: Entry): void {
  if (top.older === undefined) return;
  const chain: Entry[] = [];
  let isNeeded = false;
  for (let entry: Entry | undefined = top; entry !== undefined; entry = entry.older) {
    if (entry.ticket.tenure() !== top.ticket.tenure()) continue;
    isNeeded ||= isPartial(entry.write);
    chain.push(entry);
  }
  if (!isNeeded) return;
  for (let at = chain.length - 2; at >= 0; at -= 1) {
    const [entry, older] = [chain[at], chain[at + 1]];
    if (entry === undefined || older === undefined || entry.tookOver === older) continue;
    entry.write = after(older.write, entry.write);
    entry.tookOver = older;
  }
}

/**
 * The older writes that a settled one stands for, and those that must still be sent: deletes of the document under another
 * routing, where its row was before, for that may be another shard. They are sent only after the newer write is settled. Where the two
 * routings lead to the same shard, a delete that came first would refuse the newer write, which has the same version; one that comes
 * after is refused itself. Their order among other writes of the document does not matter: a delete never undoes a newer write.
 */
export function splitCovered(top: Entry): { readonly covered: readonly Entry[]; readonly left: readonly Entry[] } {
  const places = new Set([top.write.routing]);
  const covered: Entry[] = [];
  const left: Entry[] = [];
  for (let entry = top.older; entry !== undefined; entry = entry.older) {
    const { action, routing } = entry.write;
    if (action === 'index' || places.has(routing)) {
      covered.push(entry);
      continue;
    }
    places.add(routing);
    left.push({ write: entry.write, ticket: entry.ticket, older: undefined });
  }
  return { covered, left };
}

/** The lane of a place where a document was; unlike any id, in which half a surrogate pair never is. */
export function formerPlaceKey({ id, routing }: DocumentWrite): string {
  return `\ud800${routing?.length ?? ''}:${routing ?? ''}${id}`;
}

/** The entry without those whose tenure is over, which the new owner of their partition writes; undefined if none is left. */
export function withoutLost(top: Entry | undefined): Entry | undefined {
  let kept = top;
  while (kept?.ticket.tenure().isOver() === true) kept = kept.older;
  for (let at = kept; at !== undefined; at = at.older) {
    while (at.older?.ticket.tenure().isOver() === true) at.older = at.older.older;
  }
  return kept;
}

/** Whether the sink must read before it writes. */
export function isPartial(write: DocumentWrite): boolean {
  return write.bequeaths !== undefined || (write.action === 'index' && write.steps !== undefined);
}

/** The document that the write takes from, where its row had another primary key before. */
export function formerIdOf(write: DocumentWrite): string | undefined {
  if (write.action === 'delete' || write.steps === undefined) return undefined;
  return write.steps.find(({ formerId }) => formerId !== undefined)?.formerId;
}

/** The newer write as it must be if the older one is never sent. */
function after(older: DocumentWrite, newer: DocumentWrite): DocumentWrite {
  const lacks = newer.action === 'index' && newer.steps !== undefined;
  // A tombstone after a delete finds nothing to leave: the delete has left it.
  const isLeftByOlder = newer.bequeaths === undefined || older.action === 'delete';
  const left = isLeftByOlder ? older.bequeaths : [...stepsTo(older), ...newer.bequeaths];
  if (!lacks && left === undefined) return newer;
  return {
    ...newer,
    ...(lacks && { steps: [...stepsTo(older), ...newer.steps] }),
    ...(left !== undefined && { bequeaths: left }),
  };
}

const nothing: Step = { source: Buffer.from('{}'), withheld: [] };

/** What makes the document as it is after the write. */
function stepsTo(write: DocumentWrite): readonly Step[] {
  if (write.action === 'delete') return [nothing];
  return write.steps ?? [{ source: write.source, withheld: [] }];
}
