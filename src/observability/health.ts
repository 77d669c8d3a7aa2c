/**
 * Whether everything moves: red by the worst document or partition, which it names. Whether the process can work is another
 * question (`readiness.ts`).
 */
import type { FailureCode } from '../model/outcome.ts';
import type { TopicPartition } from '../model/record.ts';
import type { Patience, ProcessState } from './readiness.ts';
import { kafkaTrouble, readiness, seconds } from './readiness.ts';

/** A partition as `/status` shows it; times are of the clock that measures durations, or of the calendar where they say so. */
export interface PartitionState extends TopicPartition {
  readonly unsettled: number;
  /** Since when nothing of it is settled although there is something to settle. */
  readonly standingSinceMs?: number;
  /** Until the first record that is not settled or not read expires, by the topic's retention; and that retention. */
  readonly expiresInMs?: number;
  readonly retentionMs?: number;
}

export interface HealthState extends ProcessState {
  readonly partitions: readonly PartitionState[];
}

/** What stands still, or is about to be lost. */
export interface Finding {
  /** A partition as `topic[0]`, an index, `Kafka`, `Elasticsearch`, `dead letters`, `schema 7`, … */
  readonly what: string;
  readonly code: FailureCode | 'NOT_SETTLED' | 'EXPIRES_SOON' | 'NOT_READY';
  readonly message: string;
  readonly forSeconds: number;
}

export interface Health {
  readonly healthy: boolean;
  /** The longest first. */
  readonly findings: readonly Finding[];
}

/** Of a topic's retention: when no more than this is left before unread records expire, someone must act. */
const lastPart = 0.1;

export function judgeHealth(state: HealthState, nowMs: number, patience: Patience): Health {
  const since = (sinceMs: number): number => Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
  const isLong = (sinceMs: number): boolean => nowMs - sinceMs > patience.stalledAfterMs;
  const findings: Finding[] = [];
  const kafka = kafkaTrouble(state.reading, nowMs, patience);
  if (kafka !== undefined) {
    const { failure, sinceMs } = kafka;
    findings.push({ what: 'Kafka', code: failure.code, message: failure.message, forSeconds: since(sinceMs) });
  }
  for (const { of, code, message, sinceMs } of state.waits) {
    if (of !== 'Kafka' && isLong(sinceMs)) findings.push({ what: of, code, message, forSeconds: since(sinceMs) });
  }
  for (const { topic, partition, unsettled, standingSinceMs, expiresInMs, retentionMs = 0 } of state.partitions) {
    const what = `${topic}[${partition}]`;
    if (standingSinceMs !== undefined && isLong(standingSinceMs)) {
      const message = `${unsettled} records of it wait, and its first one has waited for ${seconds(nowMs - standingSinceMs)}.`;
      findings.push({ what, code: 'NOT_SETTLED', message, forSeconds: since(standingSinceMs) });
    }
    if (expiresInMs !== undefined && expiresInMs < retentionMs * lastPart) {
      const message = `Records that are not written yet expire in ${seconds(Math.max(0, expiresInMs))}, by the retention of the topic.`;
      findings.push({ what, code: 'EXPIRES_SOON', message, forSeconds: 0 });
    }
  }
  const { ready, reason = '' } = readiness(state, nowMs, patience);
  if (!ready && findings.length === 0)
    findings.push({ what: 'Sluice', code: 'NOT_READY', message: reason, forSeconds: 0 });
  findings.sort((a, b) => b.forSeconds - a.forSeconds);
  return { healthy: findings.length === 0, findings };
}
