/** The command line as a process, without servers: old Nodes, closed pipes, signals. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Linter } from 'eslint';
import { freePort } from '../../stack/ports.ts';

const project = join(import.meta.dirname, '..', '..', '..');
const main = join(project, 'src', 'main.ts');

interface Spawned {
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs Node to its end; `started` is given the process. */
async function run(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  started: (child: ReturnType<typeof spawn>, stderr: () => string) => void = () => undefined,
): Promise<Spawned> {
  const child = spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    started(child, () => stderr);
  });
  started(child, () => stderr);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

/** A configuration whose servers are all away. */
async function away(): Promise<Readonly<Record<string, string>>> {
  return {
    SLUICE_KAFKA_BROKERS: `127.0.0.1:${await freePort()}`,
    SLUICE_ELASTICSEARCH_NODES: `http://127.0.0.1:${await freePort()}`,
    SLUICE_UNMAPPED_TOPICS: 'none',
    SLUICE_HTTP_PORT: '0',
  };
}

test('an old Node gets one sentence, and nothing is imported', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'main-'));
  try {
    // Alone in its folder: whatever it imports is missing.
    await copyFile(main, join(folder, 'main.mjs'));
    const old = "Object.defineProperty(process.versions, 'node', { value: '20.20.2' });";
    await writeFile(join(folder, 'old.mjs'), old);
    const { code, stderr } = await run(['--import', join(folder, 'old.mjs'), join(folder, 'main.mjs'), 'check'], {});
    assert.match(stderr, /^Sluice needs Node\.js 22\.18 or later, and .+ is v.+: install a newer Node\.js.+\n$/);
    assert.equal(stderr.split('\n').length, 2);
    assert.equal(code, 2);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('the entry is written in the syntax of Node 14 and asks for the Node that the package asks for', async () => {
  const text = (await readFile(main, 'utf8')).replace(/^#!.*/, '');
  const messages = new Linter().verify(text, { languageOptions: { ecmaVersion: 2020, sourceType: 'module' } });
  assert.deepEqual(
    messages.filter(({ fatal }) => fatal === true),
    [],
  );
  assert.doesNotMatch(text, /^(?:import|export) /m);
  const { engines } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(engines.node) ?? [];
  assert.match(text, new RegExp(`oldestMajor = ${major ?? '?'};\nconst oldestMinor = ${minor ?? '?'};`));
});

test('a closed pipe ends no command with a stack trace, and leaves its exit code the truth', async () => {
  const { code, stderr } = await run([main, 'check'], await away(), (child) => {
    child.stdout?.destroy();
  });
  assert.match(stderr, /^  Kafka: .*`kafka\.brokers`/m);
  assert.doesNotMatch(stderr, /EPIPE|^ {4}at /m);
  assert.equal(code, 2);
});

test('SIGHUP ends an instance as SIGTERM does', async () => {
  let signalled = false;
  const { code, stderr } = await run([main, 'run'], await away(), (child, output) => {
    if (signalled || !output().includes('Kafka')) return;
    signalled = child.kill('SIGHUP');
  });
  assert.match(stderr, /SIGHUP: Sluice finishes what is in flight/);
  assert.equal(code, 0);
});
