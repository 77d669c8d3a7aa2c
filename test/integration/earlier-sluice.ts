/** An earlier version of Sluice, built and packed (`test/fixtures/upgrades/README.md`), to be run as a process. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const project = join(import.meta.dirname, '..', '..');

/** The module to run of it, as `entry` of a process. */
export interface EarlierSluice extends AsyncDisposable {
  readonly entry: string;
}

interface PackageFile {
  readonly dependencies: Readonly<Record<string, string>>;
}

const dependenciesOf = async (folder: string): Promise<PackageFile['dependencies']> =>
  (JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as PackageFile).dependencies;

/** Unpacks `sluice-<commit>.tgz` beside the dependencies of this repository, which must be those that it was built with. */
export async function unpackEarlierSluice(commit: string): Promise<EarlierSluice> {
  const folder = await mkdtemp(join(tmpdir(), `sluice-${commit}-`));
  const packed = join(import.meta.dirname, '..', 'fixtures', 'upgrades', `sluice-${commit}.tgz`);
  await promisify(execFile)('tar', ['-xzf', packed, '-C', folder]);
  const earlier = join(folder, 'package');
  const [own, its] = await Promise.all([dependenciesOf(project), dependenciesOf(earlier)]);
  for (const [name, version] of Object.entries(its)) {
    assert.equal(own[name], version, `${commit} was built with another version of ${name}`);
  }
  await symlink(await realpath(join(project, 'node_modules')), join(earlier, 'node_modules'));
  return {
    entry: join(earlier, 'dist', 'main.js'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
