/** What cannot work is refused before the first record: one sentence, its place, exit code 2. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { startElasticsearch } from '../stack/elasticsearch.ts';
import { startStack } from '../stack/stack.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch', 'opensearch'] });
test.after(() => stack.stop());

interface Attempt {
  readonly files: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** Runs Sluice in a folder of these files; its exit code and what it wrote. */
async function attempt({ files, environment = {}, args = ['run'] }: Attempt) {
  const folder = await mkdtemp(join(tmpdir(), 'refusals-'));
  try {
    await mkdir(join(folder, 'documents'));
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
    const child = spawn(process.execPath, [main, ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'], SLUICE_HTTP_PORT: '0', ...environment },
    });
    const [out, error, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number | null]>,
    ]);
    return { code, lines: `${out}${error}`.replaceAll(`${folder}/`, '').trim().split('\n') };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const config = (more = ''): string => `kafka:
  brokers: [${stack.addresses.kafka}]
elasticsearch:
  nodes: [${stack.addresses.elasticsearch}]
documents: documents
${more}`;

const mistakes: readonly (Attempt & { readonly claim: string; readonly says: RegExp })[] = [
  {
    claim: 'YAML that is none',
    files: { 'sluice.yaml': 'kafka:\n  brokers: [a:1\nelasticsearch: {}\n' },
    says: /^sluice\.yaml:3:\d+: not YAML: .+\.$/,
  },
  {
    claim: 'an unknown key of the configuration',
    files: { 'sluice.yaml': config('limits: { maxBytesHold: 64MiB }') },
    says: /^sluice\.yaml:6:11: unknown key "maxBytesHold"; did you mean "maxBytesHeld"\?\.$/,
  },
  {
    claim: 'an unknown variable',
    files: { 'sluice.yaml': config() },
    environment: { SLUICE_KAFKA_GROUPID: 'x' },
    says: /^SLUICE_KAFKA_GROUPID is no variable of Sluice; did you mean "SLUICE_KAFKA_GROUP_ID"\?\.$/,
  },
  {
    claim: 'an address that is missing',
    files: { 'sluice.yaml': 'kafka: { brokers: ["a:1"] }\nelasticsearch: {}\n' },
    says: /^sluice\.yaml:2:16: `elasticsearch\.nodes` is missing; it must be an array\.$/,
  },
  {
    claim: 'an unknown key of a mapping file',
    files: { 'sluice.yaml': config(), 'documents/a.yaml': 'document: a\nfrom: t\nfield:\n  x: { as: trim }\n' },
    says: /^documents\/a\.yaml:3:1: unknown key "field"; did you mean "fields"\?\.$/,
  },
  {
    claim: 'a conversion that there is not',
    files: { 'sluice.yaml': config(), 'documents/a.yaml': 'document: a\nfrom: t\nfields:\n  x: { as: trimm }\n' },
    says: /^documents\/a\.yaml:4:\d+: `fields\.x\.as` is no conversion; there are string, .+\.$/,
  },
  {
    claim: 'a topic that does not exist',
    files: { 'sluice.yaml': config(), 'documents/a.yaml': 'document: a\nfrom: no.such.topic\n' },
    says: /^documents\/a\.yaml:2:7: Kafka has no topic "no\.such\.topic"\. Check `from` .+\.$/,
  },
  {
    claim: 'a folder without a mapping file',
    files: { 'sluice.yaml': config() },
    says: /documents: the folder holds no mapping file .+ correct `documents` .+\.$/,
  },
  {
    claim: 'an API key over plain http',
    files: { 'sluice.yaml': config(), 'documents/a.yaml': 'document: a\nfrom: t\n' },
    environment: { SLUICE_ELASTICSEARCH_API_KEY: 'secret' },
    says: /^`elasticsearch\.apiKey` would go to .+ over plain http.+allowApiKeyOverHttp.+$/,
  },
  {
    claim: 'an unknown command',
    files: {},
    args: ['rnu'],
    says: /unknown command 'rnu'/,
  },
];

for (const { claim, says, ...wrong } of mistakes) {
  test(`${claim}: one sentence with its place, and exit code 2`, async () => {
    const { code, lines } = await attempt(wrong);
    assert.equal(code, 2, lines.join('\n'));
    assert.match(lines[0] ?? '', says);
  });
}

test('a wrong password for Elasticsearch: one sentence and exit code 2', async () => {
  await using elasticsearch = await startElasticsearch({
    security: { users: [{ name: 'sluice', password: 'right-password', roles: ['superuser'] }] },
  });
  const environment = {
    SLUICE_KAFKA_BROKERS: stack.addresses.kafka,
    SLUICE_ELASTICSEARCH_NODES: elasticsearch.address,
    SLUICE_ELASTICSEARCH_USERNAME: 'sluice',
    SLUICE_ELASTICSEARCH_PASSWORD: 'wrong-password',
    SLUICE_UNMAPPED_TOPICS: '.*',
  };
  const { code, lines } = await attempt({ files: {}, environment });
  assert.equal(code, 2, lines.join('\n'));
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(
    lines[0] ?? '',
    /^Elasticsearch answered security_exception \(status 401\)\. Check `elasticsearch\.username`/,
  );
  assert.equal(lines.join('').includes('wrong-password'), false);

  const checked = await attempt({
    files: {},
    args: ['check'],
    environment: { ...environment, SLUICE_ELASTICSEARCH_PASSWORD: 'right-password' },
  });
  assert.match(checked.lines.join('\n'), /✔ Elasticsearch at .+, version 9/);
});

for (const [answers, configured] of [
  ['OpenSearch', 'elasticsearch'],
  ['Elasticsearch', 'opensearch'],
] as const) {
  test(`${answers} where ${configured} is configured: one sentence, and exit code 2`, async () => {
    const environment = {
      SLUICE_KAFKA_BROKERS: stack.addresses.kafka,
      SLUICE_ELASTICSEARCH_NODES:
        configured === 'opensearch' ? stack.addresses.elasticsearch : stack.addresses.opensearch,
      SLUICE_ELASTICSEARCH_ENGINE: configured,
      SLUICE_UNMAPPED_TOPICS: '.*',
    };
    const sentence = new RegExp(
      `^ *${answers}.* answers, but \`elasticsearch\\.engine\` is \`${configured}\`\\. Set \`elasticsearch\\.engine\` .+\\.$`,
    );
    const ran = await attempt({ files: {}, environment });
    assert.equal(ran.code, 2, ran.lines.join('\n'));
    assert.equal(ran.lines.length, 1, ran.lines.join('\n'));
    assert.match(ran.lines[0] ?? '', sentence);
    const checked = await attempt({ files: {}, args: ['check'], environment });
    assert.equal(checked.code, 2, checked.lines.join('\n'));
    assert.ok(
      checked.lines.some((line) => sentence.test(line)),
      checked.lines.join('\n'),
    );
  });
}

test('`check` names the engine and its version', async () => {
  const environment = {
    SLUICE_KAFKA_BROKERS: stack.addresses.kafka,
    SLUICE_ELASTICSEARCH_NODES: stack.addresses.opensearch,
    SLUICE_ELASTICSEARCH_ENGINE: 'opensearch',
    SLUICE_UNMAPPED_TOPICS: '.*',
  };
  const { lines } = await attempt({ files: {}, args: ['check'], environment });
  assert.match(lines.join('\n'), /✔ OpenSearch at http.+, version \d+\.\d+\.\d+/);
});
