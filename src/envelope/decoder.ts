/**
 * Bytes → change event, for the records of one topic. Total: what makes no sense is `unreadable`, with the reason.
 *
 * How values are read is decided once for values of the same columns and schema; a value of unknown form is never guessed into
 * an index.
 */
import { isUtf8 } from 'node:buffer';
import type { ChangeEvent, ConnectSchema, Row, Unreadable } from '../model/change-event.ts';
import type { Form } from '../model/form.ts';
import { autoForm } from '../model/form.ts';
import type { ReadFrame } from '../model/frame.ts';
import { isFrame } from '../model/frame.ts';
import type { Failure, FailureCode } from '../model/outcome.ts';
import { placeText } from '../model/record.ts';
import type { SourceRecord } from '../model/record.ts';
import { cloudEventParts, readCloudEvent } from './cloud-events.ts';
import type { Message, MessageReader } from './connect-json.ts';
import { createMessageReader } from './connect-json.ts';
import { createConnectorReaders } from './connectors.ts';
import type { EnvelopeSays, ImageReaders, ReadEnvelope } from './debezium.ts';
import { envelopeParts, isRestOfEnvelope, mayBeRestOfEnvelope, operationOf } from './debezium.ts';
import { deletedColumnOf, isFlattened, readFlattened, readFlattenedDocument } from './flattened.ts';
import { createRowReader, maxDocumentShapes, scalarRow } from './json-row.ts';
import type { Scanned, Shape } from './json-scan.ts';
import { scanObject } from './json-scan.ts';
import { createIdRenamer, metadataId } from './metadata-id.ts';
import { sourceOf } from './origin.ts';
import { ignoredReason, ignoredSchema } from './other-topics.ts';
import { readOutboxEvent } from './outbox.ts';

export type Decoder = (record: SourceRecord) => ChangeEvent;

/** A value that is an object, and what is known of its record. */
interface ObjectValue {
  readonly record: SourceRecord;
  readonly key: Row | null;
  readonly message: Message;
  readonly scanned: Scanned;
}

type Reading = (value: ObjectValue) => ChangeEvent;

/** Remembers what the topic's records look like; so there is one for each topic. */
export function createDecoder(form: Form = autoForm, readFrame: ReadFrame = noRegistry): Decoder {
  const keys = createMessageReader();
  const keyRows = createRowReader();
  const readers: ImageReaders = { before: createRowReader(), after: createRowReader() };
  const values = createMessageReader(form.name === 'auto' || form.name === 'envelope' ? readers.after : undefined);
  const data = createMessageReader();
  const connectors = createConnectorReaders(readers);
  const documents = createRowReader(maxDocumentShapes);
  const renamedSchema = createIdRenamer();
  const mayBeEnvelope = form.name !== 'outbox' && form.name !== 'rows' && form.name !== 'flattened';
  // Connect's StringConverter, and applications, write keys that are no JSON.
  const isPlainTextKey = form.name === 'outbox' || form.name === 'rows';
  let shape: Shape | undefined;
  let schema: ConnectSchema | undefined;
  let reading: Reading | undefined;

  const read = (reader: MessageReader, bytes: Buffer): Message | Failure => {
    let message: Message | string;
    if (isFrame(bytes)) {
      const framed = readFrame(bytes);
      if ('code' in framed) return framed;
      message = reader.readText(framed);
    } else {
      message = reader.read(bytes);
    }
    return typeof message === 'string' ? { code: 'RECORD_NOT_JSON', message } : message;
  };

  const said = (record: SourceRecord, event: EnvelopeSays): ChangeEvent => {
    if (typeof event === 'string') return unreadable(record, 'RECORD_FORM_UNKNOWN', event);
    return 'code' in event ? unreadable(record, event.code, event.message) : event;
  };

  const asEnvelope = (columns: readonly string[], otherwise: Reading): Reading => {
    const parts = envelopeParts(columns);
    if (parts === undefined) return otherwise;
    let readKind: ReadEnvelope | undefined;
    return (value) => {
      const { record, key, message, scanned } = value;
      const { text, after } = message;
      const operation = operationOf(text, scanned, parts);
      if (operation === undefined) return otherwise(value);
      let readEnvelope = readKind;
      if (readEnvelope === undefined) {
        const connector = sourceOf(text, scanned, parts)('connector');
        readEnvelope = connectors.readerOf(connector, columns);
        // Asked for once: records of the same fields are of one connector.
        if (connector !== undefined) readKind = readEnvelope;
      }
      const envelope = { text, scanned, parts, operation, schema: message.schema?.image, after };
      return said(record, readEnvelope(record, key, envelope));
    };
  };

  const asCloudEvent = (columns: readonly string[], otherwise: Reading): Reading => {
    const parts = cloudEventParts(columns);
    if (parts === undefined) return otherwise;
    return ({ record, key, message, scanned }) =>
      said(
        record,
        readCloudEvent(record, key, { message, scanned, parts }, connectors.readerOf, (bytes) => read(data, bytes)),
      );
  };

  const asRow = (deleted: number): Reading => {
    const { after } = readers;
    return ({ record, key, message: { text, at, schema: carried, ascii }, scanned }) =>
      readFlattened(record, key, { text, start: at, scanned, schema: carried?.row, ascii }, deleted, after);
  };

  const asDocument: Reading = ({ record, key, message: { text, at, schema: carried }, scanned }) =>
    readFlattenedDocument(record, key, { text, start: at, scanned, schema: renamedSchema(carried?.row) }, documents);

  const asFlattenedRow = (columns: readonly string[]): Reading =>
    columns.includes(metadataId) ? asDocument : asRow(deletedColumnOf(columns));

  const asFlattened = (columns: readonly string[], carried: ConnectSchema | undefined, otherwise: Reading): Reading => {
    const row = asFlattenedRow(columns);
    const isNamed = carried?.name?.endsWith('.Value') === true;
    const maybeRest = !isNamed && mayBeRestOfEnvelope(columns);
    let isKnown = false;
    return (value) => {
      if (maybeRest && isRestOfEnvelope(value.message.text, value.scanned)) return otherwise(value);
      if (!isKnown) {
        isKnown = isFlattened(columns, carried?.name, value.record.headers ?? {});
        if (!isKnown) return otherwise(value);
        connectors.metRows();
      }
      return row(value);
    };
  };

  const asUnknown =
    (columns: readonly string[]): Reading =>
    ({ record }) => {
      const seen = columns.slice(0, 8).join(', ');
      const expected = form.name === 'auto' ? 'in no form that tells itself' : `not in the form «${form.name}»`;
      const next = form.name === 'auto' ? '; `form` in the mapping file says what it is' : '';
      return unreadable(record, 'RECORD_FORM_UNKNOWN', `the value is ${expected}: an object of ${seen}${next}`);
    };

  /** How values of these columns and schema are read. */
  const choose = (columns: readonly string[], carried: ConnectSchema | undefined): Reading => {
    // Where rows are expected, their columns are their own business, and only a schema's name may say otherwise.
    const reason =
      form.name === 'auto' || form.name === 'envelope' ? ignoredReason(columns, carried) : ignoredSchema(carried);
    if (reason !== undefined) return asEnvelope(columns, ({ record }) => ({ op: 'ignored', record, reason }));
    const unknown = asUnknown(columns);
    switch (form.name) {
      case 'auto':
        // The name that Debezium gives to the schema of a row.
        if (carried?.name?.endsWith('.Value') === true) return asFlattened(columns, carried, unknown);
        return asEnvelope(columns, asCloudEvent(columns, asFlattened(columns, carried, unknown)));
      case 'envelope':
        return asEnvelope(columns, unknown);
      case 'cloud-events':
        return asCloudEvent(columns, unknown);
      case 'flattened':
        return asFlattenedRow(columns);
      case 'rows':
        return asRow(-1);
      case 'outbox':
        return unknown;
    }
  };

  const readValue = (record: SourceRecord, key: Row | null, message: Message): ChangeEvent => {
    if (form.name === 'outbox') return said(record, readOutboxEvent(record, key, message, form.outbox, readers.after));
    const { text, at } = message;
    const scanned = message.object ?? scanObject(text, at, shape);
    if (scanned === undefined) {
      return unreadable(record, 'RECORD_FORM_UNKNOWN', `the value is no JSON object but ${kindOf(text, at)}`);
    }
    if (reading === undefined || scanned.shape !== shape || message.schema !== schema) {
      shape = scanned.shape;
      schema = message.schema;
      reading = choose(shape.columns, schema);
    }
    return reading({ record, key, message, scanned });
  };

  /** The key as a row; null if there is none. */
  const readKey = ({ key: bytes }: SourceRecord): Row | null | Failure => {
    if (bytes === null) return null;
    const message = read(keys, bytes);
    if ('code' in message) {
      const isText = isPlainTextKey && message.code === 'RECORD_NOT_JSON' && isUtf8(bytes);
      return isText ? scalarRow(JSON.stringify(bytes.toString()), undefined) : message;
    }
    const { text, at, end, schema: carried } = message;
    if (message.object !== undefined) {
      return keyRows.rowOf({ text, start: at, scanned: message.object, schema: carried?.row });
    }
    if (text.startsWith('null', at)) return null;
    if (text.charCodeAt(at) !== 0x7b) return scalarRow(text.slice(at, end), carried?.row);
    const row = keyRows.read(text, at, carried?.row)?.row;
    return row ?? { code: 'RECORD_NOT_JSON', message: 'it is no whole JSON object' };
  };

  /** The value says nothing, in whichever of its forms: the row is gone (facts of Debezium: five forms of nothing). */
  const nothing = (record: SourceRecord, key: Row | null): ChangeEvent => {
    // An event without a payload is an event all the same, where documents are named by events.
    if (form.name === 'outbox' && form.outbox.id === 'header') return readValue(record, key, noPayload);
    if (key === null) return { op: 'ignored', record, reason: 'tombstone-without-key' };
    const named = mayBeEnvelope ? connectors.tombstoneKey(record, key) : key;
    return { op: 'delete', record, origin: { collection: record.topic }, key: named, before: null, tombstone: true };
  };

  return (record) => {
    const key = readKey(record);
    if (key !== null && 'code' in key) return unreadable(record, key.code, `the key cannot be read: ${key.message}`);
    const bytes = record.value;
    if (bytes === null) return nothing(record, key);
    const message = read(values, bytes);
    if ('code' in message) return unreadable(record, message.code, `the value cannot be read: ${message.message}`);
    if (message.end - message.at === 4 && message.text.startsWith('null', message.at)) return nothing(record, key);
    return readValue(record, key, message);
  };
}

const noPayload: Message = { text: 'null', at: 0, end: 4, schema: undefined };

const noRegistry: ReadFrame = () => ({
  code: 'RECORD_FORM_UNKNOWN',
  message: 'it begins like a frame of a schema registry, and `schemaRegistry.urls` is not set',
});

function unreadable(record: SourceRecord, code: FailureCode, seen: string): Unreadable {
  const message = `${placeText(record)}: ${seen.replace(/\.$/, '')}.`;
  return { op: 'unreadable', record, failure: { code, message } };
}

function kindOf(text: string, at: number): string {
  const first = text.charAt(at);
  return first === '[' ? 'an array' : first === '"' ? 'a string' : 'a bare literal';
}
