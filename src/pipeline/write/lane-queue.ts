/**
 * The lanes that may be sent, first in first out; those that were sent in vain go back to the front.
 */
import type { Lane } from './lane.ts';

export interface LaneQueue {
  /** `bytes` is the size of the lane's write as it is now; a newer write that replaces it may differ: it is a hint. */
  push(lane: Lane, bytes: number): void;
  unshift(lanes: readonly Lane[]): void;
  /** Removes the others, and returns them in their order. */
  retain(isKept: (lane: Lane) => boolean): readonly Lane[];
  peek(): Lane | undefined;
  shift(): void;
  length(): number;
  /** About; exact enough to know when a batch is full. */
  bytes(): number;
}

const compactAt = 4096;

export function createLaneQueue(): LaneQueue {
  let lanes: Lane[] = [];
  let head = 0;
  let bytes = 0;
  return {
    push: (lane, laneBytes) => {
      lanes.push(lane);
      bytes += laneBytes;
    },
    unshift: (first) => {
      const average = lanes.length === head ? 0 : bytes / (lanes.length - head);
      lanes = [...first, ...lanes.slice(head)];
      head = 0;
      bytes += average * first.length;
    },
    retain: (isKept) => {
      const average = lanes.length === head ? 0 : bytes / (lanes.length - head);
      const kept: Lane[] = [];
      const removed: Lane[] = [];
      for (const lane of lanes.slice(head)) (isKept(lane) ? kept : removed).push(lane);
      lanes = kept;
      head = 0;
      bytes = average * lanes.length;
      return removed;
    },
    peek: () => lanes[head],
    shift: () => {
      bytes -= bytes / (lanes.length - head);
      head += 1;
      if (head === lanes.length) {
        lanes = [];
        head = 0;
        bytes = 0;
      } else if (head >= compactAt && head * 2 >= lanes.length) {
        lanes = lanes.slice(head);
        head = 0;
      }
    },
    length: () => lanes.length - head,
    bytes: () => bytes,
  };
}
