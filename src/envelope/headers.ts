/**
 * Headers as text. Connect writes a string as it is (SimpleHeaderConverter), as a JSON string, or with its schema
 * (JsonConverter).
 */
import type { Value } from '../model/change-event.ts';
import type { SourceRecord } from '../model/record.ts';
import { jsonValue } from '../json/value.ts';

/** The last header of a name, as JSON text; undefined if there is none. */
export function headerText({ headers }: SourceRecord, name: string): string | undefined {
  const header = headers?.[name];
  const last = Array.isArray(header) ? header.at(-1) : header;
  if (last === undefined) return undefined;
  const text = last.toString();
  if (!text.startsWith('"') && !text.startsWith('{')) return JSON.stringify(text);
  const value = valueOf(text);
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null && 'payload' in value) return JSON.stringify(value['payload']);
  return JSON.stringify(text);
}

/** The kind of connector that wrote the record, such as `mongodb`, if its headers say so (Debezium's default since 3.0). */
export function connectorHeader(record: SourceRecord): string | undefined {
  const text = headerText(record, '__debezium.context.connectorName');
  const value = text === undefined ? undefined : valueOf(text);
  return typeof value === 'string' ? value : undefined;
}

/** Undefined for a text that only begins like JSON. */
function valueOf(text: string): Value | undefined {
  try {
    return jsonValue(text);
  } catch {
    return undefined;
  }
}
