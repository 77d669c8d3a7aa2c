/**
 * A topic of real envelopes → real Elasticsearch, beside the raw replay of the same bulk bodies in the same run: the ratio of
 * their rates is the figure. Elasticsearch has the first core to itself, everything else the second.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { compileDocument } from '../../src/mapping/compile.ts';
import type { DocumentDefinition } from '../../src/mapping/definition.ts';
import type { ReadFrame } from '../../src/model/frame.ts';
import type { SourceRecord } from '../../src/model/record.ts';
import { expectIndexEqualsTable } from '../integration/equality.ts';
import { startReadySluice } from '../integration/sluice-process.ts';
import { nodeOptions } from '../stack/node-options.ts';
import { median, toBodies, toWrites } from './core.ts';
import type { Dataset, Servers } from './dataset.ts';
import { table } from './dataset.ts';
import { cpuMicros, peakResidentBytes, pin } from './process-cost.ts';
import { measureRebuild } from './rebuild.ts';

export interface EndToEndResult {
  readonly events: number;
  readonly sluicePerSecond: number;
  readonly rawPerSecond: number;
  readonly ratio: number;
  readonly cpuMicrosPerEvent: number;
  /** Of the plain loop, and what Sluice costs as a ratio of it; undefined where values are no JSON, which it does not read. */
  readonly plainLoop?: { readonly cpuMicrosPerEvent: number; readonly ratio: number };
  readonly peakResidentMegabytes: number;
  /** Documents, each compared with its row. */
  readonly documents: number;
  /** The rate at which a rebuild loads the same records, as a ratio of that of the service; undefined if it was not asked for. */
  readonly rebuildRatio?: number;
}

export interface EndToEndOptions {
  readonly servers: Servers;
  readonly dataset: Dataset;
  readonly records: readonly SourceRecord[];
  readonly definition: DocumentDefinition;
  readonly rounds: number;
  /** The schema registry, where there is one. */
  readonly registry?: string | undefined;
  readonly readFrame?: ReadFrame | undefined;
  /** Cores of Sluice and of the replay; undefined: wherever the system puts them. */
  readonly cores: string | undefined;
  /** Whether a rebuild is measured too. */
  readonly rebuild: boolean;
}

const run = promisify(execFile);

export async function measureEndToEnd(options: EndToEndOptions): Promise<EndToEndResult> {
  const { servers, records, definition, rounds } = options;
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const bodies = join(folder, 'bodies');
  const mappings = join(folder, 'mappings');
  await mkdir(bodies);
  await mkdir(mappings);
  await writeFile(join(mappings, 'bench.yaml'), JSON.stringify(definition));
  for (const [number, body] of toBodies(
    toWrites(records, compileDocument(definition), options.readFrame),
    1000,
  ).entries()) {
    await writeFile(join(bodies, String(number)), body);
  }
  const rates: (Awaited<ReturnType<typeof measureSluice>> & {
    readonly raw: number;
    readonly plain: number | undefined;
    readonly rebuilt: number | undefined;
  })[] = [];
  let documents = 0;
  try {
    // The first round warms the server up, and does not count.
    for (let round = 0; round <= rounds; round += 1) {
      await createIndex(options);
      const raw = records.length / (await replay(options, bodies));
      await fetch(`${servers.elasticsearch}/${definition.document}-000001`, { method: 'DELETE' });
      const groupId = `bench-${definition.document}-${round}-${Date.now()}`;
      const own = await measureSluice(options, mappings, groupId);
      documents = await expectEqual(options);
      const plain = options.registry === undefined ? await plainLoop(options) : undefined;
      const rebuilt = options.rebuild ? await rebuildOf(options, mappings, groupId) : undefined;
      if (rebuilt !== undefined) await expectEqual(options);
      const generation = rebuilt === undefined ? 1 : 2;
      await fetch(`${servers.elasticsearch}/${definition.document}-00000${generation}`, { method: 'DELETE' });
      if (round > 0) rates.push({ raw, ...own, plain, rebuilt });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return {
    events: records.length,
    sluicePerSecond: median(rates.map(({ sluice }) => sluice)),
    rawPerSecond: median(rates.map(({ raw }) => raw)),
    // Neighbours in time are compared with each other: a machine's speed drifts.
    ratio: median(rates.map(({ sluice, raw }) => sluice / raw)),
    cpuMicrosPerEvent: median(rates.map(({ cpu }) => cpu)),
    ...(options.registry === undefined && {
      plainLoop: {
        cpuMicrosPerEvent: median(rates.map(({ plain = 0 }) => plain)),
        ratio: median(rates.map(({ cpu, plain = 0 }) => cpu / plain)),
      },
    }),
    peakResidentMegabytes: Math.max(...rates.map(({ resident }) => resident)) / 1024 ** 2,
    documents,
    ...(options.rebuild && { rebuildRatio: median(rates.map(({ rebuilt = 0, sluice }) => rebuilt / sluice)) }),
  };
}

function expectEqual({ servers, dataset, definition }: EndToEndOptions): Promise<number> {
  return expectIndexEqualsTable({
    query: dataset.query,
    elasticsearch: servers.elasticsearch,
    index: definition.document,
    table,
    key: 'id',
  });
}

function rebuildOf(options: EndToEndOptions, documents: string, groupId: string): Promise<number> {
  const { servers, dataset, definition, records, cores, registry } = options;
  return measureRebuild({
    ...{ ...servers, documents, document: definition.document, topic: dataset.topic, groupId, cores },
    records: records.length,
    environment: registry === undefined ? {} : { SLUICE_SCHEMA_REGISTRY_URLS: registry },
  });
}

/** The index that Sluice makes, so that both write into the same. */
async function createIndex({ servers, definition, records, readFrame }: EndToEndOptions): Promise<void> {
  const compiled = compileDocument(definition);
  toWrites(records.slice(0, 1), compiled, readFrame);
  const { alias, settings, mappings } = compiled.indexDefinition();
  const response = await fetch(`${servers.elasticsearch}/${alias}-000001`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ settings, mappings, aliases: { [alias]: { is_write_index: true } } }),
  });
  if (!response.ok) throw new Error(await response.text());
}

/** Seconds. */
function replay({ servers, cores }: EndToEndOptions, bodies: string): Promise<number> {
  return runYardstick(cores, 'raw-replay.ts', servers.elasticsearch, bodies);
}

/** Microseconds of processor time an event. */
async function plainLoop({ servers, dataset, definition, records, cores }: EndToEndOptions): Promise<number> {
  const index = `${definition.document}-plain`;
  const url = `${servers.elasticsearch}/${index}`;
  // It converts nothing, so no field but `_source` would take its rows.
  const body = JSON.stringify({ settings: { number_of_replicas: 0 }, mappings: { enabled: false } });
  const created = await fetch(url, { method: 'PUT', headers: { 'content-type': 'application/json' }, body });
  if (!created.ok) throw new Error(await created.text());
  const args = [servers.kafka, servers.elasticsearch, dataset.topic, index, String(records.length)];
  const cpuMicrosPerEvent = await runYardstick(cores, 'plain-loop.ts', ...args);
  await fetch(url, { method: 'DELETE' });
  return cpuMicrosPerEvent;
}

/** The number that a yardstick prints; it runs as Sluice does. */
async function runYardstick(cores: string | undefined, script: string, ...args: readonly string[]): Promise<number> {
  const command = cores === undefined ? [process.execPath] : ['taskset', '-c', cores, process.execPath];
  const [file = '', ...before] = command;
  const { stdout } = await run(file, [...before, ...nodeOptions, join(import.meta.dirname, script), ...args]);
  return Number(stdout);
}

async function measureSluice(options: EndToEndOptions, documents: string, groupId: string) {
  const { servers, records, cores } = options;
  await using sluice = await startReadySluice({
    ...servers,
    groupId,
    documents,
    environment: {
      SLUICE_COMMIT_INTERVAL_MS: '1000',
      ...(cores !== undefined && { SLUICE_TEST_CORES: cores }),
      ...(options.registry !== undefined && { SLUICE_SCHEMA_REGISTRY_URLS: options.registry }),
    },
    entry: 'test/bench/run-pinned.ts',
  });
  const settled = async (): Promise<number> => {
    const { accounts } = await sluice.status();
    return accounts.applied + accounts.superseded + accounts.coalesced;
  };
  // From the first settled record on, so that the start of a process is in neither figure.
  let first = 0;
  while ((first = await settled()) === 0) await delay(5);
  const startedAtMs = performance.now();
  const cpuBefore = await cpuMicros(sluice.pid);
  let last = first;
  while ((last = await settled()) < records.length) await delay(100);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const events = last - first;
  const cpu = ((await cpuMicros(sluice.pid)) - cpuBefore) / events;
  const resident = await peakResidentBytes(sluice.pid);
  await sluice.stop();
  return { sluice: events / seconds, cpu, resident };
}

/** Keeps the servers apart: Elasticsearch on the first core, the others on the second. */
export async function pinServers(pids: {
  readonly elasticsearch: number;
  readonly others: readonly number[];
}): Promise<void> {
  await pin(pids.elasticsearch, '0');
  for (const pid of pids.others) await pin(pid, '1');
}
