/** A burst of dead letters, and letters that are large, on a dead-letter topic with the limits that Kafka gives a topic. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import type { KafkaMessage } from 'kafkajs';
import { readLag } from '../../src/kafka/offsets.ts';
import { startStack } from '../stack/stack.ts';
import { readLetters } from './letters.ts';
import { untilTrue } from './poll.ts';
import { runCommand, startReadySluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());
const documents = await mkdtemp(join(tmpdir(), 'letters-size-'));
test.after(() => rm(documents, { recursive: true }));

const kafka = new Kafka({ clientId: 'letters', brokers: [stack.addresses.kafka], logLevel: logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();
test.after(() => admin.disconnect());

const header = (message: KafkaMessage | undefined, name: string): string => String(message?.headers?.[name]);

test('600 bad rows of 3 KB and one of 2 MB become letters in a topic of at most 1 MiB a message, and the next row is written', async () => {
  const topic = 'letters-size';
  const deadLetters = `${topic}-dead-letters`;
  const configEntries = [{ name: 'max.message.bytes', value: String(8 * 1024 * 1024) }];
  await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }, { topic: deadLetters }] });
  // No JSON, and no compression makes them smaller.
  const small = Array.from({ length: 600 }, (_, id) => ({ key: `{"id":${id}}`, value: randomBytes(3000) }));
  const large = { key: '{"id":601}', value: randomBytes(2_000_000) };
  const good = { key: '{"id":602}', value: '{"before":null,"after":{"id":602},"source":{"table":"t"},"op":"c"}' };
  const producer = kafka.producer();
  await producer.connect();
  for (let at = 0; at < 600; at += 200) await producer.send({ topic, messages: small.slice(at, at + 200) });
  for (const message of [large, good]) await producer.send({ topic, messages: [message] });
  await producer.disconnect();

  const options = {
    ...stack.addresses,
    groupId: topic,
    documents,
    environment: { SLUICE_UNMAPPED_TOPICS: topic, SLUICE_DEAD_LETTERS_CREATE: 'false' },
  };
  const checked = await runCommand(options, ['check']);
  assert.match(
    `${checked.stdout}${checked.stderr}`,
    /✖ dead-letter topic letters-size-dead-letters: messages of at most 1048588 bytes\n[^]*letters-size takes records of 8388608 bytes/,
  );

  await using sluice = await startReadySluice(options);
  await untilTrue('all is committed', async () => {
    const [lag] = await readLag(kafka, topic, [topic]);
    return lag?.lagRecords === 0;
  });
  const { accounts } = await sluice.status();
  assert.deepEqual([accounts.deadLettered, accounts.applied], [601, 1]);

  const letters = await readLetters(kafka, deadLetters, 601);
  const byOffset = new Map(letters.map((letter) => [header(letter, '__connect.errors.offset'), letter]));
  assert.equal(byOffset.size, 601);
  assert.equal(letters.length, 601, 'none came twice');
  for (const [at, { key, value }] of small.entries()) {
    const letter = byOffset.get(String(at));
    assert.equal(String(letter?.key), key);
    assert.deepEqual(letter?.value, value);
    assert.equal(header(letter, '__sluice.value.omitted'), 'undefined');
  }
  const alone = byOffset.get('600');
  assert.equal(alone?.value, null);
  assert.equal(String(alone.key), large.key);
  assert.equal(header(alone, '__sluice.code'), 'RECORD_NOT_JSON');
  assert.equal(header(alone, '__connect.errors.topic'), topic);
  assert.equal(header(alone, '__sluice.value.omitted'), 'true');
  assert.equal(header(alone, '__sluice.value.bytes'), '2000000');
  assert.equal(header(alone, '__sluice.value.sha256'), createHash('sha256').update(large.value).digest('hex'));
});

test('letters that pass only one by one are split until they pass, and a key that is too large is left out with its digest', async () => {
  const topic = 'letters-split';
  const deadLetters = `${topic}-dead-letters`;
  const configEntries = [{ name: 'max.message.bytes', value: '20000' }];
  await admin.createTopics({
    topics: [
      { topic, numPartitions: 1 },
      { topic: deadLetters, configEntries },
    ],
  });
  const messages = Array.from({ length: 20 }, (_, id) => ({ key: `{"id":${id}}`, value: randomBytes(9000) }));
  const keyed = { key: randomBytes(30_000), value: 'no JSON' };
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, messages: [...messages, keyed] });
  await producer.disconnect();
  const environment = { SLUICE_UNMAPPED_TOPICS: topic };
  await using sluice = await startReadySluice({ ...stack.addresses, groupId: topic, documents, environment });
  await untilTrue('all is committed', async () => {
    const [lag] = await readLag(kafka, topic, [topic]);
    return lag?.lagRecords === 0;
  });
  assert.equal((await sluice.status()).accounts.deadLettered, 21);
  const letters = await readLetters(kafka, deadLetters, 21);
  const byOffset = new Map(letters.map((letter) => [header(letter, '__connect.errors.offset'), letter]));
  for (const [at, { value }] of messages.entries()) assert.deepEqual(byOffset.get(String(at))?.value, value);
  const alone = byOffset.get('20');
  assert.deepEqual([alone?.key, alone?.value], [null, null]);
  assert.equal(header(alone, '__sluice.key.sha256'), createHash('sha256').update(keyed.key).digest('hex'));
});
