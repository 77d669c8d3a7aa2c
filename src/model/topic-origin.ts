/**
 * Where the versions of an index come from. A version is made of a record's offset, so it means something only as long as the
 * topic is the same one, and its keys stay in their partitions. What an index was made of is remembered with the index; when a
 * topic is found to be another one, or to have more partitions, nothing may be written before its `epoch` was raised: the new
 * writes would look older than the old ones and be refused without a word (docs/decisions/0000, "Versions").
 */
import type { Failure } from './outcome.ts';
import type { Epochs } from './position.ts';
import { epochAt } from './position.ts';

/** A topic as the brokers describe it. */
export interface TopicState {
  /** Given anew to each topic that is made (KIP-516), 32 hexadecimal digits; absent where the broker is older than 2.8. */
  readonly id?: string | undefined;
  readonly partitions: number;
}

/** A topic as it was when documents of an index were made of it. */
export interface TopicOrigin extends TopicState {
  readonly epoch: Epochs;
}

/** Undefined if writes of `now` may follow those of `known`. */
export function originFailure(topic: string, known: TopicOrigin, now: TopicOrigin): Failure | undefined {
  if (isHigher(known, now)) return undefined;
  if (isOther(known, now)) return recreated(topic);
  return now.partitions > known.partitions && !isCovered(known, now) ? raised(topic, known, now) : undefined;
}

/** Undefined if the topic is still what it was a moment ago; `epoch` is the one for both. */
export function changeOf(topic: string, before: TopicState, now: TopicState, epoch: Epochs): Failure | undefined {
  if (isOther(before, now)) return recreated(topic);
  const covered = isCovered({ ...before, epoch }, { ...now, epoch });
  return now.partitions > before.partitions && !covered ? raised(topic, before, now) : undefined;
}

/** A topic never loses a partition, so one that has fewer is another, even where no id says so. */
function isOther(known: TopicState, now: TopicState): boolean {
  if (known.id !== undefined && now.id !== undefined && known.id !== now.id) return true;
  return now.partitions < known.partitions;
}

/** Whether every new write wins against every old one. */
function isHigher(known: TopicOrigin, now: TopicOrigin): boolean {
  return Math.min(...epochsIn(now, 0)) > Math.max(...epochsIn(known, 0));
}

/**
 * Whether the new partitions win against the old ones. With a multiple of the partitions, a key either stays or goes to a new
 * partition (partitioners take a remainder), so that is enough; with any other number, keys go from one old partition to another.
 */
function isCovered(known: TopicOrigin, now: TopicOrigin): boolean {
  if (now.partitions % known.partitions !== 0) return false;
  const old = epochsIn({ ...now, partitions: known.partitions }, 0);
  return Math.min(...epochsIn(now, known.partitions)) > Math.max(...old);
}

function epochsIn({ partitions, epoch }: TopicOrigin, from: number): readonly number[] {
  return Array.from({ length: Math.max(1, partitions - from) }, (_, number) => epochAt(epoch, from + number));
}

function recreated(topic: string): Failure {
  const message = `The topic "${topic}" is not the one that the documents were made of: it was deleted and made anew.`;
  return { code: 'TOPIC_RECREATED', message };
}

function raised(topic: string, before: TopicState, now: TopicState): Failure {
  const message = `The topic "${topic}" has ${now.partitions} partitions instead of ${before.partitions}.`;
  return { code: 'PARTITIONS_CHANGED', message };
}
