/**
 * Whether what a delete left (`before`) is the row as it was.
 *
 * PostgreSQL tells of a deleted row only its replica identity. Where that is not FULL, its connector sends all columns all the same: a
 * column that may be null is null, one that may not is a zero or an empty text, and both are the column's default where it has one
 * (Connect's converters write it for null). Such an image cannot be told from a row that holds just these values.
 */
import { connectorHeader } from '../envelope/headers.ts';
import type { ColumnSchema, Origin, Row, Value } from '../model/change-event.ts';
import type { SourceRecord } from '../model/record.ts';

/** Connectors that always write the whole row that was deleted. */
const wholeConnectors: ReadonlySet<string> = new Set(['mysql', 'mariadb', 'sqlserver', 'oracle', 'db2', 'informix']);

/** Connectors of PostgreSQL's kind. All others write the whole row that was deleted, or have no other key than the primary one. */
export const partialConnectors: ReadonlySet<string> = new Set(['postgresql', 'yugabytedb']);

/** What a change says of the connector that wrote it; undefined if it says nothing. */
export function connectorOf(change: { readonly record: SourceRecord; readonly origin: Origin }): string | undefined {
  return connectorHeader(change.record) ?? change.origin.connector;
}

/**
 * Whether the image shows by itself that it is whole, or its connector writes no other: a column beside the key has a value that
 * nobody invents. Where a schema says that a column may be null, any value but its default is proof.
 */
export function isWholeRow(image: Row, key: ReadonlySet<string>, connector: string | undefined): boolean {
  if (connector !== undefined && wholeConnectors.has(connector)) return true;
  return image.columns.some((name, at) => {
    const text = image.text(at);
    if (text === 'null' || name === image.marker || key.has(name)) return false;
    const column = image.schema?.columns.find((candidate) => candidate.name === name);
    if (column?.default !== undefined) return isOther(image.value(at), column);
    return column?.optional === true || !provesNothing.test(text);
  });
}

/** Whether a value is certainly not the default of its column. */
function isOther(value: Value, { type, default: given = {} }: ColumnSchema): boolean {
  // A decimal's bytes are written in one way as a default, and in another as a value.
  return type !== 'bytes' && given.value !== undefined && typeof value === typeof given.value && value !== given.value;
}

/** Whether a column's value in such an image may be invented, `text` being its value for an id. */
export function mayBeInvented(text: string | null | undefined, name: string, image: Row): boolean {
  if (text === null || looksInvented(text ?? '')) return true;
  const column = image.schema?.columns.find((candidate) => candidate.name === name);
  return column?.default !== undefined && !isOther(image.value(image.columns.indexOf(name)), column);
}

const inventedText = /^(?:|-?0(?:\.0+)?|false|1970-01-01(?:T00:00:00(?:\.0+)?Z)?|00:00:00(?:\.0+)?)$/;

/** Whether the text is what PostgreSQL's connector puts where it knows no value, and no null may stand. */
export function looksInvented(text: string): boolean {
  if (text === '') return true;
  const first = text.charCodeAt(0);
  // Nearly every key begins otherwise.
  return (first === 0x30 || first === 0x31 || first === 0x2d || first === 0x66) && inventedText.test(text);
}

/** Nothing, zeros, and the beginning of time, as text and in base64; empty JSON; and what is no plain value. */
const provesNothing = /^(?:false|-?[0.]+|"[A=]*"|"[-0:.TZ+ ]*"|"(?:\{\}|\[\])"|"1970-01-01[^"]*"|"P[^"]*"|[[{].*)$/s;
