import type { ReadTopics } from '../compose-verify.ts';
import { SluiceError } from '../errors.ts';
import type { Offset } from '../model/position.ts';
import { offset } from '../model/position.ts';
import type { TopicPartition } from '../model/record.ts';
import { repair } from '../rebuild/repair.ts';
import { watchSnapshots } from '../rebuild/snapshot.ts';
import { findUnconfirmed, judgeUnconfirmed } from '../rebuild/sweep.ts';
import type { VerifyOptions } from '../rebuild/verify.ts';
import { lookAgain } from '../rebuild/verify.ts';
import type { ExitCode, Surroundings } from './command.ts';
import type { Opened, ProofCommandOptions } from './proof.ts';
import { orThrow, withProof } from './proof.ts';

export interface SweepCommandOptions extends ProofCommandOptions {
  readonly since?: string;
  readonly sinceSnapshot?: boolean;
  readonly yes?: boolean;
  readonly max?: number;
}

/** `sluice sweep`: documents that no record since a snapshot's beginning is about; with `--yes --max` they are deleted. */
export async function sweepCommand(
  document: string,
  options: SweepCommandOptions,
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { print, printError } = surroundings;
  if ((options.since === undefined) === (options.sinceSnapshot !== true)) {
    printError('Say from where on records confirm documents: `--since` with offsets, or `--since-snapshot`.');
    return 2;
  }
  if (options.yes === true && options.max === undefined) {
    printError('`--yes` deletes; say with `--max` how many documents may go.');
    return 2;
  }
  return withProof(document, options, surroundings, async (opened) => {
    const { proof, progress, signal } = opened;
    const read = await readSince(opened, options);
    await using reader = read.reader;
    const verifying: VerifyOptions = {
      ...proof,
      reader,
      patienceMs: options.patience * 1000,
      progress: (done, total) => {
        progress.update('Comparing', done, total);
      },
    };
    const { documents } = orThrow(await findUnconfirmed(verifying, signal));
    progress.stop();
    const count = (): number => proof.store.verdicts().surplus ?? 0;
    const found = count();
    const suspects = proof.store.judged('surplus', found);
    const examples = suspects.slice(0, options.examples).map(({ id }) => id);
    if (options.json === true)
      print(JSON.stringify({ document, documents, unconfirmed: found, examples, since: read.since }));
    else {
      const named = examples.length === 0 ? '' : `: ${examples.join(', ')}${examples.length < found ? ', …' : ''}`;
      print(`${document}: ${found} of ${documents} documents have no record since ${read.since.join(', ')}${named}`);
    }
    if (found === 0) return 0;
    if (options.yes !== true) {
      printError('Nothing was deleted. `--yes --max <n>` deletes them, if they are no more than n.');
      return 0;
    }
    if (found > (options.max ?? 0)) {
      printError(`${found} documents would go, which is more than \`--max ${options.max ?? 0}\`; nothing was deleted.`);
      return 1;
    }
    const repaired = orThrow(
      await repair({ ...proof, alias: document, positions: reader.positions() }, suspects, signal),
    );
    for (const { id, why } of repaired.left) printError(`${id} was left as it is: ${why}`);
    proof.store.reopen();
    const failure = await lookAgain(verifying, judgeUnconfirmed, signal);
    if (failure !== undefined) throw new SluiceError([failure]);
    print(`Deleted ${repaired.deleted} documents; ${count()} are left.`);
    return count() === 0 ? 0 : 1;
  });
}

interface ReadSince extends ReadTopics {
  readonly since: readonly string[];
}

/** Reads what is at or after the beginning, and only that, into the store. */
async function readSince({ proof }: Opened, { since }: SweepCommandOptions): Promise<ReadSince> {
  const partitions = await proof.partitions();
  const starts = since === undefined ? await snapshotStarts(proof, partitions) : offsetsIn(since, partitions);
  const { reader, fold } = await proof.read(() => false, {
    skips: (at, source) => at < (starts[source] ?? 0),
  });
  await reader.catchUp();
  return {
    reader,
    fold,
    since: partitions.map(({ topic, partition }, at) => `${topic}[${partition}]@${starts[at] ?? 0}`),
  };
}

async function snapshotStarts(
  proof: Opened['proof'],
  partitions: readonly TopicPartition[],
): Promise<readonly Offset[]> {
  const watch = watchSnapshots(partitions);
  const decoders = new Map(proof.topics.map((topic) => [topic, proof.routeOf(topic).decode]));
  const { reader } = await proof.read(() => false, {
    see: (record, source) => {
      const event = decoders.get(record.topic)?.(record);
      if (event !== undefined) watch.see(event, source);
    },
    skips: () => true,
  });
  await using again = reader;
  await again.catchUp();
  const starts = watch.starts();
  if ('code' in starts) throw new SluiceError([starts]);
  return starts;
}

/** `topic[partition]@offset`, or `partition:offset` where there is one topic; separated by commas; every partition. */
function offsetsIn(text: string, partitions: readonly TopicPartition[]): readonly Offset[] {
  const given = new Map<string, number>();
  const [only] = new Set(partitions.map(({ topic }) => topic));
  for (const part of text.split(',')) {
    const [, topic = only, partition, at] = /^(?:(.+)\[)?(\d+)(?:\]@|:)(\d+)$/.exec(part.trim()) ?? [];
    if (partition === undefined) throw misuse(`\`--since\`: "${part}" is not of the form topic[partition]@offset`);
    given.set(`${topic ?? ''}/${partition}`, Number(at));
  }
  return partitions.map(({ topic, partition }) => {
    const at = given.get(`${topic}/${partition}`);
    if (at === undefined) throw misuse(`\`--since\` names no offset for ${topic}[${partition}]`);
    return offset(at);
  });
}

function misuse(what: string): SluiceError {
  return new SluiceError([{ code: 'CONFIGURATION_INVALID', message: `${what}.` }]);
}
