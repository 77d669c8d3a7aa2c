/**
 * A change that the source sent only in part: values that the database withheld, or a change that names only what it changes.
 */
import type { Patch } from './change-event.ts';

/** A field's place in a document, from its top. */
export type Path = readonly string[];

/** One change, of which the document before it gives the rest. */
export interface Step {
  /** What the change brings: a document's JSON text in UTF-8. If nothing is withheld, it may be malformed inside. */
  readonly source: Buffer;
  /** Fields that the source did not send. */
  readonly withheld: readonly Path[];
  /** Present if every field that `source` does not have stays as it was, but for these changes. */
  readonly patch?: Patch;
  /** The patch may be the first that is heard of its row: then nothing is missing. */
  readonly mayBeFirst?: true;
  /** The id of the document whose row this was before its primary key changed: what is withheld is there. */
  readonly formerId?: string;
}

/** Whether the document before the step is of no matter to what comes after it. */
export function isWhole({ withheld, patch }: Step): boolean {
  return withheld.length === 0 && patch === undefined;
}
