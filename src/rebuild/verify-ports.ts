/**
 * What a proof needs from the world: a place for what it knows of each document, the topics, and the index. The prose is the
 * specification.
 */
import type { SqlType } from '../convert/postgres-text.ts';
import type { StoredDocument } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { ExternalVersion, Offset } from '../model/position.ts';
import type { SourceRecord, TopicPartition } from '../model/record.ts';

/** What the topics say of one document: the write of its highest version. */
export interface Expectation {
  readonly id: string;
  readonly version: ExternalVersion;
  /** The number of the partition in the list of those that are read, and the record's place in it. */
  readonly source: number;
  readonly offset: Offset;
  readonly isDeleted: boolean;
  readonly routing: string | undefined;
  /** Of the canonical document, without what is omitted; null where the content cannot be told, and of a delete. */
  readonly digest: Buffer | null;
  /** Fields of which the topics have no value any more, as JSON; undefined if there are none. */
  readonly omitted: string | undefined;
}

/** What is wrong with a document. */
export const faults = ['missing', 'stale', 'surplus', 'differing', 'misrouted', 'ahead'] as const;

/**
 * - `missing`: it should be there.
 * - `stale`: an older version is there.
 * - `surplus`: it should not be there: deleted, or of no row.
 * - `differing`: its version is right, or of no record, and its content is not.
 * - `misrouted`: it is under another routing than its own, where its later writes do not find it.
 * - `ahead`: its content is right, under a version that its later writes may not pass.
 */
export type Fault = (typeof faults)[number];

/**
 * - `pending`: the group has not settled the record yet.
 * - `moving`: it is written faster than it can be looked at.
 * - `unproven`: the topics do not tell enough of it any more, so nothing can be said.
 */
export type Verdict = Fault | 'pending' | 'moving' | 'unproven';

/** A document that is not as it should be, or was not when it was seen. */
export interface Suspect {
  readonly number: number;
  readonly id: string;
  /** As it was found; of a document that is missing, as it should be. */
  readonly routing: string | undefined;
  /** The version that was seen last; undefined if none was. */
  readonly seen: ExternalVersion | undefined;
  /** The version that was expected, and settled, when it was seen that there is no such document. */
  readonly absentUnder: ExternalVersion | undefined;
}

/** What is known of each document, in little memory however many there are. Synchronous: it is asked for every record. */
export interface ProofStore {
  /** Keeps it unless one of as high a version is there. */
  expect(expectation: Expectation): void;
  /** All documents of lower versions are deleted by this one. */
  truncate(version: ExternalVersion, source: number, offset: Offset): void;
  expectationOf(id: string): Expectation | undefined;
  /** The documents that should be there. */
  expectedDocuments(): number;
  /** Whether the document is exactly as expected; it is then not among the unseen. */
  confirm(found: StoredDocument, digest: Buffer): boolean;
  /** Keeps the text of a document, unless one of a higher version is there. */
  keepText(id: string, version: ExternalVersion, text: Buffer | undefined): void;
  textOf(id: string): Buffer | undefined;
  /** Keeps what a document was when its row went on under another key. */
  bequeath(id: string, text: Buffer): void;
  estateOf(id: string): Buffer | undefined;
  suspect(id: string, routing: string | undefined, seen: ExternalVersion | undefined): void;
  /** Makes suspects of all documents that should be there and were not confirmed; those of which another was seen are so already. */
  suspectUnconfirmed(): void;
  /** Suspects without a final verdict, in order, beginning after a number. */
  openSuspects(after: number, limit: number): readonly Suspect[];
  acquit(number: number): void;
  /** With what was seen now. `pending` and `moving` leave the suspect open. */
  judge(number: number, verdict: Verdict, seen: Pick<Suspect, 'seen' | 'absentUnder'>): void;
  /** Makes open suspects of those that are guilty. */
  reopen(): void;
  verdicts(): Readonly<Partial<Record<Verdict, number>>>;
  /** Suspects of a verdict, in order of their ids. */
  judged(verdict: Verdict, limit: number): readonly Suspect[];
  /** Forgets all. */
  clear(): void;
  close(): void;
}

/** The partitions of a document's topics, read from their beginning. */
export interface TopicReader extends AsyncDisposable {
  readonly partitions: readonly TopicPartition[];
  /** Whether every record that ever was in the partitions is there, but for those that compaction removed. */
  readonly holdsHistory: boolean;
  /** Hands over all records up to the ends as they are now. Rejects with a SluiceError if that cannot be had. */
  catchUp(): Promise<void>;
  /** The next offset of each partition that was not handed over yet. */
  positions(): readonly Offset[];
  /** For each partition the offset below which the service has settled everything; 0 where it has not begun. */
  settled(): Promise<readonly number[]>;
}

/** Takes records in the order of their partition; `source` is the number of the partition. */
export type TakeRecord = (record: SourceRecord, source: number) => void;

/** The index of a document. */
export interface ProofIndex {
  /** Makes what was written findable. */
  refresh(signal: AbortSignal): Promise<Failure | undefined>;
  scan(source: boolean, signal: AbortSignal): AsyncIterable<readonly StoredDocument[] | Failure>;
  /** Documents as they are now, findable or not; null for those that are not there. */
  read(
    places: readonly { readonly id: string; readonly routing?: string }[],
    signal: AbortSignal,
  ): Promise<readonly (StoredDocument | null)[] | Failure>;
}

/** A column as the database describes it. */
export interface SourceColumn {
  readonly name: string;
  readonly type: SqlType;
  /** The database computes it from other columns, and connectors may send it in snapshots only. */
  readonly isGenerated?: boolean;
}

export interface SourceRow {
  /** Each value's text, in the order of the columns that are read; null of NULL. */
  readonly values: readonly (string | null)[];
  /** Another number whenever the row is another: that of the transaction that wrote it, or one made of its values. */
  readonly writtenBy: number;
}

/** A moment of the database, as far as it tells which rows were written later. */
export interface SourceMark {
  /** The oldest transaction that was under way; of no meaning where rows do not tell who wrote them. */
  readonly transaction: string;
  /** The position in the database's log. */
  readonly position: string;
}

/** One table of the database. */
export interface SourceTable {
  /** `schema.table`. */
  readonly name: string;
  /** Whose texts and types they are. */
  readonly dialect: 'postgresql' | 'mysql';
  readonly columns: readonly SourceColumn[];
  /** About how many rows it has. */
  readonly estimate: number;
  /** Hands over these columns of all rows as they are at one moment, or of those written since another, and perhaps some before. */
  read(
    columns: readonly string[],
    since: SourceMark | undefined,
    take: (rows: readonly SourceRow[]) => void,
    signal: AbortSignal,
  ): Promise<SourceMark>;
  /** The rows with these keys as they are now; a key is the texts of `keyColumns`. */
  find(
    columns: readonly string[],
    keyColumns: readonly string[],
    keys: readonly (readonly (string | null)[])[],
  ): Promise<readonly SourceRow[]>;
}
