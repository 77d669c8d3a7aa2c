/**
 * Whether this process can work: whether an orchestrator may count on it. One document that waits, however long, is no reason to stop
 * a rollout; that is for `health.ts` to say.
 */
import type { Failure, FailureCode } from '../model/outcome.ts';
import type { PartitionReading, Reading } from '../model/reading.ts';
import type { OpenWait } from './waits.ts';

/** What readiness is told from. All times are of the clock that measures durations. */
export interface ProcessState {
  /** Why the start is not over. */
  readonly starting?: string | undefined;
  readonly reading: Reading;
  readonly waits: readonly OpenWait[];
  readonly recordsHeld: number;
  /** When a record was settled last, or there was nothing to settle. */
  readonly movedAtMs: number;
}

export interface Patience {
  /** For a fetch, a settled record, and every wait. */
  readonly stalledAfterMs: number;
  /** For a rebalance, beyond that. */
  readonly rebalanceTimeoutMs: number;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not. */
  readonly reason?: string;
}

/** What every write needs, or reading itself. */
const ofEverything: ReadonlySet<string> = new Set(['Elasticsearch', 'control index']);
const ofProcess: ReadonlySet<FailureCode> = new Set<FailureCode>([
  'ELASTICSEARCH_UNREACHABLE',
  'ELASTICSEARCH_UNAVAILABLE',
  'ELASTICSEARCH_UNAUTHORIZED',
  'ELASTICSEARCH_FORBIDDEN',
  'ELASTICSEARCH_ANSWER_UNEXPECTED',
  'ELASTICSEARCH_ENGINE_WRONG',
]);

export function readiness(state: ProcessState, nowMs: number, patience: Patience): Readiness {
  const { starting, reading, waits, recordsHeld, movedAtMs } = state;
  if (starting !== undefined) return { ready: false, reason: starting };
  const kafka = kafkaTrouble(reading, nowMs, patience);
  if (kafka !== undefined) return { ready: false, reason: kafka.failure.message };
  if (reading.state === 'starting') return { ready: false, reason: 'The consumer group is not joined yet.' };
  const away = waits.find(
    ({ of, code, sinceMs }) => ofEverything.has(of) && ofProcess.has(code) && nowMs - sinceMs > patience.stalledAfterMs,
  );
  if (away !== undefined) return { ready: false, reason: away.message };
  const standingMs = nowMs - movedAtMs;
  if (recordsHeld === 0 || waits.length > 0 || standingMs <= patience.stalledAfterMs) return { ready: true };
  return {
    ready: false,
    reason: `${recordsHeld} records wait, and none was settled for ${Math.round(standingMs)} ms, for no reason that is known.`,
  };
}

export interface KafkaTrouble {
  readonly failure: Failure;
  readonly sinceMs: number;
}

/** Whether Kafka cannot be read: the group is lost, or partitions are not fetched although nothing keeps them from it. */
export function kafkaTrouble(reading: Reading, nowMs: number, patience: Patience): KafkaTrouble | undefined {
  const { stalledAfterMs, rebalanceTimeoutMs } = patience;
  switch (reading.state) {
    case 'starting':
      return reading.failure && { failure: reading.failure, sinceMs: reading.sinceMs };
    case 'away':
      return nowMs - reading.sinceMs > stalledAfterMs
        ? { failure: reading.failure, sinceMs: reading.sinceMs }
        : undefined;
    case 'joining': {
      if (nowMs - reading.sinceMs <= rebalanceTimeoutMs + stalledAfterMs) return undefined;
      const message = `The consumer group has been rebalancing for ${seconds(nowMs - reading.sinceMs)}.`;
      return { failure: { code: 'KAFKA_UNREACHABLE', message }, sinceMs: reading.sinceMs };
    }
    case 'reading':
      return unread(
        reading.partitions.filter(
          ({ fetchedAtMs, silentSinceMs }) =>
            nowMs - fetchedAtMs > stalledAfterMs || nowMs - silentSinceMs > stalledAfterMs + rebalanceTimeoutMs,
        ),
        nowMs,
      );
  }
}

function unread(silent: readonly PartitionReading[], nowMs: number): KafkaTrouble | undefined {
  const [longest] = [...silent].sort((a, b) => a.silentSinceMs - b.silentSinceMs);
  if (longest === undefined) return undefined;
  const others = silent.length === 1 ? '' : ` and of ${silent.length - 1} other partitions`;
  const message = `No fetch of ${longest.topic}[${longest.partition}]${others} was answered for ${seconds(nowMs - longest.silentSinceMs)}.`;
  return { failure: { code: 'KAFKA_UNREACHABLE', message }, sinceMs: longest.silentSinceMs };
}

export function seconds(ms: number): string {
  return `${Math.floor(ms / 1000)} s`;
}
