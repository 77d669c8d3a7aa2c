import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { registerCodecs } from '../../src/kafka/kafkajs/codecs.ts';
import type { FetchDecoder } from '../../src/kafka/kafkajs/record-batch.ts';
import { allocateAnswer } from '../../src/kafka/kafkajs/answer-memory.ts';
import { KafkaRecord, decodeRecordBatch } from '../../src/kafka/kafkajs/record-batch.ts';
import { budget } from './budget.ts';

// kafkajs's own encoder and decoder, to agree with.
interface TheirRecord {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | Buffer[]>>;
  readonly isControlRecord: boolean;
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean };
}
interface Encoded {
  readonly buffer: Buffer;
}
const require = createRequire(import.meta.url);
const decodeTheirs = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: FetchDecoder,
) => Promise<{ readonly records: readonly TheirRecord[] }>;
const TheirDecoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => FetchDecoder;
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => Encoded;
const { RecordBatch: encodeBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch(batch: object): Promise<Encoded>;
};

registerCodecs();

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const nullable = fc.option(bytes, { nil: null });
// Of a header "valueOf", kafkajs makes a list that begins with a function.
const headerName = fc.string({ maxLength: 20 }).filter((name) => !(name in {}));
const record = fc.record({
  timestampDelta: fc.oneof(
    fc.integer({ min: -100, max: 100 }),
    fc.maxSafeInteger().map((n) => Math.trunc(n / 4)),
  ),
  key: nullable,
  value: nullable,
  headers: fc.dictionary(headerName, fc.oneof(bytes, fc.array(bytes, { minLength: 2, maxLength: 3 }))),
});
const batch = fc.record({
  firstOffset: fc.integer({ min: 0, max: 2 ** 50 }),
  firstTimestamp: fc.integer({ min: 0, max: 2 ** 42 }),
  maxTimestamp: fc.integer({ min: 0, max: 2 ** 42 }),
  transactional: fc.boolean(),
  producerId: fc.integer({ min: -1, max: 2 ** 40 }),
  compression: fc.constantFrom(0, 1, 2, 3, 4),
  records: fc.array(record, { minLength: 1, maxLength: 12 }),
  // Compaction leaves gaps.
  gaps: fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 12, maxLength: 12 }),
  byBroker: fc.boolean(),
  isControl: fc.boolean(),
});

type Given = typeof batch extends fc.Arbitrary<infer T> ? T : never;

const attributesAt = 22;

async function encode({ records, gaps, byBroker, isControl, ...fields }: Given) {
  let offsetDelta = 0;
  const encoded = records.map((each, position) => {
    offsetDelta += gaps[position] ?? 1;
    return encodeRecord({ ...each, offsetDelta });
  });
  const { buffer } = await encodeBatch({ ...fields, lastOffsetDelta: offsetDelta, records: encoded });
  buffer[attributesAt] = (buffer[attributesAt] ?? 0) | (byBroker ? 0x08 : 0) | (isControl ? 0x20 : 0);
  return buffer;
}

test('records are decoded as kafkajs decodes them, and the decoder stands behind the batch', async () => {
  await fc.assert(
    fc.asyncProperty(batch, bytes, async (given, following) => {
      const fetched = Buffer.concat([await encode(given), following]);
      const ours = { buffer: fetched, offset: 0 };
      const theirs = new TheirDecoder(fetched);
      const [{ records }, expected] = [await decodeRecordBatch(ours), await decodeTheirs(theirs)];
      assert.equal(ours.offset, theirs.offset);
      assert.deepEqual(records.map(comparable), expected.records.map(comparable));
    }),
    budget(300),
  );
});

test('a header may have any name', async () => {
  const headers = { valueOf: Buffer.from('1'), constructor: [Buffer.from('2'), Buffer.from('3')] };
  const { buffer } = await encodeBatch({ records: [encodeRecord({ key: null, value: null, headers })] });
  const { records } = await decodeRecordBatch({ buffer, offset: 0 });
  assert.deepEqual({ ...records[0]?.headers }, headers);
});

test('a header is found by its name exactly where the headers have it', async () => {
  await fc.assert(
    fc.asyncProperty(batch, fc.array(headerName, { maxLength: 3 }), async (given, others) => {
      const names = [...others, ...given.records.flatMap(({ headers }) => Object.keys(headers)).slice(0, 2)];
      const index = Map.groupBy(
        names.map((name) => Buffer.from(name)),
        ({ length }) => length,
      );
      const { records } = await decodeRecordBatch({ buffer: await encode(given), offset: 0 });
      for (const each of records) {
        const { headers } = each;
        assert.equal(
          each.hasHeader(index),
          names.some((name) => headers[name] !== undefined),
        );
      }
    }),
    budget(200),
  );
});

test('a batch that was cut off by the end of a fetch is the error that kafkajs expects', async () => {
  await fc.assert(
    fc.asyncProperty(batch, fc.integer({ min: 1, max: 60 }), async (given, missing) => {
      const fetched = await encode(given);
      const cut = { buffer: fetched.subarray(0, fetched.length - Math.min(missing, fetched.length - 61)), offset: 0 };
      if (cut.buffer.length === fetched.length) return;
      await assert.rejects(decodeRecordBatch(cut), { name: 'KafkaJSPartialMessageError' });
    }),
    budget(50),
  );
});

test('a batch whose bytes are not the records that it promises is an error, and no record', async () => {
  const fetched = await encodeBatch({ records: [encodeRecord({ key: null, value: Buffer.from('x') })] });
  fetched.buffer.writeInt32BE(2, 57);
  await assert.rejects(decodeRecordBatch({ buffer: fetched.buffer, offset: 0 }), /says that it holds 2 records/);
});

/** An answer that holds these batches, and the records in it. */
async function answered(batches: readonly Buffer[]): Promise<readonly KafkaRecord[]> {
  const bytes = Buffer.concat(batches);
  const buffer = allocateAnswer(bytes.length);
  buffer.set(bytes);
  const decoder = { buffer, offset: 0 };
  const records: KafkaRecord[] = [];
  while (decoder.offset < buffer.length) records.push(...(await decodeRecordBatch(decoder)).records);
  return records;
}

test("an answer's memory is there as long as one record in it is not released, however often others are, and then it is gone", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(batch, { minLength: 1, maxLength: 4 }),
      fc.infiniteStream(fc.nat()),
      async (given, picks) => {
        const all = await answered(await Promise.all(given.map(encode)));
        // Texts: what the records answer goes with their memory.
        const expected = all.map(textOf);
        const left = [...all];
        while (left.length > 0) {
          for (const record of left) assert.equal(textOf(record), expected[all.indexOf(record)]);
          const [record] = left.splice((picks.next().value ?? 0) % left.length, 1);
          record?.release();
          record?.release();
        }
        // What a codec has put into a part of larger memory stays.
        if (given.some(({ compression }) => compression > 0)) return;
        for (const record of all) if (record.byteLength > 0) assert.throws(() => [record.key, record.value], TypeError);
      },
    ),
    budget(100),
  );
});

const textOf = (record: KafkaRecord): string => JSON.stringify(comparable(record));

test('memory that is not an answer of its own is not given back', async () => {
  const pool = Buffer.alloc(8192, 'x');
  const encoded = await encodeBatch({ records: [encodeRecord({ key: null, value: Buffer.from('y') })] });
  encoded.buffer.copy(pool, 100);
  const { records } = await decodeRecordBatch({ buffer: pool, offset: 100 });
  for (const record of records) record.release();
  assert.equal(String(records[0]?.value), 'y');
  assert.equal(pool.length, 8192);
});

function comparable(record: KafkaRecord | TheirRecord) {
  const { offset, key, value, headers, isControlRecord, batchContext } = record;
  const timestampMs = record instanceof KafkaRecord ? record.timestampMs : Number(record.timestamp);
  const { producerId, inTransaction } = batchContext;
  return {
    offset: Number(offset),
    timestampMs,
    key,
    value,
    headers: { ...headers },
    isControlRecord,
    producerId,
    inTransaction,
  };
}
