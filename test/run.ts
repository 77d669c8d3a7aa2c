/**
 * `npm test`: runs the suites named on the command line, or all of them, and ends with `N passed, N failed`.
 *
 * `node test/run.ts [unit|property|contract|mappings|integration|fault ...] [--only <part of a file's path>] [--nightly]`
 *
 * With `--nightly`, randomised runs and matrices are run whole: `nightly.ts` says what that is.
 *
 * The servers are started once, while the suites that need none are running; the test processes find them by their
 * environment. A file has ten minutes unless SLUICE_TEST_FILE_MINUTES says otherwise.
 */
import { globSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { nightlyBudgets } from './nightly.ts';
import { type Stack, serverNames, stackEnvironment, startStack } from './stack/stack.ts';

/** In the order in which they run. Files that share servers run one at a time, so that timings mean something. */
const suites = [
  { name: 'unit', needsServers: false, concurrency: 2 },
  { name: 'property', needsServers: false, concurrency: 2 },
  { name: 'mappings', needsServers: false, concurrency: 2 },
  { name: 'contract', needsServers: true, concurrency: 2 },
  { name: 'integration', needsServers: true, concurrency: 1 },
  { name: 'fault', needsServers: true, concurrency: 1 },
] as const;

type Suite = (typeof suites)[number];

interface Tally {
  passed: number;
  failed: number;
  /** Of each file, how long its tests took. */
  readonly durationsMs: Map<string, number>;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, nightly: { type: 'boolean' } },
});
if (values.nightly === true) {
  for (const [name, budget] of Object.entries(nightlyBudgets)) process.env[name] ??= budget;
}
const fileMinutes = Number(process.env['SLUICE_TEST_FILE_MINUTES'] ?? 10);

function filesOf(suite: Suite): string[] {
  const files = globSync(`${suite.name}/**/*.test.ts`, { cwd: import.meta.dirname });
  return files
    .filter((file) => file.includes(values.only ?? ''))
    .sort()
    .map((file) => join(import.meta.dirname, file));
}

interface TestEvent {
  readonly details: { readonly type?: string | undefined; readonly duration_ms: number };
  readonly nesting: number;
  readonly file?: string | undefined;
}

/** Runs the files of one suite, each in a process of its own, and counts the tests (not the groups of tests). */
async function runSuite(suite: Suite, files: string[], tally: Tally): Promise<void> {
  process.stdout.write(`\n${suite.name}\n`);
  const events = run({ files, concurrency: suite.concurrency, timeout: fileMinutes * 60_000 });
  const count = (outcome: 'passed' | 'failed') => (test: TestEvent) => {
    const { details, nesting, file } = test;
    if (details.type !== 'suite') tally[outcome] += 1;
    if (nesting > 0 || file === undefined) return;
    tally.durationsMs.set(file, (tally.durationsMs.get(file) ?? 0) + details.duration_ms);
  };
  events.on('test:pass', count('passed'));
  events.on('test:fail', count('failed'));
  for await (const text of events.compose(spec)) process.stdout.write(String(text));
}

/** Where the time went: a suite stays short only while somebody sees this. */
function reportSlowest({ durationsMs }: Tally): void {
  const slowest = [...durationsMs].sort(([, a], [, b]) => b - a).slice(0, 20);
  process.stdout.write('\nslowest files\n');
  for (const [file, durationMs] of slowest) {
    const seconds = String(Math.round(durationMs / 1000)).padStart(5);
    process.stdout.write(`${seconds} s  ${relative(import.meta.dirname, file)}\n`);
  }
}

async function main(): Promise<number> {
  const unknown = positionals.filter((name) => !suites.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    process.stderr.write(
      `There is no suite "${unknown.join(', ')}"; there are ${suites.map(({ name }) => name).join(', ')}.\n`,
    );
    return 2;
  }
  const selected = suites
    .filter(({ name }) => positionals.length === 0 || positionals.includes(name))
    .map((suite) => ({ suite, files: filesOf(suite) }))
    .filter(({ files }) => files.length > 0);

  const tally: Tally = { passed: 0, failed: 0, durationsMs: new Map() };
  let stack: Promise<Stack> | undefined;
  if (selected.some(({ suite }) => suite.needsServers)) {
    stack = startStack({ servers: serverNames });
    // Awaited before the first suite that needs them; until then a failure to start must not end the process.
    stack.catch(() => undefined);
  }
  try {
    for (const { suite, files } of selected) {
      if (suite.needsServers && stack !== undefined)
        Object.assign(process.env, stackEnvironment((await stack).addresses));
      await runSuite(suite, files, tally);
    }
  } catch (error) {
    tally.failed += 1;
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  } finally {
    await stack?.then(
      (running) => running.stop(),
      () => undefined,
    );
  }
  reportSlowest(tally);
  if (selected.length === 0) process.stderr.write('No test file matches.\n');
  process.stdout.write(`\n${tally.passed} passed, ${tally.failed} failed\n`);
  return tally.failed > 0 || tally.passed === 0 ? 1 : 0;
}

process.exitCode = await main();
