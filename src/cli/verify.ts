import { verify } from '../rebuild/verify.ts';
import type { ExitCode, Surroundings } from './command.ts';
import { exitCodeOf, orThrow, printReport, reportOf, withProof } from './proof.ts';
import type { SourceCommandOptions } from './verify-source.ts';
import { onlyWithSource, verifySourceCommand } from './verify-source.ts';

/** `sluice verify`: proves the index equal to the fold of its topics, or to the rows in SQL, or names what is not. Changes nothing. */
export async function verifyCommand(
  document: string,
  options: SourceCommandOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const startedAtMs = performance.now();
  return withProof(document, options, surroundings, async (opened) => {
    if (options.source === undefined && options.table !== undefined) throw onlyWithSource;
    if (options.source !== undefined) return verifySourceCommand(document, options, opened, surroundings);
    const { proof, progress, signal } = opened;
    const read = await proof.readWhole();
    await using reader = read.reader;
    const verified = await verify(
      {
        ...proof,
        reader,
        patienceMs: options.patience * 1000,
        progress: (done, total) => {
          progress.update('Comparing', done, total);
        },
      },
      signal,
    );
    const found = reportOf(document, proof, read, orThrow(verified), options.examples, startedAtMs);
    const report = { ...found, ignored: orThrow(await proof.ignored()) };
    progress.stop();
    printReport(report, options.json, surroundings);
    return exitCodeOf(report);
  });
}
