/** `sluice verify … --source` as people run it. */
import type { SourceReport } from '../../src/cli/verify-source.ts';
import type { SluiceOptions } from './sluice-process.ts';
import { runCommand } from './sluice-process.ts';

/** What `verify` says, as JSON. Throws with what it said instead. */
export async function verifySource(
  options: SluiceOptions,
  args: readonly string[],
): Promise<SourceReport & { readonly code: number }> {
  const { code, stdout, stderr } = await runCommand(options, ['verify', ...args, '--json']);
  if (stdout === '') throw new Error(`${code}: ${stderr}`);
  return { ...(JSON.parse(stdout) as SourceReport), code };
}
