/**
 * One server as a child process: started, awaited, stopped, killed, paused, and started again on the same data.
 *
 * Each server is the leader of a process group of its own, so that signals reach all of its processes and a Ctrl-C in the
 * terminal reaches none of them before we have drained. A warden, a shell that waits for the end of a pipe that we hold,
 * kills the group when this process ends without having stopped it, however it ends.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Account } from './account.ts';

/** How to start a server and how to know that it serves. */
export interface ServerPlan {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly account?: Account | undefined;
  readonly logFile: string;
  /** Asked again and again while the process runs; a rejection means "not yet". */
  readonly isReady: () => Promise<boolean>;
  readonly stopSignal?: NodeJS.Signals;
}

/** A running server. The port and the data outlive `stop`, `kill` and `restart`. */
export interface Server extends AsyncDisposable {
  readonly name: string;
  readonly logFile: string;
  /** The id of its process, for tools that look at it from outside; undefined while it is stopped. */
  readonly pid: number | undefined;
  /** Asks it to end and waits until it has; kills it after 30 s. */
  stop(): Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** Stops it if it runs, starts it again, and waits until it serves. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): Promise<void>;
  /** SIGCONT. */
  resume(): Promise<void>;
}

const readyWithinMs = 120_000;
const stopWithinMs = 30_000;

/** Starts the server and waits until it serves. Throws with the end of its log if it does not. */
export async function startServer(plan: ServerPlan): Promise<Server> {
  let running: Running | undefined = await launch(plan);

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = running;
    running = undefined;
    if (ending !== undefined) await ending.end(signal);
  };
  return {
    name: plan.name,
    logFile: plan.logFile,
    get pid() {
      return running?.pid;
    },
    stop: () => end(plan.stopSignal ?? 'SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end(plan.stopSignal ?? 'SIGTERM');
      running = await launch(plan);
    },
    pause: async () => running?.signal('SIGSTOP'),
    resume: async () => running?.signal('SIGCONT'),
    [Symbol.asyncDispose]: () => end('SIGKILL'),
  };
}

/** One life of a server. */
interface Running {
  readonly pid: number;
  signal(signal: NodeJS.Signals): Promise<void>;
  end(signal: NodeJS.Signals): Promise<void>;
}

async function launch(plan: ServerPlan): Promise<Running> {
  const log = openSync(plan.logFile, 'a');
  const child = spawn(plan.command, plan.args, {
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...plan.environment },
    ...(plan.account !== undefined && { uid: plan.account.uid, gid: plan.account.gid }),
  });
  closeSync(log);
  const exited = once(child, 'exit');
  await once(child, 'spawn');
  child.unref();
  const pid = child.pid ?? Number.NaN;
  const dismissWarden = await appointWarden(pid);

  const running: Running = {
    pid,
    signal: (signal) => signalAll(pid, signal),
    async end(signal) {
      await signalAll(pid, 'SIGCONT');
      await signalAll(pid, signal);
      const timer = setTimeout(() => void signalAll(pid, 'SIGKILL'), stopWithinMs);
      await exited;
      clearTimeout(timer);
      dismissWarden();
    },
  };
  try {
    await untilReady(plan, child);
  } catch (error) {
    await running.end('SIGKILL');
    throw error;
  }
  return running;
}

async function untilReady(plan: ServerPlan, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + readyWithinMs;
  while (!(await plan.isReady().catch(() => false))) {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (ended || performance.now() > deadline) {
      const reason = ended ? 'ended at its start' : `was not ready within ${readyWithinMs / 1000} s`;
      const lines = (await readFile(plan.logFile, 'utf8')).trim().split('\n');
      throw new Error(`${plan.name} ${reason} (${plan.logFile}):\n${lines.slice(-20).join('\n')}`);
    }
    await delay(50);
  }
}

/** Starts the warden of a process group; the function returned tells it that the group has been stopped. */
async function appointWarden(pid: number): Promise<() => void> {
  const script = 'read -r word; [ "$word" = stopped ] || kill -9 "-$1"';
  const warden = spawn('sh', ['-c', script, 'warden', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  await once(warden, 'spawn');
  warden.unref();
  warden.stdin.on('error', () => undefined);
  return () => warden.stdin.end('stopped\n');
}

/** Signals the group and the children of its leader: those of PostgreSQL lead groups of their own. */
async function signalAll(pid: number, signal: NodeJS.Signals): Promise<void> {
  const children = signal === 'SIGTERM' || signal === 'SIGINT' ? [] : await childrenOf(pid);
  for (const target of [-pid, ...children]) {
    try {
      process.kill(target, signal);
    } catch {
      // It has ended already, which is what the signals that matter are for.
    }
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(async () => {
    const { stdout } = await promisify(execFile)('pgrep', ['-P', String(pid)]).catch(() => ({ stdout: '' }));
    return stdout;
  });
  return list
    .split(/\s+/)
    .filter((child) => child !== '')
    .map(Number);
}
