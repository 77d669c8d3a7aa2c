/**
 * Runs one of our TypeScript programs on a machine that has Node 20 or later and nothing else: installs the packages if they
 * are missing or older than the lockfile, then starts the program with the Node that is one of them.
 *
 * `node test/stack/bootstrap.mjs test/run.ts [arguments]`
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const installed = join(project, 'node_modules', '.package-lock.json');
const node = join(project, 'node_modules', '.bin', 'node');
const [program = '', ...args] = process.argv.slice(2);

const isCurrent =
  existsSync(installed) &&
  existsSync(node) &&
  statSync(installed).mtimeMs >= statSync(join(project, 'package-lock.json')).mtimeMs;
if (!isCurrent) {
  process.stderr.write('Installing packages (npm ci) …\n');
  const { status, error, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: project,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (error !== undefined || status !== 0) {
    const reason = error?.message ?? stderr.trim().split('\n').slice(0, 3).join(' ');
    process.stderr.write(
      `Packages cannot be installed: ${reason}. Check that npm is there and reaches its registry.\n`,
    );
    process.exit(1);
  }
}

// The program has a process group of its own place in the terminal: Ctrl-C reaches it directly, and we wait for its end.
const child = spawn(node, ['--disable-warning=TimeoutNegativeWarning', join(project, program), ...args], {
  cwd: project,
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // From a terminal the child has had it already; from a supervisor it has not.
    if (!process.stdin.isTTY) child.kill(signal);
  });
}
child.on('exit', (code) => {
  process.exit(code ?? 1);
});
