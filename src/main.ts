#!/usr/bin/env -S node --max-semi-space-size=32 --v8-pool-size=1
import { runProgram } from './cli/program.ts';

const code = await runProgram(process.argv.slice(2), {
  environment: process.env,
  cwd: process.cwd(),
  print: (line) => process.stdout.write(`${line}\n`),
  printError: (line) => process.stderr.write(`${line}\n`),
});
process.exit(code);
