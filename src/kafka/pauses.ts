/**
 * Partitions that are not fetched while their documents have no room. A batch that waits holds up the next fetch, which is one for
 * all partitions of a broker; so its partition is paused instead, and the others go on.
 *
 * One partition at least is always fetched: its batch waits in hand, with heartbeats, as if there were no other. So an instance
 * never stands there with nothing under way.
 */
import type { TopicPartition } from '../model/record.ts';
import { partitionKey } from '../model/record.ts';

export interface PausesOptions {
  readonly pause: (partition: TopicPartition) => void;
  readonly resume: (partition: TopicPartition) => void;
  readonly hasShare: (partition: TopicPartition) => boolean;
  /** The partition is not fetched, for want of room; call the result when it is again. */
  readonly waiting: (partition: TopicPartition) => () => void;
  readonly nowMs: () => number;
}

export interface Pauses {
  /** The whole assignment after a join, of which nothing is paused. */
  assigned(partitions: readonly TopicPartition[]): void;
  /** How long a batch waits for room before its partition is to be paused. */
  patienceMs(partition: TopicPartition): number;
  /** Pauses it, unless no other is fetched; whether it did. */
  pause(partition: TopicPartition): boolean;
  /** Resumes those whose documents have room again. */
  look(): void;
}

/** Room may come with the next answer of Elasticsearch. */
const patienceMs = 250;
/** Who was paused a moment ago will be so again: its batch need not hold up the others each time. */
const knownForMs = 10_000;

export function createPauses({ pause, resume, hasShare, waiting, nowMs }: PausesOptions): Pauses {
  let assigned = new Set<string>();
  const paused = new Map<string, { readonly place: TopicPartition; readonly over: () => void }>();
  const resumedAtMs = new Map<string, number>();

  const end = (key: string): void => {
    const found = paused.get(key);
    if (found === undefined) return;
    paused.delete(key);
    found.over();
    resume(found.place);
  };

  return {
    assigned: (partitions) => {
      for (const key of [...paused.keys()]) end(key);
      resumedAtMs.clear();
      assigned = new Set(partitions.map(partitionKey));
    },
    patienceMs: (place) => {
      const atMs = resumedAtMs.get(partitionKey(place));
      return atMs !== undefined && nowMs() - atMs < knownForMs ? 0 : patienceMs;
    },
    pause: (place) => {
      const key = partitionKey(place);
      if (!assigned.has(key) || paused.has(key) || paused.size + 1 >= assigned.size) return false;
      const { topic, partition } = place;
      paused.set(key, { place: { topic, partition }, over: waiting(place) });
      pause(place);
      return true;
    },
    look: () => {
      for (const [key, { place }] of [...paused]) {
        if (!hasShare(place)) continue;
        resumedAtMs.set(key, nowMs());
        end(key);
      }
    },
  };
}
