/**
 * The evidence that partitions are read. A fetch asks one broker for some of them; the next one is sent when all batches of the
 * answer were handed over. So a partition is alive when a fetch of it was answered a moment ago, or while batches of that answer
 * wait for room, or while it is paused for want of room.
 */
import type { Failure } from '../model/outcome.ts';
import type { Reading } from '../model/reading.ts';
import type { TopicPartition } from '../model/record.ts';
import { partitionKey } from '../model/record.ts';

export interface ReadingWatch {
  /** A join begins that gives up what was assigned. */
  joining(): void;
  joined(partitions: readonly TopicPartition[]): void;
  /** The member is gone. */
  ended(failure: Failure): void;
  /** A broker answered a fetch of these partitions. */
  fetched(partitions: readonly TopicPartition[]): void;
  /** A batch of the partition is in hand; call the result when it was handed over or given up. */
  handling(partition: TopicPartition): () => void;
  /** The partition is not fetched, for want of room; call the result when it is again. */
  pausing(partition: TopicPartition): () => void;
  report(): Reading;
}

/** What one broker answered. */
interface Answer {
  /** Its batches that wait. */
  handling: number;
}

interface Watched extends TopicPartition {
  fetchedAtMs: number;
  silentSinceMs: number;
  answer: Answer | undefined;
  isPaused: boolean;
}

export function createReadingWatch(nowMs: () => number): ReadingWatch {
  let state: Exclude<Reading, { readonly state: 'reading' }> | undefined = {
    state: 'starting',
    sinceMs: nowMs(),
    failure: undefined,
  };
  let partitions = new Map<string, Watched>();

  return {
    joining: () => {
      // Whoever was away is away until the group has taken it back.
      state ??= { state: 'joining', sinceMs: nowMs() };
    },
    joined: (assigned) => {
      const now = nowMs();
      state = undefined;
      partitions = new Map(
        assigned.map(({ topic, partition }) => {
          const before = partitions.get(partitionKey({ topic, partition }));
          const silentSinceMs = before !== undefined && before.answer === undefined ? before.silentSinceMs : now;
          return [
            partitionKey({ topic, partition }),
            { topic, partition, fetchedAtMs: now, silentSinceMs, answer: undefined, isPaused: false },
          ];
        }),
      );
    },
    ended: (failure) => {
      if (state?.state === 'starting') state = { ...state, failure };
      else if (state?.state === 'away') state = { ...state, failure };
      else {
        const seen = [...partitions.values()].map(({ fetchedAtMs }) => fetchedAtMs);
        state = { state: 'away', sinceMs: seen.length === 0 ? nowMs() : Math.max(...seen), failure };
      }
    },
    fetched: (answered) => {
      const now = nowMs();
      const answer: Answer = { handling: 0 };
      for (const place of answered) {
        const watched = partitions.get(partitionKey(place));
        if (watched === undefined) continue;
        watched.fetchedAtMs = now;
        watched.silentSinceMs = now;
        watched.answer = answer;
      }
    },
    handling: (place) => {
      const answer = partitions.get(partitionKey(place))?.answer;
      if (answer === undefined) return () => undefined;
      answer.handling += 1;
      return () => {
        answer.handling -= 1;
        if (answer.handling > 0) return;
        for (const watched of partitions.values()) {
          if (watched.answer !== answer) continue;
          watched.fetchedAtMs = nowMs();
          watched.silentSinceMs = watched.fetchedAtMs;
        }
      };
    },
    pausing: (place) => {
      const watched = partitions.get(partitionKey(place));
      if (watched === undefined) return () => undefined;
      watched.isPaused = true;
      return () => {
        watched.isPaused = false;
        watched.fetchedAtMs = nowMs();
        watched.silentSinceMs = watched.fetchedAtMs;
      };
    },
    report: () => {
      if (state !== undefined) return state;
      const now = nowMs();
      return {
        state: 'reading',
        partitions: [...partitions.values()].map(
          ({ topic, partition, fetchedAtMs, silentSinceMs, answer, isPaused }) =>
            isPaused || (answer !== undefined && answer.handling > 0)
              ? { topic, partition, fetchedAtMs: now, silentSinceMs: now, waitsForRoom: true }
              : { topic, partition, fetchedAtMs, silentSinceMs },
        ),
      };
    },
  };
}
