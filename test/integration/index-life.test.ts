/** An index beside a running Sluice: columns come, mapping files change, aliases get lost. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import { startReadySluice, startSluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());
const { kafka: brokers, elasticsearch } = stack.addresses;
const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING });

type Columns = Readonly<Record<string, string>>;

/** A row as the JSON converter writes it with its schema. */
function rowOf(columns: Columns, payload: Record<string, unknown>): string {
  const fields = Object.entries(columns).map(([field, type]) => ({ field, type, optional: true }));
  return JSON.stringify({ schema: { type: 'struct', optional: false, name: 'row', fields }, payload });
}

interface Place extends AsyncDisposable {
  readonly name: string;
  readonly topic: string;
  send(topic: string, columns: Columns, row: Record<string, unknown>): Promise<void>;
  mapping(text: string, file?: string): Promise<void>;
  /** Runs a command; its exit code and all that it said. */
  sluice(...args: string[]): Promise<{ code: number; text: string }>;
  found(query: string): Promise<number>;
  readonly options: Parameters<typeof startSluice>[0];
}

async function makePlace(name: string): Promise<Place> {
  const documents = await mkdtemp(join(tmpdir(), `${name}-`));
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [name, `${name}-other`].map((topic) => ({ topic, numPartitions: 1 })) });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  const options = {
    kafka: brokers,
    elasticsearch,
    groupId: name,
    documents,
    environment: { SLUICE_RETRY_PAUSE_MS: '300' },
  };
  const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');
  return {
    name,
    topic: name,
    options,
    send: async (topic, columns, row) => {
      const key = JSON.stringify({ id: row['id'] });
      await producer.send({ topic, messages: [{ key, value: rowOf(columns, row) }] });
    },
    mapping: (text, file = 'a') => writeFile(join(documents, `${file}.yaml`), text),
    sluice: (...args) =>
      new Promise((resolve) => {
        const env = {
          PATH: process.env['PATH'],
          SLUICE_KAFKA_BROKERS: brokers,
          SLUICE_KAFKA_GROUP_ID: name,
          SLUICE_ELASTICSEARCH_NODES: elasticsearch,
          SLUICE_DOCUMENTS: documents,
          SLUICE_HTTP_PORT: '0',
        };
        execFile(process.execPath, [main, ...args], { cwd: documents, env }, (error, out, err) => {
          resolve({ code: error === null ? 0 : Number(error.code), text: out + err });
        });
      }),
    found: async (query) => {
      await fetch(`${elasticsearch}/${name}/_refresh`, { method: 'POST' });
      const response = await fetch(`${elasticsearch}/${name}/_count?q=${encodeURIComponent(query)}`);
      return response.ok ? ((await response.json()) as { count: number }).count : 0;
    },
    [Symbol.asyncDispose]: async () => {
      await producer.disconnect();
      await rm(documents, { recursive: true });
    },
  };
}

const two: Columns = { id: 'int32', name: 'string' };

test('a column that comes is searchable from its first record on; one that changes its type is told, and what fits goes on', async () => {
  await using place = await makePlace('life_columns');
  const { name, topic } = place;
  await place.mapping(`document: ${name}\nfrom: ${topic}\nform: rows\n`);
  await place.mapping(`document: ${name}-other\nfrom: ${topic}-other\nform: rows\n`, 'b');
  await place.send(topic, two, { id: 1, name: 'a' });
  await using sluice = await startReadySluice(place.options);
  await using beside = await startReadySluice(place.options);
  await untilTrue('the first row is there', async () => (await place.found('name:a')) === 1);
  await place.send(topic, { ...two, phone: 'string' }, { id: 2, name: 'b', phone: '12' });
  await untilTrue('the new column is found', async () => (await place.found('phone:12')) === 1);
  const output = (): string => sluice.output() + beside.output();
  assert.match(output(), /Extended life_columns-000001: field "phone" is missing, should be text/);

  await place.send(topic, { ...two, phone: 'int64' }, { id: 3, name: 'c', phone: 13 });
  const sentence =
    /Columns have other types than the fields of life_columns-000001: field "phone" is text, should be long\. Values that still fit/;
  await untilTrue('the contradiction is told', () => Promise.resolve(sentence.test(output())));
  await untilTrue('what fits is there', async () => (await place.found('id:3')) === 1);
  await place.send(`${topic}-other`, two, { id: 1, name: 'other' });
  await untilTrue('the other document goes on', async () => {
    const response = await fetch(`${elasticsearch}/${name}-other/_doc/1`);
    return response.ok;
  });
});

test('a mapping file that contradicts its index ends `run` and `check` with the exact difference; what can be added is added at the start', async () => {
  await using place = await makePlace('life_files');
  const { name, topic } = place;
  const file = (index: string): Promise<void> =>
    place.mapping(`document: ${name}\nfrom: ${topic}\nform: rows\nindex: ${index}\n`);
  await file('{ mappings: { properties: { name: { type: keyword } } } }');
  await place.send(topic, two, { id: 1, name: 'a' });
  {
    await using sluice = await startReadySluice(place.options);
    await untilTrue('the first row is there', async () => (await place.found('name:a')) === 1);
    await sluice.stop();
  }
  await file('{ mappings: { properties: { name: { type: text } } } }');
  const sentence =
    'The index life_files-000001 is not as it should be: field "name" is keyword, should be text. Write the fields';
  const checked = await place.sluice('check');
  assert.ok(checked.code === 2 && checked.text.includes(sentence), checked.text);
  const ran = await place.sluice('run');
  assert.ok(ran.code === 2 && ran.text.includes(sentence), ran.text);

  await file(
    '{ settings: { refresh_interval: 2s }, mappings: { properties: { name: { type: keyword, fields: { words: { type: text } } } } } }',
  );
  const before = await place.sluice('check');
  assert.equal(before.code, 0, before.text);
  assert.match(
    before.text,
    /extended at the start of `sluice run`: subfield "name\.words" is missing, should be text; setting/,
  );
  {
    await using sluice = await startReadySluice(place.options);
    assert.match(sluice.output(), /Extended life_files-000001: subfield "name\.words"/);
    await sluice.stop();
  }
  const after = await place.sluice('check');
  assert.doesNotMatch(after.text, /missing/);
});

test('a lost alias is told by `check`, its records wait, and `adopt` gives it back beside a running instance', async () => {
  await using place = await makePlace('life_alias');
  const { name, topic } = place;
  await place.mapping(`document: ${name}\nfrom: ${topic}\nform: rows\n`);
  await place.send(topic, two, { id: 1, name: 'a' });
  {
    await using sluice = await startReadySluice(place.options);
    await untilTrue('the first row is there', async () => (await place.found('name:a')) === 1);
    await sluice.stop();
  }
  await fetch(`${elasticsearch}/${name}-000001/_alias/${name}`, { method: 'DELETE' });
  const checked = await place.sluice('check');
  assert.equal(checked.code, 2);
  assert.match(
    checked.text,
    /life_alias-000001 is there, but no alias "life_alias" names it\. Give the alias back: `sluice adopt/,
  );
  await place.send(topic, two, { id: 2, name: 'b' });
  await using sluice = await startSluice(place.options);
  await untilTrue('it waits', () => Promise.resolve(/ALIAS_LOST/.test(sluice.output())));
  const unknown = await place.sluice('adopt', 'no-such-document');
  assert.equal(unknown.code, 2, unknown.text);
  const adopted = await place.sluice('adopt', name);
  assert.equal(adopted.code, 0, adopted.text);
  assert.match(adopted.text, /✔ life_alias-000001 is the index of life_alias/);
  await untilTrue('the second row is there', async () => (await place.found('name:b')) === 1);
});
