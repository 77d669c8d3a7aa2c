/** `sluice verify … --source` as people run it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { SourceReport } from '../../src/cli/verify-source.ts';
import type { CommandResult } from './rows.ts';
import type { SluiceOptions } from './sluice-process.ts';

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

/** A command, configured as the service. */
export function runCommand(options: SluiceOptions, args: readonly string[]): Promise<CommandResult> {
  const environment = {
    SLUICE_KAFKA_BROKERS: options.kafka,
    SLUICE_KAFKA_GROUP_ID: options.groupId,
    SLUICE_ELASTICSEARCH_NODES: options.elasticsearch,
    SLUICE_DOCUMENTS: options.documents,
    SLUICE_DEAD_LETTERS_TOPIC: `${options.groupId}-dead-letters`,
    ...options.environment,
  };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [main, ...args],
      { cwd: options.documents, env: { PATH: process.env['PATH'], ...environment }, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
      },
    );
  });
}

/** What `verify` says, as JSON. Throws with what it said instead. */
export async function verifySource(
  options: SluiceOptions,
  args: readonly string[],
): Promise<SourceReport & { readonly code: number }> {
  const { code, stdout, stderr } = await runCommand(options, ['verify', ...args, '--json']);
  if (stdout === '') throw new Error(`${code}: ${stderr}`);
  return { ...(JSON.parse(stdout) as SourceReport), code };
}
