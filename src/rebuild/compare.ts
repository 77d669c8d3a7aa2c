/**
 * Whether the new generation holds what the old one holds, while both are written and the instances may be far behind.
 *
 * The rebuild reads the topics faster than instances whose requests take seconds, so the new generation may have newer documents,
 * or lack one whose delete the instances have not written yet. Neither is a danger, and no time makes them equal. A document that
 * the new generation lacks, or has in an older version, is looked at again when the instances and the rebuild have both passed what
 * was in the topics at the first look. If the old generation still has the same version then, no record explains the difference.
 */
import type { Control, PartitionPosition } from './handover.ts';
import { havePassed } from './handover.ts';
import { asked, lagOf } from './ask-brokers.ts';
import type { Lacking } from './ports.ts';
import type { RebuildOptions } from './rebuild-options.ts';
import { partitionKey } from '../model/record.ts';

const roundMs = 500;

export type CompareOptions = Pick<
  RebuildOptions,
  'acceptDifferences' | 'brokers' | 'clock' | 'comparison' | 'custody' | 'groupId' | 'say' | 'tell'
>;

/** Why the new generation must not become the live one, each a sentence. Waits for instances that are behind, however long. */
export async function compare(
  options: CompareOptions,
  control: Pick<Control, 'from' | 'to' | 'groupId' | 'phase'>,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { comparison, custody, brokers, groupId, say } = options;
  const { from, to } = control;
  const { compared, ahead, lacking, counts } = await custody.persist(() => comparison.sample(from, to));
  if (ahead > 0 || counts.to > counts.from) {
    say(
      `${to} has ${counts.to} documents, ${from} has ${counts.from}. Of ${compared} that were compared ${ahead} are newer in ${to}, or only there: the instances are behind, or had refused them.`,
    );
  }
  let suspects = lacking;
  while (suspects.length > 0) {
    if (options.acceptDifferences) return [sentence(suspects, compared, control)];
    const ends = await asked(() => brokers.positions(groupId), options, signal);
    const targets = new Map(ends.map((position) => [partitionKey(position), position.end]));
    await passedBy(targets, options, control, signal);
    const before = new Map(suspects.map(({ id, version }) => [id, version]));
    suspects = await custody.persist(() => comparison.lacking(from, to, suspects));
    const unexplained = suspects.filter(({ id, version }) => before.get(id) === version);
    if (unexplained.length > 0) return [sentence(unexplained, compared, control)];
  }
  return [];
}

/** Resolves when the instances and the rebuild have passed the targets. */
async function passedBy(
  targets: ReadonlyMap<string, number>,
  options: CompareOptions,
  control: Pick<Control, 'groupId' | 'phase'>,
  signal: AbortSignal,
): Promise<void> {
  const { brokers, clock, groupId, tell } = options;
  for (;;) {
    const live = await asked(() => brokers.positions(groupId), options, signal);
    const rebuilt = await asked(() => brokers.positions(control.groupId), options, signal);
    const isLive = havePassed(targets, live);
    if (isLive && havePassed(targets, rebuilt)) return;
    const waitingFor = isLive ? undefined : await whoIsBehind(targets, live, options, signal);
    tell({ phase: control.phase, ...lagOf(rebuilt), waitingFor });
    await clock.sleep(roundMs, signal);
  }
}

async function whoIsBehind(
  targets: ReadonlyMap<string, number>,
  live: readonly PartitionPosition[],
  options: CompareOptions,
  signal: AbortSignal,
): Promise<string> {
  const left = live.reduce((sum, at) => {
    const reached = Math.max(at.committed ?? 0, at.start);
    return sum + Math.max(0, (targets.get(partitionKey(at)) ?? 0) - reached);
  }, 0);
  const { owners } = await asked(() => options.brokers.group(options.groupId), options, signal);
  if (owners.size === 0) return `no instance of the group ${options.groupId} runs, and it is ${left} records behind`;
  return `the instances are ${left} records behind; documents are compared up to there`;
}

function sentence(lacking: readonly Lacking[], compared: number, { from, to }: Pick<Control, 'from' | 'to'>): string {
  const examples = lacking.slice(0, 5).map(({ id }) => `"${id}"`);
  return `${to} lacks ${lacking.length} of ${compared} documents that were compared with ${from}, or has them in an older version, such as ${examples.join(', ')}`;
}
