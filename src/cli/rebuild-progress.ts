/**
 * How far long work has come: a bar on a terminal, one JSON line per interval elsewhere.
 */
import type { Progress } from '../rebuild/rebuild-options.ts';

export interface ProgressOutput {
  readonly print: (line: string) => void;
  /** The terminal that is drawn on; undefined if there is none. */
  readonly terminal: { write(text: string): unknown } | undefined;
  readonly nowMs: () => number;
}

const lineEveryMs = 2000;
const width = 24;

/** Takes progress as often as it comes. `sentence` is printed without spoiling the bar. */
export function createProgress({ print, terminal, nowMs }: ProgressOutput) {
  let first: { readonly done: number; readonly atMs: number } | undefined;
  let lastAtMs = Number.NEGATIVE_INFINITY;

  const progress = ({ phase, records, done, waitingFor }: Progress): void => {
    const atMs = nowMs();
    first ??= { done, atMs };
    const seconds = (atMs - first.atMs) / 1000;
    const perSecond = seconds > 0 ? Math.round((done - first.done) / seconds) : 0;
    const lag = records - done;
    const secondsLeft = perSecond > 0 ? Math.ceil(lag / perSecond) : undefined;
    if (terminal !== undefined) {
      const filled = records === 0 ? width : Math.floor((done / records) * width);
      const bar = `${'█'.repeat(filled)}${'░'.repeat(width - filled)}`;
      const left = secondsLeft === undefined ? '' : `, ${secondsLeft} s left`;
      const wait = waitingFor === undefined ? '' : `, waiting: ${waitingFor}`;
      terminal.write(`\r\x1b[K${phase} ${bar} ${done}/${records} records, ${perSecond}/s, lag ${lag}${left}${wait}`);
      return;
    }
    if (atMs - lastAtMs < lineEveryMs) return;
    lastAtMs = atMs;
    print(JSON.stringify({ phase, records, done, recordsPerSecond: perSecond, lag, secondsLeft, waitingFor }));
  };

  return {
    progress,
    sentence: (text: string): void => {
      terminal?.write('\r\x1b[K');
      print(terminal === undefined ? JSON.stringify({ message: text }) : text);
    },
  };
}
