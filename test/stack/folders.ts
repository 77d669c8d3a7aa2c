/** Where artefacts, data and logs of the local servers live. */
import { access, constants, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isReachableByOthers, isRoot } from './account.ts';

const projectFolder = join(import.meta.dirname, '..', '..');

/**
 * `.stack` in the project; or, when the unprivileged servers could not reach it there (root below a private home) or we
 * may not write there, a folder of our own among the temporary files.
 */
export async function stackFolder(): Promise<string> {
  const usable = isRoot ? await isReachableByOthers(projectFolder) : await isWritable(projectFolder);
  const folder = usable
    ? join(projectFolder, '.stack')
    : join(tmpdir(), `sluice-stack-${process.getuid?.() ?? 'user'}`);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  return folder;
}

async function isWritable(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/**
 * A new folder for the data and logs of one server, named after this process. The folders of processes that have ended
 * are removed first, so that the logs of the last run stay readable until the next one begins.
 */
export async function createRunFolder(server: string): Promise<string> {
  const runs = join(await stackFolder(), 'runs');
  await mkdir(runs, { recursive: true, mode: 0o755 });
  await removeEndedRuns(runs);
  const own = join(runs, String(process.pid));
  await mkdir(own, { recursive: true, mode: 0o755 });
  return mkdtemp(join(own, `${server}-`));
}

async function removeEndedRuns(runs: string): Promise<void> {
  const ended = (await readdir(runs)).filter((name) => !isRunning(Number(name)));
  await Promise.all(ended.map((name) => rm(join(runs, name), { recursive: true, force: true, maxRetries: 3 })));
}

/** Whether a process with this id exists. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
