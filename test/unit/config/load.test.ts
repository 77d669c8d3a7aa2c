import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig, loadDocuments } from '../../../src/config/load.ts';
import { z } from 'zod';
import { problemText } from '../../../src/config/problem.ts';

/** Loads these files and variables; problems as text, without the folder. */
async function load(environment: Record<string, string>, files: Record<string, string> = {}) {
  const cwd = await mkdtemp(join(tmpdir(), 'config-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
    const here = Object.entries(environment).map(([name, value]) => [name, value.replace('HERE', cwd)] as const);
    const loaded = await loadConfig({ environment: Object.fromEntries(here), cwd });
    const problems = loaded.ok ? [] : loaded.problems.map((problem) => problemText(problem).replaceAll(`${cwd}/`, ''));
    return { config: loaded.ok ? loaded.value : undefined, problems };
  } finally {
    await rm(cwd, { recursive: true });
  }
}

const addresses = { SLUICE_KAFKA_BROKERS: 'a:1, b:2', SLUICE_ELASTICSEARCH_NODES: 'http://c:3' };

test('two addresses are enough, and need no file', async () => {
  const { config } = await load(addresses);
  assert.deepEqual(config?.kafka.brokers, ['a:1', 'b:2']);
  assert.equal(config.kafka.groupId, 'sluice');
  assert.equal(config.elasticsearch.maxBatchBytes, 5 * 1024 * 1024);
  assert.equal(config.kafka.sasl, undefined);
});

test('the environment wins over the file, and secrets are read from files', async () => {
  const yaml =
    'kafka: { brokers: [x:9], groupId: file }\nelasticsearch: { nodes: ["http://y:9"] }\nlimits: { maxBytesHeld: 1MiB }\n';
  const environment = {
    SLUICE_KAFKA_GROUP_ID: 'environment',
    SLUICE_ELASTICSEARCH_USERNAME: 'u',
    SLUICE_ELASTICSEARCH_PASSWORD_FILE: 'HERE/secret',
    SLUICE_HTTP_ENABLED: 'false',
    SLUICE_TEST_ANYTHING: 'is not ours',
  };
  const { config, problems } = await load(environment, { 'sluice.yaml': yaml, secret: 'p4ss\n' });
  assert.deepEqual(problems, []);
  assert.equal(config?.kafka.groupId, 'environment');
  assert.equal(config.elasticsearch.password, 'p4ss');
  assert.equal(config.limits.maxBytesHeld, 1024 * 1024);
  assert.equal(config.http.enabled, false);
});

test('every mistake is told, each where it was made', async () => {
  const yaml =
    'kafka:\n  brokers: []\n  sesionTimeoutMs: 5\nelasticsearch:\n  nodes: [ftp://x]\nlog: { level: loud }\n';
  const { problems } = await load({ SLUICE_HTTP_PORT: 'high' }, { 'sluice.yaml': yaml });
  assert.equal(problems.length, 5, problems.join('\n'));
  const all = problems.join('\n');
  assert.match(all, /^sluice\.yaml:2:12: `kafka\.brokers` /m);
  assert.match(all, /^sluice\.yaml:3:3: unknown key "sesionTimeoutMs"; did you mean "sessionTimeoutMs"\?\.$/m);
  assert.match(all, /^sluice\.yaml:5:11: `elasticsearch\.nodes\.0` /m);
  assert.match(all, /^sluice\.yaml:6:15: `log\.level` must be one of error, warn, info, debug, trace\.$/m);
  assert.match(all, /^SLUICE_HTTP_PORT: `http\.port` must be a number\.$/m);
});

test('a pattern that is none is refused before anything is read', async () => {
  const { problems } = await load({ ...addresses, SLUICE_UNMAPPED_TOPICS: '(' });
  assert.deepEqual(problems, ['SLUICE_UNMAPPED_TOPICS: `unmapped.topics` is no regular expression.']);
});

test('what is missing everywhere is told with its variable', async () => {
  const { problems } = await load({ SLUICE_KAFKA_BROKERS: 'a:1' });
  assert.match(problems[0] ?? '', /^`elasticsearch\.nodes` is missing.+Set SLUICE_ELASTICSEARCH_NODES, or the key/);
});

test('a folder of mapping files that is named must exist; only the default may be absent, where topics need no file', async () => {
  const named = await load({ ...addresses, SLUICE_DOCUMENTS: './mapings' });
  assert.equal(named.config?.namesDocuments, true);
  const inFile = await load(addresses, { 'sluice.yaml': 'documents: ./mapings\n' });
  assert.equal(inFile.config?.namesDocuments, true);
  const { config } = await load(addresses);
  assert.equal(config?.namesDocuments, false);
  const schema = z.object({ document: z.string() });
  assert.deepEqual(await loadDocuments(config.documents, schema, { optional: true }), { ok: true, value: [] });
  const refused = await loadDocuments(inFile.config.documents, schema, { optional: false });
  assert.match(refused.ok ? '' : (refused.problems[0]?.message ?? ''), /cannot be read; correct `documents`/);
});

test('the URL of Apicurio ends in the version of its interface, and the headers with its ids have its names for them', async () => {
  const url = (path: string) => ({
    ...addresses,
    SLUICE_SCHEMA_REGISTRY_URLS: 'http://r:1/apis/ccompat/v7',
    SLUICE_SCHEMA_REGISTRY_APICURIO_URLS: `http://r:1${path}`,
    SLUICE_SCHEMA_REGISTRY_HEADERS_KEY_GLOBAL_ID: 'my.id',
  });
  const { config, problems } = await load(url('/apis/registry/v3/'));
  assert.deepEqual(problems, []);
  assert.deepEqual(config?.schemaRegistry?.headers, {
    keyGlobalId: 'my.id',
    valueGlobalId: 'apicurio.value.globalId',
    keyContentId: 'apicurio.key.contentId',
    valueContentId: 'apicurio.value.contentId',
    keyEncoding: 'apicurio.key.encoding',
    valueEncoding: 'apicurio.value.encoding',
  });
  assert.match((await load(url('/apis/ccompat/v7'))).problems[0] ?? '', /does not end in `\/v2` or `\/v3`/);
});

test('half of a pair of credentials is a mistake, told where the half stands', async () => {
  const elasticsearch = await load({ ...addresses, SLUICE_ELASTICSEARCH_USERNAME: 'u' });
  assert.deepEqual(elasticsearch.problems, [
    'SLUICE_ELASTICSEARCH_USERNAME: `elasticsearch.username` is set without `elasticsearch.password`.',
  ]);
  const yaml = 'schemaRegistry:\n  urls: [http://r:1]\n  password: p\n';
  const registry = await load(addresses, { 'sluice.yaml': yaml });
  assert.deepEqual(registry.problems, [
    'sluice.yaml:3:3: `schemaRegistry.password` is set without `schemaRegistry.username`.',
  ]);
  const both = { ...addresses, SLUICE_ELASTICSEARCH_USERNAME: 'u', SLUICE_ELASTICSEARCH_PASSWORD: '' };
  assert.deepEqual((await load(both)).problems, []);
});

test('nulls are read from a database that is named, and only from one that leaves values out', async () => {
  const on = { ...addresses, SLUICE_READ_DOUBTFUL_NULLS: 'true' };
  const source = 'postgres://user@db/shop';
  assert.equal((await load({ ...on, SLUICE_SOURCE: source })).config?.readDoubtfulNulls, true);
  assert.equal(
    (await load({ ...addresses, SLUICE_SOURCE: source })).config?.readDoubtfulNulls,
    false,
    'only if asked for',
  );
  assert.deepEqual((await load(on)).problems, [
    'SLUICE_READ_DOUBTFUL_NULLS: `readDoubtfulNulls` is set without `source`, the URL of the database to read from.',
  ]);
  assert.deepEqual((await load({ ...on, SLUICE_SOURCE: 'mysql://user@db/shop' })).problems, [
    'SLUICE_READ_DOUBTFUL_NULLS: `readDoubtfulNulls` is for PostgreSQL alone, and `source` is another database; remove it.',
  ]);
});

test('a schema registry may be Apicurio alone, and one without any URL is refused', async () => {
  const apicurio = 'http://r:1/apis/registry/v2';
  const alone = await load({ ...addresses, SLUICE_SCHEMA_REGISTRY_APICURIO_URLS: apicurio });
  assert.deepEqual(alone.config?.schemaRegistry?.apicurioUrls, [apicurio]);
  const none = await load(addresses, { 'sluice.yaml': 'schemaRegistry:\n  requestTimeoutMs: 5\n' });
  assert.deepEqual(none.problems, [
    'sluice.yaml:2:3: `schemaRegistry` names no registry: set `urls` (ids in front of values), `apicurioUrls` (Apicurio’s ids in headers), or both.',
  ]);
});

test('the HTTP port is for this machine only, unless it is configured otherwise', async () => {
  assert.equal((await load(addresses)).config?.http.host, '127.0.0.1');
});
