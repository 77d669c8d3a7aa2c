import { runService } from '../compose.ts';
import { createLogger } from '../observability/logger.ts';
import { failWith } from './failures.ts';
import { readFiles } from './files.ts';
import type { CommonOptions, ExitCode, Surroundings } from './command.ts';

/** `sluice run`: until a signal; the first drains, the second ends at once. */
export async function runCommand(options: CommonOptions, surroundings: Surroundings): Promise<ExitCode> {
  const files = await readFiles(options, surroundings);
  if (files === undefined) return 2;
  const logger = createLogger(files.config.log.level);
  const stopping = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) process.exit(3);
    logger.info(`${signal}: finishing what is in flight; once more to end at once.`);
    stopping.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    const { recordsLeft } = await runService(
      { ...files, logger, failpoints: surroundings.failpoints },
      stopping.signal,
    );
    if (recordsLeft === 0) return 0;
    logger.warn({ recordsLeft }, `Stopped with ${recordsLeft} records that were not settled; they are read again.`);
    return 3;
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    return failWith(error, surroundings);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
