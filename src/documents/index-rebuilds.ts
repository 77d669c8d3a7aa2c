/**
 * `index.onChange: rebuild`: the service mends an index that is not whole, one at a time. That only one instance does so is decided by the
 * control document; that it is done by the right definition, by what the members of the group say of theirs.
 */
import { SluiceError } from '../errors.ts';
import type { Failure } from '../model/outcome.ts';

/** The members of a group; of each the digest of its definitions, undefined for one that does not say. */
export interface GroupMembers {
  /** False while the group rebalances. */
  readonly settled: boolean;
  readonly definitions: readonly (string | undefined)[];
}

export interface IndexRebuildsOptions {
  /** Whether the index of an alias is to be rebuilt when it is not whole. */
  readonly isWanted: (alias: string) => boolean;
  /** Why no rebuild may begin now; undefined if one may. */
  readonly obstacle: () => Promise<string | undefined>;
  /** Throws a SluiceError if it is not to be. */
  readonly rebuild: (alias: string) => Promise<void>;
  readonly logger: Record<'info' | 'warn', (about: object, text: string) => void>;
}

export interface IndexRebuilds {
  /** Begins the rebuild of one of these, unless one runs, or failed with these very doubts. */
  consider(doubts: ReadonlyMap<string, readonly Failure[]>): void;
  /** Resolves when none runs. */
  settled(): Promise<void>;
}

export function createIndexRebuilds({ isWanted, obstacle, rebuild, logger }: IndexRebuildsOptions): IndexRebuilds {
  /** Alias → the doubts with which its rebuild failed: the same command would fail again. */
  const failed = new Map<string, string>();
  let lastObstacle: string | undefined;
  let running: Promise<void> | undefined;

  const attempt = async (alias: string, doubts: string): Promise<void> => {
    const why = await obstacle().catch(() => 'Kafka does not say who is in the group');
    if (why !== undefined) {
      if (why !== lastObstacle) logger.info({ alias }, `${alias} is not rebuilt yet: ${why}.`);
      lastObstacle = why;
      return;
    }
    logger.info({ alias }, `Rebuilding ${alias} (\`index.onChange: rebuild\`).`);
    try {
      await rebuild(alias);
      logger.info({ alias }, `Rebuilt ${alias}.`);
    } catch (error) {
      if (!(error instanceof SluiceError)) return;
      if (error.failures.some(({ code }) => code === 'REBUILD_RUNNING')) return;
      failed.set(alias, doubts);
      logger.warn({ alias }, `${alias} was not rebuilt: ${error.message}`);
    }
  };

  return {
    consider: (doubts) => {
      if (running !== undefined) return;
      for (const [alias, failures] of doubts) {
        const text = failures.map(({ message }) => message).join('\n');
        if (!isWanted(alias) || failed.get(alias) === text) continue;
        running = attempt(alias, text).finally(() => {
          running = undefined;
        });
        return;
      }
    },
    settled: async () => {
      await running;
    },
  };
}

/** Why the members of a group may not all make the same documents as this one; undefined if they do. */
export function disagreement({ settled, definitions }: GroupMembers, own: string): string | undefined {
  if (!settled || definitions.length === 0) return 'the group is rebalancing';
  const others = definitions.filter((one) => one !== own).length;
  return others === 0
    ? undefined
    : `${others} of ${definitions.length} instances run with other mapping files, or with an earlier version`;
}
