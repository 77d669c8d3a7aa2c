/**
 * `npm run demo`: the whole flow on real servers. Starts PostgreSQL, Kafka, Kafka Connect with Debezium, Elasticsearch and
 * Sluice, tells a story whose every answer is compared with SQL, and stays up until Ctrl-C.
 *
 * `-- --once` ends after the story: exit code 0, or 1 if an answer was wrong.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { Listr } from 'listr2';
import pg from 'pg';
import { registerConnector } from './connectors.ts';
import type { Customer, Step } from './demo-story.ts';
import { story } from './demo-story.ts';
import { createRunFolder } from './folders.ts';
import { loadInventory } from './inventory.ts';
import { nodeOptions } from './node-options.ts';
import { freePort } from './ports.ts';
import type { Stack } from './stack.ts';
import { serverNames, startStack } from './stack.ts';
import { inventoryConnector, inventoryConnectorName, inventoryTables, topicPrefix } from './versions.ts';

const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
const project = join(import.meta.dirname, '..', '..');
const usualPorts = { kafka: 9092, postgres: 5432, connect: 8083, elasticsearch: 9200, sluice: 8080 } as const;
/** As people type them. */
const shown = (url: string): string => url.replace('127.0.0.1', 'localhost');
const say = (text = ''): void => void process.stdout.write(`${text}\n`);

interface Running {
  readonly stack: Stack;
  readonly sluice: { readonly port: number; readonly logFile: string; stop(): Promise<void> };
}

async function start(): Promise<Running> {
  let stack: Stack | undefined;
  let sluice: Running['sluice'] | undefined;
  const tasks = new Listr(
    [
      {
        title: 'PostgreSQL, Kafka, Kafka Connect with Debezium, Elasticsearch',
        task: async (_, task) => {
          stack = await startStack({
            servers: serverNames,
            useEnvironment: false,
            kafka: { preferredPort: usualPorts.kafka },
            postgres: { preferredPort: usualPorts.postgres },
            connect: { preferredPort: usualPorts.connect },
            elasticsearch: { preferredPort: usualPorts.elasticsearch },
            progress: (_server, line) => {
              task.output = line;
            },
          });
          for (const server of serverNames) {
            const port = Number(new URL(stack.addresses[server].replace(/^(?!\w+:\/\/)/, 'kafka://')).port);
            if (port !== usualPorts[server]) say(`Port ${usualPorts[server]} is taken, so ${server} has ${port}.`);
          }
        },
      },
      {
        title: 'The tutorial’s inventory, captured by Debezium',
        task: async () => {
          if (stack !== undefined) await capture(stack);
        },
      },
      {
        title: 'Sluice',
        task: async () => {
          if (stack !== undefined) sluice = await startSluice(stack);
        },
      },
    ],
    { rendererOptions: { collapseSubtasks: false } },
  );
  try {
    await tasks.run();
  } catch (error) {
    await sluice?.stop();
    await stack?.stop();
    throw error;
  }
  if (stack === undefined || sluice === undefined) throw new Error('The servers were not started.');
  return { stack, sluice };
}

/** Loads the rows, registers the connector, and waits until the snapshot has made all topics. */
async function capture({ addresses }: Stack): Promise<void> {
  await loadInventory(addresses.postgres);
  const { hostname, port, username, password, pathname } = new URL(addresses.postgres);
  const database = pathname.slice(1);
  const connector = inventoryConnector({ host: hostname, port: Number(port), user: username, password, database });
  await registerConnector(addresses.connect, inventoryConnectorName, connector);
  const admin = new Kafka({ clientId: 'demo', brokers: [addresses.kafka], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const wanted = inventoryTables.map((table) => `${topicPrefix}.inventory.${table}`);
  while (!(await admin.listTopics().then((topics) => wanted.every((topic) => topics.includes(topic))))) await delay(50);
  await admin.disconnect();
}

async function startSluice({ addresses }: Stack): Promise<Running['sluice']> {
  const port = await freePort(usualPorts.sluice);
  if (port !== usualPorts.sluice) say(`Port ${usualPorts.sluice} is taken, so Sluice has ${port}.`);
  const logFile = join(await createRunFolder('sluice'), 'sluice.log');
  const log = openSync(logFile, 'a');
  const child = spawn(process.execPath, [...nodeOptions, join(project, 'src', 'main.ts'), 'run'], {
    cwd: project,
    detached: true,
    stdio: ['ignore', log, log],
    env: {
      ...process.env,
      SLUICE_KAFKA_BROKERS: addresses.kafka,
      SLUICE_ELASTICSEARCH_NODES: addresses.elasticsearch,
      SLUICE_DOCUMENTS: join(project, 'mappings'),
      SLUICE_HTTP_PORT: String(port),
    },
  });
  closeSync(log);
  const exited = once(child, 'exit');
  process.on('exit', () => child.kill('SIGKILL'));
  for (;;) {
    if (child.exitCode !== null) throw new Error(`Sluice ended at its start; its log is ${logFile}.`);
    const ready = await fetch(`http://127.0.0.1:${port}/ready`).catch(() => undefined);
    if (ready?.ok === true) break;
    await delay(50);
  }
  return {
    port,
    logFile,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

interface SearchAnswer {
  readonly hits: { readonly hits: readonly { readonly _source: Customer }[] };
}

/** The documents of an answer, by id; undefined while there is no such index. */
async function search(
  elasticsearch: string,
  query: string,
): Promise<{ text: string; customers: Customer[] } | undefined> {
  const response = await fetch(`${elasticsearch}/customers/_search?pretty${query}`);
  if (!response.ok) return undefined;
  const text = await response.text();
  const { hits } = JSON.parse(text) as SearchAnswer;
  return { text, customers: hits.hits.map(({ _source }) => _source).sort((a, b) => a.id - b.id) };
}

/** Searches until the answer is what SQL says; undefined if it never is. */
async function searchUntil(
  elasticsearch: string,
  query: string,
  expected: readonly Customer[],
): Promise<string | undefined> {
  const deadline = performance.now() + 20_000;
  while (performance.now() < deadline) {
    const answer = await search(elasticsearch, query);
    if (answer !== undefined && isDeepStrictEqual(answer.customers, expected)) return answer.text;
    await delay(10);
  }
  return undefined;
}

/** Tells one step; false if the answer was wrong. */
async function tell({ title, sql, search: words }: Step, client: pg.Client, elasticsearch: string): Promise<boolean> {
  say(`\n── ${title}\n`);
  say(`postgres=# ${sql}`);
  await client.query(sql);
  const committedAtMs = performance.now();
  const { rows } = await client.query<Customer>(
    'SELECT * FROM inventory.customers WHERE $1 IN (last_name, email) ORDER BY id',
    [words],
  );
  const answer = await searchUntil(elasticsearch, `&q=${encodeURIComponent(`"${words}"`)}`, rows);
  const tookMs = Math.round(performance.now() - committedAtMs);
  say(`$ curl '${shown(elasticsearch)}/customers/_search?pretty&q="${words}"'`);
  say(answer ?? `The answer did not become what SQL says: ${JSON.stringify(rows)}`);
  if (answer !== undefined) say(`searchable ${tookMs} ms after the commit`);
  return answer !== undefined;
}

async function tellAll({ stack: { addresses } }: Running): Promise<boolean> {
  const { postgres, elasticsearch } = addresses;
  const client = new pg.Client({ connectionString: postgres });
  await client.connect();
  try {
    const { rows } = await client.query<Customer>('SELECT * FROM inventory.customers ORDER BY id');
    const answer = await searchUntil(elasticsearch, '', rows);
    say(`\n$ curl '${shown(elasticsearch)}/customers/_search?pretty'`);
    say(answer ?? 'The four customers did not arrive.');
    let right = answer !== undefined;
    for (const step of story) right = (await tell(step, client, elasticsearch)) && right;
    return right;
  } finally {
    await client.end();
  }
}

async function main(): Promise<number> {
  const startedAtMs = performance.now();
  const running = await start();
  const stop = async (): Promise<void> => {
    await running.sluice.stop();
    await running.stack.stop();
  };
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  let right = false;
  try {
    const { kafka, connect, postgres, elasticsearch } = running.stack.addresses;
    say(`\nKafka ${shown(kafka)} · Kafka Connect ${shown(connect)} · PostgreSQL ${shown(postgres)}`);
    say(`Elasticsearch ${shown(elasticsearch)} · Sluice http://localhost:${running.sluice.port}`);
    right = await tellAll(running);
    const seconds = Math.round((performance.now() - startedAtMs) / 1000);
    say(right ? `\nEvery answer was what SQL says. ${seconds} s in all.` : '\nAn answer was wrong: see above.');
    if (!right) say(`Sluice’s log: ${running.sluice.logFile}`);
    if (!values.once) {
      const { postgres, elasticsearch } = running.stack.addresses;
      say(`\nIt stays up until Ctrl-C. Try it:\n`);
      say(`  curl '${shown(elasticsearch)}/customers/_search?pretty'`);
      say(`  psql ${shown(postgres)} -c "UPDATE inventory.customers SET first_name = 'Anna' WHERE id = 1004"`);
      say(`  (without psql: npm run demo:sql -- "UPDATE …" ${shown(postgres)})`);
      say(`  curl http://localhost:${running.sluice.port}/status`);
      await interrupted;
      say('\nStopping …');
    }
  } finally {
    await stop();
  }
  return right ? 0 : 1;
}

process.exit(
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }),
);
