/**
 * Bytes → change event, for the records of one topic. Total: what makes no sense is `unreadable`, with the reason.
 */
import type { ChangeEvent, Row, Unreadable } from '../model/change-event.ts';
import type { FailureCode } from '../model/outcome.ts';
import { placeText } from '../model/record.ts';
import type { SourceRecord } from '../model/record.ts';
import type { Message, MessageReader } from './connect-json.ts';
import { createMessageReader } from './connect-json.ts';
import type { EnvelopeParts, ImageReaders } from './debezium.ts';
import { envelopeParts, operationOf, readEnvelope } from './debezium.ts';
import type { RowReader } from './json-row.ts';
import { createRowReader, scalarRow } from './json-row.ts';
import type { Shape } from './json-scan.ts';
import { scanObject } from './json-scan.ts';
import { ignoredReason } from './other-topics.ts';

export type Decoder = (record: SourceRecord) => ChangeEvent;

/** Remembers what the topic's records look like; so there is one for each topic. */
export function createDecoder(): Decoder {
  const keys = createMessageReader();
  const keyRows = createRowReader();
  const readers: ImageReaders = { before: createRowReader(), after: createRowReader() };
  const values = createMessageReader(readers.after);
  let shape: Shape | undefined;
  let parts: EnvelopeParts | undefined;

  const readValue = (record: SourceRecord, key: Row | null, message: Message): ChangeEvent => {
    const { text, at, schema, after } = message;
    const scanned = message.object ?? scanObject(text, at, shape);
    if (scanned === undefined) {
      return unreadable(record, 'RECORD_FORM_UNKNOWN', `the value is no JSON object but ${kindOf(text, at)}`);
    }
    if (scanned.shape !== shape) {
      shape = scanned.shape;
      parts = envelopeParts(shape.columns);
    }
    const operation = parts && operationOf(text, scanned, parts);
    if (parts !== undefined && operation !== undefined) {
      const said = readEnvelope(
        record,
        key,
        { text, scanned, parts, operation, schema: schema?.image, after },
        readers,
      );
      return typeof said === 'string' ? unreadable(record, 'RECORD_FORM_UNKNOWN', said) : said;
    }
    const reason = ignoredReason(shape.columns, schema);
    if (reason !== undefined) return { op: 'ignored', record, reason };
    const seen = shape.columns.slice(0, 8).join(', ');
    return unreadable(record, 'RECORD_FORM_UNKNOWN', `the value is no Debezium envelope but has the fields ${seen}`);
  };

  return (record) => {
    const key = readKey(record, keys, keyRows);
    if (typeof key === 'string') return unreadable(record, 'RECORD_NOT_JSON', `the key cannot be read: ${key}`);
    if (record.value === null) return nothing(record, key);
    const message = values.read(record.value);
    if (typeof message === 'string') {
      return unreadable(record, 'RECORD_NOT_JSON', `the value cannot be read: ${message}`);
    }
    if (message.end - message.at === 4 && message.text.startsWith('null', message.at)) return nothing(record, key);
    return readValue(record, key, message);
  };
}

/** The key as a row; null if there is none; a sentence if it is no JSON. */
function readKey(record: SourceRecord, keys: MessageReader, rows: RowReader): Row | null | string {
  if (record.key === null) return null;
  const message = keys.read(record.key);
  if (typeof message === 'string') return message;
  const { text, at, end, schema } = message;
  if (message.object !== undefined) return rows.rowOf(text, at, message.object, schema?.row);
  if (text.startsWith('null', at)) return null;
  if (text.charCodeAt(at) !== 0x7b) return scalarRow(text.slice(at, end), schema?.row);
  return rows.read(text, at, schema?.row)?.row ?? 'it is no whole JSON object';
}

/** The value says nothing, in whichever of its forms: the row is gone (facts of Debezium: five forms of nothing). */
function nothing(record: SourceRecord, key: Row | null): ChangeEvent {
  if (key === null) return { op: 'ignored', record, reason: 'tombstone-without-key' };
  return { op: 'delete', record, origin: { collection: record.topic }, key, before: null, tombstone: true };
}

function unreadable(record: SourceRecord, code: FailureCode, seen: string): Unreadable {
  return { op: 'unreadable', record, failure: { code, message: `${placeText(record)}: ${seen}.` } };
}

function kindOf(text: string, at: number): string {
  const first = text.charAt(at);
  return first === '[' ? 'an array' : first === '"' ? 'a string' : 'a bare literal';
}
