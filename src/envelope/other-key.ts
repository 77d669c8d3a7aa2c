/**
 * A change of a primary key is told in two halves, a delete of the old key and a create of the new; a header on each names the
 * other's key.
 */
import type { ChangeEvent, Row } from '../model/change-event.ts';
import type { SourceRecord } from '../model/record.ts';
import type { RowReader } from './json-row.ts';
import { scanObject } from './json-scan.ts';

const oldKeyHeader = '__debezium.oldkey';
const newKeyHeader = '__debezium.newkey';

/** The event with its other key, if its record names one that can be read. */
export function withOtherKey(event: ChangeEvent, keys: RowReader): ChangeEvent {
  const { headers } = event.record;
  if (headers === undefined) return event;
  if (event.op === 'delete' && newKeyHeader in headers) return named(event, newKeyHeader, keys);
  const isUpsert = event.op === 'create' || event.op === 'update' || event.op === 'read';
  return isUpsert && oldKeyHeader in headers ? named(event, oldKeyHeader, keys) : event;
}

function named<E extends ChangeEvent & { readonly key: Row | null }>(event: E, header: string, keys: RowReader): E {
  const otherKey = keyIn(event.record, header, event.key, keys);
  return otherKey === undefined ? event : { ...event, otherKey };
}

/** Connect writes the struct as JSON, with its schema or without; its columns are those of the record's own key. */
function keyIn(record: SourceRecord, header: string, key: Row | null, keys: RowReader): Row | undefined {
  const given = record.headers?.[header];
  const text = (Array.isArray(given) ? given.at(-1) : given)?.toString() ?? '';
  const outer = scanObject(text, 0, undefined);
  if (outer === undefined) return undefined;
  const { columns } = outer.shape;
  const payload = columns.indexOf('payload');
  const isWrapped = columns.length === 2 && columns.includes('schema') && payload !== -1;
  return keys.read(text, isWrapped ? (outer.spans[2 * payload] ?? 0) : 0, key?.schema)?.row;
}
