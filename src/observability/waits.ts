/**
 * What waits now: opened by the first report of a wait, closed when it is over. The last error of `/status`, the state of each
 * document and the verdict of `/health` are made of it.
 */
import type { Failure, FailureCode } from '../model/outcome.ts';

export interface OpenWait {
  /** What waits: an index, `Elasticsearch`, `Kafka`, … */
  readonly of: string;
  readonly code: FailureCode;
  readonly message: string;
  /** By the clock that measures durations. */
  readonly sinceMs: number;
  /** By the calendar, in milliseconds since 1970. */
  readonly sinceEpochMs: number;
  readonly lastEpochMs: number;
  readonly attempts: number;
}

export interface Waits {
  /** A wait begins or goes on. If the same thing waited for another reason until now, that wait, which is over. */
  waiting(failure: Failure, attempts: number, of: string): OpenWait | undefined;
  recovered(of: string): void;
  /** The longest first. */
  open(): readonly OpenWait[];
}

export interface Clocks {
  readonly nowMs: () => number;
  readonly epochMs: () => number;
}

export function createWaits({ nowMs, epochMs }: Clocks): Waits {
  const waits = new Map<string, OpenWait>();
  return {
    waiting: ({ code, message }, attempts, of) => {
      const before = waits.get(of);
      const since = before?.code === code ? before : { sinceMs: nowMs(), sinceEpochMs: epochMs() };
      const { sinceMs, sinceEpochMs } = since;
      waits.set(of, { of, code, message, sinceMs, sinceEpochMs, lastEpochMs: epochMs(), attempts });
      return before === undefined || before.code === code ? undefined : before;
    },
    recovered: (of) => {
      waits.delete(of);
    },
    open: () => [...waits.values()].sort((a, b) => a.sinceMs - b.sinceMs),
  };
}
