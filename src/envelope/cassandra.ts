/**
 * Cassandra's envelopes. A change says only the columns that it wrote: each is a cell `{"value":…,"deletion_ts":…,"set":true}`
 * in `after`, and a column without a cell is as it was. There is no `before`, `i` is an insert (which replaces nothing but the
 * columns that it names), and `r` is a range tombstone and no snapshot read.
 *
 * A cell's value is what the column holds now. `deletion_ts` beside a value is when its time to live ends, of which no record
 * will tell; beside null it is when the value was deleted.
 */
import type { ColumnSchema, Patch, Row, RowSchema } from '../model/change-event.ts';
import type { EnvelopeSays, ReadEnvelope } from './debezium.ts';
import { imageOf } from './debezium.ts';
import type { RowReader } from './json-row.ts';
import { createRowReader, maxDocumentShapes } from './json-row.ts';
import type { Shape } from '../json/scan.ts';
import { scanObject } from '../json/scan.ts';
import { EnvelopeOrigin } from './origin.ts';

const noPatch: Patch = { set: [], removed: [], truncated: [] };

/** `cells` reads `after` as it comes. */
export function createCassandraReader(cells: RowReader): ReadEnvelope {
  const rows = createRowReader(maxDocumentShapes);
  const schemas = new WeakMap<RowSchema, RowSchema>();
  let cellShape: Shape | undefined;

  const schemaOf = (schema: RowSchema | undefined): RowSchema | undefined => {
    if (schema === undefined) return undefined;
    const known = schemas.get(schema) ?? plainSchema(schema);
    schemas.set(schema, known);
    return known;
  };

  /** The value in a cell; undefined if it is none. */
  const valueOf = (cell: string): string | undefined => {
    const scanned = scanObject(cell, 0, cellShape);
    if (scanned === undefined) return undefined;
    cellShape = scanned.shape;
    const { columns } = cellShape;
    const value = columns.indexOf('value');
    if (value === -1 || !columns.includes('set')) return undefined;
    return scanned.valueIn(cell, value);
  };

  /** The columns that were written; the name of a column without a cell instead. */
  const writtenOf = (after: Row, schema: RowSchema | undefined): Row | string => {
    const fields: string[] = [];
    for (const [column, name] of after.columns.entries()) {
      const cell = after.text(column);
      if (cell === 'null') continue;
      const value = valueOf(cell);
      if (value === undefined) return `column "${name}" in \`after\` is no cell`;
      fields.push(`${JSON.stringify(name)}:${value}`);
    }
    return rows.read(`{${fields.join(',')}}`, 0, schemaOf(schema))?.row ?? 'a name in `after` is malformed';
  };

  return (record, key, envelope): EnvelopeSays => {
    const { text, scanned, parts, operation } = envelope;
    const origin = new EnvelopeOrigin(record.topic, text, scanned, parts);
    switch (operation) {
      case 'm':
        return { op: 'ignored', record, reason: 'logical-message' };
      case 't':
        return { op: 'truncate', record, origin, key };
      case 'r':
        return rangeDelete('a range of rows (operation "r")');
      case 'd':
        return isPartial(key)
          ? rangeDelete('a whole partition (a column of the key is null)')
          : { op: 'delete', record, origin, key, before: null, tombstone: false };
      case 'c':
      case 'i':
      case 'u': {
        const after = envelope.after ?? imageOf(envelope, parts.after, cells);
        if (after === null) return `operation "${operation}" has no cells in \`after\``;
        const written = writtenOf(after, envelope.schema);
        if (typeof written === 'string') return written;
        const op = operation === 'u' ? 'update' : 'create';
        return { op, record, origin, key, before: null, after: written, patch: noPatch };
      }
    }
  };
}

/** A partition that is deleted as a whole has no values in its clustering columns. */
function isPartial(key: Row | null): boolean {
  return key !== null && key.columns.some((_, column) => key.text(column) === 'null');
}

function rangeDelete(what: string): EnvelopeSays {
  return { code: 'RANGE_DELETE_REFUSED', message: `it deletes ${what}, whose keys it does not name` };
}

/** Columns of the types of their cells' values; bounds of ranges are no cells. */
function plainSchema({ name, columns }: RowSchema): RowSchema {
  const plain = columns.flatMap(({ name: column, fields }): readonly ColumnSchema[] => {
    const value = fields?.find((field) => field.name === 'value');
    return value === undefined ? [] : [{ ...value, name: column, optional: true }];
  });
  return { ...(name !== undefined && { name }), columns: plain };
}
