/**
 * Hands a batch over, piece by piece, as there is room: what one fetch brings may be more than its documents may hold.
 */
import type { Offset } from '../model/position.ts';
import { nextOffset } from '../model/position.ts';
import { recordBytes } from '../model/record.ts';
import type { RecordBatch } from '../model/record.ts';
import type { Intake } from '../pipeline/ports.ts';
import type { Pauses } from './pauses.ts';

export interface HandOverOptions {
  readonly intake: Pick<Intake, 'room' | 'accept' | 'hasShare'>;
  readonly pauses: Pick<Pauses, 'patienceMs' | 'pause'>;
  /** Keeps the session alive; rejects when the group has moved on. */
  readonly heartbeat: () => Promise<void>;
  /** The batch is of an earlier generation, or the member ends: nothing of it may be handed over any more. */
  readonly isOver: () => boolean;
  /** Nothing may be handed over now. */
  readonly isLeaving: () => boolean;
  /** Everything below `next` was handed over. */
  readonly reached: (next: Offset) => void;
  readonly nowMs: () => number;
  readonly delay: (ms: number) => Promise<unknown>;
}

/** A batch that waits for room looks up this often: for a heartbeat, and for the end. */
export const waitMs = 100;
/** Of keys and values. */
const pieceBytes = 128 * 1024;
/** Records that are small cost memory, too. */
const pieceRecords = 256;

/** Resolves when all was handed over, or when the rest is to be fetched again. */
export async function handOver(batch: RecordBatch, options: HandOverOptions): Promise<void> {
  const { intake, pauses, heartbeat, isOver, isLeaving, reached, nowMs, delay } = options;
  let waitingSinceMs: number | undefined;
  let piece = pieceOf(batch, 0);
  for (let at = 0; ;) {
    await heartbeat();
    if (isOver()) return;
    // In the turn in which it is handed over: what is asked before the heartbeat, other partitions may have used meanwhile.
    let room = isLeaving() ? delay(waitMs) : intake.room(piece);
    while (room === undefined) {
      intake.accept(piece);
      // In the same turn: later, it could move the position of another generation.
      reached(piece.next);
      at += piece.records.length;
      if (at >= batch.records.length) return;
      waitingSinceMs = undefined;
      piece = pieceOf(batch, at);
      room = intake.room(piece);
    }
    if (isLeaving() || intake.hasShare(batch)) {
      waitingSinceMs = undefined;
    } else {
      waitingSinceMs ??= nowMs();
      if (nowMs() - waitingSinceMs >= pauses.patienceMs(batch) && pauses.pause(batch)) {
        for (let left = at; left < batch.records.length; left += 1) batch.records[left]?.release?.();
        return;
      }
    }
    await Promise.race([room, delay(waitMs)]);
  }
}

/** What follows the first `from` records: so many that they are about `pieceBytes`, the whole batch if it is no more. */
export function pieceOf(batch: RecordBatch, from: number): RecordBatch {
  const { records } = batch;
  let bytes = 0;
  let to = from;
  while (to < records.length && to - from < pieceRecords && bytes < pieceBytes) {
    const record = records[to];
    if (record !== undefined) bytes += recordBytes(record);
    to += 1;
  }
  if (from === 0 && to === records.length) return batch;
  const last = records[to - 1];
  const next = to === records.length || last === undefined ? batch.next : nextOffset(last.offset);
  return { ...batch, records: records.slice(from, to), next };
}
