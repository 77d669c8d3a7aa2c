/**
 * Logs: JSON lines on standard error. No values of rows at info and below, no credentials anywhere: what is logged is made of
 * sentences and numbers, never of clients' own error objects, which hold connections with all their settings.
 */
import pino from 'pino';
import type { Logger } from 'pino';

export type { Logger };

export function createLogger(level: string): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
