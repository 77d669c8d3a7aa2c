/**
 * Debezium's change events as CloudEvents in structured mode: the operation and the source are attributes whose names begin
 * with `iodebezium`, and `data` holds the row images: as an object, as `{"schema":…,"payload":…}`, or (with Avro) as a frame
 * in base64.
 */
import type { Origin, Row } from '../model/change-event.ts';
import type { Failure } from '../model/outcome.ts';
import type { SourcePosition } from '../model/position.ts';
import type { SourceRecord } from '../model/record.ts';
import type { Message } from './connect-json.ts';
import type { ConnectorReaders } from './connectors.ts';
import type { EnvelopeSays } from './debezium.ts';
import type { Scanned } from '../json/scan.ts';
import { scanObject } from '../json/scan.ts';
import type { SourceField } from './origin.ts';
import { collectionOf, positionOf, scalarText } from './origin.ts';

/** Where the parts that matter are. */
export interface CloudEventParts {
  readonly op: number;
  readonly data: number;
}

/** The parts of an object with these columns; undefined if it is no CloudEvent of Debezium's. */
export function cloudEventParts(columns: readonly string[]): CloudEventParts | undefined {
  const parts = { op: columns.indexOf('iodebeziumop'), data: columns.indexOf('data') };
  return parts.op === -1 || parts.data === -1 || !columns.includes('specversion') ? undefined : parts;
}

/** Found when it is asked for. */
class CloudEventOrigin implements Origin {
  readonly #topic: string;
  readonly #text: string;
  readonly #scanned: Scanned;

  constructor(topic: string, text: string, scanned: Scanned) {
    this.#topic = topic;
    this.#text = text;
    this.#scanned = scanned;
  }

  get collection(): string {
    return collectionOf((name) => attribute(this.#text, this.#scanned, name)) ?? this.#topic;
  }

  get connector(): string | undefined {
    return attribute(this.#text, this.#scanned, 'connector');
  }

  get position(): SourcePosition | undefined {
    return positionOf((name) => attribute(this.#text, this.#scanned, name));
  }

  get transaction(): string | undefined {
    return attribute(this.#text, this.#scanned, 'txid');
  }
}

/** A field of `source`, which is an attribute without the underscores of its name. */
function attribute(text: string, scanned: Scanned, field: string): string | undefined {
  const column = scanned.shape.columns.indexOf(`iodebezium${field.replaceAll('_', '').toLowerCase()}`);
  return column === -1 ? undefined : scalarText(scanned.valueIn(text, column));
}

export interface CloudEvent {
  readonly message: Message;
  readonly scanned: Scanned;
  readonly parts: CloudEventParts;
}

/**
 * The change that a CloudEvent says; a sentence if it says none. `readerOf` knows how its connector's envelopes are read,
 * `readData` reads data that carry a schema of their own.
 */
export function readCloudEvent(
  record: SourceRecord,
  key: Row | null,
  { message, scanned, parts }: CloudEvent,
  readerOf: ConnectorReaders['readerOf'],
  readData: (bytes: Buffer) => Message | Failure,
): EnvelopeSays {
  const { text } = message;
  const partOf = (part: number): string => scanned.valueIn(text, part);
  const op = partOf(parts.op);
  const operation = (['c', 'u', 'd', 'r', 't', 'm', 'i'] as const).find((known) => op === `"${known}"`);
  if (operation === undefined) return 'its attribute `iodebeziumop` is no operation of Debezium';
  const dataText = partOf(parts.data);
  // A frame in base64 holds nothing that JSON escapes.
  const isFrame = dataText.startsWith('"');
  const bytes = isFrame ? Buffer.from(dataText.slice(1, -1), 'base64') : Buffer.from(dataText);
  const data = readData(bytes);
  if ('code' in data) return `its \`data\` cannot be read: ${data.message}`;
  const images = data.object ?? scanObject(data.text, data.at, undefined);
  if (images === undefined) return 'its `data` is no object';
  const { columns } = images.shape;
  const imageParts = {
    op: -1,
    source: -1,
    transaction: -1,
    before: columns.indexOf('before'),
    after: columns.indexOf('after'),
  };
  const schema = data.schema?.image ?? message.schema?.image;
  const source: SourceField = (name) => attribute(text, scanned, name);
  const envelope = { text: data.text, scanned: images, parts: imageParts, operation, schema, after: undefined, source };
  const said = readerOf(source('connector'), columns)(record, key, envelope);
  if (typeof said === 'string' || 'code' in said || said.op === 'ignored') return said;
  return { ...said, origin: new CloudEventOrigin(record.topic, text, scanned) };
}
