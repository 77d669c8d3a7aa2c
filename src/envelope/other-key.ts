/**
 * A change of a primary key is told in two halves, a delete of the old key and a create of the new; a header on each names the
 * other's key.
 */
import type { Row, RowChange } from '../model/change-event.ts';
import type { SourceRecord } from '../model/record.ts';
import type { RowReader } from './json-row.ts';
import { scanObject } from '../json/scan.ts';

const oldKeyHeader = '__debezium.oldkey';
const newKeyHeader = '__debezium.newkey';

/**
 * The row's other key, where the change is one half of a change of its primary key: the old one of an upsert, the new one of a
 * delete. Headers are decoded when they are asked for, so ask for few records.
 */
export function otherKeyOf({ op, record, key }: RowChange, keys: RowReader): Row | undefined {
  const given = record.headers?.[op === 'delete' ? newKeyHeader : oldKeyHeader];
  return given === undefined ? undefined : keyIn(given, key, keys);
}

type Header = NonNullable<NonNullable<SourceRecord['headers']>[string]>;

/** Connect writes the struct as JSON, with its schema or without; its columns are those of the record's own key. */
function keyIn(given: Header, key: Row | null, keys: RowReader): Row | undefined {
  const text = (Array.isArray(given) ? given.at(-1) : given)?.toString() ?? '';
  const outer = scanObject(text, 0, undefined);
  if (outer === undefined) return undefined;
  const { columns } = outer.shape;
  const payload = columns.indexOf('payload');
  const isWrapped = columns.length === 2 && columns.includes('schema') && payload !== -1;
  return keys.read(text, isWrapped ? outer.startOf(payload) : 0, key?.schema)?.row;
}
