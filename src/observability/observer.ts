/**
 * What the pipeline tells, counted and, where a person should know, said: per batch and never per record.
 */
import { catalogue, explain } from '../errors.ts';
import type { DeadLetter, Observer } from '../pipeline/ports.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { createSupersededWatch } from './superseded.ts';
import type { Clocks, Waits } from './waits.ts';
import { createWaits } from './waits.ts';

/** Of records that went to the dead letters at once for one reason: those that are named, each by a line. */
const namedLetters = 10;

/** Attempts at which a wait is said again: at first each, then ever more rarely. */
const isSaid = (attempt: number): boolean => attempt <= 3 || Number.isInteger(Math.log2(attempt));
/** From this attempt on it is an error. */
const loudFrom = 5;

const clocks: Clocks = { nowMs: () => performance.now(), epochMs: () => Date.now() };

export function createObserver({ observer }: Metrics, logger: Logger, waits: Waits = createWaits(clocks)): Observer {
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
    deadLettered: (topic, code, records, letters = []) => {
      observer.deadLettered(topic, code, records);
      for (const letter of letters.slice(0, namedLetters)) nameLetter(letter, logger);
      logger.warn(
        { topic, code, records },
        `${records} records of ${topic} went to the dead letters: ${meaningOf(code)}`,
      );
    },
    waiting: (failure, attempt, delayMs, of = failure.code) => {
      observer.waiting(failure, attempt, delayMs, of);
      const before = waits.waiting(failure, attempt, of);
      if (before !== undefined) sayOver(logger, before.code, clocks.nowMs() - before.sinceMs, of);
      if (!isSaid(attempt)) return;
      const level = attempt >= loudFrom ? 'error' : 'warn';
      logger[level]({ code: failure.code, of, attempt, delayMs }, `${explain(failure)} Attempt ${attempt} failed.`);
    },
    recovered: (code, afterMs, of = code) => {
      observer.recovered(code, afterMs, of);
      waits.recovered(of);
      sayOver(logger, code, afterMs, of);
    },
    warned,
  };
}

/** Where the record is, which document refused it, and which field, if the failure says so. */
function nameLetter({ record: { topic, partition, offset }, failure, document }: DeadLetter, logger: Logger): void {
  const field = fieldIn(failure.message);
  logger.warn(
    {
      ...{ topic, partition, offset: offset.toString(), code: failure.code },
      ...(document && { index: document.index, id: document.id }),
      ...(field !== undefined && { field }),
    },
    `${document === undefined ? 'A record' : 'A document'} was refused: ${failure.message}`,
  );
}

/** The field that an answer of Elasticsearch blames. */
function fieldIn(message: string): string | undefined {
  const found =
    /(?:failed to parse field|object mapping for|dynamic introduction of|object field) \[([^\]]*)\]|in field="([^"]*)"/.exec(
      message,
    );
  return found?.[1] ?? found?.[2];
}

function sayOver(logger: Logger, code: string, afterMs: number, of: string): void {
  const what = of === code ? code : `${code} (${of})`;
  logger.info({ code, of, afterMs }, `${what} is over after ${Math.round(afterMs)} ms.`);
}

function meaningOf(code: string): string {
  return Object.entries(catalogue).find(([known]) => known === code)?.[1].meaning ?? code;
}
