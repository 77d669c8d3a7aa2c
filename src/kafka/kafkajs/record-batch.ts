/**
 * Kafka's record batches (message format 2) → records. In place of kafkajs's own decoder, which makes some forty objects of a
 * record (big integers for its offset and time, a copy of its headers per header): a fifth of all processor time.
 *
 * Format: https://kafka.apache.org/documentation/#recordbatch
 */
import { createRequire } from 'node:module';
import { offset } from '../../model/position.ts';
import type { Offset } from '../../model/position.ts';
import type { HeaderNameIndex, RecordHeaders, SourceRecord } from '../../model/record.ts';
import type { AnswerMemory } from './answer-memory.ts';
import { memoryOf } from './answer-memory.ts';

/** As much of kafkajs's decoder as is needed: bytes, and how far they were read. */
export interface FetchDecoder {
  readonly buffer: Buffer;
  offset: number;
}

/** What a batch's records have in common; kafkajs asks for it because of transactions that were aborted. */
interface BatchContext {
  readonly producerId: string;
  readonly inTransaction: boolean;
  readonly isControlBatch: boolean;
  /** Where the records are, decompressed. */
  readonly bytes: Buffer;
  /** Undefined where the garbage collector alone gives it back. */
  readonly memory: AnswerMemory | undefined;
  readonly firstTimestampMs: number;
  /** If the broker's time counts and not the producer's. */
  readonly appendedAtMs: number | undefined;
}

/**
 * A record on its way through kafkajs, which looks at `offset`, `key`, `isControlRecord` and `batchContext`.
 *
 * It holds places and makes buffers of them when it is asked: thousands of records live until they are written, and what the
 * garbage collector must copy and mark meanwhile is what they cost most.
 */
export class KafkaRecord implements SourceRecord {
  /** kafkajs decodes a partition's records before it says whose they are: set when they are handed over. */
  topic = '';
  partition = -1;
  readonly offset: Offset;
  readonly batchContext: BatchContext;
  readonly #timestampDelta: number;
  readonly #keyAt: number;
  /** Negative where there is none, as in the format. */
  readonly #keyLength: number;
  readonly #valueAt: number;
  readonly #valueLength: number;
  #isReleased = false;

  /** `reader` stands after the record's attributes, and will stand before its headers. */
  constructor(batchContext: BatchContext, firstOffset: number, reader: VarIntReader) {
    this.batchContext = batchContext;
    this.#timestampDelta = reader.next();
    this.offset = offset(firstOffset + reader.next());
    this.#keyLength = reader.next();
    this.#keyAt = reader.at;
    reader.skip(this.#keyLength);
    this.#valueLength = reader.next();
    this.#valueAt = reader.at;
    reader.skip(this.#valueLength);
  }

  get timestampMs(): number {
    const { appendedAtMs, firstTimestampMs } = this.batchContext;
    return appendedAtMs ?? firstTimestampMs + this.#timestampDelta;
  }

  get key(): Buffer | null {
    return this.#part(this.#keyAt, this.#keyLength);
  }

  get value(): Buffer | null {
    return this.#part(this.#valueAt, this.#valueLength);
  }

  get byteLength(): number {
    return Math.max(this.#keyLength, 0) + Math.max(this.#valueLength, 0);
  }

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch;
  }

  /** Decoded when they are asked for, which is hardly ever. */
  get headers(): RecordHeaders {
    return readHeaders(this.batchContext.bytes, this.#valueAt + Math.max(this.#valueLength, 0));
  }

  hasHeader(names: HeaderNameIndex): boolean {
    return hasHeader(this.batchContext.bytes, this.#valueAt + Math.max(this.#valueLength, 0), names);
  }

  release(): void {
    if (!this.#isReleased) this.batchContext.memory?.letGo();
    this.#isReleased = true;
  }

  #part(at: number, length: number): Buffer | null {
    return length < 0 ? null : this.batchContext.bytes.subarray(at, at + length);
  }
}

/** Offsets of a batch's fields, from its first byte. */
const field = {
  length: 8,
  attributes: 21,
  firstTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  count: 57,
  records: 61,
} as const;
/** The batch's length is counted from here. */
const lengthEnd = 12;

const codecMask = 0x07;
const logAppendTimeFlag = 0x08;
const transactionalFlag = 0x10;
const controlFlag = 0x20;

const require = createRequire(import.meta.url);
const { lookupCodecByAttributes } = require('kafkajs/src/protocol/message/compression') as {
  lookupCodecByAttributes(attributes: number): { decompress(bytes: Buffer): Promise<Buffer> } | null;
};
const { KafkaJSPartialMessageError } = require('kafkajs/src/errors') as {
  KafkaJSPartialMessageError: new (message: string) => Error;
};

/** The records of the batch at which `decoder` stands; a partial one at the end of a fetch is kafkajs's partial-message error. */
export async function decodeRecordBatch(decoder: FetchDecoder): Promise<{ readonly records: readonly KafkaRecord[] }> {
  const { buffer, offset: at } = decoder;
  const length = buffer.readInt32BE(at + field.length);
  const end = at + lengthEnd + length;
  decoder.offset = end;
  if (end > buffer.length) {
    throw new KafkaJSPartialMessageError(`a batch of ${length} bytes ends ${end - buffer.length} bytes too early`);
  }
  const attributes = buffer.readInt16BE(at + field.attributes);
  let bytes = buffer.subarray(at + field.records, end);
  const isCompressed = (attributes & codecMask) !== 0;
  if (isCompressed) {
    bytes = (await lookupCodecByAttributes(attributes)?.decompress(bytes)) ?? bytes;
  }
  const count = buffer.readInt32BE(at + field.count);
  const memory = memoryOf(bytes, isCompressed);
  memory?.hold(count);
  const context: BatchContext = {
    memory,
    producerId: String(buffer.readBigInt64BE(at + field.producerId)),
    inTransaction: (attributes & transactionalFlag) !== 0,
    isControlBatch: (attributes & controlFlag) !== 0,
    bytes,
    firstTimestampMs: Number(buffer.readBigInt64BE(at + field.firstTimestamp)),
    appendedAtMs:
      (attributes & logAppendTimeFlag) === 0 ? undefined : Number(buffer.readBigInt64BE(at + field.maxTimestamp)),
  };
  const firstOffset = Number(buffer.readBigInt64BE(at));

  const records = new Array<KafkaRecord>(count);
  const reader = new VarIntReader(bytes);
  for (let number = 0; number < count; number += 1) {
    const size = reader.next();
    const recordEnd = reader.at + size;
    reader.at += 1; // attributes of the record: none are defined
    records[number] = new KafkaRecord(context, firstOffset, reader);
    reader.at = recordEnd;
  }
  if (reader.at !== bytes.length) {
    throw new Error(`A batch at offset ${firstOffset} says that it holds ${count} records, which its bytes do not.`);
  }
  return { records };
}

/** Headers in their order; several under one name are a list. */
function readHeaders(bytes: Buffer, at: number): RecordHeaders {
  const headers: Record<string, Buffer | Buffer[]> = Object.create(null) as Record<string, never>;
  const reader = new VarIntReader(bytes);
  reader.at = at;
  for (let left = reader.next(); left > 0; left -= 1) {
    const name = reader.bytes()?.toString() ?? '';
    const value = reader.bytes() ?? Buffer.alloc(0);
    const before = headers[name];
    headers[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  return headers;
}

/** As `readHeaders`, of names only, and without making anything: asked for each record twice. */
function hasHeader(bytes: Buffer, at: number, names: HeaderNameIndex): boolean {
  if (bytes[at] === 0) return false;
  const reader = new VarIntReader(bytes);
  reader.at = at;
  for (let left = reader.next(); left > 0; left -= 1) {
    const length = reader.next();
    const start = reader.at;
    for (const name of names.get(length) ?? []) {
      // Most names of the same length end here, before the call that costs more.
      const mayBe = length === 0 || name[0] === bytes[start];
      if (mayBe && name.compare(bytes, start, start + length) === 0) return true;
    }
    reader.skip(length);
    reader.skip(reader.next());
  }
  return false;
}

/** Zigzag variable-length integers, and the byte strings that they precede. */
class VarIntReader {
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  next(): number {
    let byte = this.#bytes[this.at++] ?? 0;
    // Nearly all are of one or two bytes.
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    let scale = 0x80;
    do {
      byte = this.#bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
    } while (byte >= 0x80);
    // Beyond 32 bits there are no bit operations; exact below 2^53, which outlasts any clock.
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A negative length is that of no bytes. */
  skip(length: number): void {
    if (length > 0) this.at += length;
  }

  bytes(): Buffer | null {
    const length = this.next();
    const start = this.at;
    this.skip(length);
    return length < 0 ? null : this.#bytes.subarray(start, this.at);
  }
}
