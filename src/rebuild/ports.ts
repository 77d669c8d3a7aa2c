/**
 * What a rebuild needs from the world. The prose is the specification; `test/contract` runs it against every implementation.
 */
import type { Failure } from '../model/outcome.ts';
import type { Control } from './handover.ts';

/** A control document, and the mark of this very version of it. */
export interface Stored {
  readonly control: Control;
  readonly mark: string;
}

/** Every answer may be a failure instead: trouble with the cluster. Nothing rejects. */
export interface ControlStore {
  /** As it is now, not as a search finds it; undefined if the document has none, or the index is not there. */
  read(document: string): Promise<Stored | undefined | Failure>;
  /** Only if there is none yet; makes the index if that is not there. `changed` says that somebody else was first. */
  create(control: Control): Promise<Stored | 'changed' | Failure>;
  /** Only if what is stored is still the version of `mark`, else `changed`. Durable when it resolves. */
  replace(control: Control, mark: string): Promise<Stored | 'changed' | Failure>;
  /** Only if it is still the version of `mark`, else `changed`. */
  remove(document: string, mark: string): Promise<'removed' | 'changed' | Failure>;
}

export function isFailure(value: unknown): value is Failure {
  return typeof value === 'object' && value !== null && 'code' in value && 'message' in value;
}
