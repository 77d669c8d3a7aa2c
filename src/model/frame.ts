/**
 * Values that name their schema instead of carrying it: Confluent's frame, a zero byte, the schema's id in four bytes, and the
 * value. No JSON begins with a zero byte, so a frame tells itself; but for a value whose schema a header names: that one has no frame,
 * and any first byte.
 */
import type { ConnectSchema } from './change-event.ts';
import type { Failure } from './outcome.ts';
import type { SourceRecord } from './record.ts';

/** A frame's value as Kafka Connect's JsonConverter would have written it, without losing a digit. */
export interface FramedValue {
  readonly text: string;
  /** The bytes of `text`, where each is a character and somebody has them. */
  readonly ascii?: Buffer;
  /** One object for all values of one schema. */
  readonly schema: ConnectSchema;
}

/** Total and synchronous: what it needs was fetched before. */
export type ReadFrame = (bytes: Buffer) => FramedValue | Failure;

/** Bytes before the value. */
export const frameHeaderBytes = 5;

export function isFrame(bytes: Buffer): boolean {
  return bytes[0] === 0 && bytes.length >= frameHeaderBytes;
}

/** The id of the schema that a frame names. */
export function schemaIdOf(frame: Buffer): number {
  return frame.readUInt32BE(1);
}

/** The parts of a record that may have a schema. */
export type RecordPart = 'key' | 'value';

/** By Apicurio's serializers and by Confluent's, unless they are told other names. */
const idHeaders: Readonly<Record<RecordPart, readonly string[]>> = {
  key: ['apicurio.key.globalId', 'apicurio.key.contentId', '__key_schema_id'],
  value: ['apicurio.value.globalId', 'apicurio.value.contentId', '__value_schema_id'],
};

/** The header that names the schema of a part; undefined if there is none. Decodes the record's headers. */
export function schemaIdHeader({ headers }: SourceRecord, part: RecordPart): string | undefined {
  return headers === undefined ? undefined : idHeaders[part].find((name) => headers[name] !== undefined);
}
