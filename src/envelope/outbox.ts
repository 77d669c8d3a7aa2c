/**
 * Events by Debezium's outbox event router (and MongoDB's): the record's key is the aggregate's id, the header `id` the event's,
 * and the value its payload: a JSON string that holds JSON, the JSON itself (`table.expand.json.payload`), or an object with the
 * payload among other fields (`envelope` placements).
 */
import type { Row, Upsert } from '../model/change-event.ts';
import type { SourceRecord } from '../model/record.ts';
import type { Message } from './connect-json.ts';
import type { OutboxOptions } from '../model/form.ts';
import { plainJson } from './extended-json.ts';
import { connectorHeader, headerText } from './headers.ts';
import type { RowReader } from './json-row.ts';
import { scalarRow } from './json-row.ts';
import { oneLine, scanObject, skipSpace, skipValue } from '../json/scan.ts';
import { jsonValue } from '../json/value.ts';

/** The document that an event makes; a sentence if it makes none. */
export function readOutboxEvent(
  record: SourceRecord,
  key: Row | null,
  message: Message,
  { id, idHeader, headers }: OutboxOptions,
  rows: RowReader,
): Upsert | string {
  let named = key;
  if (id === 'header') {
    const text = headerText(record, idHeader);
    if (text === undefined) return `it has no header "${idHeader}" that would name the event`;
    named = scalarRow(text, undefined);
  }
  const fields = new Map<string, string>();
  for (const [name, header] of Object.entries(headers)) fields.set(name, headerText(record, header) ?? 'null');
  // MongoDB's router writes its documents as extended JSON.
  const plain = connectorHeader(record) === 'mongodb' ? plainJson : undefined;
  addPayload(fields, message.text.slice(message.at, message.end), plain);
  const text = `{${[...fields].map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
  const after = rows.read(text, 0, undefined)?.row;
  if (after === undefined) return 'its payload is no JSON';
  return { op: 'create', record, origin: { collection: record.topic }, key: named, before: null, after };
}

/** Payloads in payloads, before one is a field like any other. */
const maxLevels = 8;

/** An object gives its fields; anything else is the field `payload`. `plain` says what its JSON means. */
function addPayload(
  fields: Map<string, string>,
  text: string,
  plain: ((json: string) => string | undefined) | undefined,
  levels = maxLevels,
): void {
  const inner = innerJson(text);
  const payload = plain?.(inner) ?? inner;
  const object = levels === 0 ? undefined : scanObject(payload, 0, undefined);
  if (object === undefined) {
    fields.set('payload', payload);
    return;
  }
  const { columns } = object.shape;
  const valueOf = (column: number): string => object.valueIn(payload, column);
  const nested = columns.indexOf('payload');
  for (const [column, name] of columns.entries()) {
    // An alias of the envelope placement stands beside the payload's fields, and yields to them.
    if (column !== nested && !(nested !== -1 && fields.has(name))) fields.set(name, valueOf(column));
  }
  if (nested !== -1) addPayload(fields, valueOf(nested), plain, levels - 1);
}

/** The JSON that a string holds; the text itself where it is no such string. */
function innerJson(text: string): string {
  const value = text.startsWith('"') && isJson(text) ? jsonValue(text) : undefined;
  const inner = typeof value === 'string' ? oneLine(value) : undefined;
  if (inner === undefined) return text;
  const at = skipSpace(inner, 0);
  const opens = inner.charAt(at) === '{' || inner.charAt(at) === '[';
  const end = opens ? skipValue(inner, at) : -1;
  return end !== -1 && skipSpace(inner, end) === inner.length && isJson(inner) ? inner.slice(at, end) : text;
}

function isJson(text: string): boolean {
  try {
    jsonValue(text);
    return true;
  } catch {
    return false;
  }
}
