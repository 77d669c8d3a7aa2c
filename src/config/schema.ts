/**
 * `sluice.yaml`: every key, its default and its meaning. The reference, the JSON Schema and the names of the environment's
 * variables are made of this.
 */
import { z } from 'zod';
import { formNames } from '../model/form.ts';
import type { HeaderNames } from '../model/schema-headers.ts';
import { defaultHeaderNames } from '../model/schema-headers.ts';

const milliseconds = z.int().positive();
const count = z.int().positive();

const units: Readonly<Record<string, number>> = { '': 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const size = /^(\d+) ?(B|KiB|MiB|GiB)?$/;

/** Bytes, as a number or with a unit: `64MiB`. */
const bytes = z.union([z.int().positive(), z.string().regex(size, 'is no size such as 64MiB')]).transform((value) => {
  if (typeof value === 'number') return value;
  const [, amount, unit = ''] = size.exec(value) ?? [];
  return Number(amount) * (units[unit] ?? 1);
});

const kafka = z.strictObject({
  brokers: z
    .array(z.string().regex(/^[^:/\s]+:\d+$/, 'is no broker such as localhost:9092'))
    .min(1)
    .describe('Brokers to begin with, `host:port` each'),
  groupId: z.string().min(1).default('sluice').describe('Consumer group; instances with the same one share the work'),
  clientId: z.string().min(1).default('sluice').describe('Name in the logs of the brokers'),
  ssl: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether the connection is encrypted'),
      caFile: z.string().optional().describe('PEM file of the authority that signed the brokers’ certificates'),
      certFile: z.string().optional().describe('PEM file of a client certificate'),
      keyFile: z.string().optional().describe('PEM file of its key'),
      passphrase: z.string().optional().describe('Passphrase of the key'),
      rejectUnauthorized: z.boolean().default(true).describe('False accepts any certificate: for trials only'),
    })
    .optional(),
  sasl: z
    .strictObject({
      mechanism: z
        .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
        .default('scram-sha-512')
        .describe('SASL mechanism'),
      username: z.string().min(1).describe('User'),
      password: z.string().describe('Password'),
    })
    .optional(),
  sessionTimeoutMs: milliseconds
    .default(30_000)
    .describe('An instance that is silent for longer loses its partitions to the others'),
  rebalanceTimeoutMs: milliseconds.default(60_000).describe('How long the group waits for an instance to join again'),
  connectionTimeoutMs: milliseconds.default(10_000).describe('For a connection, with its authentication'),
  requestTimeoutMs: milliseconds.default(30_000).describe('For a request'),
  maxBytesPerFetch: bytes
    .prefault('4MiB')
    .describe('Most that one fetch from one broker brings, as compressed as it is'),
});

const elasticsearch = z.strictObject({
  nodes: z
    .array(z.url({ protocol: /^https?$/ }))
    .min(1)
    .describe('URLs of nodes'),
  engine: z.enum(['elasticsearch', 'opensearch']).default('elasticsearch').describe('What runs there'),
  username: z.string().optional().describe('User, for basic authentication'),
  password: z.string().optional().describe('Password'),
  apiKey: z.string().optional().describe('API key, encoded as Kibana shows it'),
  bearer: z.string().optional().describe('Bearer token'),
  caFile: z.string().optional().describe('PEM file of the authority that signed the nodes’ certificates'),
  caFingerprint: z
    .string()
    .regex(
      /^[0-9a-f]{2}(?::?[0-9a-f]{2}){31}$/i,
      'is no SHA-256 fingerprint: 64 hexadecimal digits, with or without colons',
    )
    .optional()
    .describe('SHA-256 fingerprint of that authority, instead of its file; the nodes must send its certificate'),
  rejectUnauthorized: z
    .boolean()
    .default(true)
    .describe('False accepts any certificate: for trials only; beside `caFingerprint` it changes nothing'),
  allowApiKeyOverHttp: z.boolean().default(false).describe('Allows an API key over plain http, where it can be read'),
  requestTimeoutMs: milliseconds.default(30_000).describe('For a whole request, its answer read'),
  maxRequests: count.default(4).describe('Most bulk requests in flight; fewer while Elasticsearch answers 429'),
  maxBatchCount: count.default(1000).describe('Most writes in a bulk request'),
  maxBatchBytes: bytes.prefault('5MiB').describe('Most bytes in a bulk request of more than one write, about'),
  lingerMs: milliseconds.default(10).describe('Longest wait of a batch that is not full while others are in flight'),
  compression: z.boolean().default(false).describe('Compresses requests: for slow networks'),
});

function headerName(of: keyof HeaderNames) {
  return z.string().min(1).default(defaultHeaderNames[of]);
}

function compiles(pattern: string): boolean {
  try {
    new RegExp(pattern);
    return true;
  } catch {
    return false;
  }
}

const headers = z.strictObject({
  keyGlobalId: headerName('keyGlobalId').describe('Header with the global id of the key’s schema'),
  valueGlobalId: headerName('valueGlobalId').describe('Header with the global id of the value’s schema'),
  keyContentId: headerName('keyContentId').describe('Header with the content id of the key’s schema'),
  valueContentId: headerName('valueContentId').describe('Header with the content id of the value’s schema'),
  keyEncoding: headerName('keyEncoding').describe('Header with the encoding of an Avro key'),
  valueEncoding: headerName('valueEncoding').describe('Header with the encoding of an Avro value'),
});

export const configSchema = z.strictObject({
  kafka,
  elasticsearch,
  schemaRegistry: z
    .strictObject({
      urls: z
        .array(z.url({ protocol: /^https?$/ }))
        .min(1)
        .optional()
        .describe('URLs of a registry with Confluent’s interface, tried in turn; ids in front of values need it'),
      apicurioUrls: z
        .array(z.url({ protocol: /^https?$/ }).regex(/\/v[23]\/?$/, 'does not end in `/v2` or `/v3`'))
        .min(1)
        .optional()
        .describe('URLs of Apicurio’s own interface (`…/apis/registry/v2` or `/v3`), for its schema ids in headers'),
      headers: headers.prefault({}),
      username: z.string().optional().describe('User, for basic authentication'),
      password: z.string().optional().describe('Password'),
      bearer: z.string().optional().describe('Bearer token'),
      caFile: z.string().optional().describe('PEM file of the authority that signed its certificate'),
      rejectUnauthorized: z.boolean().default(true).describe('False accepts any certificate: for trials only'),
      requestTimeoutMs: milliseconds.default(10_000).describe('For a request'),
    })
    .refine(({ urls, apicurioUrls }) => urls !== undefined || apicurioUrls !== undefined, {
      message:
        'names no registry: set `urls` (ids in front of values), `apicurioUrls` (Apicurio’s ids in headers), or both',
    })
    .optional(),
  source: z
    .string()
    .regex(
      /^(?:postgres|postgresql|mysql|mariadb):\/\//,
      'is no URL such as postgres://user@host/database or mysql://user@host/database',
    )
    .optional()
    .describe('URL of the database that `sluice verify --source` compares with (PostgreSQL, MySQL, MariaDB)'),
  readDoubtfulNulls: z
    .boolean()
    .default(false)
    .describe('Reads a column from `source` (PostgreSQL) when its null may be a large value that was not sent'),
  documents: z.string().default('./mappings').describe('Folder of mapping files, relative to this file'),
  unmapped: z
    .strictObject({
      topics: z
        .string()
        .min(1)
        .refine(compiles, 'is no regular expression')
        .describe('Regular expression; topics that match it as a whole need no mapping file'),
      form: z.enum(formNames).default('auto').describe('What their values are; `auto` recognises what tells itself'),
      index: z
        .string()
        .min(1)
        .default('${table}')
        .describe('Index of such a topic, made of `${table}`, `${schema}` and `${topic}`'),
    })
    .optional(),
  masking: z
    .strictObject({
      hashKey: z.string().min(16).optional().describe('Secret of `as: hash`; with another one, all hashes are others'),
    })
    .prefault({}),
  deadLetters: z
    .strictObject({
      topic: z.string().min(1).default('sluice-dead-letters').describe('Topic for records that cannot be written'),
      create: z.boolean().default(true).describe('Whether the topic is made when it is first needed'),
      partitions: count.default(1).describe('Partitions of the topic when it is made'),
      replicationFactor: z
        .int()
        .min(-1)
        .default(-1)
        .describe('Replicas of the topic when it is made; −1: as the brokers say'),
    })
    .prefault({}),
  truncation: z
    .strictObject({
      allow: z
        .array(z.string().min(1).refine(compiles, 'is no regular expression'))
        .default([])
        .describe(
          'Regular expressions for whole topic names; only documents of these may say `onTruncate: delete`, which empties an index',
        ),
    })
    .prefault({}),
  limits: z
    .strictObject({
      maxBytesHeld: bytes
        .prefault('32MiB')
        .describe(
          'Memory of records that are read and not yet settled; beyond it, reading waits. Each document has a share: 4/5 of what the others leave; those whose index takes nothing, half together',
        ),
    })
    .prefault({}),
  index: z
    .strictObject({
      onChange: z
        .enum(['warn', 'rebuild'])
        .default('warn')
        .describe(
          'What is done about an index that is not whole (a new document, a changed definition, an index that was deleted or restored): a warning that stays, or a rebuild by one of the instances. A mapping file may say otherwise for its index',
        ),
      lookMs: milliseconds.default(30_000).describe('How often an instance looks whether the indexes are whole'),
    })
    .prefault({}),
  rebuild: z
    .strictObject({
      controlIndex: z
        .string()
        .min(1)
        .default('sluice-control')
        .describe('Index that tells the instances of rebuilds; the same for all of them'),
      pollMs: milliseconds.default(2000).describe('How often an instance looks whether a rebuild asks something of it'),
      maxWarmMs: milliseconds
        .optional()
        .describe(
          'How long after a swap both indexes are written, so that a rollback is possible; until `rebuild finish` unless said',
        ),
    })
    .prefault({}),
  commit: z
    .strictObject({ intervalMs: milliseconds.default(1000).describe('How often offsets are committed') })
    .prefault({}),
  retry: z
    .strictObject({
      initialMs: milliseconds.default(100).describe('Longest wait before the second attempt; doubles with each'),
      maxMs: milliseconds.default(30_000).describe('Longest wait between attempts'),
      pauseMs: milliseconds.default(10_000).describe('Between attempts at what does not heal by itself'),
    })
    .prefault({}),
  drainTimeoutMs: milliseconds.default(15_000).describe('How long a stop or a rebalance waits for what is in flight'),
  stalledAfterMs: milliseconds
    .default(10_000)
    .describe('Not ready when records are held and none was settled for this long'),
  http: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Serves /metrics, /live, /ready and /status'),
      host: z
        .string()
        .default('127.0.0.1')
        .describe('Address to listen on: this machine only; the image sets 0.0.0.0, so that probes reach it'),
      port: z.int().min(0).max(65_535).default(8080).describe('Port to listen on; 0 picks a free one'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['error', 'warn', 'info', 'debug', 'trace'])
        .default('info')
        .describe('No values of rows at info and below'),
    })
    .prefault({}),
});

export type Config = z.output<typeof configSchema>;
