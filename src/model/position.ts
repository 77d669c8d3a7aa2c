/**
 * Positions and versions: three kinds of number that must never be mixed up, so each has a type of its own.
 */
declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** A Kafka offset: of a record, or (where a name says `next`) of the next record to read. Exact below 2^53. */
export type Offset = Branded<number, 'Offset'>;

/** A position in the source database's log as its connector writes it (an LSN, a binlog coordinate, …), for people. */
export type SourcePosition = Branded<string, 'SourcePosition'>;

/** An Elasticsearch external version, 0 … 2^63−1, as decimal text, because it passes 2^53 (docs/decisions/0000, "Versions"). */
export type ExternalVersion = Branded<string, 'ExternalVersion'>;

/** Bits below the epoch: 2^48 offsets a partition, 2^15 epochs. */
const offsetBits = 48;
const offsetLimit = 2 ** offsetBits;
/** Highest epoch: epoch · 2^48 + offset must stay a signed 64-bit integer. */
export const maxEpoch = 2 ** 15 - 1;

/** An epoch for all partitions of a topic, or the epochs that begin with a partition: `{ 0: 0, 4: 1 }`. */
export type Epochs = number | Readonly<Record<string, number>>;

/** The epoch of a partition. */
export function epochAt(epochs: Epochs, partition: number): number {
  if (typeof epochs === 'number') return epochs;
  const [, epoch = 0] = Object.entries(epochs).findLast(([from]) => Number(from) <= partition) ?? [];
  return epoch;
}

/** The offset of a record, from the number or decimal text that Kafka clients give. */
export function offset(value: number | string): Offset {
  return Number(value) as Offset;
}

/** The offset of the record after this one: what is committed when everything up to `value` is settled. */
export function nextOffset(value: Offset): Offset {
  return (value + 1) as Offset;
}

export function sourcePosition(text: string): SourcePosition {
  return text as SourcePosition;
}

export function highestEpoch(epochs: Epochs): number {
  return typeof epochs === 'number' ? epochs : Math.max(...Object.values(epochs));
}

/**
 * The version of a write: epoch · 2^48 + offset. The epoch is raised by hand when a topic is re-created or its keys move
 * between partitions, so that the new, lower offsets still win.
 */
export function externalVersion(epoch: number, recordOffset: Offset): ExternalVersion {
  if (epoch === 0) return String(recordOffset) as ExternalVersion;
  // Below epoch 32 the sum is exact in a double; above, it needs 64 bits.
  if (epoch < 32) return String(epoch * offsetLimit + recordOffset) as ExternalVersion;
  return String((BigInt(epoch) << BigInt(offsetBits)) + BigInt(recordOffset)) as ExternalVersion;
}
