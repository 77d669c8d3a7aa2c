/**
 * `npm run bench`: CPU per event of the middle alone, and end to end the rate as a ratio of raw bulk replay and the CPU as one
 * of a plain loop's, in one run.
 *
 * `npm run bench -- [--forms schemaless,schemas,avro,flattened] [--events 400000] [--rounds 3] [--rebuild] [--shared] [--json FILE]`;
 * `--rebuild` measures a rebuild of each index too; `--shared` lets all processes use all cores.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { documentDefinitionSchema } from '../../src/mapping/definition.ts';
import { startConnect } from '../stack/connect.ts';
import { startElasticsearch } from '../stack/elasticsearch.ts';
import { startKafka } from '../stack/kafka.ts';
import { startPostgres } from '../stack/postgres.ts';
import { versions } from '../stack/versions.ts';
import type { ReadFrame } from '../../src/model/frame.ts';
import type { SourceRecord } from '../../src/model/record.ts';
import { createRegistryClient } from '../../src/schema-registry/client.ts';
import { createRegistry } from '../../src/schema-registry/registry.ts';
import { silentObserver } from '../fakes/silent-observer.ts';
import { startRegistry } from '../stack/registry.ts';
import { measureCore, readRecords } from './core.ts';
import type { BenchForm } from './forms.ts';
import { benchForms } from './forms.ts';
import { prepareDataset } from './dataset.ts';
import { measureEndToEnd, pinServers } from './end-to-end.ts';

const { values } = parseArgs({
  options: {
    forms: { type: 'string', default: benchForms.map(({ name }) => name).join(',') },
    events: { type: 'string', default: '400000' },
    rounds: { type: 'string', default: '3' },
    rebuild: { type: 'boolean', default: false },
    shared: { type: 'boolean', default: false },
    json: { type: 'string', default: join(import.meta.dirname, '..', '..', '.bench', 'last.json') },
  },
});
const events = Number(values.events);
const rounds = Number(values.rounds);
const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** What a mapping file says where records carry no schema. */
const hints = {
  price: { as: 'decimal(2)' },
  shipped_on: { as: 'date-from-days' },
  updated_at: { as: 'timestamp-from-micros' },
};

await using kafka = await startKafka({ heapMegabytes: 1024, optimise: true });
await using postgres = await startPostgres();
await using elasticsearch = await startElasticsearch({ heapMegabytes: 1024 });

const forms = values.forms.split(',').map((name) => {
  const found = benchForms.find((form) => form.name === name);
  if (found === undefined)
    throw new Error(`There is no form "${name}"; there are ${benchForms.map((form) => form.name).join(', ')}.`);
  return found;
});

/** Reads the frames of the records as Sluice does. */
async function openFrames(address: string, records: readonly SourceRecord[]): Promise<ReadFrame> {
  const client = createRegistryClient({ urls: [address], rejectUnauthorized: true, requestTimeoutMs: 10_000 });
  const clock = { nowMs: () => performance.now(), sleep: () => Promise.resolve() };
  const registry = createRegistry({ client, clock, observer: silentObserver(), signal: AbortSignal.timeout(30_000) });
  await registry.prepare(records);
  await client.close();
  return registry.readFrame;
}

async function measure(form: BenchForm) {
  const { name } = form;
  say(`${name}: the connector writes about ${events} records`);
  await using registry = form.needsRegistry ? await startRegistry() : undefined;
  const group = { 'group.id': `connect-${name}` };
  const topics = Object.fromEntries(
    ['config', 'offset', 'status'].map((topic) => [`${topic}.storage.topic`, `connect-${name}-${topic}`]),
  );
  await using connect = await startConnect({
    kafka: kafka.address,
    ...(form.needsRegistry && { converter: true, settings: { ...group, ...topics } }),
  });
  const servers = {
    kafka: kafka.address,
    postgres: postgres.address,
    connect: connect.address,
    elasticsearch: elasticsearch.address,
  };
  await using dataset = await prepareDataset(servers, events, name, form.settings(registry));
  // Stands still while anything is measured.
  await connect.pause();
  const definition = documentDefinitionSchema.parse({
    document: `bench-${name}`,
    from: dataset.topic,
    ...(form.hasSchemas ? {} : { fields: hints }),
    index: { settings: { number_of_shards: 1, number_of_replicas: 0 } },
  });
  say(`${name}: the middle alone`);
  // Before all records are held: what a large heap costs is not what is measured.
  const some = await readRecords(kafka.address, dataset.topic, Math.min(20_000, dataset.records));
  const readFrame = registry && (await openFrames(registry.address, some));
  const core = measureCore(some, definition, 15, readFrame);
  say(`${name}: reading ${dataset.records} records`);
  const records = await readRecords(kafka.address, dataset.topic, dataset.records);
  say(`${name}: end to end, ${rounds + 1} rounds`);
  const cores = values.shared ? undefined : '1';
  const endToEnd = await measureEndToEnd({
    ...{ servers, dataset, records, definition, rounds, cores, readFrame, rebuild: values.rebuild },
    registry: registry?.address,
  });
  await connect.resume();
  return { form: name, core, endToEnd };
}

if (!values.shared) {
  const others = [kafka.pid, postgres.pid].filter((pid) => pid !== undefined);
  await pinServers({ elasticsearch: elasticsearch.pid ?? Number.NaN, others });
}
const results: Awaited<ReturnType<typeof measure>>[] = [];
for (const form of forms) results.push(await measure(form));

const report = {
  date: new Date().toISOString(),
  machine: {
    cpu: cpus()[0]?.model,
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    node: process.version,
    elasticsearch: elasticsearch.version,
    kafka: versions.kafka,
  },
  pinned: !values.shared,
  results,
};
await mkdir(dirname(values.json), { recursive: true });
await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);

const table = new Table({
  head: [
    '',
    'JSON µs',
    'core µs/event',
    'process µs/event',
    'plain loop µs/event',
    'ratio',
    'events/s',
    'raw/s',
    'ratio',
    'peak MB',
    'documents equal',
    'rebuild ratio',
  ],
  style: { head: [], border: [] },
});
for (const { form, core, endToEnd } of results) {
  table.push([
    form,
    core.roundTripMicros.toFixed(2),
    core.cpuMicrosPerEvent.toFixed(2),
    endToEnd.cpuMicrosPerEvent.toFixed(2),
    endToEnd.plainLoop?.cpuMicrosPerEvent.toFixed(2) ?? '',
    endToEnd.plainLoop?.ratio.toFixed(2) ?? '',
    Math.round(endToEnd.sluicePerSecond),
    Math.round(endToEnd.rawPerSecond),
    endToEnd.ratio.toFixed(2),
    Math.round(endToEnd.peakResidentMegabytes),
    endToEnd.documents,
    endToEnd.rebuildRatio?.toFixed(2) ?? '',
  ]);
}
process.stdout.write(`${table.toString()}\n${values.json}\n`);
