/**
 * The command line.
 */
import { Command, CommanderError } from 'commander';
import { version } from '../compose.ts';
import { checkCommand } from './check.ts';
import type { CommonOptions, ExitCode, Surroundings } from './command.ts';
import type { RebuildCommandOptions } from './rebuild.ts';
import { finishCommand, rebuildCommand, rollbackCommand } from './rebuild.ts';
import { runCommand } from './run.ts';
import { statusCommand } from './status.ts';

const examples = `
Examples:
  sluice check                          are the files right, and are the servers there?
  sluice run                            read ./sluice.yaml and keep Elasticsearch equal to the database
  sluice run --config /etc/sluice.yaml
  sluice status                         how far has the group come?
  sluice status --url http://localhost:8080
  sluice rebuild customers              make its index anew, after its mapping has changed
  sluice rollback customers             and back again

Every key of sluice.yaml is also a variable of the environment: kafka.groupId is SLUICE_KAFKA_GROUP_ID; with _FILE behind its
name it is read from a file. Ctrl-C finishes what is in flight and commits it; a second one ends at once.

Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 stopped with work left.`;

export async function runProgram(args: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = new Command('sluice')
    .description('Keeps Elasticsearch equal to a database: Debezium’s changes on Kafka become documents.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        surroundings.print(text.trimEnd());
      },
      writeErr: (text) => {
        surroundings.printError(text.trimEnd());
      },
    })
    .addHelpText('after', examples);
  const configOption = [
    '-c, --config <file>',
    'configuration file (default: $SLUICE_CONFIG, else ./sluice.yaml if there)',
  ] as const;
  program
    .command('run')
    .description('read changes and write documents until stopped')
    .option(...configOption)
    .action(async (options: CommonOptions) => {
      exitCode = await runCommand(options, surroundings);
    });
  program
    .command('check')
    .description('check the files, then the servers: topics, indexes, credentials')
    .option(...configOption)
    .action(async (options: CommonOptions) => {
      exitCode = await checkCommand(options, surroundings);
    });
  program
    .command('status')
    .description('lag per topic; and of a running instance what is in flight and the last error')
    .option(...configOption)
    .option('--url <url>', 'HTTP port of a running instance')
    .option('--json', 'as JSON')
    .action(async (options: CommonOptions & { readonly url?: string; readonly json?: boolean }) => {
      exitCode = await statusCommand(options, surroundings);
    });
  addRebuild(program, configOption, surroundings, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
}

function addRebuild(
  program: Command,
  configOption: readonly [string, string],
  surroundings: Surroundings,
  end: (code: ExitCode) => void,
): void {
  const command = program
    .command('rebuild')
    .argument('<document>', 'the alias')
    .description('make an index anew from its topics and put it behind its alias, without a gap for readers')
    .option(...configOption)
    .option('--dry-run', 'say what would be done, and whether the topics allow it')
    .option('--max-rate <n>', 'read at most so many records a second')
    .option('--restart', 'begin anew, whatever was begun before')
    .option('--abort', 'give up a rebuild that was begun')
    .option('--accept-differences', 'swap although the new index holds other documents than the old one')
    .option('--incomplete-history', 'rebuild although the topics do not hold all history')
    .option('--json', 'progress as JSON lines, on a terminal too')
    .action(async (document: string, options: RebuildCommandOptions) => {
      end(await rebuildCommand(document, options, surroundings));
    });
  command
    .command('finish')
    .argument('<document>', 'the alias')
    .description('end a rebuild for good: remove the old index; after this there is no rollback')
    .option(...configOption)
    .option('--keep <n>', 'leave so many old generations, no longer kept up to date', '0')
    .action(async (document: string, _: unknown, finish: Command) => {
      // An option that both have is taken by `rebuild`.
      const options: CommonOptions & { readonly keep: string } = finish.optsWithGlobals();
      end(await finishCommand(document, options, surroundings));
    });
  program
    .command('rollback')
    .argument('<document>', 'the alias')
    .description('go back to the index before the rebuild, without a gap; nothing is lost')
    .option(...configOption)
    .option('--forward', 'go to the new one again')
    .action(async (document: string, options: CommonOptions & { readonly forward?: boolean }) => {
      end(await rollbackCommand(document, options, surroundings));
    });
}
