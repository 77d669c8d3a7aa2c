import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../../../src/model/outcome.ts';
import { offset } from '../../../src/model/position.ts';
import type { SourceRecord } from '../../../src/model/record.ts';
import type { RegisteredSchema, RegistryClient } from '../../../src/schema-registry/client.ts';
import { createRegistry } from '../../../src/schema-registry/registry.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';

const text: RegisteredSchema = { type: 'AVRO', text: '"string"', references: [] };
const down: Failure = { code: 'SCHEMA_REGISTRY_UNREACHABLE', message: 'scripted' };
const unknown: Failure = { code: 'SCHEMA_UNKNOWN', message: 'scripted' };

/** A frame of the string «a». */
const frame = (id: number): Buffer => Buffer.from([0, 0, 0, 0, id, 2, 0x61]);
const recordOf = (key: Buffer | null, value: Buffer | null): SourceRecord => ({
  topic: 't',
  partition: 0,
  offset: offset(0),
  timestampMs: 0,
  headers: undefined,
  key,
  value,
});

function worldOf(answers: readonly (RegisteredSchema | Failure)[]) {
  const clock = createManualClock();
  const asked: number[] = [];
  const waited: string[] = [];
  const client: RegistryClient = {
    schemaOf: (id) => {
      asked.push(id);
      return Promise.resolve(answers[Math.min(asked.length, answers.length) - 1] ?? down);
    },
    check: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
  const { signal } = new AbortController();
  const observer = silentObserver({ waiting: ({ code }) => waited.push(code) });
  const registry = createRegistry({ client, clock, observer, signal });
  /** Lets time pass until nothing is waited for. */
  const settle = async (ready: Promise<void> | undefined): Promise<void> => {
    let done = ready === undefined;
    void ready?.then(() => (done = true));
    while (!done) {
      await new Promise(setImmediate);
      clock.advanceToNext();
    }
  };
  return { registry, asked, waited, clock, settle };
}

test('a schema is fetched once, for keys and values of all partitions, and records without frames need none', async () => {
  const { registry, asked, settle } = worldOf([text]);
  assert.equal(registry.prepare([recordOf(Buffer.from('{}'), null), recordOf(null, Buffer.from([0, 1]))]), undefined);
  const first = registry.prepare([recordOf(frame(1), frame(2)), recordOf(frame(1), frame(2))]);
  const second = registry.prepare([recordOf(frame(2), null)]);
  await settle(first);
  await settle(second);
  assert.deepEqual(asked, [1, 2]);
  assert.equal(registry.prepare([recordOf(frame(1), frame(2))]), undefined);
  const read = registry.readFrame(frame(1));
  assert.ok('text' in read);
  assert.equal(read.text, '"a"');
});

test('a registry that is down is waited for, however long, and nothing is given up', async () => {
  const { registry, asked, waited, settle } = worldOf([...Array.from({ length: 50 }, () => down), text]);
  await settle(registry.prepare([recordOf(null, frame(1))]));
  assert.equal(asked.length, 51);
  assert.deepEqual(new Set(waited), new Set(['SCHEMA_REGISTRY_UNREACHABLE']));
  assert.ok('text' in registry.readFrame(frame(1)));
});

test('an id that the registry does not know is asked for again, then refused, and after a while asked for anew', async () => {
  const { registry, asked, waited, clock, settle } = worldOf([unknown, unknown, unknown, unknown, unknown, text]);
  const records = [recordOf(null, frame(9))];
  await settle(registry.prepare(records));
  assert.equal(asked.length, 5);
  assert.equal(waited.length, 4);
  const refused = registry.readFrame(frame(9));
  assert.equal('code' in refused && refused.code, 'SCHEMA_UNKNOWN');
  assert.equal(registry.prepare(records), undefined, 'it is not asked at every record');
  clock.advance(61_000);
  await settle(registry.prepare(records));
  assert.ok('text' in registry.readFrame(frame(9)));
});

test('bytes that are not what their schema promises, and schemas that cannot be used, are refused with a sentence', async () => {
  const { registry, settle } = worldOf([text, { ...text, text: '"no.such"' }]);
  await settle(registry.prepare([recordOf(frame(1), null)]));
  await settle(registry.prepare([recordOf(frame(2), null)]));
  const bytes = registry.readFrame(Buffer.from([0, 0, 0, 0, 1, 200, 1]));
  assert.equal('code' in bytes && bytes.code, 'RECORD_NOT_JSON');
  const schema = registry.readFrame(frame(2));
  assert.equal('code' in schema && schema.code, 'SCHEMA_UNUSABLE');
});

test('JSON Schema says what columns are, in the order that Connect gave them', async () => {
  const schema = {
    type: 'object',
    title: 's.Value',
    properties: {
      born: {
        oneOf: [
          { type: 'null' },
          { type: 'integer', title: 'io.debezium.time.Date', 'connect.index': 1, 'connect.type': 'int32' },
        ],
      },
      id: { type: 'integer', 'connect.index': 0, 'connect.type': 'int64' },
      price: {
        type: 'number',
        title: 'org.apache.kafka.connect.data.Decimal',
        'connect.index': 2,
        'connect.type': 'bytes',
        'connect.parameters': { scale: '2' },
      },
      address: { $ref: 'address.json' },
    },
  };
  const address = { type: 'object', properties: { city: { type: 'string' } } };
  const { registry, settle } = worldOf([
    {
      type: 'JSON',
      text: JSON.stringify(schema),
      references: [{ name: 'address.json', text: JSON.stringify(address) }],
    },
  ]);
  await settle(registry.prepare([recordOf(null, frame(3))]));
  const read = registry.readFrame(
    Buffer.concat([Buffer.from([0, 0, 0, 0, 3]), Buffer.from('{"id":9007199254740993}')]),
  );
  assert.ok('text' in read);
  assert.equal(read.text, '{"id":9007199254740993}');
  const columns = new Map(read.schema.row?.columns.map((column) => [column.name, column]));
  assert.deepEqual(columns.get('born'), {
    name: 'born',
    type: 'int32',
    semantic: 'io.debezium.time.Date',
    optional: true,
  });
  assert.deepEqual(columns.get('id'), { name: 'id', type: 'int64', optional: false });
  assert.deepEqual(columns.get('price')?.parameters, { scale: '2' });
  assert.deepEqual(columns.get('address')?.fields, [{ name: 'city', type: 'string', optional: false }]);
});

test('the schema of a CloudEvent’s data is fetched too, whether the event is JSON or a frame itself', async () => {
  const event = (id: number): string =>
    `{"id":"1","dataschema":"http://registry/apis/v2/schemas/ids/${id}","data":"AA=="}`;
  const json = worldOf([text]);
  await json.settle(json.registry.prepare([recordOf(null, Buffer.from(event(7)))]));
  assert.deepEqual(json.asked, [7]);
  assert.ok('text' in json.registry.readFrame(frame(7)));

  const fields = ['id', 'dataschema', 'data'].map((name) => ({ name, type: 'string' }));
  const record: RegisteredSchema = {
    type: 'AVRO',
    text: JSON.stringify({ type: 'record', name: 'Envelope', fields }),
    references: [],
  };
  const framed = worldOf([record, text]);
  const avroString = (value: string): Buffer => Buffer.concat([Buffer.from([value.length * 2]), Buffer.from(value)]);
  const values = ['1', 'http://registry/schemas/ids/8', 'AA=='].map(avroString);
  const bytes = Buffer.concat([Buffer.from([0, 0, 0, 0, 3]), ...values]);
  await framed.settle(framed.registry.prepare([recordOf(null, bytes)]));
  assert.deepEqual(framed.asked, [3, 8]);
  assert.equal(framed.registry.prepare([recordOf(null, bytes)]), undefined);
});
