/**
 * Settings that each may be, and together cannot work.
 */
import type { Config } from './schema.ts';

export interface Contradiction {
  /** The key to blame. */
  readonly path: readonly string[];
  readonly message: string;
}

export function contradictionsIn(
  config: Pick<Config, 'elasticsearch' | 'schemaRegistry' | 'source' | 'readDoubtfulNulls'>,
): readonly Contradiction[] {
  return [...halfCredentials(config), ...nullsWithoutDatabase(config)];
}

/** The server would refuse them, or be asked without any. Names the half that is there; `message` names the one that is missing. */
function halfCredentials(config: Pick<Config, 'elasticsearch' | 'schemaRegistry'>): readonly Contradiction[] {
  return (['elasticsearch', 'schemaRegistry'] as const).flatMap((server) => {
    const { username, password } = config[server] ?? {};
    if ((username === undefined) === (password === undefined)) return [];
    const [there, missing] = username === undefined ? ['password', 'username'] : ['username', 'password'];
    return [{ path: [server, there], message: `\`${server}.${there}\` is set without \`${server}.${missing}\`.` }];
  });
}

/** Only PostgreSQL's connector sends null in place of a value. */
function nullsWithoutDatabase({
  source,
  readDoubtfulNulls,
}: Pick<Config, 'source' | 'readDoubtfulNulls'>): readonly Contradiction[] {
  if (!readDoubtfulNulls || /^postgres(?:ql)?:/.test(source ?? '')) return [];
  const message =
    source === undefined
      ? '`readDoubtfulNulls` is set without `source`, the URL of the database to read from.'
      : '`readDoubtfulNulls` is for PostgreSQL alone, and `source` is another database; remove it.';
  return [{ path: ['readDoubtfulNulls'], message }];
}
