/**
 * What a record says.
 *
 * - **collection**: a table or a MongoDB collection, as Debezium names it (`inventory.customers`).
 * - **key row**: the row made of the record key; the authority for the document's identity (never `before`, whose
 *   columns other than the key are invented under PostgreSQL's default replica identity).
 * - **before / after**: the row image before and after the change.
 * - **ignored**: there is nothing to do, and why: counted, never silent.
 * - **unreadable**: the bytes make no sense; the record goes to the dead letters.
 */
import type { Failure } from './outcome.ts';
import type { SourcePosition } from './position.ts';
import type { SourceRecord } from './record.ts';

/** A column value, exact: integers beyond 2^53 are bigint, numbers that a double cannot hold are `Decimal`. */
export type Value =
  null | boolean | number | bigint | string | Decimal | readonly Value[] | { readonly [name: string]: Value };

/** A number that no JavaScript number equals, as its JSON text. */
export interface Decimal {
  readonly decimalText: string;
}

/** One column (or field, element) as the Connect schema describes it. */
export interface ColumnSchema {
  readonly name: string;
  /** Connect's base type: int8 … int64, float, double, boolean, string, bytes, array, map, struct. */
  readonly type: string;
  /** The semantic type: the schema's logical name, such as `io.debezium.time.MicroTimestamp`. */
  readonly semantic?: string;
  readonly optional: boolean;
  /** What arrives instead of null where the column has a default; without `value` that is not known exactly. */
  readonly default?: { readonly value?: string | number | boolean };
  readonly parameters?: Readonly<Record<string, string>>;
  /** Of a struct. */
  readonly fields?: readonly ColumnSchema[];
  /** Of an array: its elements; of a map: its values. */
  readonly items?: ColumnSchema;
}

/** The columns of a row image. The object's identity is stable per schema: compiled mappers are cached by it. */
export interface RowSchema {
  readonly name?: string;
  readonly columns: readonly ColumnSchema[];
}

/** What can be told from a schema; one object for all records that carry it. */
export interface ConnectSchema {
  readonly name: string | undefined;
  /** As a row: the key's, or a flattened value's. */
  readonly row: RowSchema | undefined;
  /** The rows of an envelope (a CloudEvent's `data` is one): that of `after`, or of `before` where there is no `after`. */
  readonly image: RowSchema | undefined;
}

/** One row image (docs/decisions/0000, "Rows stay text"), columns in the order in which the record carries them. */
export interface Row {
  readonly columns: readonly string[];
  /** Known where records carry their schema; absent for schemaless JSON. */
  readonly schema?: RowSchema;
  /** A column that says something of the record and is no value of the table: a flattened row's `__deleted`. */
  readonly marker?: string;
  /** The column's JSON text as the source wrote it; `column` is an index into `columns`. */
  text(column: number): string;
  /** The column's exact value. */
  value(column: number): Value;
  /** The whole row as one JSON object text on one line, as the source wrote it. */
  json(): string;
  /**
   * As `json`, with each of `columns` (ascending) edited as `edits` says; the number of the first column that cannot be
   * converted instead.
   */
  rewritten(columns: readonly number[], edits: readonly Edit[]): string | number;
  /** As `rewritten`, in UTF-8. */
  encoded(columns: readonly number[], edits: readonly Edit[]): Buffer | number;
}

/** What becomes of a column in a rewritten row: another value, or nothing at all. */
export type Edit = Convert | 'drop';

/** JSON text of a column in, JSON text for the document out; undefined if the text is not what the type promises. */
export type Convert = (text: string) => string | undefined;

/** Where a change comes from. Asked for rarely, so readers may find it only when it is asked for. */
export interface Origin {
  /** As Debezium names it; the topic where the record does not say. */
  readonly collection: string;
  /** As Debezium calls it (`postgresql`); absent where the record does not say. */
  readonly connector?: string | undefined;
  /** The position in the source's log; absent for tombstones and forms that do not carry it. */
  readonly position?: SourcePosition | undefined;
  /** The source transaction's id, where the connector writes it. */
  readonly transaction?: string | undefined;
  /** The number of the transaction that wrote the row, as PostgreSQL counts them (`source.txId`). */
  readonly txId?: string | undefined;
  /** What the connector says of a snapshot: `first`, `true`, `last`, `incremental`, … */
  readonly snapshot?: string | undefined;
}

interface Said {
  readonly record: SourceRecord;
  readonly origin: Origin;
  /** Null where the table has no key. */
  readonly key: Row | null;
  /** Why the key cannot be read, if that is why it is null: documents that columns name can do without it. */
  readonly keyFailure?: Failure;
}

/** What a change says of a row that it does not carry whole (MongoDB without lookup, Cassandra's cells): all else stays as the document has it. */
export interface Patch {
  /** Deeper changes: at each path (from the row's top) the JSON text is put; objects on the way are made, and a part that is a number is an element of an array. */
  readonly set: readonly { readonly path: readonly string[]; readonly text: string }[];
  readonly removed: readonly (readonly string[])[];
  readonly truncated: readonly { readonly path: readonly string[]; readonly size: number }[];
}

export interface Upsert extends Said {
  readonly op: 'read' | 'create' | 'update';
  readonly before: Row | null;
  readonly after: Row;
  /** Present if `after` holds only the columns that the change names, and the others are as they were. */
  readonly patch?: Patch;
}

export interface Delete extends Said {
  readonly op: 'delete';
  readonly before: Row | null;
  /** A record without a value. Mostly it follows the delete event, and deletes a second time, idempotently (docs/decisions/0000, "Deletes"). */
  readonly tombstone: boolean;
  /** No other record is known to tell of this delete: a tombstone of a topic of flattened rows, or one before any other record. */
  readonly isOnly?: true;
}

export interface Truncate extends Said {
  readonly op: 'truncate';
}

export type IgnoredReason =
  | 'tombstone-without-key'
  | 'tombstone-without-id'
  | 'heartbeat'
  | 'schema-change'
  | 'notification'
  | 'transaction-metadata'
  | 'logical-message'
  | 'truncate'
  /** An update of a document that was gone when its connector looked it up: the delete follows. */
  | 'no-image'
  | 'not-mapped'
  | 'left-out';

export interface Ignored {
  readonly op: 'ignored';
  readonly record: SourceRecord;
  readonly reason: IgnoredReason;
}

export interface Unreadable {
  readonly op: 'unreadable';
  readonly record: SourceRecord;
  readonly failure: Failure;
}

/** Every switch over `op` is exhaustive. */
export type ChangeEvent = Upsert | Delete | Truncate | Ignored | Unreadable;

/** The changes of one row: what a document mapper takes. */
export type RowChange = Upsert | Delete;
