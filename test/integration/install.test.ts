/** The README’s “Install” and “Run it”, as a person pastes them: the packed tarball, installed into an empty folder. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startStack } from '../stack/stack.ts';
import { setScene } from './scene.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

const project = join(import.meta.dirname, '..', '..');
const readme = await readFile(join(project, 'README.md'), 'utf8');
/** The blocks of one language below a heading, as they would be pasted. */
const blocks = (heading: string, language: string): readonly string[] => {
  const section = readme.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text);
};

const folder = await mkdtemp(join(tmpdir(), 'sluice-install-'));
test.after(() => rm(folder, { recursive: true, force: true }));
const checkout = join(folder, 'checkout');
const environment = {
  ...process.env,
  PATH: `${join(folder, 'global', 'bin')}:${join(project, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
  // `npm install --global` writes here and not into the machine.
  npm_config_prefix: join(folder, 'global'),
};

/** Runs a line as a shell would; fails with what it printed. */
const shell = async (line: string, cwd: string, more: Readonly<Record<string, string>> = {}): Promise<string> => {
  const { stdout, stderr } = await promisify(execFile)('sh', ['-ec', line], {
    cwd,
    env: { ...environment, ...more },
    maxBuffer: 16 * 1024 * 1024,
  }).catch((error: unknown) => assert.fail(`${line}: ${JSON.stringify(error)}`));
  return stdout + stderr;
};

/** The files of the repository, without what was built or installed; `npm ci` is what CI has run already. */
await mkdir(checkout);
for (const entry of ['package.json', 'package-lock.json', '.npmrc', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
  await cp(join(project, entry), join(checkout, entry));
}
for (const entry of ['tsconfig.json', 'tsconfig.build.json', 'src', 'docs', 'schema', 'mappings']) {
  await cp(join(project, entry), join(checkout, entry), { recursive: true });
}
await symlink(join(project, 'node_modules'), join(checkout, 'node_modules'));

test('the README’s commands make a package, which runs `sluice check` in an empty folder; so does the build', async () => {
  const [asPackage = '', fromSource = ''] = blocks('Install', 'sh');
  const lines = (block: string): readonly string[] => block.trim().split('\n');
  assert.equal(lines(asPackage)[0], 'npm ci');
  let printed = '';
  for (const line of lines(asPackage).slice(1)) printed = await shell(line, checkout);
  const { version } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8')) as { readonly version: string };
  assert.equal(printed.trim(), `sluice ${version}`);

  assert.equal(lines(fromSource)[0], 'npm ci');
  // `npm pack` has just run the build.
  assert.equal(lines(fromSource)[1], 'npm run build');
  assert.equal((await shell(lines(fromSource)[2] ?? '', checkout)).trim(), `sluice ${version}`);

  await using scene = await setScene({ ...stack.addresses, name: 'install' });
  const empty = join(folder, 'empty');
  await mkdir(empty);
  const [configuration = ''] = blocks('Run it', 'yaml');
  const served = configuration
    .replace('localhost:9092', stack.addresses.kafka)
    .replace('http://localhost:9200', stack.addresses.elasticsearch)
    .replace("'dbserver1", "'install");
  await writeFile(join(empty, 'sluice.yaml'), served);
  const group = { SLUICE_KAFKA_GROUP_ID: scene.groupId };
  assert.match(await shell('sluice check', empty, group), /^✔ topic install\.inventory\.customers: /m);

  // The mapping file that the README shows fits the tables of the demo.
  const [, sample = ''] = blocks('Run it', 'yaml');
  await mkdir(join(empty, 'mappings'));
  const moved = sample.replace('dbserver1', 'install').replace('document: customers', 'document: install-sample');
  await writeFile(join(empty, 'mappings', 'customers.yaml'), moved);
  const checked = await shell('sluice check', empty, group);
  assert.match(checked, /^✔ configuration and 1 mapping file/m);
  assert.match(checked, /^✔ index install-sample: /m);
  assert.doesNotMatch(checked, /^[^✔]/m);
});

test('every link of the documentation that is packed leads to a file that is packed too', async () => {
  const listed = await shell('npm pack --dry-run --json --ignore-scripts --loglevel=error', checkout);
  const [packed] = JSON.parse(listed) as [{ readonly files: readonly { readonly path: string }[] }];
  const paths = packed.files.map(({ path }) => path);
  const pages = paths.filter((path) => path.endsWith('.md'));
  assert.ok(pages.length > 10);
  for (const page of pages) {
    const text = await readFile(join(checkout, page), 'utf8');
    for (const [, link = ''] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)) {
      const target = normalize(join(dirname(page), link));
      assert.ok(
        paths.some((path) => path === target || path.startsWith(`${target}/`)),
        `${page} links to ${link}`,
      );
    }
  }
});
