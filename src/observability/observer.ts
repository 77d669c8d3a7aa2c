/**
 * What the pipeline tells, counted and, where a person should know, said: per batch and never per record.
 */
import { catalogue, explain } from '../errors.ts';
import type { Observer } from '../pipeline/ports.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { createSupersededWatch } from './superseded.ts';

/** Attempts at which a wait is said again: at first each, then ever more rarely. */
const isSaid = (attempt: number): boolean => attempt <= 3 || Number.isInteger(Math.log2(attempt));
/** From this attempt on it is an error. */
const loudFrom = 5;

export function createObserver({ observer }: Metrics, logger: Logger): Observer {
  const warned: Observer['warned'] = (failure) => {
    logger.warn({ code: failure.code }, explain(failure));
  };
  const watchSuperseded = createSupersededWatch({ nowMs: () => performance.now(), warned });
  return {
    ...observer,
    wrote: (index, outcome, writes) => {
      observer.wrote(index, outcome, writes);
      watchSuperseded(index, outcome, writes);
    },
    deadLettered: (topic, code, records) => {
      observer.deadLettered(topic, code, records);
      logger.warn(
        { topic, code, records },
        `${records} records of ${topic} went to the dead letters: ${meaningOf(code)}`,
      );
    },
    waiting: (failure, attempt, delayMs) => {
      observer.waiting(failure, attempt, delayMs);
      if (!isSaid(attempt)) return;
      const level = attempt >= loudFrom ? 'error' : 'warn';
      logger[level]({ code: failure.code, attempt, delayMs }, `${explain(failure)} Attempt ${attempt} failed.`);
    },
    recovered: (code, afterMs) => {
      observer.recovered(code, afterMs);
      logger.info({ code, afterMs }, `${code} is over after ${Math.round(afterMs)} ms.`);
    },
    warned,
  };
}

function meaningOf(code: string): string {
  return Object.entries(catalogue).find(([known]) => known === code)?.[1].meaning ?? code;
}
