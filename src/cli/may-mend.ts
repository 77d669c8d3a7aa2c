/**
 * What both forms of `sluice repair` take, and when they may change the index.
 */
import type { Surroundings } from './command.ts';
import type { SourceCommandOptions } from './verify-source.ts';

export interface RepairCommandOptions extends SourceCommandOptions {
  readonly yes?: boolean;
  /** Documents that may be changed or deleted. */
  readonly max: number;
}

/** Whether so many documents may be changed; says why not. */
export function mayMend(
  found: number,
  { max, yes }: RepairCommandOptions,
  { printError }: Pick<Surroundings, 'printError'>,
): boolean {
  if (found > max) {
    printError(`${found} documents would be changed, which is more than \`--max ${max}\`; nothing was.`);
    return false;
  }
  if (yes !== true) printError(`Nothing was changed. \`--yes\` writes or deletes these ${found} documents.`);
  return yes === true;
}
