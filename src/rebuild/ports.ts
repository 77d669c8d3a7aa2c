/**
 * What a rebuild needs from the world. The prose is the specification; `test/contract` runs it against every implementation.
 */
import type { IndexDefinition } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { Control, GroupView, PartitionPosition, Refused } from './handover.ts';

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

/** The indexes of a document, generations `<alias>-000001` and so on. Trouble with the cluster is a failure; nothing rejects. */
export interface Generations {
  /** The index that the alias names; undefined if there is no such alias. */
  current(alias: string): Promise<string | undefined | Failure>;
  /** All that are there, oldest first, with the time of their making. */
  list(alias: string): Promise<readonly { readonly name: string; readonly createdMs: number }[] | Failure>;
  /** Makes one that is to be loaded: no refresh, no replicas, deletes remembered for a day, a name for writing. */
  create(name: string, definition: IndexDefinition): Promise<'done' | Failure>;
  /** Gives an index its name for writing (`writeNameOf`), if it has none. */
  nameForWriting(name: string): Promise<'done' | Failure>;
  /** Gives it the settings that its definition asks for; asks how well it is, compared with what it replaces. */
  finishLoading(name: string, definition: IndexDefinition, replaced: string): Promise<'done' | 'recovering' | Failure>;
  /** All that was written can be searched when this resolves. */
  refresh(name: string): Promise<'done' | Failure>;
  /** Takes the alias from one and gives it to the other in one step; done if it was so already. */
  swap(alias: string, from: string, to: string): Promise<'done' | Failure>;
  remove(name: string): Promise<'done' | Failure>;
  /** Whether the new one holds what the old one does, each difference as a sentence; only what stays different counts. */
  compare(from: string, to: string): Promise<readonly string[] | Failure>;
  /** Of the refused writes those that the other generation has: those are lost. */
  lostIn(from: string, refused: readonly Refused[]): Promise<readonly Refused[] | Failure>;
}

/** What the brokers know; rejects when they cannot be asked. */
export interface Brokers {
  positions(groupId: string): Promise<readonly PartitionPosition[]>;
  group(groupId: string): Promise<GroupView>;
  /** Why the topics cannot give all history, each as a sentence; empty if they can. */
  missingHistory(): Promise<readonly string[]>;
  forget(groupId: string): Promise<void>;
}

/** Writes name a generation by an alias of its own, so that `require_alias` holds and no write ever makes an index (D9). */
export function writeNameOf(generation: string): string {
  return `${generation}.write`;
}

export function isFailure(value: unknown): value is Failure {
  return typeof value === 'object' && value !== null && 'code' in value && 'message' in value;
}
