/** Free ports for servers. */
import getPort, { portNumbers } from 'get-port';

/**
 * A free port: the preferred one or the next free one after it, or else any.
 *
 * "Any" stays below the range from which the system gives ports to outgoing connections: a client that keeps trying to
 * reach a stopped server there could be given the server's own port, and would keep it from starting again.
 */
export async function freePort(preferred?: number): Promise<number> {
  if (preferred !== undefined) return getPort({ port: portNumbers(preferred, preferred + 99) });
  return getPort({ port: Array.from({ length: 20 }, () => 15_000 + Math.floor(Math.random() * 15_000)) });
}
