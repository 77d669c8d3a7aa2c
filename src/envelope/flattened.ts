/**
 * Rows without an envelope, as Debezium's ExtractNewRecordState writes them, in each of its ways to tell of deletes: a
 * tombstone (read elsewhere: all forms of nothing delete), or the row itself with `__deleted` (`rewrite`, in old and new names
 * of the option). Fields that `add.fields` adds are the user's wish, and stay.
 *
 * ExtractNewDocumentState's rows are MongoDB's documents, so they have an `_id`.
 */
import type { Delete, Row, RowSchema, Upsert } from '../model/change-event.ts';
import type { RecordHeaders, SourceRecord } from '../model/record.ts';
import type { RowReader } from './json-row.ts';
import type { Scanned } from './json-scan.ts';
import { scanObject } from './json-scan.ts';
import { renamedId } from './metadata-id.ts';

const deletedColumn = '__deleted';

/** Whether a value that is no envelope was made from one by Debezium: so say its schema, its columns or its headers. */
export function isFlattened(
  columns: readonly string[],
  schemaName: string | undefined,
  headers: RecordHeaders,
): boolean {
  // Damaged, and so not recognised: a wrapper whose schema makes no sense, a CloudEvent that lacks an attribute. The connector's
  // headers are on those too.
  if (columns.length === 2 && columns.includes('schema') && columns.includes('payload')) return false;
  if (columns.includes('specversion') && columns.includes('iodebeziumconnector')) return false;
  return (
    columns.includes(deletedColumn) ||
    columns.includes('__op') ||
    schemaName?.endsWith('.Value') === true ||
    Object.keys(headers).some((name) => name.startsWith('__debezium.context.'))
  );
}

export interface FlattenedRow {
  readonly text: string;
  readonly at: number;
  readonly scanned: Scanned;
  readonly schema: RowSchema | undefined;
  /** Position of `__deleted`; −1 without, or where it is a column like any other. */
  readonly deleted: number;
}

/** Where the column `__deleted` is; −1 if there is none. */
export function deletedColumnOf(columns: readonly string[]): number {
  return columns.indexOf(deletedColumn);
}

/** The change that a row without an envelope says. */
export function readFlattened(
  record: SourceRecord,
  key: Row | null,
  { text, at, scanned, schema, deleted }: FlattenedRow,
  rows: RowReader,
): Upsert | Delete {
  const origin = { collection: record.topic };
  const said = deleted === -1 ? undefined : text.slice(scanned.spans[2 * deleted], scanned.spans[2 * deleted + 1]);
  // A column of that name which says anything else is the table's own.
  const isMarker = said === '"false"' || said === '"true"' || said === 'false' || said === 'true';
  const row = rows.rowOf(text, at, scanned, schema, isMarker ? deletedColumn : undefined);
  if (isMarker && said.includes('true')) {
    return { op: 'delete', record, origin, key, before: row, tombstone: false };
  }
  return { op: 'update', record, origin, key, before: null, after: row };
}

/** The row of a document of MongoDB's, whose `_id` becomes `id`; `schema` is one of renamed columns already. */
export function readFlattenedDocument(
  record: SourceRecord,
  key: Row | null,
  row: Omit<FlattenedRow, 'deleted'>,
  rows: RowReader,
): Upsert | Delete {
  const text = renamedId(row.text.slice(row.at, row.scanned.end));
  const scanned = scanObject(text, 0, undefined);
  if (scanned === undefined) return readFlattened(record, key, { ...row, deleted: -1 }, rows);
  const deleted = deletedColumnOf(scanned.shape.columns);
  return readFlattened(record, key, { text, at: 0, scanned, schema: row.schema, deleted }, rows);
}
