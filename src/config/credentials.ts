/**
 * Credentials of which one half is missing: the server would refuse them, or be asked without any.
 */
import type { Config } from './schema.ts';

/** Names the half that is there; `message` names the one that is missing. */
export function halfCredentials(
  config: Pick<Config, 'elasticsearch' | 'schemaRegistry'>,
): readonly { readonly path: readonly string[]; readonly message: string }[] {
  return (['elasticsearch', 'schemaRegistry'] as const).flatMap((server) => {
    const { username, password } = config[server] ?? {};
    if ((username === undefined) === (password === undefined)) return [];
    const [there, missing] = username === undefined ? ['password', 'username'] : ['username', 'password'];
    return [{ path: [server, there], message: `\`${server}.${there}\` is set without \`${server}.${missing}\`.` }];
  });
}
