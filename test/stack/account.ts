/** Elasticsearch and PostgreSQL refuse to run as root; then they run as `nobody`. */
import { chown, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A user and group to run a process as. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export const isRoot = process.getuid?.() === 0;

/** Who runs the servers that refuse root; undefined means "as we are". */
export async function unprivilegedAccount(): Promise<Account | undefined> {
  if (!isRoot) return undefined;
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((entry) => entry.startsWith('nobody:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined)
    throw new Error('There is no user "nobody" in /etc/passwd to run servers as.');
  return { uid: Number(uid), gid: Number(gid) };
}

/** Gives a folder or file to the account; nothing to do when we are not root. */
export async function giveTo(account: Account | undefined, path: string): Promise<void> {
  if (account !== undefined) await chown(path, account.uid, account.gid);
}

/** Whether any user can reach `folder`: every part of its path lets others pass. */
export async function isReachableByOthers(folder: string): Promise<boolean> {
  for (let path = folder; ; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}
