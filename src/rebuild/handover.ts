/**
 * The handover from one generation of an index to another (docs/decisions/0012), as pure functions over the control document: the one
 * thing that the rebuild, every running instance, `rollback` and `finish` share. It is changed by compare-and-set alone.
 *
 *     loading → dual-write → swapping → warm ⇄ swapping       warm → finishing → (removed)
 *
 * Rules; `test/property/handover.test.ts` shows for each what is lost without it (docs/decisions/0012-rebuild.md):
 *  1. An instance reads the control document at each assignment, before its first record of it, and every few seconds.
 *  2. An acknowledgement counts only if its member owns the partition, and the group was described when it was settled and
 *     after the state was set: whoever is assigned later reads the state by rule 1.
 *  3. Nothing is swapped before the rebuild has passed what was acknowledged; where nobody owns, what is committed.
 *  4. While both are written a write is settled when both have it; both are named as generations, never by the alias.
 *  5. At an assignment while both are written nothing is kept of what was read before: it may have gone to one of them alone.
 *  6. What one of them alone refuses is excused only after it was written down here, by compare-and-set, and only if that one
 *     is not live; so it is known before a swap, or is the live one's refusal.
 *  7. Writing to both goes on until `finish`.
 */
import type { Generation } from '../model/generation.ts';
import { generationOf } from '../model/generation.ts';
import type { SnapshotRequest } from './snapshot-request.ts';
import { partitionKey } from '../model/record.ts';

export type Phase = 'loading' | 'dual-write' | 'swapping' | 'warm' | 'finishing';

/** That a member writes to both generations. */
export interface Acknowledgement {
  /** Which process this is, for people. */
  readonly instance: string;
  /** Digest of its mapping file. */
  readonly definition: string;
  /** Digest of what decides the content of its documents, a `transform` too; absent from instances of before it was said. */
  readonly content?: string;
  /** `topic/partition` → the offset from which it does; null if it has read nothing of that partition yet. */
  readonly from: Readonly<Record<string, number | null>>;
}

/** A write that one generation alone refused. */
export interface Refused {
  readonly generation: string;
  readonly id: string;
  readonly routing?: string;
  readonly version: string;
  readonly code: string;
}

export interface Control {
  /** The alias. */
  readonly document: string;
  /** Unlike that of any other rebuild. */
  readonly rebuild: string;
  readonly phase: Phase;
  /** Generations, as indexes are named; `from` is empty where the alias named none (`isFirst`). */
  readonly from: string;
  readonly to: string;
  /** The one of the two that the alias names, or is about to. */
  readonly live: string;
  /** The rebuild's consumer group. */
  readonly groupId: string;
  /** Digest of the mapping file that the new generation is made by. */
  readonly definition: string;
  /** Digest of what decides the content of its documents; absent where it was begun before it was said. */
  readonly content?: string;
  /** Whether the new generation was made: it is not made twice. */
  readonly created: boolean;
  readonly startedAt: string;
  readonly startedBy: string;
  /** Renewed by the process that rebuilds; a lease that stands still may be taken over. */
  readonly lease: { readonly holder: string; readonly count: number };
  /** A snapshot that is the source of what the topics do not hold; both are not written before it was read. */
  readonly snapshot?: SnapshotRequest;
  readonly dualWriteAt?: string;
  readonly swappedAt?: string;
  /** By member id. */
  readonly acknowledged: Readonly<Record<string, Acknowledgement>>;
  readonly refused: readonly Refused[];
  /** Generations that do not take writes any more, though the other does: they are not followed. */
  readonly lost: readonly { readonly generation: string; readonly why: string }[];
}

/** More refusals than this are not told apart: there is something wrong with the mapping. */
export const maxRefused = 100;

export type Writing =
  | { readonly kind: 'alias' }
  /** To generations by name, the live one first; `other` is undefined when it is not followed any more. */
  | {
      readonly kind: 'generations';
      readonly rebuild: string;
      readonly live: string;
      readonly other: string | undefined;
    };

/**
 * Whether there was no index before. Then nobody writes to both: until the alias names the new generation instances hold the
 * document's records, because a value that the source withheld would not be found in an index that is not loaded yet.
 */
export function isFirst({ from }: Pick<Control, 'from'>): boolean {
  return from === '';
}

/** Where an instance that knows this control document writes. */
export function writingOf(control: Control | undefined): Writing {
  if (control === undefined || control.phase === 'loading' || control.phase === 'finishing') return { kind: 'alias' };
  if (isFirst(control)) return { kind: 'alias' };
  const other = otherOf(control);
  const lost = control.lost.some(({ generation }) => generation === other);
  return {
    kind: 'generations',
    rebuild: control.rebuild,
    live: control.live,
    other: lost ? undefined : other,
  };
}

/** One of its generations, as the index is named. */
export function generationIn({ document }: Pick<Control, 'document'>, index: string): Generation {
  return generationOf(document, index, undefined);
}

export function otherOf({ live, from, to }: Pick<Control, 'live' | 'from' | 'to'>): string {
  return live === to ? from : to;
}

/** The control document with this member's acknowledgement; undefined if it says so already, or none is asked for. */
export function acknowledge(control: Control, member: string, said: Acknowledgement): Control | undefined {
  if (control.phase !== 'dual-write') return undefined;
  const before = control.acknowledged[member];
  const news = Object.keys(said.from).filter((partition) => before?.from[partition] === undefined);
  if (before !== undefined && news.length === 0) return undefined;
  // What was acknowledged first stands: the rebuild may have counted on it.
  const from = { ...said.from, ...before?.from };
  return { ...control, acknowledged: { ...control.acknowledged, [member]: { ...said, from } } };
}

export type Excuse =
  /** Write this down first; then the write needs nothing more of that generation. */
  | { readonly kind: 'excused'; readonly control: Control }
  /** It is the live one's refusal. */
  | { readonly kind: 'live' }
  /** Both are no longer written, or others are: the write must be sent again. */
  | { readonly kind: 'changed' };

/** Whether a write may do without a generation that refused it, or that takes no writes (`refusal.kind` lost). */
export function excuse(
  control: Control | undefined,
  rebuild: string,
  refusal:
    | { readonly kind: 'refused'; readonly write: Refused }
    | { readonly kind: 'lost'; readonly generation: string; readonly why: string },
): Excuse {
  const writing = writingOf(control);
  if (control === undefined || writing.kind === 'alias' || writing.rebuild !== rebuild) return { kind: 'changed' };
  const generation = refusal.kind === 'refused' ? refusal.write.generation : refusal.generation;
  if (generation === control.live) return { kind: 'live' };
  if (refusal.kind === 'lost') {
    return { kind: 'excused', control: { ...control, lost: [...control.lost, { generation, why: refusal.why }] } };
  }
  return { kind: 'excused', control: withRefused(control, refusal.write) };
}

/**
 * Every version that was refused is kept, not only a document's newest: the other generation may have refused the newest too, and
 * hold the one before.
 */
export function withRefused(control: Control, write: Refused): Control {
  const others = control.refused.filter(
    ({ generation, id, version }) => generation !== write.generation || id !== write.id || version !== write.version,
  );
  return others.length >= maxRefused ? control : { ...control, refused: [...others, write] };
}

/** Asks every instance to write to both. Acknowledgements begin anew. */
export function toDualWrite(control: Control, now: string): Control {
  return { ...control, phase: 'dual-write', dualWriteAt: now, acknowledged: {} };
}

/** The members of a consumer group, as its coordinator knows them. */
export interface GroupView {
  /** False while the group rebalances: then nobody can say who owns what. */
  readonly settled: boolean;
  /** `topic/partition` → member id. */
  readonly owners: ReadonlyMap<string, string>;
}

/** Why the rebuild must wait, or how far it must come in each partition before the alias may be swapped. */
export type Targets =
  | { readonly kind: 'waiting'; readonly why: string }
  | { readonly kind: 'targets'; readonly targets: ReadonlyMap<string, number> };

/** A partition of the document's topics as the brokers knew it after the group was described. */
export interface PartitionPosition {
  readonly topic: string;
  readonly partition: number;
  readonly start: number;
  readonly end: number;
  /** Of the main group; undefined if it has committed nothing. */
  readonly committed: number | undefined;
}

/**
 * The group must have been described after the state was set, `control` and `partitions` read after that. Where nobody owns a
 * partition, whoever will begins at what is committed and reads the state before; where the owner has read nothing yet it is
 * below the end.
 */
export function targetsOf(control: Control, group: GroupView, partitions: readonly PartitionPosition[]): Targets {
  if (!group.settled) return { kind: 'waiting', why: 'the group is rebalancing' };
  const targets = new Map<string, number>();
  for (const position of partitions) {
    const place = partitionKey(position);
    const owner = group.owners.get(place);
    if (owner === undefined) {
      if (group.owners.size > 0)
        return { kind: 'waiting', why: `no instance reads ${place}; their mapping files may be older` };
      targets.set(place, position.committed ?? position.end);
      continue;
    }
    const said = control.acknowledged[owner];
    const from = said?.from[place];
    if (said === undefined || from === undefined) {
      return { kind: 'waiting', why: `${owner} has not acknowledged ${place}` };
    }
    if (!isSameDefinition(said, control)) {
      return {
        kind: 'waiting',
        why: `${said.instance} runs with another mapping file of ${control.document}; restart it with this one`,
      };
    }
    targets.set(place, from ?? position.end);
  }
  return { kind: 'targets', targets };
}

type Digests = Pick<Control, 'definition' | 'content'>;

/** Whether the same documents are made; what one of them does not say cannot differ. */
export function isSameDefinition(one: Digests, other: Digests): boolean {
  const mayBeSame = one.content === undefined || other.content === undefined || one.content === other.content;
  return mayBeSame && one.definition === other.definition;
}

/** Whether everything below the targets was written; what is below `start` is not in the topic. */
export function havePassed(targets: ReadonlyMap<string, number>, rebuilt: readonly PartitionPosition[]): boolean {
  const reached = new Map(rebuilt.map((at) => [partitionKey(at), Math.max(at.committed ?? 0, at.start)]));
  return [...targets].every(([place, target]) => (reached.get(place) ?? -1) >= target);
}

/** Why this generation cannot become the live one; undefined if it can. */
export function obstacleTo(control: Control, generation: string): string | undefined {
  const lost = control.lost.find((one) => one.generation === generation);
  if (lost !== undefined) return `${generation} missed writes: ${lost.why}`;
  const refused = control.refused.filter((one) => one.generation === generation);
  if (refused.length === 0) return undefined;
  if (control.refused.length >= maxRefused)
    return `${generation} refused more documents than are told apart (${maxRefused})`;
  const ids = refused.slice(0, 3).map(({ id, code }) => `"${id}" (${code})`);
  return `${generation} refused ${refused.length} documents, such as ${ids.join(', ')}`;
}

/** From here on `generation` decides; the alias follows. */
export function toSwapping(control: Control, generation: string): Control {
  return { ...control, phase: 'swapping', live: generation };
}

export function toWarm(control: Control, now: string): Control {
  return { ...control, phase: 'warm', swappedAt: now };
}

export function toFinishing(control: Control): Control {
  return { ...control, phase: 'finishing' };
}
