/** `sluice rebuild` of an index from the same topic, with no instance running: the rate at which it loads the new generation. */
import { setTimeout as delay } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { startCommand } from '../integration/sluice-process.ts';

export interface RebuildRun {
  readonly kafka: string;
  readonly elasticsearch: string;
  /** The folder of mapping files. */
  readonly documents: string;
  readonly document: string;
  readonly topic: string;
  /** That of the service, whose index is rebuilt. */
  readonly groupId: string;
  readonly records: number;
  /** Cores of the process; undefined: wherever the system puts it. */
  readonly cores: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
}

/** Records a second, from the first commit to the last, so that neither the start of the process nor the handover is in it. */
export async function measureRebuild(run: RebuildRun): Promise<number> {
  await using admin = await connectAdmin(run.kafka);
  const rebuilding = command(run, 'rebuild', run.document);
  const group = `${run.groupId}.rebuild.${run.document}.2`;
  const committed = async (): Promise<number> => {
    const [found] = await admin.fetchOffsets({ groupId: group, topics: [run.topic] });
    return (found?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  };
  let first = 0;
  while ((first = await committed().catch(() => 0)) === 0) await Promise.race([delay(5), failed(rebuilding)]);
  const startedAtMs = performance.now();
  let last = first;
  while ((last = await committed()) < run.records) await Promise.race([delay(20), failed(rebuilding)]);
  const seconds = (performance.now() - startedAtMs) / 1000;
  await rebuilding;
  await command(run, 'rebuild', 'finish', run.document);
  return (last - first) / seconds;
}

async function connectAdmin(kafka: string) {
  const admin = new Kafka({ clientId: 'bench', brokers: [kafka], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  return Object.assign(admin, { [Symbol.asyncDispose]: () => admin.disconnect() });
}

/** Rejects when the command does; else never ends. */
async function failed(ended: Promise<unknown>): Promise<never> {
  await ended;
  return new Promise<never>(() => undefined);
}

/** Rejects with what it said unless it ends well. */
async function command(run: RebuildRun, ...args: readonly string[]): Promise<void> {
  const environment = {
    SLUICE_COMMIT_INTERVAL_MS: '100',
    ...(run.cores !== undefined && { SLUICE_TEST_CORES: run.cores }),
    ...run.environment,
  };
  const { code, output } = await startCommand({ ...run, environment, entry: 'test/bench/run-pinned.ts' }, ...args)
    .ended;
  if (code !== 0) throw new Error(`sluice ${args.join(' ')} ended with ${code ?? 'a signal'}: ${output}`);
}
