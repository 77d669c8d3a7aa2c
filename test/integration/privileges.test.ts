/** The role that docs/operations.md shows suffices for every command, and each of its privileges is needed. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { parse } from 'yaml';
import { startElasticsearch } from '../stack/elasticsearch.ts';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import { runCommand, startReadySluice } from './sluice-process.ts';

interface Role {
  readonly cluster: readonly string[];
  readonly indices: readonly { readonly names: readonly string[]; readonly privileges: readonly string[] }[];
}

/** The role as it is documented, for the document of this test. */
async function documentedRole(): Promise<Role> {
  const page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'operations.md'), 'utf8');
  const [, yaml = ''] = /```yaml\n(sluice:\n {2}cluster:.*?)```/s.exec(page) ?? [];
  const { sluice } = parse(yaml.replace('customers*', 'people*')) as { readonly sluice: Role };
  return sluice;
}

const whole = await documentedRole();
const privileges = whole.indices[0]?.privileges ?? [];
/** Role name → the documented role without one privilege. */
const lesser = Object.fromEntries([
  ['without-monitor', { ...whole, cluster: [] }],
  ...privileges.map((lacking) => [
    `without-${lacking}`,
    {
      cluster: [...whole.cluster],
      indices: whole.indices.map(({ names }) => ({
        names: [...names],
        privileges: privileges.filter((privilege) => privilege !== lacking),
      })),
    },
  ]),
]) as Readonly<Record<string, Role>>;

const stack = await startStack({ servers: ['kafka'] });
test.after(() => stack.stop());
const roles = { whole, ...lesser };
const users = Object.keys(roles).map((name) => ({ name, password: 'password', roles: [name] }));
const elasticsearch = await startElasticsearch({ security: { users, roles } });
test.after(() => elasticsearch.stop());

const topic = 'privileges.shop.people';
const documents = await mkdtemp(join(tmpdir(), 'privileges-'));
test.after(() => rm(documents, { recursive: true }));
await writeFile(join(documents, 'people.yaml'), `document: people\nfrom: ${topic}\n`);

const as = (user: string) => ({
  kafka: stack.addresses.kafka,
  elasticsearch: elasticsearch.address,
  groupId: 'privileges',
  documents,
  environment: { SLUICE_ELASTICSEARCH_USERNAME: user, SLUICE_ELASTICSEARCH_PASSWORD: 'password' },
});

async function produce(): Promise<void> {
  const kafka = new Kafka({ clientId: 'privileges', brokers: [stack.addresses.kafka], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  const source = { connector: 'postgresql', schema: 'shop', table: 'people' };
  const messages = [1, 2, 3].map((id) => ({
    key: JSON.stringify({ id }),
    value: JSON.stringify({ before: null, after: { id, name: `n${id}` }, source, op: 'c', ts_ms: 1 }),
  }));
  const deleted = JSON.stringify({ before: { id: 3, name: '' }, after: null, source, op: 'd', ts_ms: 2 });
  await producer.send({ topic, messages: [...messages, { key: '{"id":3}', value: deleted }] });
  await producer.disconnect();
}

test('with the documented role every command does its work', async () => {
  await produce();
  await using sluice = await startReadySluice(as('whole'));
  await untilTrue('all is written', async () => (await sluice.status()).accounts.consumed === 4);
  await untilTrue('nothing is held', async () => (await sluice.status()).recordsHeld === 0);
  for (const command of [
    'check',
    'status',
    'plan people',
    'verify people',
    'repair people --yes',
    `sweep people --since ${topic}[0]@0`,
    'adopt people',
    'rebuild people',
    'rollback people',
    'rollback people --forward',
    'rebuild finish people',
  ]) {
    const { code, stdout, stderr } = await runCommand(as('whole'), command.split(' '));
    assert.equal(code, 0, `${command}: ${stdout}${stderr}`);
  }
  await sluice.stop();
});

for (const privilege of privileges) {
  test(`without \`${privilege}\`, check says that run cannot work, and rebuild refuses to begin; both name it`, async () => {
    const user = `without-${privilege}`;
    const checked = await runCommand(as(user), ['check']);
    assert.equal(checked.code, 2, checked.stdout);
    const lack = new RegExp(`user "${user}" of Elasticsearch lacks .*\`${privilege}\` on people, people-000001`);
    assert.match(checked.stderr, lack);
    const refused = await runCommand(as(user), ['rebuild', 'people']);
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, lack);
  });
}

test('without `monitor`, run works, check remarks that rebuild cannot, and rebuild refuses to begin', async () => {
  const checked = await runCommand(as('without-monitor'), ['check']);
  assert.equal(checked.code, 0, checked.stderr);
  assert.match(checked.stdout, /`sluice rebuild` cannot work: .+ lacks `monitor` on the cluster\./);
  const refused = await runCommand(as('without-monitor'), ['rebuild', 'people']);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /`monitor` on the cluster/);
});
