/**
 * `sluice repair --source`: the index against the rows in SQL; with `--yes`, documents that differ become what their rows say.
 */
import { repairFromSource } from '../rebuild/source-repair.ts';
import { lookAgainAtRows } from '../rebuild/source-rounds.ts';
import { faults } from '../rebuild/verify-ports.ts';
import type { ExitCode, Surroundings } from './command.ts';
import type { Opened } from './proof.ts';
import { exitCodeOf, faultsIn, orThrow } from './proof.ts';
import type { RepairCommandOptions } from './may-mend.ts';
import { mayMend } from './may-mend.ts';
import { compareWithSource, openSourceOf, printSource } from './verify-source.ts';

export async function repairSourceCommand(
  document: string,
  options: RepairCommandOptions,
  opened: Opened,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { proof, progress, signal } = opened;
  const { print, printError } = surroundings;
  await using source = await openSourceOf(options, opened);
  const compared = await compareWithSource(document, options, opened, source);
  const before = compared.report();
  progress.stop();
  printSource(before, options.json, surroundings);
  const found = faultsIn(before);
  if (found === 0) return exitCodeOf(before);
  if (!mayMend(found, options, surroundings)) return 1;
  const { looks } = compared.verified;
  const mended = await repairFromSource(
    {
      ...compared.options,
      ...{ sink: proof.sink, alias: document, looks, versionOfMissing: source.settledVersion },
    },
    faults.flatMap((fault) => proof.store.judged(fault, found)),
    signal,
  );
  const repaired = orThrow(mended);
  for (const { id, why } of repaired.left) printError(`${id} was left as it is: ${why}.`);
  proof.store.reopen();
  const again = orThrow(await lookAgainAtRows({ ...compared.options, looks }, signal));
  progress.stop();
  const after = compared.report(again);
  if (options.json !== true)
    print(`Wrote ${repaired.written} documents and deleted ${repaired.deleted}; looked again:`);
  printSource(after, options.json, surroundings);
  return exitCodeOf(after);
}
