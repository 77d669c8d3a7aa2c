/**
 * Spanner's envelopes. A change stream captures whole rows (`NEW_ROW`, `NEW_ROW_AND_OLD_VALUES`) or only the columns that an
 * update changed (`OLD_AND_NEW_VALUES`, which is its default, and `NEW_VALUES`); the connector leaves null whatever it does not
 * capture, in `before` as in `after`.
 *
 * Where old values are captured too, a column that is null in both did not change. Without them, null says nothing.
 */
import type { Patch, Row, Upsert } from '../model/change-event.ts';
import type { EnvelopeSays, ImageReaders, ReadEnvelope } from './debezium.ts';
import { readEnvelope } from './debezium.ts';
import type { RowReader } from './json-row.ts';
import { createRowReader, maxDocumentShapes } from './json-row.ts';
import { sourceOf } from './origin.ts';

const noPatch: Patch = { set: [], removed: [], truncated: [] };

export function createSpannerReader(readers: ImageReaders): ReadEnvelope {
  const rows = createRowReader(maxDocumentShapes);
  return (record, key, envelope): EnvelopeSays => {
    const said = readEnvelope(record, key, envelope, readers);
    if (typeof said === 'string' || 'code' in said || said.op !== 'update') return said;
    const source = envelope.source ?? sourceOf(envelope.text, envelope.scanned, envelope.parts);
    const captured = source('value_capture_type');
    if (captured === 'OLD_AND_NEW_VALUES') return changedOnly(said, rows);
    return captured === 'NEW_VALUES' && nullsOf(said.after).length > 0
      ? 'its change stream captures NEW_VALUES, by which a column that was set to null looks like one that was not changed'
      : said;
  };
}

function changedOnly(update: Upsert, rows: RowReader): EnvelopeSays {
  const { before, after } = update;
  const wasNull = new Set(before === null ? after.columns : nullsOf(before));
  const unchanged = new Set(nullsOf(after).filter((name) => wasNull.has(name)));
  if (unchanged.size === 0) return update;
  const fields = after.columns.flatMap((name, column) =>
    unchanged.has(name) ? [] : [`${JSON.stringify(name)}:${after.text(column)}`],
  );
  const changed = rows.read(`{${fields.join(',')}}`, 0, after.schema)?.row;
  // `before` has the columns that were changed, and no whole row.
  return changed ? { ...update, before: null, after: changed, patch: noPatch } : 'a name in `after` is malformed';
}

function nullsOf(row: Row): readonly string[] {
  return row.columns.filter((_, column) => row.text(column) === 'null');
}
