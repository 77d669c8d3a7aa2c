import { openRebuild } from '../compose-rebuild.ts';
import type { RebuildTools } from '../compose-rebuild.ts';
import { SluiceError, explain } from '../errors.ts';
import { durationMs } from '../model/index-settings.ts';
import type { Failure } from '../model/outcome.ts';
import { discard, missingHistory } from '../rebuild/begin.ts';
import { rebuild } from '../rebuild/rebuild.ts';
import { finish, rollback } from '../rebuild/rollback.ts';
import { refuse } from '../rebuild/custody.ts';
import { isFirst } from '../rebuild/handover.ts';
import { isFailure } from '../model/outcome.ts';
import type { SnapshotPlan } from '../rebuild/snapshot-request.ts';
import { planSnapshot } from '../rebuild/snapshot-request.ts';
import { takeAsComplete } from '../rebuild/snapshot-source.ts';
import type { CommonOptions, ExitCode, Surroundings } from './command.ts';
import { failWith } from './failures.ts';
import { readFiles } from './files.ts';
import { createProgress } from './rebuild-progress.ts';

export interface RebuildCommandOptions extends CommonOptions {
  readonly dryRun?: boolean;
  readonly maxRate?: string;
  readonly incompleteHistory?: boolean;
  readonly acceptDifferences?: boolean;
  readonly restart?: boolean;
  readonly abort?: boolean;
  readonly snapshot?: string;
  readonly signalTopic?: string;
  readonly signalTable?: string;
  readonly notificationTopic?: string;
  readonly topicPrefix?: string;
  readonly dataCollections?: string;
  readonly snapshotComplete?: boolean;
  readonly json?: boolean;
}

export interface FinishCommandOptions extends CommonOptions {
  readonly keep?: number;
  readonly olderThan?: string;
}

interface Tools extends RebuildTools {
  readonly progress: ReturnType<typeof createProgress>;
}

/** Opens what a rebuild needs, uses it until it ends or a signal comes, and says what went wrong. */
async function withTools(
  document: string,
  options: CommonOptions & { readonly maxRate?: string; readonly json?: boolean },
  surroundings: Surroundings,
  use: (tools: Tools, signal: AbortSignal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const files = await readFiles(options, surroundings);
  if (files === undefined) return 2;
  const maxRate = options.maxRate === undefined ? undefined : Number(options.maxRate);
  if (maxRate !== undefined && !(maxRate > 0)) {
    surroundings.printError(`\`--max-rate ${options.maxRate ?? ''}\` is no number of records a second.`);
    return 2;
  }
  const stopping = new AbortController();
  const stop = (): void => {
    if (stopping.signal.aborted) process.exit(3);
    stopping.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const { print, printError } = surroundings;
  const terminal = process.stderr.isTTY && options.json !== true ? process.stderr : undefined;
  const progress = createProgress({ print, terminal, nowMs: () => performance.now() });
  let lastWarning = '';
  const settings = {
    ...files,
    document,
    maxRate,
    failpoints: surroundings.failpoints,
    say: progress.sentence,
    warn: (failure: Failure) => {
      // What is waited for is told once, not with every attempt.
      if (failure.message !== lastWarning) printError(explain(failure));
      lastWarning = failure.message;
    },
  };
  try {
    await using tools = await openRebuild(settings, stopping.signal);
    return await use({ ...tools, progress }, stopping.signal);
  } catch (error) {
    if (error instanceof SluiceError) return failWith(error, surroundings);
    if (!stopping.signal.aborted) throw error;
    printError('Stopped; the same command goes on where it was.');
    return 3;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** `sluice rebuild DOCUMENT` */
export function rebuildCommand(
  document: string,
  options: RebuildCommandOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  return withTools(document, options, surroundings, async (tools, signal) => {
    if (options.abort === true) return abortRebuild(tools);
    if (options.snapshotComplete === true) return snapshotComplete(tools);
    await tools.expectColumns();
    const snapshot = planned(options, tools.topics);
    if (options.dryRun === true) return dryRun(tools, snapshot, surroundings);
    const { progress, ...known } = tools;
    const ended = await rebuild(
      {
        ...known,
        acceptDifferences: options.acceptDifferences === true,
        incompleteHistory: options.incompleteHistory === true,
        restart: options.restart === true,
        snapshot,
        tell: progress.progress,
      },
      signal,
    );
    if (isFirst(ended)) {
      progress.sentence(`${document} is ${ended.live} now: its first index, made of all records of its topics.`);
      return 0;
    }
    progress.sentence(
      `${document} is ${ended.live} now. ${ended.from} is kept up to date: \`sluice rollback ${document}\` goes back to it, \`sluice rebuild finish ${document}\` removes it.`,
    );
    return 0;
  });
}

/** The snapshot that the options ask for. */
function planned(options: RebuildCommandOptions, topics: readonly string[]): SnapshotPlan | undefined {
  const { snapshot: kind, signalTopic, signalTable, notificationTopic, topicPrefix: prefix } = options;
  if (kind === undefined) return undefined;
  const collections = options.dataCollections?.split(',').map((name) => name.trim());
  const plan = planSnapshot({ kind, signalTopic, signalTable, notificationTopic, prefix, collections }, topics);
  if (isFailure(plan)) throw new SluiceError([plan]);
  return plan;
}

/** `sluice rebuild DOCUMENT --snapshot-complete`, beside the rebuild that waits for it. */
async function snapshotComplete(tools: Tools): Promise<ExitCode> {
  await takeAsComplete(tools);
  tools.progress.sentence(
    `The snapshot counts as complete: the rebuild of ${tools.document} goes on when it has loaded what is in the topics by now.`,
  );
  return 0;
}

async function abortRebuild({ custody, generations, document, progress }: Tools): Promise<ExitCode> {
  const stored = await custody.read();
  if (stored === undefined) throw refuse(`Nothing is known of a rebuild of ${document}: there is nothing to give up.`);
  await discard({ custody, generations }, stored.control);
  progress.sentence(`The rebuild of ${document} was given up; ${stored.control.to} was removed.`);
  return 0;
}

/** `sluice rebuild DOCUMENT --dry-run`: what it would do. Changes nothing. */
async function dryRun(
  { custody, generations, brokers, document }: Tools,
  snapshot: SnapshotPlan | undefined,
  { print }: Surroundings,
): Promise<ExitCode> {
  const current = await generations.current(document);
  if (current !== undefined && 'code' in current) throw new SluiceError([current]);
  const stored = await custody.read();
  if (stored !== undefined) {
    const { phase, to, startedBy, startedAt } = stored.control;
    print(`A rebuild into ${to} is in the phase ${phase}, begun by ${startedBy} at ${startedAt}.`);
  }
  print(
    current === undefined
      ? `There is no index ${document}: its first would be made.`
      : `${document} is ${current.index}.`,
  );
  for (const { topic, records, gone, compacted, deleteRetentionMs } of await brokers.history()) {
    const kept = compacted
      ? `compacted: the newest record of each key, and deletes for ${deleteRetentionMs / 3_600_000} h; the rebuild must take less`
      : 'not compacted';
    print(`${topic}: ${records} records at most, ${gone} gone; ${kept}.`);
  }
  const missing = await missingHistory(brokers);
  if (missing.length === 0) {
    print('The topics are whole as far as the brokers tell: a rebuild can be made of them.');
    return 0;
  }
  if (snapshot !== undefined) {
    const { kind, collections, prefix } = snapshot;
    print(`${missing.join(' ')} The connector of ${prefix} would be asked for its ${collections.join(', ')}, ${kind}.`);
    return 0;
  }
  print(`${missing.join(' ')} A rebuild is refused without --snapshot or --incomplete-history.`);
  return 1;
}

/** `sluice rebuild finish DOCUMENT` */
export function finishCommand(
  document: string,
  options: FinishCommandOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { olderThan = '0' } = options;
  const ageMs = durationMs(olderThan);
  if (ageMs === undefined) {
    surroundings.printError(`\`--older-than ${olderThan}\` is no time: write 7d, 12h or 30m.`);
    return Promise.resolve(2);
  }
  return withTools(document, options, surroundings, async (tools) => {
    const removed = await finish(tools, { count: options.keep ?? 0, ageMs });
    const what = removed.length === 0 ? 'nothing was removed' : `removed ${removed.join(', ')}`;
    tools.progress.sentence(`The rebuild of ${document} is finished; ${what}.`);
    return 0;
  });
}

/** `sluice rollback DOCUMENT` */
export function rollbackCommand(
  document: string,
  options: CommonOptions & { readonly forward?: boolean },
  surroundings: Surroundings,
): Promise<ExitCode> {
  return withTools(document, options, surroundings, async (tools) => {
    const { live, from, to } = await rollback(tools, options.forward === true ? 'forward' : 'back');
    const other = live === to ? from : to;
    tools.progress.sentence(`${document} is ${live}; ${other} is kept up to date too.`);
    return 0;
  });
}
