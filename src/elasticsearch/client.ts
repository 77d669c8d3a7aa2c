/**
 * The connection to Elasticsearch 8 and 9 or OpenSearch 2 and 3: transport, TLS and authentication of Elastic's client, nothing
 * retried by it.
 */
import type { ClientOptions, UndiciAgentOptions } from '@elastic/elasticsearch';
import { Client } from '@elastic/elasticsearch';
import type { buildConnector } from 'undici';
import { SluiceError } from '../errors.ts';
import type { EngineName } from './engine.ts';
import { transportOf } from './engine.ts';
import { connectorFor } from './pinned-authority.ts';

export interface ElasticsearchOptions {
  /** Elasticsearch unless said. */
  readonly engine?: EngineName | undefined;
  /** URLs. */
  readonly nodes: readonly string[];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly bearer?: string | undefined;
  /** PEM. */
  readonly ca?: string | undefined;
  /** SHA-256 of the authority's certificate, in hexadecimal. With it, every certificate is checked, whatever `rejectUnauthorized` says. */
  readonly caFingerprint?: string | undefined;
  readonly rejectUnauthorized: boolean;
  /** An API key over plain http can be read by everybody on the way. */
  readonly allowApiKeyOverHttp: boolean;
  /** For a whole request, its answer read. */
  readonly requestTimeoutMs: number;
  /** Compresses requests: for slow networks. */
  readonly compression: boolean;
}

/** Throws a SluiceError if an API key would go over plain http without being allowed to, or a fingerprint is of no use. */
export function createElasticsearchClient(options: ElasticsearchOptions): Client {
  const { nodes, username, password, apiKey, bearer, caFingerprint } = options;
  const plain = nodes.find((node) => new URL(node).protocol === 'http:');
  if (apiKey !== undefined && plain !== undefined && !options.allowApiKeyOverHttp) {
    const message = `\`elasticsearch.apiKey\` would go to ${new URL(plain).host} over plain http, readable by everybody on the way; use https, or set \`elasticsearch.allowApiKeyOverHttp: true\`.`;
    throw new SluiceError([{ code: 'CONFIGURATION_INVALID', message }]);
  }
  if (caFingerprint !== undefined && plain !== undefined) {
    const message = `\`elasticsearch.caFingerprint\` needs https, and ${new URL(plain).host} of \`elasticsearch.nodes\` is plain http; write https:// there.`;
    throw new SluiceError([{ code: 'CONFIGURATION_INVALID', message }]);
  }
  const auth: ClientOptions['auth'] =
    apiKey !== undefined
      ? { apiKey }
      : bearer !== undefined
        ? { bearer }
        : username !== undefined
          ? { username, password: password ?? '' }
          : undefined;
  return new Client({
    nodes: [...nodes],
    Transport: transportOf(options.engine ?? 'elasticsearch'),
    maxRetries: 0,
    requestTimeout: options.requestTimeoutMs,
    compression: options.compression,
    ...tlsOf(options),
    ...(auth && { auth }),
  });
}

/** The client's type of `agent` leaves out `connect`, which it hands to undici with all else. */
function tlsOf({ ca, caFingerprint, rejectUnauthorized, requestTimeoutMs }: ElasticsearchOptions): ClientOptions {
  if (caFingerprint === undefined) return { tls: { rejectUnauthorized, ...(ca !== undefined && { ca }) } };
  const connect = connectorFor({ fingerprint: caFingerprint, ca, timeoutMs: requestTimeoutMs });
  const agent: UndiciAgentOptions & { readonly connect: buildConnector.connector } = { connections: 256, connect };
  return { agent };
}
