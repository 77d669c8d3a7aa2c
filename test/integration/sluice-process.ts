/** Sluice as people run it: a process of its own, configured by its environment, watched through its HTTP port. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Accounts } from '../../src/pipeline/settle/ledger.ts';
import { nodeOptions } from '../stack/node-options.ts';
import { freePort } from '../stack/ports.ts';
import { expectAccounted } from './accounted.ts';
import { untilTrue } from './poll.ts';

export interface SluiceOptions {
  /** `host:port` */
  readonly kafka: string;
  /** `http://host:port` */
  readonly elasticsearch: string;
  readonly groupId: string;
  /** The folder of mapping files. */
  readonly documents: string;
  /** Further variables; they win. */
  readonly environment?: Readonly<Record<string, string>>;
  /** The module that is run instead of `src/main.ts`: absolute, or relative to the project. */
  readonly entry?: string;
}

/** What `/status` says, as far as tests look at it. */
export interface StatusReport {
  readonly accounts: Accounts;
  readonly recordsHeld: number;
  readonly bytesHeld: number;
  readonly documentsInFlight: number;
  readonly lastFailure?: string;
  readonly doubts?: Readonly<Record<string, readonly { readonly code: string; readonly message: string }[]>>;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SluiceProcess extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Everything that it wrote to standard output and error so far. */
  output(): string;
  status(): Promise<StatusReport>;
  /** Whether `/ready` says so. */
  isReady(): Promise<boolean>;
  metrics(): Promise<string>;
  /** Asks it to end, as a supervisor does; throws if its accounts do not balance (G5). */
  stop(): Promise<Ended>;
  kill(): Promise<Ended>;
}

const projectFolder = join(import.meta.dirname, '..', '..');

const entryOf = ({ entry = 'src/main.ts' }: SluiceOptions): string => resolve(projectFolder, entry);

/** The variables by which a process of Sluice is configured. */
export function environmentOf(options: SluiceOptions): Readonly<Record<string, string | undefined>> {
  return {
    PATH: process.env['PATH'],
    SLUICE_KAFKA_BROKERS: options.kafka,
    SLUICE_KAFKA_GROUP_ID: options.groupId,
    SLUICE_ELASTICSEARCH_NODES: options.elasticsearch,
    // A folder that is named must hold a mapping file; the default, `mappings` inside it, may be absent.
    ...(holdsMappings(options.documents) && { SLUICE_DOCUMENTS: options.documents }),
    SLUICE_DEAD_LETTERS_TOPIC: `${options.groupId}-dead-letters`,
    ...options.environment,
  };
}

function holdsMappings(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).some((name) => /\.ya?ml$/.test(name));
}

/** Log lines are JSON: quotation marks in their sentences as they were written. */
const sentencesOf = (output: string): string => output.replaceAll('\\"', '"');

export interface CommandRun {
  readonly ended: Promise<Ended & { readonly output: string }>;
  /** Everything that it wrote to standard output and error so far. */
  output(): string;
  kill(): void;
}

/** Starts a command that ends by itself, configured as the service. */
export function startCommand(options: SluiceOptions, ...args: readonly string[]): CommandRun {
  const child = spawn(process.execPath, [...nodeOptions, entryOf(options), ...args], {
    cwd: options.documents,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentOf(options),
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return {
    ended: new Promise((resolve) => {
      child.once('close', (code, signal) => {
        resolve({ code, signal, output: sentencesOf(output) });
      });
    }),
    output: () => sentencesOf(output),
    kill: () => child.kill('SIGKILL'),
  };
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end, configured as the service. */
export function runCommand(options: SluiceOptions, args: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...nodeOptions, entryOf(options), ...args],
      { cwd: options.documents, env: environmentOf(options), maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        resolve({
          code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1,
          stdout,
          stderr: sentencesOf(stderr),
        });
      },
    );
  });
}

/** Starts Sluice without waiting for it to be ready. */
export async function startSluice(options: SluiceOptions): Promise<SluiceProcess> {
  const port = Number(options.environment?.['SLUICE_HTTP_PORT'] ?? (await freePort()));
  const child = spawn(process.execPath, [...nodeOptions, entryOf(options), 'run'], {
    cwd: options.documents,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { SLUICE_COMMIT_INTERVAL_MS: '100', SLUICE_HTTP_PORT: String(port), ...environmentOf(options) },
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve({ code, signal });
    });
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await once(child, 'spawn');
  const end = async (signal: NodeJS.Signals): Promise<Ended> => {
    child.kill(signal);
    return ended;
  };
  const get = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5000) });
  const statusReport = async (): Promise<StatusReport> => (await (await get('/status')).json()) as StatusReport;
  /** Every test ends with this (G5). One that is over, frozen or not listening yet has nothing to tell. */
  const accountAndEnd = async (signal: NodeJS.Signals): Promise<Ended> => {
    const isRunning = child.exitCode === null && child.signalCode === null;
    const report = isRunning ? await statusReport().catch(() => undefined) : undefined;
    const over = await end(signal);
    if (report !== undefined) expectAccounted(report);
    return over;
  };
  return {
    pid: child.pid ?? Number.NaN,
    ended,
    output: () => sentencesOf(output),
    status: statusReport,
    isReady: () =>
      get('/ready').then(
        (response) => response.ok,
        () => false,
      ),
    metrics: async () => (await get('/metrics')).text(),
    stop: () => accountAndEnd('SIGTERM'),
    kill: () => end('SIGKILL'),
    [Symbol.asyncDispose]: async () => {
      await accountAndEnd('SIGKILL');
    },
  };
}

/** Starts Sluice and waits until it is ready; if it ends instead, throws with what it said. */
export async function startReadySluice(options: SluiceOptions): Promise<SluiceProcess> {
  const sluice = await startSluice(options);
  let over: Ended | undefined;
  void sluice.ended.then((ended) => (over = ended));
  await untilTrue('Sluice is ready', async () => {
    if (over !== undefined) throw new Error(`Sluice ended with ${over.code ?? over.signal}:\n${sluice.output()}`);
    return sluice.isReady();
  });
  return sluice;
}
