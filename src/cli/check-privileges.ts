/**
 * What `sluice check` says of privileges: whether the user of Elasticsearch may do what `sluice run` and `sluice rebuild` do.
 */
import type { Client } from '@elastic/elasticsearch';
import type { Config } from '../config/schema.ts';
import type { Privileges } from '../elasticsearch/privileges.ts';
import { lackingPrivileges, neededToRebuild, neededToRun, readPrivileges } from '../elasticsearch/privileges.ts';
import type { Finding } from './check-topics.ts';

/** `documents` are the aliases. What `run` lacks is a failure; what only `rebuild` lacks is a remark. */
export async function checkPrivileges(client: Client, config: Config, documents: readonly string[]): Promise<Finding> {
  const { elasticsearch, rebuild } = config;
  if (elasticsearch.engine === 'opensearch')
    return { what: 'privileges: not asked, OpenSearch answers this question differently', failures: [] };
  const read = (needed: Parameters<typeof readPrivileges>[2]): Promise<Privileges> =>
    readPrivileges(client, elasticsearch.requestTimeoutMs, needed);
  const toRun = await read(neededToRun(documents, rebuild.controlIndex));
  if (toRun.state === 'failed') return { what: 'privileges', failures: [toRun.failure] };
  if (toRun.state === 'lacking')
    return { what: 'privileges', failures: [lackingPrivileges('`sluice run` cannot work', toRun)] };
  const toRebuild = await read(neededToRebuild(documents, rebuild.controlIndex));
  const remark =
    toRebuild.state === 'lacking'
      ? `\n    ${lackingPrivileges('`sluice rebuild` cannot work', toRebuild).message}`
      : '';
  return { what: `privileges: all that \`sluice run\` needs${remark}`, failures: [] };
}
