/**
 * Errors that end a command, as sentences and exit codes.
 */
import { SluiceError, explain } from '../errors.ts';
import type { FailureCode } from '../model/outcome.ts';
import type { ExitCode, Surroundings } from './command.ts';

/** What is wrong with these is what the user configured. */
const wrongConfiguration: ReadonlySet<FailureCode> = new Set<FailureCode>([
  'CONFIGURATION_INVALID',
  'MAPPING_INVALID',
  'COLUMN_UNKNOWN',
  'TOPIC_MISSING',
  'TOPICS_MIXED',
  'KAFKA_UNAUTHORIZED',
  'ELASTICSEARCH_UNAUTHORIZED',
  'ELASTICSEARCH_FORBIDDEN',
  'ELASTICSEARCH_ENGINE_WRONG',
  'INDEX_INCOMPATIBLE',
  'EPOCH_LOWERED',
  'ADOPTION_REFUSED',
  'SOURCE_UNREACHABLE',
  'SOURCE_UNAUTHORIZED',
  'SOURCE_FORBIDDEN',
  'SOURCE_TABLE_MISSING',
  'SOURCE_UNUSABLE',
]);

/** Prints each failure as a sentence. Errors that are no SluiceError are defects, and thrown on. */
export function failWith(error: unknown, { printError }: Surroundings): ExitCode {
  if (!(error instanceof SluiceError)) throw error;
  for (const failure of error.failures) printError(explain(failure));
  return error.failures.every(({ code }) => wrongConfiguration.has(code)) ? 2 : 1;
}
