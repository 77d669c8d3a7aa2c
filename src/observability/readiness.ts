/**
 * Ready means moving or idle, never merely running.
 */

/** What readiness is told from. */
export interface Movement {
  /** Whether the group was joined. */
  readonly joined: boolean;
  readonly recordsHeld: number;
  /** When a record was settled last, or there was nothing to settle. */
  readonly movedAtMs: number;
  readonly lastFailure: string | undefined;
  /** Since when nothing is taken over, because Elasticsearch does not tell whether a rebuild is under way. */
  readonly blockedSinceMs?: number | undefined;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not. */
  readonly reason?: string;
}

export function readiness(movement: Movement, nowMs: number, stalledAfterMs: number): Readiness {
  const { joined, recordsHeld, movedAtMs, lastFailure } = movement;
  if (!joined) return { ready: false, reason: 'The consumer group is not joined yet.' };
  const { blockedSinceMs = nowMs } = movement;
  if (nowMs - blockedSinceMs > stalledAfterMs) {
    return { ready: false, reason: 'Elasticsearch does not tell whether a rebuild is under way, so nothing is read.' };
  }
  const standingMs = nowMs - movedAtMs;
  if (recordsHeld === 0 || standingMs <= stalledAfterMs) return { ready: true };
  const why = lastFailure === undefined ? '' : ` ${lastFailure}`;
  return {
    ready: false,
    reason: `${recordsHeld} records wait, and none was settled for ${Math.round(standingMs)} ms.${why}`,
  };
}
