import type { Offset } from './position.ts';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** `topic/partition`: no name of a topic holds a slash. For maps, and for what is kept as JSON. */
export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/** Where a record stands; what every message about it names. */
export interface RecordPlace extends TopicPartition {
  readonly offset: Offset;
}

/** Header values as Kafka carries them: bytes, and possibly several under one name. */
export type RecordHeaders = Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;

/** Names of headers as bytes, by how many bytes they have: most names are told apart by that. */
export type HeaderNameIndex = ReadonlyMap<number, readonly Buffer[]>;

/** What Kafka gives. `key` and `value` are slices of a larger buffer: whoever keeps them keeps the whole fetch alive. */
export interface SourceRecord extends RecordPlace {
  readonly timestampMs: number;
  readonly headers: RecordHeaders | undefined;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Of key and value together, where it is known without asking for them. */
  readonly byteLength?: number;
  /** Whether one of these headers is there: where this is there, it costs much less than `headers`, which are decoded at each look. */
  hasHeader?(names: HeaderNameIndex): boolean;
  /** Says that key, value and headers are asked for no more; where it is there, what only they hold is given back at once. */
  release?(): void;
}

/** Consecutive records of one partition, in partition order; offsets may have gaps (compaction, control records). */
export interface RecordBatch extends TopicPartition {
  readonly records: readonly SourceRecord[];
  /** The offset to read next after this batch; beyond the last record's when control records follow it. */
  readonly next: Offset;
  /** The end of the partition as the broker saw it when it answered. */
  readonly highWatermark: Offset;
}

/** A record's place as people read it: `topic[partition]@offset`. */
export function placeText(place: RecordPlace): string {
  return `${place.topic}[${place.partition}]@${place.offset}`;
}

/** Bytes that a record keeps alive while it is not settled: its key and value. */
export function recordBytes(record: SourceRecord): number {
  return record.byteLength ?? (record.key?.length ?? 0) + (record.value?.length ?? 0);
}
