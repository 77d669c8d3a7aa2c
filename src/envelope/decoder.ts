/**
 * Bytes → change event, for the records of one topic. Total: what makes no sense is `unreadable`, with the reason.
 *
 * How values are read is decided once for values of the same columns and schema; a value of unknown form is never guessed into
 * an index.
 */
import type { ChangeEvent, ConnectSchema, IgnoredReason, Row, Unreadable } from '../model/change-event.ts';
import type { Form } from '../model/form.ts';
import { autoForm } from '../model/form.ts';
import type { ReadByHeader, RecordPart, RecordSchemas } from '../model/frame.ts';
import { frameWithoutRegistry, isFrame } from '../model/frame.ts';
import type { Failure, FailureCode } from '../model/outcome.ts';
import { placeText } from '../model/record.ts';
import type { SourceRecord } from '../model/record.ts';
import { createSchemaIdFinder, isJsonObject, unresolved } from '../model/schema-headers.ts';
import { createChangedFields } from './changed-fields.ts';
import { cloudEventParts, readCloudEvent } from './cloud-events.ts';
import type { Message, MessageReader } from './connect-json.ts';
import { createMessageReader } from './connect-json.ts';
import { createConnectorReaders } from './connectors.ts';
import type { EnvelopeSays, ImageReaders, ReadEnvelope } from './debezium.ts';
import { envelopeParts, isRestOfEnvelope, mayBeRestOfEnvelope, operationOf } from './debezium.ts';
import { deletedColumnOf, isFlattened, readFlattened, readFlattenedDocument } from './flattened.ts';
import { createRowReader, maxDocumentShapes } from './json-row.ts';
import type { Scanned, Shape } from '../json/scan.ts';
import { isOnlyPayload, scanObject } from '../json/scan.ts';
import { createIdRenamer, metadataId } from './metadata-id.ts';
import { sourceOf } from './origin.ts';
import { ignoredKey, ignoredReason, ignoredSchema } from './other-topics.ts';
import { readOutboxEvent } from './outbox.ts';
import { createKeyReader } from './record-key.ts';

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
export function createDecoder(form: Form = autoForm, schemas: RecordSchemas = noRegistry): Decoder {
  const { readFrame, readByHeader = refuseByHeader } = schemas;
  const keys = createMessageReader();
  const readers: ImageReaders = { before: createRowReader(), after: createRowReader() };
  const values = createMessageReader(form.name === 'auto' || form.name === 'envelope' ? readers.after : undefined);
  const data = createMessageReader();
  const connectors = createConnectorReaders(readers);
  const documents = createRowReader(maxDocumentShapes);
  const renamedSchema = createIdRenamer();
  const mayBeEnvelope = form.name !== 'outbox' && form.name !== 'rows' && form.name !== 'flattened';
  /** Applications write such topics: nothing of a value, or of a key, is Connect's. */
  const takesAnyText = form.name === 'outbox' || form.name === 'rows';
  /** Deletes are told by records of their own, before the tombstones that follow them. */
  let tellsDeletes = form.name === 'envelope' || form.name === 'cloud-events';
  /** What the topic's values are, if none of them was a row. */
  let other: IgnoredReason | undefined;
  let shape: Shape | undefined;
  let schema: ConnectSchema | undefined;
  let reading: Reading | undefined;

  const read = (reader: MessageReader, bytes: Buffer): Message | Failure => {
    if (!isFrame(bytes)) return messageOr(reader.read(bytes));
    const framed = readFrame(bytes);
    return 'code' in framed ? framed : messageOr(reader.readText(framed));
  };

  /** As `read`, of a part of a record: what a header names has no frame, whatever its first bytes are. */
  const readPart = (
    reader: MessageReader,
    record: SourceRecord,
    part: RecordPart,
    bytes: Buffer,
  ): Message | Failure => {
    const named = readByHeader(record, part, bytes);
    if (named === undefined) return read(reader, bytes);
    return 'code' in named ? named : messageOr(reader.readText(named));
  };

  const readKey = createKeyReader({
    format: form.key ?? 'auto',
    takesAnyText,
    read: (record, bytes) => readPart(keys, record, 'key', bytes),
    namesSchema: (record, bytes) => isFrame(bytes) || readByHeader(record, 'key', bytes) !== undefined,
  });

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
      tellsDeletes = true;
      const envelope = { text, scanned, parts, operation, schema: message.schema?.image, after };
      return said(record, readEnvelope(record, key, envelope));
    };
  };

  const asCloudEvent = (columns: readonly string[], otherwise: Reading): Reading => {
    const parts = cloudEventParts(columns);
    if (parts === undefined) return otherwise;
    return ({ record, key, message, scanned }) => {
      tellsDeletes = true;
      const event = { message, scanned, parts };
      return said(
        record,
        readCloudEvent(record, key, event, connectors.readerOf, (bytes) => read(data, bytes)),
      );
    };
  };

  const asRow = (deleted: number): Reading => {
    const { after } = readers;
    // With this column, a row tells that it was deleted, whether a tombstone follows or not.
    if (deleted !== -1) tellsDeletes = true;
    return ({ record, key, message: { text, at, schema: carried, ascii }, scanned }) =>
      readFlattened(record, key, { text, start: at, scanned, schema: carried?.row, ascii }, deleted, after);
  };

  /** As `asRow`, of a row that may hold only a part of its columns. */
  const asPartOfRow = (deleted: number): Reading => {
    const row = asRow(deleted);
    const fields = createChangedFields(form.partial ?? {});
    return (value) => {
      const event = row(value);
      return event.op === 'update' ? said(value.record, fields.of(event)) : event;
    };
  };

  const asDocument: Reading = ({ record, key, message: { text, at, schema: carried }, scanned }) =>
    readFlattenedDocument(record, key, { text, start: at, scanned, schema: renamedSchema(carried?.row) }, documents);

  const asFlattenedRow = (columns: readonly string[]): Reading =>
    columns.includes(metadataId) ? asDocument : asPartOfRow(deletedColumnOf(columns));

  const asFlattened = (columns: readonly string[], carried: ConnectSchema | undefined, otherwise: Reading): Reading => {
    const row = asFlattenedRow(columns);
    const isNamed = carried?.name?.endsWith('.Value') === true;
    const maybeRest = !isNamed && mayBeRestOfEnvelope(columns);
    let isKnown = false;
    return (value) => {
      if (maybeRest && isRestOfEnvelope(value.message.text, value.scanned)) return otherwise(value);
      if (!isKnown) {
        const { topic, headers = {} } = value.record;
        isKnown = isFlattened(columns, carried?.name, topic, headers);
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
      const expected = form.name === 'auto' ? 'in no form that tells itself' : `not in the form "${form.name}"`;
      const next = form.name === 'auto' ? '; `form` in the mapping file says what it is' : '';
      return unreadable(record, 'RECORD_FORM_UNKNOWN', `the value is ${expected}: an object of ${seen}${next}`);
    };

  /** How values of these columns and schema are read. */
  const choose = (columns: readonly string[], carried: ConnectSchema | undefined): Reading => {
    // Where rows are expected, their columns are their own business, and only a schema's name may say otherwise.
    const reason =
      form.name === 'auto' || form.name === 'envelope' ? ignoredReason(columns, carried) : ignoredSchema(carried);
    other = reason;
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
    // Half of Connect's wrapper: a transform, or an application, left the schema out.
    if (!takesAnyText && message.schema === undefined && isOnlyPayload(scanned)) {
      const payload = scanned.valueIn(text, 0);
      if (payload.startsWith('{')) return readValue(record, key, plainMessage(payload));
    }
    if (reading === undefined || scanned.shape !== shape || message.schema !== schema) {
      shape = scanned.shape;
      schema = message.schema;
      reading = choose(shape.columns, schema);
    }
    return reading({ record, key, message, scanned });
  };

  /** The value says nothing, in whichever of its forms: the row is gone (facts of Debezium: five forms of nothing). */
  const nothing = (record: SourceRecord, key: Row | null): ChangeEvent => {
    // An event without a payload is an event all the same, where documents are named by events.
    if (form.name === 'outbox' && form.outbox.id === 'header') return readValue(record, key, noPayload);
    const reason = (key === null ? undefined : ignoredKey(record.topic, key)) ?? other;
    if (reason !== undefined) return { op: 'ignored', record, reason };
    if (key === null && tellsDeletes) return { op: 'ignored', record, reason: 'tombstone-without-key' };
    const named = key !== null && mayBeEnvelope ? connectors.tombstoneKey(record, key) : { key };
    const origin = { collection: record.topic };
    const tombstone = { op: 'delete', record, origin, ...named, before: null, tombstone: true } as const;
    return tellsDeletes ? tombstone : { ...tombstone, isOnly: true };
  };

  const readRecord = (record: SourceRecord, key: Row | null): ChangeEvent => {
    const bytes = record.value;
    if (bytes === null) return nothing(record, key);
    const message = readPart(values, record, 'value', bytes);
    if ('code' in message) return unreadable(record, message.code, `the value cannot be read: ${message.message}`);
    if (message.end - message.at === 4 && message.text.startsWith('null', message.at)) return nothing(record, key);
    return readValue(record, key, message);
  };

  return (record) => {
    const key = readKey(record);
    if (key === null || !('code' in key)) return readRecord(record, key);
    const event = readRecord(record, null);
    // Nothing but a key that cannot be read.
    if (event.op === 'ignored' && event.reason === 'tombstone-without-key') return withoutKey(record, key);
    const isChange = event.op !== 'ignored' && event.op !== 'unreadable';
    const keyFailure = { code: key.code, message: `the key cannot be read: ${key.message.replace(/\.$/, '')}.` };
    return isChange ? { ...event, keyFailure } : event;
  };
}

function withoutKey(record: SourceRecord, { code, message }: Failure): Unreadable {
  return unreadable(record, code, `the key cannot be read: ${message}`);
}

const messageOr = (message: Message | string): Message | Failure =>
  typeof message === 'string' ? { code: 'RECORD_NOT_JSON', message } : message;

const plainMessage = (text: string): Message => ({ text, at: 0, end: text.length, schema: undefined });

const noPayload: Message = { text: 'null', at: 0, end: 4, schema: undefined };

const findSchemaId = createSchemaIdFinder();

/** Where no registry is configured. JSON tells itself without its schema. */
const refuseByHeader: ReadByHeader = (record, part, bytes) => {
  const named = findSchemaId(record, part);
  if (named === undefined || 'code' in named) return named;
  return isJsonObject(bytes) ? undefined : unresolved(named);
};

const noRegistry: RecordSchemas = { readFrame: () => frameWithoutRegistry };

function unreadable(record: SourceRecord, code: FailureCode, seen: string): Unreadable {
  const message = `${placeText(record)}: ${seen.replace(/\.$/, '')}.`;
  return { op: 'unreadable', record, failure: { code, message } };
}

function kindOf(text: string, at: number): string {
  const first = text.charAt(at);
  return first === '[' ? 'an array' : first === '"' ? 'a string' : 'a bare literal';
}
