/** The same story, in each form in which a connector can tell it: every document equals its row (the envelope as JSON: road.test). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startConnect } from '../stack/connect.ts';
import { Kafka, logLevel } from 'kafkajs';
import type { Registry } from '../stack/registry.ts';
import { startRegistry } from '../stack/registry.ts';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import { intoOneTopic, reframe } from './reframe.ts';
import type { Scene } from './scene.ts';
import { setScene } from './scene.ts';
import type { SluiceProcess } from './sluice-process.ts';
import { runCommand, startReadySluice } from './sluice-process.ts';
import { walk } from './story.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

type Settings = Readonly<Record<string, string>>;

const json = (schemas: boolean): Settings => ({
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'key.converter.schemas.enable': String(schemas),
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter.schemas.enable': String(schemas),
});

const flattened = (mode: string): Settings => ({
  transforms: 'unwrap',
  'transforms.unwrap.type': 'io.debezium.transforms.ExtractNewRecordState',
  'transforms.unwrap.delete.tombstone.handling.mode': mode,
  'transforms.unwrap.add.headers': 'op',
});

const forms: readonly { readonly name: string; readonly claim: string; readonly settings: Settings }[] = [
  {
    name: 'tombstone',
    claim: 'flattened, JSON without schemas',
    settings: { ...json(false), ...flattened('tombstone') },
  },
  {
    name: 'rewrite',
    claim: 'flattened with __deleted, JSON with schemas',
    settings: { ...json(true), ...flattened('rewrite') },
  },
  {
    name: 'both',
    claim: 'flattened with __deleted and tombstones, JSON without schemas',
    settings: { ...json(false), ...flattened('rewrite-with-tombstone') },
  },
  {
    name: 'deletes',
    claim: 'flattened with deletes as tombstones, JSON with schemas',
    settings: { ...json(true), ...flattened('delete-to-tombstone') },
  },
  {
    name: 'legacy',
    claim: 'flattened with the old names of the options',
    settings: {
      ...json(true),
      transforms: 'unwrap',
      'transforms.unwrap.type': 'io.debezium.transforms.ExtractNewRecordState',
      'transforms.unwrap.drop.tombstones': 'false',
      'transforms.unwrap.delete.handling.mode': 'rewrite',
    },
  },
  {
    name: 'cloud',
    claim: 'CloudEvents, JSON without schemas',
    settings: {
      ...json(false),
      'value.converter': 'io.debezium.converters.CloudEventsConverter',
      'value.converter.serializer.type': 'json',
      'value.converter.data.serializer.type': 'json',
      'value.converter.json.schemas.enable': 'false',
    },
  },
];

for (const { name, claim, settings } of forms) {
  test(`every document equals its row: ${claim}`, async () => {
    await using scene = await setScene({ ...stack.addresses, name: `forms_${name}`, settings });
    await using sluice = await startReadySluice({ ...stack.addresses, ...scene });
    await walk(scene, sluice);
    assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  });
}

test('every document equals its row: Avro by a schema registry, in envelopes, flattened and in CloudEvents', async () => {
  await using registry = await startRegistry();
  await using connect = await startConnect({
    kafka: stack.addresses.kafka,
    converter: true,
    group: 'connect-avro',
  });
  const addresses = { ...stack.addresses, connect: connect.address };
  const converterOf = (part: string): Settings =>
    Object.fromEntries(Object.entries(registry.converter).map(([name, value]) => [`${part}.${name}`, value]));
  const names = { 'schema.name.adjustment.mode': 'avro', 'field.name.adjustment.mode': 'avro' };
  const avro = { ...converterOf('key'), ...converterOf('value'), ...names };
  const cloud = {
    ...converterOf('key'),
    ...names,
    'value.converter': 'io.debezium.converters.CloudEventsConverter',
    'value.converter.serializer.type': 'avro',
    'value.converter.data.serializer.type': 'avro',
    ...Object.fromEntries(
      Object.entries(registry.converter)
        .filter(([name]) => name !== 'converter')
        .map(([name, value]) => [`value.${name.replace('converter.', 'converter.avro.')}`, value]),
    ),
  };
  const environment = {
    SLUICE_SCHEMA_REGISTRY_URLS: registry.address,
    SLUICE_SCHEMA_REGISTRY_REQUEST_TIMEOUT_MS: '500',
  };
  for (const [name, settings] of [
    ['avro', avro],
    ['avro_flat', { ...avro, ...flattened('rewrite') }],
    ['avro_cloud', cloud],
  ] as const) {
    await using scene = await setScene({ ...addresses, name: `forms_${name}`, settings });
    await using sluice = await startReadySluice({ ...addresses, ...scene, environment });
    await walk(scene, sluice);
    if (name === 'avro') await expectPatience(scene, sluice, registry);
    assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  }
});

test('every document equals its row: Avro with schema ids in headers, resolved by Apicurio', async () => {
  await using registry = await startRegistry();
  await using connect = await startConnect({ kafka: stack.addresses.kafka, converter: true, group: 'connect-headers' });
  const addresses = { ...stack.addresses, connect: connect.address };
  const inHeaders: Settings = {
    ...registry.converter,
    'converter.apicurio.registry.as-confluent': 'false',
    'converter.apicurio.registry.headers.enabled': 'true',
  };
  const converterOf = (part: string, id: string): Settings => {
    const entries = Object.entries({ ...inHeaders, 'converter.apicurio.registry.use-id': id });
    return Object.fromEntries(entries.map(([name, value]) => [`${part}.${name}`, value]));
  };
  const settings = {
    ...converterOf('key', 'globalId'),
    ...converterOf('value', 'contentId'),
    'schema.name.adjustment.mode': 'avro',
    'field.name.adjustment.mode': 'avro',
  };
  const environment = {
    SLUICE_SCHEMA_REGISTRY_URLS: registry.address,
    SLUICE_SCHEMA_REGISTRY_APICURIO_URLS: registry.apicurioAddress,
  };
  await using scene = await setScene({ ...addresses, name: 'forms_headers', settings });
  assert.deepEqual(await headerNames(scene.topicOf('customers')), [
    'apicurio.key.globalId',
    'apicurio.value.contentId',
  ]);
  const options = { ...addresses, ...scene, environment };
  await using sluice = await startReadySluice(options);
  await walk(scene, sluice);
  // What reads the topics beside the service reads them in the same way.
  for (const args of [['check'], ['verify', scene.indexOf('customers')]]) {
    const { code, stdout, stderr } = await runCommand(options, args);
    assert.equal(code, 0, stdout + stderr);
  }
  assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
});

/** Those of the first record that name a schema. */
async function headerNames(topic: string): Promise<readonly string[]> {
  const kafka = new Kafka({ brokers: [stack.addresses.kafka], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `${topic}-look` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const names = await new Promise<readonly string[]>((resolve) => {
    void consumer.run({
      eachMessage: ({ message }) => {
        resolve(Object.keys(message.headers ?? {}));
        return Promise.resolve();
      },
    });
  });
  await consumer.disconnect();
  return names.filter((name) => /^apicurio\..*Id$/.test(name)).sort();
}

/** Values of many types, and none of each. */
const kinds = `
  CREATE TABLE inventory.kinds (id bigint PRIMARY KEY, small smallint, big bigint, price numeric(20,4), ratio real,
    share double precision, yes boolean, at timestamptz(3), on_day date, tag uuid);
  INSERT INTO inventory.kinds VALUES
    (9007199254740991, -32768, -9007199254740991, -12345678.9012, 0.1, 1e-300, true, '2024-02-29 12:34:56.789+02', '1066-10-14',
     '4d47e190-0402-4048-bc2c-89dd54343cdc'),
    (-1, 0, 0, 0, 0, 0, false, '1969-12-31 23:59:59.999Z', '1970-01-01', NULL),
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`;

for (const framing of ['JSON', 'PROTOBUF'] as const) {
  test(`every document equals its row: ${framing} by a schema registry, in envelopes`, async () => {
    const name = `forms_${framing.toLowerCase()}`;
    await using registry = await startRegistry();
    await using reframing = await reframe(stack.addresses.kafka, name, registry, framing);
    await using scene = await setScene({
      ...stack.addresses,
      name,
      settings: intoOneTopic(name),
      tables: [{ name: 'kinds', key: 'id', sql: kinds }],
      mappings: { kinds: `document: ${name}-kinds\nfrom: ${name}.inventory.kinds\n` },
    });
    const environment = { SLUICE_SCHEMA_REGISTRY_URLS: registry.address };
    try {
      await using sluice = await startReadySluice({ ...stack.addresses, ...scene, environment });
      await walk(scene, sluice, 3);
      assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
    } finally {
      // The scene takes its topics away with it; what writes them goes first, or it would wait for them for ever.
      await reframing[Symbol.asyncDispose]();
    }
  });
}

/** What a registry does to records: silence holds them back; an id that it does not know is a dead letter. */
async function expectPatience(scene: Scene, sluice: SluiceProcess, registry: Registry): Promise<void> {
  const kafka = new Kafka({ brokers: [stack.addresses.kafka], logLevel: logLevel.NOTHING });
  const producer = kafka.producer();
  await producer.connect();
  const topic = scene.topicOf('customers');
  const before = (await sluice.status()).accounts;
  const send = (id: number) => producer.send({ topic, messages: [{ key: '{"id":1}', value: frame(id) }] });

  await registry.pause();
  await send(9_999_998);
  await untilTrue('it waits for the registry', () =>
    Promise.resolve(sluice.output().includes('SCHEMA_REGISTRY_UNREACHABLE')),
  );
  assert.deepEqual((await sluice.status()).accounts, before);
  await registry.resume();
  await untilTrue('the record is a dead letter', async () => {
    return (await sluice.status()).accounts.deadLettered === before.deadLettered + 1;
  });
  assert.match(sluice.output(), /SCHEMA_UNKNOWN/);
  await producer.disconnect();
}

const frame = (id: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32BE(id, 1);
  return bytes;
};
