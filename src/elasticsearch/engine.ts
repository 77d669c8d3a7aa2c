/**
 * The two engines, and all that they differ in as far as a client meets it: media types, and by what an answer tells who
 * gives it. (What fields a server may lack is in `field-types.ts`: that is no matter of the engine alone.)
 */
import type { Client } from '@elastic/elasticsearch';
import { SniffingTransport } from '@elastic/elasticsearch';

export type EngineName = 'elasticsearch' | 'opensearch';

/** As people write them. */
export const engineTitles: Readonly<Record<EngineName, string>> = {
  elasticsearch: 'Elasticsearch',
  opensearch: 'OpenSearch',
};

type TransportOptions = ConstructorParameters<typeof SniffingTransport>[0];

/** Both majors of Elasticsearch speak the protocol of 8; a client of 9 that asks for 9 is refused by 8. */
const compatibleMediaTypes = {
  jsonContentType: 'application/vnd.elasticsearch+json; compatible-with=8',
  ndjsonContentType: 'application/vnd.elasticsearch+x-ndjson; compatible-with=8',
  accept: 'application/vnd.elasticsearch+json; compatible-with=8,text/plain',
};

/** OpenSearch answers 406 to vendored media types. */
const plainMediaTypes = {
  jsonContentType: 'application/json',
  ndjsonContentType: 'application/x-ndjson',
  accept: 'application/json,text/plain',
};

/** Takes an answer without `x-elastic-product: Elasticsearch` for none of Elasticsearch's, as the client demands. */
class ElasticsearchTransport extends SniffingTransport {
  constructor(options: TransportOptions) {
    super({ ...options, vendoredHeaders: compatibleMediaTypes });
  }
}

/** Takes every answer. */
class PlainTransport extends SniffingTransport {
  constructor(options: TransportOptions) {
    const unchecked = { ...options, vendoredHeaders: plainMediaTypes };
    delete unchecked.productCheck;
    super(unchecked);
  }
}

/** How the client speaks to this engine: its media types, and whether it looks for Elasticsearch's product header. */
export function transportOf(engine: EngineName): typeof SniffingTransport {
  return engine === 'elasticsearch' ? ElasticsearchTransport : PlainTransport;
}

/** The same connections, for questions to a server that may be either engine. Needs no close of its own. */
export function anyEngine(client: Client): Client {
  return client.child({ Transport: PlainTransport });
}

/**
 * Who gives an answer with these headers. Elasticsearch has told itself in every answer since 7.14, OpenSearch since 3;
 * undefined for older ones, and where something on the way removes headers.
 */
export function engineIn(headers: Readonly<Record<string, unknown>> | null | undefined): EngineName | undefined {
  if (headers?.['x-elastic-product'] === 'Elasticsearch') return 'elasticsearch';
  return typeof headers?.['x-opensearch-version'] === 'string' ? 'opensearch' : undefined;
}

/**
 * Whether the server itself gives this answer. Whatever stands before it (a load balancer, a gateway, a login page) answers with
 * the same statuses, and knows nothing of documents and indexes. An older OpenSearch tells itself only by the shape of its errors.
 */
export function isOwnAnswer(
  client: Client,
  headers: Readonly<Record<string, unknown>> | null | undefined,
  hasErrorObject: boolean,
): boolean {
  if (engineIn(headers) !== undefined) return true;
  return hasErrorObject && !(client.transport instanceof ElasticsearchTransport);
}

/** OpenSearch's version in its answer to `GET /`; undefined if the answer is another's. */
export function opensearchVersion(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('version' in body)) return undefined;
  const { version } = body;
  if (typeof version !== 'object' || version === null || !('distribution' in version)) return undefined;
  if (version.distribution !== 'opensearch' || !('number' in version)) return undefined;
  return typeof version.number === 'string' ? version.number : undefined;
}
