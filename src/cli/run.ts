import { runService } from '../compose.ts';
import { createLogger } from '../observability/logger.ts';
import { failWith } from './failures.ts';
import { readFiles } from './files.ts';
import type { CommonOptions, ExitCode, Surroundings } from './command.ts';

const draining = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `sluice run`: until a signal; the first drains, a second SIGINT or SIGTERM ends at once. */
export async function runCommand(options: CommonOptions, surroundings: Surroundings): Promise<ExitCode> {
  const files = await readFiles(options, surroundings);
  if (files === undefined) return 2;
  const logger = createLogger(files.config.log.level);
  const stopping = new AbortController();
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping.signal.aborted) {
      // A terminal that closes sends SIGHUP more than once.
      if (signal !== 'SIGHUP') process.exit(3);
      return;
    }
    logger.info(`${signal}: Sluice finishes what is in flight and commits; SIGINT or SIGTERM ends it at once.`);
    stopping.abort();
  };
  for (const signal of draining) process.on(signal, stop);
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
    for (const signal of draining) process.off(signal, stop);
  }
}
