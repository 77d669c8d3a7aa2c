/**
 * Values that name their schema instead of carrying it: Confluent's frame, a zero byte, the schema's id in four bytes, and the
 * value. No JSON begins with a zero byte, so a frame tells itself; but for a value whose schema a header names: that one has no frame,
 * and any first byte (`schema-headers.ts`).
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

/** What becomes of a frame where no registry is configured that knows its id. */
export const frameWithoutRegistry: Failure = {
  code: 'RECORD_FORM_UNKNOWN',
  message: 'it begins like a frame of a schema registry, and `schemaRegistry.urls` is not set',
};

/** The id of the schema that a frame names. */
export function schemaIdOf(frame: Buffer): number {
  return frame.readUInt32BE(1);
}

/** The parts of a record that may have a schema. */
export type RecordPart = 'key' | 'value';

/** How the values of records are read whose schemas are kept elsewhere. */
export interface RecordSchemas {
  readonly readFrame: ReadFrame;
  /** Reads a part whose schema a header names; undefined if none does, or if it can be read without. Looks at no frame. */
  readonly readByHeader?: ReadByHeader;
}

/** Total and synchronous: what it needs was fetched before. */
export type ReadByHeader = (record: SourceRecord, part: RecordPart, bytes: Buffer) => FramedValue | Failure | undefined;
