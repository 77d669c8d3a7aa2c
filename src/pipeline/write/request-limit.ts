/**
 * How many requests may be in flight: additive increase while the server takes them, halved when it says 429 (docs/decisions/0005).
 */
export interface RequestLimit {
  /** At least 1. */
  current(): number;
  /**
   * A request went well while `inFlight` were open: only a limit that was used may grow. Requests that were sent before the last
   * halving say nothing about the load since then.
   */
  succeeded(inFlight: number, sentAtMs: number): void;
  /** The server pushed back. Requests that were sent before the last halving do not halve again. */
  overloaded(sentAtMs: number, nowMs: number): void;
}

export function createRequestLimit(maxRequests: number): RequestLimit {
  let limit = maxRequests;
  let halvedAtMs = -Infinity;
  return {
    current: () => Math.max(1, Math.floor(limit)),
    succeeded: (inFlight, sentAtMs) => {
      if (sentAtMs < halvedAtMs) return;
      if (inFlight >= Math.floor(limit)) limit = Math.min(maxRequests, limit + 1 / limit);
    },
    overloaded: (sentAtMs, nowMs) => {
      if (sentAtMs < halvedAtMs) return;
      limit = Math.max(1, limit / 2);
      halvedAtMs = nowMs;
    },
  };
}
