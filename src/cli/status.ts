import Table from 'cli-table3';
import { openKafka } from '../compose-connections.ts';
import { definitionsDigest, readInstances } from '../compose-group.ts';
import { SluiceError } from '../errors.ts';
import { kafkaFailure } from '../kafka/client.ts';
import type { PartitionLag } from '../kafka/offsets.ts';
import { listTopics, readLag } from '../kafka/offsets.ts';
import type { GroupInstance } from '../model/group-definitions.ts';
import { shortDigest } from '../model/group-definitions.ts';
import { createRoutes } from '../documents/routes.ts';
import { failWith } from './failures.ts';
import type { Files } from './files.ts';
import { readFiles } from './files.ts';
import type { CommonOptions, ExitCode, Surroundings } from './command.ts';

interface StatusOptions extends CommonOptions {
  readonly url?: string;
  readonly json?: boolean;
}

/** `sluice status`: the group's lag as the brokers know it, and what a running instance says of itself. */
export async function statusCommand(options: StatusOptions, surroundings: Surroundings): Promise<ExitCode> {
  const files = await readFiles(options, surroundings);
  if (files === undefined) return 2;
  try {
    const { lag, group } = await groupState(files);
    const url = options.url ?? `http://127.0.0.1:${files.config.http.port}`;
    const instance = await askInstance(url, options.url !== undefined);
    const report = { groupId: files.config.kafka.groupId, lag, group, instance };
    surroundings.print(options.json === true ? JSON.stringify(report) : lagTable(lag));
    if (options.json !== true) surroundings.print([...groupTexts(group), instanceText(url, instance)].join('\n'));
    return 0;
  } catch (error) {
    return failWith(error, surroundings);
  }
}

interface GroupState {
  readonly lag: readonly PartitionLag[];
  readonly group: {
    /** The digest of the definitions here. */
    readonly definitions: string;
    readonly instances: readonly GroupInstance[];
  };
}

async function groupState({ config, documents }: Files): Promise<GroupState> {
  const kafka = await openKafka(config, () => undefined);
  const { groupId } = config.kafka;
  try {
    const routes = createRoutes(documents, config, await listTopics(kafka));
    const lag = await readLag(kafka, groupId, routes.topics);
    const instances = await readInstances(kafka, groupId);
    return { lag, group: { definitions: definitionsDigest(routes, config), instances } };
  } catch (error) {
    throw new SluiceError([kafkaFailure(error)]);
  }
}

/** One line for each instance, and whether their definitions are those of the files here. */
function groupTexts({ definitions, instances }: GroupState['group']): readonly string[] {
  const differ = new Set(instances.flatMap((one) => one.definitions ?? [])).size > 1;
  return [
    ...instances.map(({ instance, definitions: theirs }) => {
      const what = theirs === undefined ? 'does not say (an earlier version)' : shortDigest(theirs);
      const note =
        theirs === undefined || theirs === definitions
          ? ''
          : `, not those of the files here (${shortDigest(definitions)})`;
      return `instance ${instance}: definitions ${what}${note}`;
    }),
    ...(differ ? ['! The instances run with different definitions of documents (DEFINITIONS_DIFFER).'] : []),
  ];
}

type Instance = Readonly<Record<string, unknown>>;

/** Undefined if nobody answers; an error if the user named whom to ask. */
async function askInstance(url: string, named: boolean): Promise<Instance | undefined> {
  try {
    const response = await fetch(new URL('/status', url), { signal: AbortSignal.timeout(3000) });
    return (await response.json()) as Instance;
  } catch {
    if (!named) return undefined;
    throw new SluiceError([
      { code: 'CONFIGURATION_INVALID', message: `No instance of Sluice answers at ${url} (\`--url\`).` },
    ]);
  }
}

function lagTable(lag: readonly PartitionLag[]): string {
  const table = new Table({
    head: ['topic', 'partition', 'committed', 'end', 'lag'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const { topic, partition, committed, end, lagRecords } of lag) {
    table.push([topic, partition, committed ?? '–', end, lagRecords]);
  }
  return table.toString();
}

function instanceText(url: string, instance: Instance | undefined): string {
  if (instance === undefined) return `No running instance at ${url}; name one with --url.`;
  const { ready, reason, findings, recordsHeld, bytesHeld, requestsInFlight, lastFailure, doubts } = instance;
  const state = ready === true ? 'ready' : `not ready: ${String(reason)}`;
  const standing = Array.isArray(findings) ? (findings as readonly Partial<Record<string, unknown>>[]) : [];
  const wrong = standing.map(
    ({ what, message, forSeconds }) => `✖ ${String(what)}, for ${String(forSeconds)} s: ${String(message)}`,
  );
  const held = `${String(recordsHeld)} records held (${String(bytesHeld)} bytes), ${String(requestsInFlight)} requests in flight`;
  const error = `last error: ${failureText(lastFailure)}`;
  return [`${url}: ${state}`, ...wrong, held, error, ...doubtTexts(doubts)].join('\n');
}

/** Why indexes are not whole, each with its remedy. */
function doubtTexts(doubts: unknown): readonly string[] {
  if (typeof doubts !== 'object' || doubts === null) return [];
  const failures: unknown[] = Object.values(doubts).flat();
  return failures.flatMap((failure) =>
    typeof failure === 'object' && failure !== null && 'message' in failure ? [`! ${String(failure.message)}`] : [],
  );
}

/** Instances before this one told a sentence, or nothing. */
function failureText(failure: unknown): string {
  if (typeof failure === 'string') return failure;
  if (typeof failure !== 'object' || failure === null || !('message' in failure && 'at' in failure)) return 'none';
  return `${String(failure.at)}: ${String(failure.message)}`;
}
