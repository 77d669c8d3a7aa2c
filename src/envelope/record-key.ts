/**
 * A record's key as a row.
 *
 * Keys are JSON, or frames of a registry, or plain text: Connect's StringConverter and applications write UUIDs, `SKU-1` and `007` as
 * they are. A number is the same id either way. Everything else that may be both (`"x"`, `null`, an object) is what the topic's
 * other keys are; where they are of the other kind, the record is refused, for one of two rows would get the other's document.
 */
import { isUtf8 } from 'node:buffer';
import type { Row } from '../model/change-event.ts';
import type { KeyFormat } from '../model/form.ts';
import type { Failure } from '../model/outcome.ts';
import type { SourceRecord } from '../model/record.ts';
import type { Message } from './connect-json.ts';
import { createRowReader, scalarRow } from './json-row.ts';

/** The key; null if there is none. */
export type ReadKey = (record: SourceRecord) => Row | null | Failure;

export interface KeyOptions {
  readonly format: KeyFormat;
  /** Applications write the topic: a key that is no JSON is text, whatever it looks like. */
  readonly takesAnyText: boolean;
  readonly read: (record: SourceRecord, bytes: Buffer) => Message | Failure;
  /** Whether the key has a schema elsewhere: then it is no text, also if it cannot be read. */
  readonly namesSchema: (record: SourceRecord, bytes: Buffer) => boolean;
}

/** Remembers of which kind the topic's keys are. */
export function createKeyReader({ format, takesAnyText, read, namesSchema }: KeyOptions): ReadKey {
  const rows = createRowReader();
  let met: 'json' | 'text' | undefined;

  const asText = (bytes: Buffer): Row | Failure =>
    isUtf8(bytes)
      ? scalarRow(JSON.stringify(bytes.toString()), undefined)
      : { code: 'RECORD_NOT_JSON', message: 'it is not UTF-8' };

  /** A key that is no JSON. */
  const asOther = (bytes: Buffer, failure: Failure): Row | Failure => {
    if (format === 'json' || failure.code !== 'RECORD_NOT_JSON' || !isUtf8(bytes)) return failure;
    if (!takesAnyText) {
      if (met === 'json') return ambiguous(`${failure.message}, and other keys of the topic are JSON`);
      if (likeJson.test(bytes.toString())) return ambiguous(failure.message);
    }
    met = 'text';
    return asText(bytes);
  };

  const asJson = (bytes: Buffer, { text, at, end, schema, object }: Message): Row | null | Failure => {
    const first = text.charCodeAt(at);
    const isEither = isNumberOrWord(first) && end - at === bytes.length;
    if (!isEither) {
      if (met === 'text' && format === 'auto' && !takesAnyText) {
        return ambiguous('it is JSON, and other keys of the topic are plain text');
      }
      met = 'json';
    }
    if (object !== undefined) return rows.rowOf({ text, start: at, scanned: object, schema: schema?.row });
    if (first === letterN) return null;
    if (first !== openBrace) return scalarRow(text.slice(at, end), schema?.row);
    const row = rows.read(text, at, schema?.row)?.row;
    // Half of Connect's wrapper: no table's key holds an object.
    const isHalf = schema === undefined && !takesAnyText && row?.columns.length === 1 && row.columns[0] === 'payload';
    const inner = isHalf ? row.text(0) : '';
    return (inner.startsWith('{') ? rows.read(inner, 0, undefined)?.row : row) ?? notWhole;
  };

  return (record) => {
    const { key } = record;
    if (key === null) return null;
    if (format === 'text') return asText(key);
    const message = read(record, key);
    if ('code' in message) return namesSchema(record, key) ? message : asOther(key, message);
    return asJson(key, message);
  };
}

const notWhole: Failure = { code: 'RECORD_NOT_JSON', message: 'it is no whole JSON object' };

const openBrace = 0x7b;
const letterN = 0x6e;

/** Numbers, `true` and `false`: as a key, each is the same text whether it is JSON or not. */
const isNumberOrWord = (code: number): boolean =>
  code === 0x2d || (code >= 0x30 && code <= 0x39) || code === 0x74 || code === 0x66;

/** What JSON that was damaged looks like, and hardly any text that somebody would call a key. */
const likeJson = /[{}[\]"\u0000-\u001f\u007f]/;

function ambiguous(what: string): Failure {
  return {
    code: 'RECORD_NOT_JSON',
    message: `${what}; \`key: text\` or \`key: json\` in the mapping file says what the keys are`,
  };
}
