/**
 * How far long work is, on standard error: a bar on a terminal, a JSON line every ten seconds elsewhere.
 */
import { SingleBar } from 'cli-progress';
import type { Surroundings } from './command.ts';

export interface Progress {
  /** `what` is being done, so many of about so many. */
  update(what: string, done: number, total: number): void;
  /** The bar goes. */
  stop(): void;
}

const lineEveryMs = 10_000;

export function createProgress({ printError }: Surroundings): Progress {
  return process.stderr.isTTY ? createBar() : createLines(printError);
}

function createBar(): Progress {
  const bar = new SingleBar({
    format: '{what} {bar} {value}/{total}, {rate}/s, {eta_formatted} left',
    clearOnComplete: true,
    hideCursor: true,
    fps: 5,
    etaBuffer: 100,
  });
  let current: string | undefined;
  let startedAtMs = 0;
  return {
    update: (what, done, total) => {
      if (what !== current) {
        if (current !== undefined) bar.stop();
        current = what;
        startedAtMs = performance.now();
        bar.start(total, done, { what, rate: 0 });
      }
      const seconds = Math.max(0.001, (performance.now() - startedAtMs) / 1000);
      bar.setTotal(Math.max(total, done));
      bar.update(done, { what, rate: Math.round(done / seconds) });
    },
    stop: () => {
      bar.stop();
    },
  };
}

function createLines(printError: (line: string) => void): Progress {
  let saidAtMs = performance.now();
  return {
    update: (what, done, total) => {
      const nowMs = performance.now();
      if (nowMs - saidAtMs < lineEveryMs) return;
      saidAtMs = nowMs;
      printError(JSON.stringify({ time: new Date().toISOString(), what, done, total }));
    },
    stop: () => undefined,
  };
}
