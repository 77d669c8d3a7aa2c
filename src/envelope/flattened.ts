/**
 * Rows without an envelope, as Debezium's ExtractNewRecordState writes them, in each of its ways to tell of deletes: a
 * tombstone (read elsewhere: all forms of nothing delete), or the row itself with `__deleted` (`rewrite`, in old and new names
 * of the option). Fields that `add.fields` adds are the user's wish, and stay.
 *
 * ExtractNewDocumentState's rows are MongoDB's documents, so they have an `_id`.
 */
import type { Delete, Row, Upsert } from '../model/change-event.ts';
import type { RecordHeaders, SourceRecord } from '../model/record.ts';
import type { RowPlace, RowReader } from './json-row.ts';
import { scanObject } from '../json/scan.ts';
import { renamedId } from './metadata-id.ts';

const deletedColumn = '__deleted';

/**
 * Whether a value that is no envelope was made from one by ExtractNewRecordState: so say its columns, its schema or its headers.
 *
 * The outbox event router leaves some of the same marks: its values may have the schema of the outbox table, and the connector's
 * headers. But a routed event is in a topic of another name than that table's, and has the event's id in a header.
 */
export function isFlattened(
  columns: readonly string[],
  schemaName: string | undefined,
  topic: string,
  headers: RecordHeaders,
): boolean {
  // Damaged, and so not recognised: a wrapper whose schema makes no sense, a CloudEvent that lacks an attribute. The connector's
  // headers are on those too.
  if (columns.length === 2 && columns.includes('schema') && columns.includes('payload')) return false;
  if (columns.includes('specversion') && columns.includes('iodebeziumconnector')) return false;
  if (columns.includes(deletedColumn) || columns.includes('__op')) return true;
  if (schemaName !== undefined && isOfTable(schemaName, topic)) return true;
  const names = Object.keys(headers);
  return names.some((name) => name.startsWith('__debezium.context.')) && !names.includes('id');
}

/** Whether it is the schema of the topic's own rows; Avro has fewer characters for names. */
function isOfTable(schemaName: string, topic: string): boolean {
  const adjusted = (name: string): string => name.replaceAll(/[^\w.]/g, '_');
  return adjusted(schemaName) === `${adjusted(topic)}.Value`;
}

/** Where the column `__deleted` is; −1 if there is none. */
export function deletedColumnOf(columns: readonly string[]): number {
  return columns.indexOf(deletedColumn);
}

/**
 * The change that a row without an envelope says; `deleted` is where `__deleted` is: −1 without it, or where it is a column like
 * any other.
 */
export function readFlattened(
  record: SourceRecord,
  key: Row | null,
  place: RowPlace,
  deleted: number,
  rows: RowReader,
  connector?: string,
): Upsert | Delete {
  const origin = { collection: record.topic, connector };
  const said = deleted === -1 ? undefined : place.scanned.valueIn(place.text, deleted);
  // A column of that name which says anything else is the table's own.
  const isMarker = said === '"false"' || said === '"true"' || said === 'false' || said === 'true';
  const row = rows.rowOf(isMarker ? { ...place, marker: deletedColumn } : place);
  if (isMarker && said.includes('true')) {
    return { op: 'delete', record, origin, key, before: row, tombstone: false };
  }
  return { op: 'update', record, origin, key, before: null, after: row };
}

/** The row of a document of MongoDB's, whose `_id` becomes `id`; `schema` is one of renamed columns already. */
export function readFlattenedDocument(
  record: SourceRecord,
  key: Row | null,
  place: RowPlace,
  rows: RowReader,
): Upsert | Delete {
  const text = renamedId(place.text.slice(place.start, place.scanned.end));
  const scanned = scanObject(text, 0, undefined);
  if (scanned === undefined) return readFlattened(record, key, place, -1, rows, 'mongodb');
  const deleted = deletedColumnOf(scanned.shape.columns);
  return readFlattened(record, key, { text, start: 0, scanned, schema: place.schema }, deleted, rows, 'mongodb');
}
