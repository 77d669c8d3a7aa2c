/**
 * Whether the assigned partitions are read, as the source can prove it: a heartbeat proves nothing about the leader of a partition.
 */
import type { TopicPartition } from './record.ts';
import type { Failure } from './outcome.ts';

export type Reading =
  /** The group was never joined yet; `failure` says what the last attempt met. */
  | { readonly state: 'starting'; readonly sinceMs: number; readonly failure: Failure | undefined }
  /** The group rebalances. */
  | { readonly state: 'joining'; readonly sinceMs: number }
  /** The connection to the group is lost; it is sought again. */
  | { readonly state: 'away'; readonly sinceMs: number; readonly failure: Failure }
  | { readonly state: 'reading'; readonly partitions: readonly PartitionReading[] };

export interface PartitionReading extends TopicPartition {
  /** When a fetch of it was answered, or it could not be fetched because its records waited for room; at first, the join. */
  readonly fetchedAtMs: number;
  /** Since when no fetch was answered, however often the group was joined meanwhile. */
  readonly silentSinceMs: number;
  /** It is not fetched just now: its records, or others of the same fetch, wait for room. */
  readonly waitsForRoom?: true;
}
