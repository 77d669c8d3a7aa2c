/**
 * The command line as a process: its arguments, its streams and its exit code.
 */
import { runProgram } from './program.ts';

/** Runs the command that the process was started with, and ends the process. */
export async function enter(): Promise<never> {
  ignoreClosedPipe(process.stdout);
  ignoreClosedPipe(process.stderr);
  const code = await runProgram(process.argv.slice(2), {
    environment: process.env,
    cwd: process.cwd(),
    print: (line) => process.stdout.write(`${line}\n`),
    printError: (line) => process.stderr.write(`${line}\n`),
  });
  process.exit(code);
}

/**
 * A reader that has gone (`sluice check | head -1`) has read enough. The command finishes what it does, silently, and its exit
 * code stays the truth.
 */
function ignoreClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
