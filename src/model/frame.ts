/**
 * Values that name their schema instead of carrying it: Confluent's frame, a zero byte, the schema's id in four bytes, and the
 * value. No JSON begins with a zero byte, so a frame tells itself.
 */
import type { ConnectSchema } from './change-event.ts';
import type { Failure } from './outcome.ts';

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
