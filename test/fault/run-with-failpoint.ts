/** As `src/main.ts`, but killed when the failpoint named by the environment was passed so many times. */
import { runProgram } from '../../src/cli/program.ts';

const { SLUICE_TEST_FAILPOINT: failpoint, SLUICE_TEST_FAILPOINT_PASSES: passes = '1' } = process.env;
let left = Number(passes);

process.exitCode = await runProgram(process.argv.slice(2), {
  environment: process.env,
  cwd: process.cwd(),
  print: (line) => process.stdout.write(`${line}\n`),
  printError: (line) => process.stderr.write(`${line}\n`),
  failpoints: (point) => {
    if (point !== failpoint) return;
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  },
});
