/**
 * MongoDB's `_id`, which Elasticsearch refuses as a field of a document: it becomes `id`. A document that has a field `id` of
 * its own keeps that one, and `_id` is left out: its value names the document.
 */
import type { RowSchema } from '../model/change-event.ts';
import { scanObject } from '../json/scan.ts';

export const metadataId = '_id';

/** The object that `text` holds, with `id` for `_id` at its top. */
export function renamedId(text: string): string {
  if (!text.includes('"_id"')) return text;
  // As MongoDB writes it.
  if (text.startsWith('{"_id":') && !text.includes('"id"')) return `{"id":${text.slice('{"_id":'.length)}`;
  const scanned = scanObject(text, 0, undefined);
  const { columns = [], tokens = [] } = scanned?.shape ?? {};
  const column = columns.indexOf(metadataId);
  if (scanned === undefined || column === -1) return text;
  const [start, stop] = [scanned.startOf(column), scanned.endOf(column)];
  if (!columns.includes('id')) {
    const quoted = (tokens[column] ?? '').slice(0, -1);
    const name = text.lastIndexOf(quoted, start - 1);
    return `${text.slice(0, name)}"id"${text.slice(name + quoted.length)}`;
  }
  // With the comma after it or, of the last field, the one before it.
  if (column === 0) return `{${text.slice(text.indexOf(',', stop) + 1)}`;
  return text.slice(0, scanned.endOf(column - 1)) + text.slice(stop);
}

/** The schema of rows that are renamed so; one object for each schema. */
export function createIdRenamer(): (schema: RowSchema | undefined) => RowSchema | undefined {
  const renamed = new WeakMap<RowSchema, RowSchema>();
  return (schema) => {
    if (schema === undefined) return undefined;
    const known = renamed.get(schema) ?? withRenamedId(schema);
    renamed.set(schema, known);
    return known;
  };
}

function withRenamedId(schema: RowSchema): RowSchema {
  const hasId = schema.columns.some(({ name }) => name === 'id');
  const columns = schema.columns.flatMap((column) => {
    if (column.name !== metadataId) return [column];
    return hasId ? [] : [{ ...column, name: 'id' }];
  });
  return { ...schema, columns };
}
