/** Kafka with TLS and passwords: the right ones are taken, the wrong ones told apart and told in a sentence. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { KafkaSasl } from '../../src/kafka/client.ts';
import { createKafka, kafkaFailure } from '../../src/kafka/client.ts';
import { listTopics } from '../../src/kafka/offsets.ts';
import { kafkaJdk } from '../stack/jdk.ts';
import { startKafka } from '../stack/kafka.ts';
import { startSluice } from './sluice-process.ts';

const folder = await mkdtemp(join(tmpdir(), 'kafka-security-'));
test.after(() => rm(folder, { recursive: true }));

/** A key for 127.0.0.1 and its own certificate, made by the JDK's keytool. */
const keystore = join(folder, 'broker.p12');
const certificate = join(folder, 'broker.pem');
const keytool = async (...args: string[]): Promise<void> => {
  const { home } = await kafkaJdk();
  const store = ['-keystore', keystore, '-storetype', 'PKCS12', '-storepass', 'changeit', '-alias', 'broker'];
  await promisify(execFile)(join(home, 'bin', 'keytool'), [...args, ...store]);
};
await keytool('-genkeypair', '-keyalg', 'EC', '-dname', 'CN=broker', '-ext', 'san=ip:127.0.0.1', '-validity', '30');
await keytool('-exportcert', '-rfc', '-file', certificate);
const ca = await readFile(certificate, 'utf8');

const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule';
const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule';
const kafka = await startKafka({
  formatArgs: ['--add-scram', 'SCRAM-SHA-512=[name=sluice,password=right-password]'],
  settings: {
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:SASL_SSL',
    'ssl.keystore.location': keystore,
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.password': 'changeit',
    'ssl.key.password': 'changeit',
    'ssl.truststore.location': keystore,
    'ssl.truststore.type': 'PKCS12',
    'ssl.truststore.password': 'changeit',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-512',
    'sasl.mechanism.inter.broker.protocol': 'PLAIN',
    'listener.name.plaintext.plain.sasl.jaas.config': `${plain} required username="broker" password="b" user_broker="b" user_sluice="right-password";`,
    'listener.name.plaintext.scram-sha-512.sasl.jaas.config': `${scram} required;`,
  },
});
test.after(() => kafka.stop());

const connect = (sasl: KafkaSasl | undefined, trusted: string | undefined) =>
  createKafka(
    {
      brokers: [kafka.address],
      clientId: 'security',
      connectionTimeoutMs: 5000,
      requestTimeoutMs: 5000,
      ssl: { ca: trusted, rejectUnauthorized: true },
      sasl,
    },
    () => undefined,
  );

const user = (mechanism: KafkaSasl['mechanism'], password: string): KafkaSasl => ({
  mechanism,
  username: 'sluice',
  password,
});

for (const mechanism of ['plain', 'scram-sha-512'] as const) {
  test(`over TLS with ${mechanism}: the right password is taken, a wrong one is refused for good`, async () => {
    assert.ok((await listTopics(connect(user(mechanism, 'right-password'), ca))) instanceof Set);
    const failure = await listTopics(connect(user(mechanism, 'wrong-password'), ca)).then(
      () => undefined,
      kafkaFailure,
    );
    assert.equal(failure?.code, 'KAFKA_UNAUTHORIZED');
    assert.ok(!failure.message.includes('wrong-password'));
  });
}

test('a certificate that nobody vouches for is told as what it is', async () => {
  const failure = await listTopics(connect(user('plain', 'right-password'), undefined)).then(
    () => undefined,
    kafkaFailure,
  );
  assert.equal(failure?.code, 'KAFKA_UNREACHABLE');
  assert.match(failure.message, /certificate/);
});

test('Sluice with a wrong password for Kafka ends with one sentence and exit code 2', async () => {
  await using sluice = await startSluice({
    kafka: kafka.address,
    elasticsearch: 'http://127.0.0.1:1',
    groupId: 'security',
    documents: folder,
    environment: {
      SLUICE_UNMAPPED_TOPICS: '.*',
      SLUICE_KAFKA_SSL_CA_FILE: certificate,
      SLUICE_KAFKA_SASL_MECHANISM: 'plain',
      SLUICE_KAFKA_SASL_USERNAME: 'sluice',
      SLUICE_KAFKA_SASL_PASSWORD: 'wrong-password',
    },
  });
  assert.deepEqual(await sluice.ended, { code: 2, signal: null }, sluice.output());
  assert.match(sluice.output(), /^Kafka refuses: .+\. Check `kafka\.sasl`.+\n$/);
});
