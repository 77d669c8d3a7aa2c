/** What a masked column holds is seen nowhere, whatever the record looks like and whatever becomes of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import avsc from 'avsc';
import fc from 'fast-check';
import pino from 'pino';
import { createDecoder } from '../../src/envelope/decoder.ts';
import { compileDocument } from '../../src/mapping/compile.ts';
import { documentDefinitionSchema } from '../../src/mapping/definition.ts';
import type { FormName } from '../../src/model/form.ts';
import type { ReadFrame } from '../../src/model/frame.ts';
import { applied } from '../../src/model/outcome.ts';
import type { WriteOutcome } from '../../src/model/outcome.ts';
import { nextOffset, offset } from '../../src/model/position.ts';
import type { SourceRecord } from '../../src/model/record.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createObserver } from '../../src/observability/observer.ts';
import { createPipeline } from '../../src/pipeline/pipeline.ts';
import type { DeadLetter, Intake, Source } from '../../src/pipeline/ports.ts';
import { createAvroReader } from '../../src/schema-registry/avro.ts';
import { createManualClock } from '../fakes/manual-clock.ts';
import { createMemoryDeadLetters } from '../fakes/memory-dead-letters.ts';
import { budget } from './budget.ts';

/** Any six letters of it in a row give it away, so that half of it does too. */
const part = 'Zq7kXw';
const marker = part.repeat(4);

const row = (id: number) => ({ id, email: marker, attrs: { email: marker, n: 1 }, note: 'plain', score: 1.5 });
const text = (value: unknown, space?: string): string => JSON.stringify(value, null, space);

/** How the masked row arrives, as `form` says. */
interface Arrival {
  readonly form: FormName;
  readonly value: Buffer;
  /** The value stands in another column too: a damaged copy of it there is another value. */
  readonly isCopied?: true;
}

const envelope = (before: unknown, after: unknown, op: string) => ({
  before,
  after,
  source: { connector: 'postgresql', schema: 's', table: 't' },
  op,
});

const columnSchema = { type: 'struct', fields: ['email', 'note'].map((field) => ({ type: 'string', field })) };
const wrapped = (payload: unknown) => ({ schema: columnSchema, payload });

const avroType = avsc.Type.forSchema({
  type: 'record',
  name: 'Value',
  fields: [
    { name: 'id', type: 'int' },
    { name: 'email', type: 'string' },
    { name: 'note', type: 'string' },
    { name: '__deleted', type: 'string' },
  ],
});
const avroReader = createAvroReader(JSON.stringify(avroType.schema()));
assert.ok(typeof avroReader !== 'string');
const readFrame: ReadFrame = (bytes) =>
  avroReader.read(bytes, 5) ?? { code: 'RECORD_NOT_JSON', message: 'The bytes are not what the schema promises.' };
const frame = Buffer.concat([
  Buffer.from([0, 0, 0, 0, 1]),
  avroType.toBuffer({ id: 1, email: marker, note: 'plain', __deleted: 'false' }),
]);

const arrivals: readonly Arrival[] = [
  { form: 'auto', value: Buffer.from(text(envelope(null, row(1), 'c'))) },
  { form: 'auto', value: Buffer.from(text(envelope(row(1), row(1), 'u'))) },
  { form: 'auto', value: Buffer.from(text(envelope(row(1), null, 'd'))) },
  { form: 'auto', value: Buffer.from(text(wrapped(envelope(null, row(1), 'c')))) },
  { form: 'auto', value: Buffer.from(text(envelope(null, row(1), 'c'), '  ')) },
  { form: 'auto', value: Buffer.from(text({ ...row(1), __deleted: 'false' })) },
  { form: 'flattened', value: Buffer.from(text(wrapped(row(1)))) },
  { form: 'rows', value: Buffer.from(text(row(1))) },
  { form: 'rows', value: Buffer.from(text({ ...row(1), copy: ` \n\t${text(row(1))}` })), isCopied: true },
  { form: 'rows', value: Buffer.from(text({ ...row(1), copy: text(text(row(1))) })), isCopied: true },
  { form: 'rows', value: Buffer.from(text({ ...row(1), copy: `{"email":"${marker}` })), isCopied: true },
  { form: 'rows', value: Buffer.from(text({ ...row(1), copy: marker })), isCopied: true },
  {
    form: 'rows',
    value: Buffer.from(text({ ...row(1), copy: Buffer.from(text(row(1))).toString('base64') })),
    isCopied: true,
  },
  { form: 'rows', value: Buffer.from(text({ ...row(1), copy: [['email', marker]] })), isCopied: true },
  { form: 'rows', value: Buffer.from(text({ ...row(1), copy: [{ 'deep.email': marker }] })), isCopied: true },
  { form: 'outbox', value: Buffer.from(text(text(row(1)))) },
  { form: 'outbox', value: Buffer.from(text({ payload: text(row(1)) })) },
  { form: 'outbox', value: Buffer.from(text(marker)) },
  {
    form: 'auto',
    value: Buffer.from(
      text({ ...envelope(null, text({ _id: 1, ...row(1) }), 'c'), source: { connector: 'mongodb', collection: 't' } }),
    ),
  },
  {
    form: 'auto',
    value: Buffer.from(
      text({
        ...envelope(null, null, 'u'),
        source: { connector: 'mongodb', collection: 't' },
        updateDescription: { updatedFields: text({ 'attrs.email': marker, email: marker }), removedFields: null },
      }),
    ),
  },
  {
    form: 'auto',
    value: Buffer.from(
      text({ specversion: '1.0', iodebeziumop: 'c', data: { before: null, after: row(1) }, iodebeziumconnector: 'x' }),
    ),
  },
  {
    form: 'auto',
    value: Buffer.from(text({ specversion: '1.0', iodebeziumop: 'c', data: frame.toString('base64') })),
  },
  { form: 'auto', value: frame },
  { form: 'rows', value: frame.subarray(5) },
];

const keys: readonly (Buffer | null)[] = [
  null,
  Buffer.from('{"id":1}'),
  Buffer.from(text({ id: 1, email: marker })),
  Buffer.from(text(wrapped({ email: marker }))),
  Buffer.from(text(wrapped(marker))),
  Buffer.from(text(marker)),
  Buffer.from(marker),
  Buffer.from(text({ alias: marker })),
  Buffer.from(text({ id: text({ email: marker }) })),
];

const headers: readonly Readonly<Record<string, Buffer | Buffer[]>>[] = [
  {},
  { email: Buffer.from(marker) },
  { __email: Buffer.from(text(marker)) },
  { contact: Buffer.from(marker) },
  { contact: Buffer.from(Buffer.from(marker).toString('base64')) },
  { contact: Buffer.from(text(wrapped(marker))) },
  { contact: Buffer.from(` ${text(row(1))}`) },
  { contact: Buffer.from(text([row(1)])) },
  { contact: [Buffer.from(marker), Buffer.from('last')] },
  { '__debezium.oldkey': Buffer.from(` ${text({ email: marker })}`) },
  { '__debezium.newkey': Buffer.from(text(marker)) },
  { __op: Buffer.from(marker) },
];

const definitions: readonly object[] = [
  {},
  { id: { from: ['id'] } },
  { id: { from: ['email'] } },
  { id: { from: ['absent'] } },
  { routing: 'email' },
  { where: { email: { not: 'x' } } },
  { fields: { email: { as: 'mask' }, note: { as: 'date-from-days' } } },
  { fields: { 'attrs.email': { from: 'attrs.email', as: 'hash' }, email: { as: 'hash' } } },
];

class Own extends Error {
  constructor(name: string) {
    super(name);
    this.name = name;
  }
}

const transforms: readonly (undefined | (() => never))[] = [
  undefined,
  () => {
    throw new Own(marker);
  },
  () => {
    throw Object.assign(new TypeError(marker), { name: marker, stack: `${marker}\n at /x/t.ts:1:${marker}` });
  },
  () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- a user's transform may throw anything
    throw marker;
  },
  () => {
    throw new Proxy(new Error(marker), {
      get: () => {
        throw new Error(marker);
      },
      getPrototypeOf: () => {
        throw new Error(marker);
      },
    });
  },
];

/** What happens to bytes on their way. */
type Damage = (bytes: Buffer) => Buffer;

const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Damage>((bytes) => bytes) },
  fc.tuple(fc.nat(), fc.nat(255)).map(([at, byte]): Damage => {
    return (bytes) => {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[at % copy.length] = byte;
      return copy;
    };
  }),
  fc.nat().map(
    (at): Damage =>
      (bytes) =>
        bytes.subarray(0, at % (bytes.length + 1)),
  ),
  fc.tuple(fc.nat(), fc.nat(8)).map(([at, count]): Damage => {
    return (bytes) => {
      const start = at % (bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + count)]);
    };
  }),
);

const story = fc.record({
  arrival: fc.constantFrom(...arrivals),
  key: fc.constantFrom(...keys),
  headers: fc.constantFrom(...headers),
  definition: fc.constantFrom(...definitions),
  transform: fc.constantFrom(...transforms),
  damageValue: damage,
  damageKey: damage,
  refuses: fc.boolean(),
});

interface Story {
  readonly arrival: Arrival;
  readonly key: Buffer | null;
  readonly headers: SourceRecord['headers'];
  readonly definition: object;
  readonly transform: undefined | (() => never);
  readonly damageValue: Damage;
  readonly damageKey: Damage;
  readonly refuses: boolean;
}

const metrics = createMetrics(() => ({
  recordsHeld: 0,
  bytesHeld: 0,
  requestsInFlight: 0,
  documentsInFlight: 0,
  ...{ ready: true, healthy: true, waits: [], partitions: [] },
}));

/** The letters of a record, and everything else that could be seen of it. */
async function tell(given: Story): Promise<{ letters: readonly DeadLetter[]; seen: string }> {
  const lines: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const definition = { document: 'd', from: 't', form: given.arrival.form, fields: { email: { as: 'hash' } } };
  const transform = given.transform && { file: '/x/t.ts', transform: given.transform };
  const compiled = compileDocument(documentDefinitionSchema.parse({ ...definition, ...given.definition }), {
    hashKey: 'a key of the tests',
    transform,
  });
  const deadLetters = createMemoryDeadLetters();
  const clock = createManualClock();
  const source: Source & { intake?: Intake } = {
    run: (intake, signal) =>
      new Promise((resolve) => {
        source.intake = intake;
        signal.addEventListener('abort', () => void intake.revoking().then(resolve));
      }),
    commit: (settled) => Promise.resolve(settled),
    remainingMs: () => Number.POSITIVE_INFINITY,
  };
  const refused: WriteOutcome = {
    status: 'rejected',
    failure: { code: 'DOCUMENT_REJECTED', message: 'Elasticsearch answered 400.' },
  };
  const pipeline = createPipeline({
    source,
    sink: { write: (writes) => Promise.resolve(writes.map(() => (given.refuses ? refused : applied))) },
    deadLetters,
    clock,
    observer: createObserver(metrics, logger),
    retry: { initialMs: 10, maxMs: 1000, pauseMs: 5000, random: () => 0.5 },
    routeOf: () => ({
      decode: createDecoder(compiled.form, { readFrame }),
      mappers: [compiled.createMapper()],
      redact: compiled.redact,
    }),
    maxRequests: 1,
    maxBatchCount: 10,
    maxBatchBytes: 1_000_000,
    lingerMs: 1,
    maxBytesHeld: 1_000_000,
    commitIntervalMs: 100,
    drainTimeoutMs: 50,
  });
  const stopping = new AbortController();
  const running = pipeline.run(stopping.signal);
  const record: SourceRecord = {
    topic: 't',
    partition: 0,
    offset: offset(0),
    timestampMs: 0,
    headers: given.headers,
    key: given.key && given.damageKey(given.key),
    value: given.arrival.isCopied === true ? given.arrival.value : given.damageValue(given.arrival.value),
  };
  const next = nextOffset(record.offset);
  source.intake?.assigned([{ topic: 't', partition: 0 }], { memberId: 'm', generation: 1 });
  source.intake?.accept({ topic: 't', partition: 0, records: [record], next, highWatermark: next });
  for (let turns = 0; pipeline.status().recordsHeld > 0; turns += 1) {
    assert.ok(turns < 1000, 'the record is settled');
    await new Promise(setImmediate);
    clock.advance(100);
  }
  const seen = [...lines, JSON.stringify(pipeline.status()), await metrics.registry.metrics()].join('\n');
  stopping.abort();
  await running;
  return { letters: deadLetters.letters, seen };
}

/** Everything in a letter, as text and decoded. */
function wordsOf({ record, failure, document }: DeadLetter): string {
  const parts = [record.key, record.value, ...Object.entries(record.headers ?? {}).flat(2)].map(String);
  const whole = [...parts, JSON.stringify(failure), JSON.stringify(document ?? null)].join('\n');
  const decoded = (whole.match(/[\w+/-]{8,}={0,2}/g) ?? []).map((word) => Buffer.from(word, 'base64').toString());
  return [whole, ...decoded].join('\n');
}

test('a masked value is in no letter, no log line, no status and no metric, wherever it stood and however it was damaged', async () => {
  let letters = 0;
  let kept = 0;
  await fc.assert(
    fc.asyncProperty(story, async (given) => {
      const told = await tell(given);
      for (const letter of told.letters) {
        letters += 1;
        kept += letter.record.value === null ? 0 : 1;
        assert.ok(!wordsOf(letter).includes(part), wordsOf(letter));
      }
      assert.ok(!told.seen.includes(part), told.seen);
    }),
    budget(1500),
  );
  assert.ok(letters > 100 && kept > 20, `${letters} letters were written, of which ${kept} kept their value`);
});
