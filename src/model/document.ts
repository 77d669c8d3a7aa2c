import type { IgnoredReason, RowChange, RowSchema } from './change-event.ts';
import type { IndexOrigin } from './index-origin.ts';
import type { Failure } from './outcome.ts';
import type { Path, Step } from './partial-change.ts';
import type { ExternalVersion } from './position.ts';
import type { RecordPlace } from './record.ts';

/** Where a write goes and which version it carries. */
export interface WriteTarget {
  /** The alias (docs/decisions/0000, "Indexes are created explicitly"): writes name it and require it, so that no write ever creates an index. */
  readonly index: string;
  /** At most 512 bytes of UTF-8. */
  readonly id: string;
  readonly routing?: string;
  readonly version: ExternalVersion;
  /**
   * Present if the row goes on under another primary key: the document as it was, after these steps, is to be remembered
   * until the row's next document has taken from it what the source did not send (docs/decisions/0010).
   */
  readonly bequeaths?: readonly Step[];
}

export interface IndexWrite extends WriteTarget {
  readonly action: 'index';
  /**
   * The document as JSON text on one line, in UTF-8, written whole, never merged (docs/decisions/0000, "Versions"). Bytes and not a string: it lives until
   * it is settled, and what lives outside the heap is not copied by the garbage collector meanwhile.
   */
  readonly source: Buffer;
  /** What makes the document whole, in the order of its changes; absent if `source` is the whole document. */
  readonly steps?: readonly Step[];
  /** Present if fields are null of which the record does not say whether they are so in the database. */
  readonly doubt?: NullDoubt;
}

/** Columns and schema of rows, without values: one object for all rows of the same form. */
export interface RowForm {
  readonly columns: readonly string[];
  readonly schema: RowSchema | undefined;
  readonly marker: string | undefined;
}

/** Nulls that PostgreSQL's connector may have sent in place of values that an update did not change. */
export interface NullDoubt {
  readonly topic: string;
  /** The fields. */
  readonly paths: readonly Path[];
  /** The record's key: its columns, and the JSON text of each. */
  readonly key: readonly string[];
  readonly keyForm: RowForm;
  readonly rowForm: RowForm;
  /** The number of the transaction that wrote the row, modulo 2^32 as the row in the database has it. */
  readonly txId: number;
}

export interface DeleteWrite extends WriteTarget {
  readonly action: 'delete';
}

export type DocumentWrite = IndexWrite | DeleteWrite;

/** A document as an index holds it. */
export interface StoredDocument {
  readonly id: string;
  readonly version: ExternalVersion;
  readonly routing?: string;
  /** The document's JSON text, digit for digit; absent where it was not asked for. */
  readonly source?: string;
}

/** What a mapper makes of a row change. */
export type Mapped =
  | {
      readonly kind: 'write';
      readonly write: DocumentWrite;
      /** The delete of the document that the row had before, where it changed its place without a change of its key. */
      readonly also?: DocumentWrite;
    }
  /** Nothing is to be done. */
  | { readonly kind: 'ignored'; readonly reason: IgnoredReason }
  /** This change can never become a write. */
  | { readonly kind: 'refused'; readonly failure: Failure };

/** Row → document write, compiled once per topic; total and synchronous. */
export type DocumentMapper = (change: RowChange) => Mapped;

/** The document takes no change yet, for a reason that may pass; nothing of the change is lost. */
export interface Held {
  readonly kind: 'held';
  /** The document's alias. */
  readonly of: string;
  readonly failure: Failure;
  /** Resolves when it is worth to ask again; undefined if nothing is on its way. */
  readonly looked: Promise<void> | undefined;
}

/** As `DocumentMapper`, of a document that may be held. Held changes are asked again in their order. */
export type GatedMapper = (change: RowChange) => Mapped | Held;

/** What becomes of a document when its table is truncated: a dead letter and a warning; nothing; all of it is deleted. */
export type TruncatePolicy = 'refuse' | 'ignore' | 'delete';

/** One document of a topic, as a truncate of its table concerns it. */
export interface TruncatedDocument {
  /** The alias. */
  readonly index: string;
  readonly policy: TruncatePolicy;
  /** The version that a write of the record would have. */
  readonly versionOf: (place: RecordPlace) => ExternalVersion;
}

/** An index as it must be created: what the mapping file says, completed by what the row schema tells. */
export interface IndexDefinition {
  /** The alias that people search and that writes name. Its first generation is `<alias>-000001`. */
  readonly alias: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly mappings: Readonly<Record<string, unknown>>;
  /**
   * Names of the properties that nobody wrote: a server that lacks the type of one gets another for it, where the type of any
   * other property is left to the server to refuse.
   */
  readonly inferred?: readonly string[];
  /** Settings, by full names, and parameters of the mapping that nobody wrote: what an index is made with, and may change later. */
  readonly unwritten?: readonly string[];
  /** What the mapping has more than the live index, and the index can be given, it is given; never, if this says so. */
  readonly apply?: 'additive' | 'never';
  /** Of the versions of its writes; 0 unless said. */
  readonly epoch?: number;
  /** Columns, by their names, that have another name in the index, since it cannot hold theirs. */
  readonly renamed?: Readonly<Record<string, string>>;
  /** Why no index can be what is asked for; nothing is written while this is so. */
  readonly problem?: Failure;
  /** What an index that is made by this definition remembers from its beginning. */
  readonly origin?: IndexOrigin;
  /** Columns of its fields in which a null may be a value that the database did not send. */
  readonly nullInDoubt?: readonly string[];
}

/** Makes the definition of a document's index; without a schema, from the mapping file alone. */
export type DefineIndex = (schema: RowSchema | undefined) => IndexDefinition;
