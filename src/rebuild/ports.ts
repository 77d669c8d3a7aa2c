/**
 * What a rebuild needs from the world. The prose is the specification; `test/contract` runs it against every implementation.
 */
import type { Generation } from '../model/generation.ts';
import type { Failure } from '../model/outcome.ts';
import type { Control, GroupView, PartitionPosition, Refused } from './handover.ts';
import type { Offsets } from './snapshot-request.ts';

/** A control document, and the mark of this very version of it. */
export interface Stored {
  readonly control: Control;
  readonly mark: string;
}

/** Every answer may be a failure instead: trouble with the cluster. Nothing rejects. */
export interface ControlStore {
  /** As they are now, not as a search finds them, by document; what has none is left out, as all are if the index is not there. */
  read(documents: readonly string[]): Promise<ReadonlyMap<string, Stored> | Failure>;
  /** Only if there is none yet; makes the index if that is not there. `changed` says that somebody else was first. */
  create(control: Control): Promise<'done' | 'changed' | Failure>;
  /** Only if what is stored is still the version of `mark`, else `changed`. Durable when it resolves. */
  replace(control: Control, mark: string): Promise<'done' | 'changed' | Failure>;
  /** Only if it is still the version of `mark`, else `changed`. */
  remove(document: string, mark: string): Promise<'done' | 'changed' | Failure>;
}

/** A document of one generation that another lacks, or has in an older version. */
export interface Lacking {
  readonly id: string;
  readonly routing?: string | undefined;
  /** The version that the one generation has. */
  readonly version: string;
}

export interface Sampled {
  /** Documents that were looked at. */
  readonly compared: number;
  readonly lacking: readonly Lacking[];
  /** Those that are newer in `to`, or only there. */
  readonly ahead: number;
  /** All documents of each. */
  readonly counts: { readonly from: number; readonly to: number };
}

/** What a handover asks of indexes, beside what `Generations` does. Trouble with the cluster is a failure; nothing rejects. */
export interface Comparison {
  /** Gives an index its hidden alias for writes, if it has none: those that Sluice made have. */
  nameForWrites(generation: Generation): Promise<Failure | undefined>;
  /** All that was written can be searched when this resolves. */
  refresh(index: string): Promise<Failure | undefined>;
  /** Many documents of both as they are at one look, while both are written: all, if an index is not larger than a sample. */
  sample(from: string, to: string): Promise<Sampled | Failure>;
  /** Of these documents those that `to` lacks, or has in an older version than `from`, as they are now. */
  lacking(from: string, to: string, places: readonly Lacking[]): Promise<readonly Lacking[] | Failure>;
  /** Of the refused writes those that the index has: the generation that refused them lacks them. */
  heldBy(index: string, refused: readonly Refused[]): Promise<readonly Refused[] | Failure>;
}

/** A topic, and how long what it holds stays. */
export interface TopicHistory {
  readonly topic: string;
  /** Offsets that are still there; some hold no record. */
  readonly records: number;
  /** Offsets that are gone. */
  readonly gone: number;
  readonly compacted: boolean;
  /** How long a delete can be seen in a compacted topic. */
  readonly deleteRetentionMs: number;
}

/** What the brokers know; rejects when they cannot be asked. */
export interface Brokers {
  positions(groupId: string): Promise<readonly PartitionPosition[]>;
  group(groupId: string): Promise<GroupView>;
  history(): Promise<readonly TopicHistory[]>;
  /** Removes a group that nobody is in; done if there is none. */
  forget(groupId: string): Promise<void>;
}

/** Where a connector is asked for a snapshot, and tells of it. Rejects when the brokers cannot be asked. */
export interface Signals {
  /** The ends of the topic's partitions, `topic/partition` → offset; undefined if there is no such topic. */
  ends(topic: string): Promise<Offsets | undefined>;
  /** Durable when it resolves. */
  send(topic: string, key: string, value: string): Promise<void>;
  /** Whether there is such a record at or after these offsets. */
  holds(topic: string, since: Offsets, isIt: (value: string) => boolean): Promise<boolean>;
  /** Begins to hand over the values of the topic's records at or after these offsets; undefined if there is no such topic. */
  follow(topic: string, since: Offsets, take: (value: string) => void): Promise<Following | undefined>;
}

export interface Following extends AsyncDisposable {
  /** Hands over what there is by now. */
  catchUp(): Promise<void>;
}
