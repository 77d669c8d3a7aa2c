/**
 * The command line.
 */
import { Command, CommanderError } from 'commander';
import { version } from '../compose-connections.ts';
import { adoptCommand } from './adopt.ts';
import { checkCommand } from './check.ts';
import type { CommonOptions, ExitCode, Surroundings } from './command.ts';
import type { FinishCommandOptions, RebuildCommandOptions } from './rebuild.ts';
import { finishCommand, rebuildCommand, rollbackCommand } from './rebuild.ts';
import { runCommand } from './run.ts';
import { statusCommand } from './status.ts';
import { verifyCommand } from './verify.ts';
import { repairCommand } from './repair.ts';
import type { RepairCommandOptions } from './may-mend.ts';
import type { SourceCommandOptions } from './verify-source.ts';
import { sweepCommand } from './sweep.ts';
import type { SweepCommandOptions } from './sweep.ts';
import { planCommand } from './plan.ts';
import type { PlanCommandOptions } from './plan.ts';
import { addProofOptions, wholeNumber } from './proof-options.ts';

const examples = `
Examples:
  sluice check                          are the files right, and are the servers there?
  sluice run                            read ./sluice.yaml and keep Elasticsearch equal to the database
  sluice run --config /etc/sluice.yaml
  sluice status                         how far has the group come?
  sluice status --url http://localhost:8080
  sluice adopt customers --index customers_v7   write into an index that is there already
  sluice verify customers               is the index what the topics say?
  sluice verify customers --source      is it what the rows in SQL say? ($SLUICE_SOURCE)
  sluice repair customers --yes         mend what is not
  sluice plan customers --count 3       what would become of the first three records?
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
  program
    .command('adopt')
    .argument('<document>', 'the document, as its mapping file names it')
    .description('take over an index that is there already, or give a lost alias back')
    .option(...configOption)
    .option('--index <index>', 'the index; that which the alias names, or the only generation, if absent')
    .action(async (document: string, options: CommonOptions & { readonly index?: string }) => {
      exitCode = await adoptCommand(document, options, surroundings);
    });
  addProofOptions(
    program
      .command('verify <document>')
      .description('prove the index equal to its topics, beside live traffic; name what is missing, stale, surplus, …'),
  )
    .option(...configOption)
    .option('--index <index>', 'the index to look at, instead of the document’s alias')
    .option('--source [url]', 'compare with the rows of the database instead (default: `source` of the configuration)')
    .option('--table <schema.table...>', 'the table of each topic, where its name does not tell')
    .action(async (document: string, options: SourceCommandOptions) => {
      exitCode = await verifyCommand(document, options, surroundings);
    });
  addProofOptions(
    program
      .command('repair <document>')
      .description('as verify; with --yes mend what was found, and nothing else, and look again'),
  )
    .option(...configOption)
    .option('--source [url]', 'make documents as the rows of the database are (default: `source` of the configuration)')
    .option('--table <schema.table...>', 'the table of each topic, where its name does not tell')
    .option('--yes', 'change the index')
    .option('--max <n>', 'change nothing if it were more documents than this', wholeNumber, 1000)
    .action(async (document: string, options: RepairCommandOptions) => {
      exitCode = await repairCommand(document, options, surroundings);
    });
  addProofOptions(
    program
      .command('sweep <document>')
      .description('documents that no record since a snapshot’s beginning is about; with --yes --max delete them'),
  )
    .option(...configOption)
    .option('--since <offsets>', 'beginning, as topic[partition]@offset,… or (of one topic) partition:offset,…')
    .option('--since-snapshot', 'beginning of the last snapshot, which must be complete')
    .option('--yes', 'delete them')
    .option('--max <n>', 'delete nothing if it were more documents than this', wholeNumber)
    .action(async (document: string, options: SweepCommandOptions) => {
      exitCode = await sweepCommand(document, options, surroundings);
    });
  program
    .command('plan <document>')
    .description('what would become of given records, and of the index: documents, ids, versions; nothing is written')
    .option(...configOption)
    .option('--file <file>', 'records: a JSON object a line, or one in all')
    .option('--topic <topic>', 'a topic of the document (default: its first)')
    .option('--partition <n>', 'its partition', wholeNumber, 0)
    .option('--from <offset>', 'the first record', wholeNumber, 0)
    .option('--count <n>', 'how many records', wholeNumber, 10)
    .option('--json', 'as JSON lines')
    .action(async (document: string, options: PlanCommandOptions) => {
      exitCode = await planCommand(document, options, surroundings);
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
    .option('--snapshot <kind>', 'have a Debezium connector read the tables again: `incremental` or `blocking`')
    .option('--signal-topic <topic>', 'ask it by this topic (`signal.kafka.topic`)')
    .option('--signal-table <table>', 'print the row of its signal table, for you to insert')
    .option('--notification-topic <topic>', 'where it tells that it is complete (`notification.sink.topic.name`)')
    .option('--snapshot-complete', 'say that it is complete, where no notifications do')
    .option('--topic-prefix <prefix>', "the connector's `topic.prefix`, where topics do not begin with it")
    .option('--data-collections <names>', 'the tables, where the names of topics do not tell them; separated by commas')
    .option('--json', 'progress as JSON lines, on a terminal too')
    .action(async (document: string, options: RebuildCommandOptions) => {
      end(await rebuildCommand(document, options, surroundings));
    });
  command
    .command('finish')
    .argument('<document>', 'the alias')
    .description('end a rebuild for good: remove the old index; after this there is no rollback')
    .option(...configOption)
    .option('--keep <n>', 'leave so many old generations, no longer kept up to date', wholeNumber, 0)
    .option('--older-than <time>', 'leave those that were made no longer ago (7d, 12h); remove older ones')
    .action(async (document: string, _: unknown, finish: Command) => {
      // An option that both have is taken by `rebuild`.
      const options: FinishCommandOptions = finish.optsWithGlobals();
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
