import type { Proof, ReadTopics } from '../compose-verify.ts';
import type { Repaired } from '../rebuild/repair.ts';
import { repair } from '../rebuild/repair.ts';
import type { Suspect } from '../rebuild/verify-ports.ts';
import { faults } from '../rebuild/verify-ports.ts';
import type { VerifyOptions } from '../rebuild/verify.ts';
import { judgeDocument, lookAgain, verify } from '../rebuild/verify.ts';
import type { ExitCode, Surroundings } from './command.ts';
import type { Opened, ProofReport } from './proof.ts';
import { exitCodeOf, faultsIn, orThrow, printReport, reportOf, withProof } from './proof.ts';
import { repairSourceCommand } from './repair-source.ts';
import type { RepairCommandOptions } from './may-mend.ts';
import { mayMend } from './may-mend.ts';
import { onlyWithSource } from './verify-source.ts';
import { failWith } from './failures.ts';

/** `sluice repair`: as `verify`; with `--yes` mends what was found, and looks at it again. */
export async function repairCommand(
  document: string,
  options: RepairCommandOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const startedAtMs = performance.now();
  const { print, printError } = surroundings;
  if (options.table !== undefined && options.source === undefined) return failWith(onlyWithSource, surroundings);
  return withProof(document, options, surroundings, async (opened) => {
    if (options.source !== undefined) return repairSourceCommand(document, options, opened, surroundings);
    const { proof, progress, signal } = opened;
    const read = await proof.readWhole();
    await using reader = read.reader;
    const verifying: VerifyOptions = {
      ...proof,
      reader,
      patienceMs: options.patience * 1000,
      progress: (done, total) => {
        progress.update('Comparing', done, total);
      },
    };
    const verified = orThrow(await verify(verifying, signal));
    const report = (): ProofReport => reportOf(document, proof, read, verified, options.examples, startedAtMs);
    const before = report();
    progress.stop();
    printReport(before, options.json, surroundings);
    const found = faultsIn(before);
    if (found === 0) return exitCodeOf(before);
    if (!mayMend(found, options, surroundings)) return 1;
    const suspects = faults.flatMap((fault) => proof.store.judged(fault, found));
    const repaired = await mend(document, opened, read, suspects);
    for (const { id, why } of repaired.left) printError(`${id} was left as it is: ${why}`);
    proof.store.reopen();
    const failure = await lookAgain(verifying, judgeDocument, signal);
    if (failure !== undefined) orThrow(failure);
    progress.stop();
    const after = report();
    if (options.json !== true)
      print(`Wrote ${repaired.written} documents and deleted ${repaired.deleted}; looked again:`);
    printReport(after, options.json, surroundings);
    return exitCodeOf(after);
  });
}

/** Reads the topics once more if the texts of these documents were not kept. */
async function mend(
  document: string,
  { proof, signal }: Opened,
  read: ReadTopics & { readonly keepsTexts: boolean },
  suspects: readonly Suspect[],
): Promise<Repaired> {
  const positions = read.keepsTexts ? read.reader.positions() : await readTexts(proof, suspects);
  return orThrow(await repair({ ...proof, alias: document, positions }, suspects, signal));
}

async function readTexts(proof: Proof, suspects: readonly Suspect[]) {
  const ids = new Set(suspects.map(({ id }) => id));
  const { reader } = await proof.read((id) => ids.has(id));
  await using again = reader;
  await again.catchUp();
  return again.positions();
}
