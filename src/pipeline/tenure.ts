/**
 * Who may write (docs/decisions/0013-ownership.md).
 *
 * A write belongs to a **tenure** of its partition: the time during which this member of the group owns the partition without a
 * gap. It may be sent, or sent again, only while that tenure lasts and the membership is **fresh**. Versions alone do not protect:
 * a shard that was flushed and restarted has forgotten which documents were deleted, so an insert that a former owner still
 * holds would bring one back for good.
 *
 * Invariants:
 *  1. A tenure survives a rejoin only if the same member comes back in exactly the next generation of the group, with the same
 *     partition: between two generations that follow each other nobody else can have owned it.
 *  2. Freshness counts from when a request was *sent*, and only once it was *answered*: an answer may lie in the socket of a
 *     process that was frozen.
 *  3. A membership is stale if one of two clocks says so: a monotonic clock may stop while the machine is suspended, a wall clock
 *     may be set.
 */

/** A moment, by both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export interface Freshness {
  /** Now: taken before a request is sent, for `renewed`. */
  now(): Moment;
  /** The group answered a request of this member that was sent then, and still counted it as a member. */
  renewed(sent: Moment): void;
  /** The member leaves, or joins anew: what it sent before renews nothing any more. */
  lapse(): void;
  /** For how long writes may still be sent; 0 if they may not. */
  remainingMs(): number;
}

export interface FreshnessOptions {
  /** How long the group keeps a member that is silent, less a margin for clocks that differ. */
  readonly lifetimeMs: number;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
}

export function createFreshness({ lifetimeMs, monotonicMs, wallMs }: FreshnessOptions): Freshness {
  let sent: Moment | undefined;
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  let highestWallMs = 0;
  const now = (): Moment => ({ monotonicMs: monotonicMs(), wallMs: wallMs() });
  return {
    now,
    renewed: (moment) => {
      if (moment.monotonicMs < (sent?.monotonicMs ?? notBeforeMs)) return;
      sent = moment;
      highestWallMs = moment.wallMs;
    },
    lapse: () => {
      sent = undefined;
      notBeforeMs = monotonicMs();
    },
    remainingMs: () => {
      if (sent === undefined) return 0;
      const at = now();
      // A wall clock that was set back says nothing of how long ago the request was sent.
      if (at.wallMs < highestWallMs) return 0;
      highestWallMs = at.wallMs;
      return Math.max(0, lifetimeMs - Math.max(at.monotonicMs - sent.monotonicMs, at.wallMs - sent.wallMs));
    },
  };
}

/**
 * How long a member may count on its partitions after a heartbeat. A member that is silent is removed after the session timeout;
 * one that does not join a rebalance in time, after the rebalance timeout. A fifth is kept for clocks that do not agree.
 */
export function lifetimeMs(sessionTimeoutMs: number, rebalanceTimeoutMs: number): number {
  return Math.floor(Math.min(sessionTimeoutMs, rebalanceTimeoutMs) * 0.8);
}

/** As whom, and in which generation of the group, a member was given its partitions. */
export interface Membership {
  readonly memberId: string;
  readonly generation: number;
}

/** Whether nobody else can have owned, between the two, a partition that both gave. */
export function isUnbroken(before: Membership | undefined, after: Membership): boolean {
  return before !== undefined && before.memberId === after.memberId && before.generation + 1 === after.generation;
}

/** One uninterrupted ownership of a partition. */
export interface Tenure {
  isOver(): boolean;
  /** Aborted when the tenure is over. */
  readonly signal: AbortSignal;
  end(): void;
}

export function createTenure(): Tenure {
  const ended = new AbortController();
  let over = false;
  return {
    isOver: () => over,
    signal: ended.signal,
    end: () => {
      over = true;
      ended.abort();
    },
  };
}
