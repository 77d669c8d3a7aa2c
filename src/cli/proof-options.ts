/**
 * Options of the commands that compare an index with its topics.
 */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';

export function addProofOptions(command: Command): Command {
  return command
    .option('--json', 'as JSON')
    .option('--examples <n>', 'ids to name of each kind', wholeNumber, 5)
    .option('--limit-memory <MiB>', 'memory for what is known of the documents; the rest is on disk', wholeNumber, 32)
    .option('--spill-folder <folder>', 'where on disk (default: the system’s folder for temporary files)')
    .option('--patience <seconds>', 'how long to wait for documents that cannot be judged yet', wholeNumber, 15);
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is no whole number.');
  return Number(text);
}
