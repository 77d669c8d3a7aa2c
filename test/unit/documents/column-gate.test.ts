/** A document whose mapping file names columns that its rows do not have is held before its first write, and no other is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { columnFailure, gateColumns } from '../../../src/documents/column-gate.ts';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import { compileDocument } from '../../../src/mapping/compile.ts';
import { documentDefinitionSchema } from '../../../src/mapping/definition.ts';
import { createColumnsSeen } from '../../../src/mapping/fit.ts';
import type { RowChange } from '../../../src/model/change-event.ts';
import type { GatedMapper } from '../../../src/model/document.ts';
import type { Failure } from '../../../src/model/outcome.ts';
import { autoForm } from '../../../src/model/form.ts';
import { offset } from '../../../src/model/position.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { createMemoryDeadLetters } from '../../fakes/memory-dead-letters.ts';
import { createMemoryLog } from '../../fakes/memory-log.ts';
import { createMemorySink } from '../../fakes/memory-sink.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';

const people = { topic: 'people', partition: 0 };
const orders = { topic: 'orders', partition: 0 };

const envelope = (row: object, connector: string): string => {
  const after = connector === 'mongodb' ? JSON.stringify(row) : row;
  return JSON.stringify({ before: null, after, source: { connector, table: 't' }, op: 'c' });
};

interface GateOptions {
  /** The last records of the topic. */
  readonly lastRows?: readonly string[];
  readonly warned?: (failure: Failure) => void;
}

function gated(
  topic: string,
  file: object,
  { lastRows = [], warned = () => undefined }: GateOptions = {},
): GatedMapper {
  const definition = documentDefinitionSchema.parse({ document: 'people', from: topic, ...file });
  const placeOf = (path: readonly (string | number)[]): string => `people.yaml:${path.join('.')}`;
  const look = () => Promise.resolve(lastRows.map((value) => changeOf(value)));
  return gateColumns(compileDocument(definition).createMapper(), {
    ...{ document: 'people', topic, definition, placeOf, look, warned },
  });
}

function changeOf(value: string, timestampMs = 0): RowChange {
  const name = value.startsWith('{"schema"') ? 'flattened' : 'auto';
  const event = createDecoder({ ...autoForm, name })({
    ...people,
    offset: offset(0),
    timestampMs,
    headers: undefined,
    key: Buffer.from('{"id":1}'),
    value: Buffer.from(value),
  });
  assert.ok('before' in event, JSON.stringify(event));
  return event;
}

/** One partition of people with these documents, one of orders; everything stands still until the test moves it. */
async function setUp(mappers: readonly GatedMapper[]) {
  const log = createMemoryLog();
  const member = log.join();
  const sink = createMemorySink({});
  const clock = createManualClock();
  const deadLetters = createMemoryDeadLetters();
  const told: string[] = [];
  const orderFile = documentDefinitionSchema.parse({ document: 'orders', from: 'orders' });
  const pipeline = createPipeline({
    ...{ source: member, sink, deadLetters, clock },
    observer: silentObserver({
      waiting: ({ code }, attempt, _, of) => told.push(`waiting ${of} ${code} ${attempt}`),
      recovered: (code, _, of) => told.push(`recovered ${of} ${code}`),
    }),
    retry: { initialMs: 10, maxMs: 1000, pauseMs: 5000, random: () => 0.5 },
    routeOf: (topic) => ({
      decode: createDecoder(),
      mappers: topic === 'people' ? mappers : [compileDocument(orderFile).createMapper()],
    }),
    ...{ maxRequests: 2, maxBatchCount: 10, maxBatchBytes: 10_000, lingerMs: 0, maxBytesHeld: 1_000_000 },
    ...{ commitIntervalMs: 100, drainTimeoutMs: 50 },
  });
  const stopping = new AbortController();
  const running = pipeline.run(stopping.signal);
  await log.rebalance(new Map([[member, [people, orders]]]));
  const take = async (topic: typeof people, id: number, row: object, connector = 'postgresql'): Promise<void> => {
    log.append(topic, `{"id":${id}}`, envelope({ id, ...row }, connector));
    member.deliver(topic, 1);
    for (let turns = 0; turns < 5; turns += 1) await turn();
  };
  const committed = async (of: typeof people): Promise<number> => {
    clock.advance(100);
    for (let turns = 0; turns < 5; turns += 1) await turn();
    return log.committed(of);
  };
  const end = async (): Promise<void> => {
    stopping.abort();
    clock.advance(100);
    await turn();
    clock.advance(100);
    await running;
  };
  return { ...{ log, member, sink, clock, deadLetters, told, pipeline, take, committed, end } };
}

const mistakes: readonly (readonly [string, object, object])[] = [
  ['an excluded column that would be in the document', { fields: { emial: { exclude: true } } }, { email: 'a@b.org' }],
  ['a masked column', { fields: { emial: { as: 'mask' } } }, { email: 'a@b.org' }],
  ['a filter that would empty the index', { where: { stauts: 'active' } }, { status: 'active' }],
  ['an id that no row has', { id: { from: ['tenent', 'id'] } }, { tenant: 'a' }],
  ['a routing that no row has', { routing: 'tenent' }, { tenant: 'a' }],
  ['a field that would be empty', { fields: { mail: { from: 'emial' } } }, { email: 'a@b.org' }],
  ['a selection that would be incomplete', { select: ['id', 'emial'] }, { email: 'a@b.org' }],
];

for (const [claim, file, row] of mistakes) {
  test(`a document is held before its first write, and others go on: ${claim}`, async () => {
    const other = compileDocument(
      documentDefinitionSchema.parse({ document: 'copies', from: 'people' }),
    ).createMapper();
    const { take, sink, committed, told, pipeline, deadLetters, end } = await setUp([gated('people', file), other]);
    await take(people, 1, row);
    await take(people, 2, row);
    await take(orders, 3, { total: 5 });
    assert.deepEqual([...sink.sources().keys()].toSorted(), ['copies/1', 'copies/2', 'orders/3']);
    assert.equal(await committed(people), 0, 'the offset of a held record is not committed');
    assert.equal(await committed(orders), 1);
    assert.deepEqual(told, ['waiting people COLUMN_UNKNOWN 1'], 'the wait names its document');
    const { held, lastFailure } = pipeline.status();
    assert.deepEqual(
      held.map(({ document, changes }) => [document, changes]),
      [['people', 2]],
    );
    assert.match(
      lastFailure ?? '',
      /^people\.yaml:[\w.]+: the rows of "people" have no column "(emial|stauts|tenent)"; did you mean "(email|status|tenant)"\?$/,
    );
    assert.equal(deadLetters.letters.length, 0);
    await end();
  });
}

test('when a row with the column comes, what was held is taken in its order, and the end of the wait is told', async () => {
  const file = { fields: { phone: { exclude: true } }, where: { status: 'active' } };
  const { take, sink, committed, told, pipeline, end } = await setUp([gated('people', file)]);
  await take(people, 1, { status: 'active', name: 'a' });
  await take(people, 2, { status: 'gone', name: 'b' });
  await take(people, 1, { status: 'active', name: 'c' });
  assert.equal(sink.sources().size, 0);
  await take(people, 3, { status: 'active', name: 'd', phone: '5' });
  assert.deepEqual([...sink.sources()].toSorted(), [
    ['people/1', '{"id":1,"status":"active","name":"c"}'],
    ['people/3', '{"id":3,"status":"active","name":"d"}'],
  ]);
  assert.deepEqual(told, ['waiting people COLUMN_UNKNOWN 1', 'recovered people COLUMN_UNKNOWN']);
  assert.equal(await committed(people), 4);
  const { accounts, held, recordsHeld } = pipeline.status();
  assert.deepEqual([accounts.consumed, accounts.ignored, held, recordsHeld], [4, { 'left-out': 1 }, [], 0]);
  await end();
});

test('a partition that is lost takes its held changes with it, and its next owner reads them again', async () => {
  const { log, member, take, sink, clock, told, pipeline, committed, end } = await setUp([
    gated('people', { fields: { phone: { exclude: true } } }),
  ]);
  const rebalance = async (partitions: readonly (typeof people)[]): Promise<void> => {
    const done = log.rebalance(new Map([[member, partitions]]));
    await turn();
    clock.advance(60);
    await done;
  };
  await take(people, 1, { name: 'a' });
  await rebalance([orders]);
  assert.deepEqual([pipeline.status().held, pipeline.status().bytesHeld], [[], 0]);
  assert.deepEqual(
    told,
    ['waiting people COLUMN_UNKNOWN 1', 'recovered people COLUMN_UNKNOWN'],
    'nothing waits any more',
  );
  await rebalance([people, orders]);
  assert.equal(member.deliver(people, 1), 1, 'the record is read again');
  await take(people, 2, { name: 'b', phone: '5' });
  assert.deepEqual([...sink.sources().keys()].toSorted(), ['people/1', 'people/2']);
  assert.equal(await committed(people), 2);
  assert.equal(member.unreleased(), 0);
  await end();
});

test('a column that only the last records of the topic have holds nothing, and nothing is told', async () => {
  const lastRows = [envelope({ id: 9, phone: '5' }, 'postgresql')];
  const { take, sink, told, end } = await setUp([
    gated('people', { fields: { phone: { exclude: true } } }, { lastRows }),
  ]);
  await take(people, 1, { name: 'a' });
  assert.deepEqual([...sink.sources()], [['people/1', '{"id":1,"name":"a"}']]);
  assert.deepEqual(told, []);
  await end();
});

test('a delete that comes first is written, and one that comes while its document is held waits', async () => {
  const { log, member, take, sink, committed, end } = await setUp([gated('people', { where: { stauts: 1 } })]);
  log.append(people, '{"id":1}', null);
  member.deliver(people, 1);
  await turn();
  assert.equal(await committed(people), 1);
  await take(people, 1, { status: 1 });
  log.append(people, '{"id":1}', null);
  member.deliver(people, 1);
  await turn();
  assert.equal(await committed(people), 1);
  assert.equal(sink.requests.length, 1);
  await end();
});

test('rows that may lack columns only raise a doubt, but for a column that is masked or excluded', async () => {
  const doubts: Failure[] = [];
  const warned = (failure: Failure) => doubts.push(failure);
  for (const value of [envelope({ id: 1 }, 'mongodb'), '{"id":1,"__op":"c"}']) {
    doubts.length = 0;
    const shown = gated('people', { fields: { mail: { from: 'emial' } }, where: { stauts: null } }, { warned });
    assert.equal(shown(changeOf(value)).kind, 'write');
    await turn();
    assert.deepEqual(
      doubts.map(({ code, message }) => [code, message.split('. ').length]),
      [['COLUMN_UNSEEN', 2]],
    );
    assert.equal(gated('people', { fields: { emial: { exclude: true } } })(changeOf(value)).kind, 'held');
    assert.equal(
      gated('people', { fields: { ssn: { exclude: true, optional: true } } })(changeOf(value)).kind,
      'write',
    );
  }
});

test('a column that the source drops is a warning, once, and an older row of another partition is none', () => {
  const told: string[] = [];
  const map = gated('people', { fields: { mail: { from: 'email' } } }, { warned: ({ code }) => told.push(code) });
  const rows: readonly (readonly [object, number])[] = [
    [{ id: 1, email: 'a' }, 100],
    [{ id: 2 }, 50],
    [{ id: 3, other: 1 }, 200],
    [{ id: 4, more: 1 }, 300],
  ];
  const counts = rows.map(([row, timestampMs]) => {
    assert.equal(map(changeOf(envelope(row, 'postgresql'), timestampMs)).kind, 'write');
    return told.length;
  });
  assert.deepEqual(counts, [0, 0, 1, 1]);
  assert.deepEqual(told, ['COLUMN_DROPPED']);
});

test('`check` finds what `run` holds, and doubts what `run` doubts', () => {
  const definition = documentDefinitionSchema.parse({
    ...{ document: 'people', from: 'people' },
    fields: { a: { exclude: true }, b: { from: 'x' }, c: { optional: true } },
  });
  const missing = (value: string): readonly string[][] => {
    const seen = createColumnsSeen(definition);
    seen.add(changeOf(value));
    const { holding, doubtful } = seen.missing();
    return [holding.map(({ column }) => column), doubtful.map(({ column }) => column)];
  };
  assert.deepEqual(missing(envelope({ id: 1 }, 'mysql')), [['a', 'x'], []]);
  assert.deepEqual(missing(envelope({ id: 1 }, 'mongodb')), [['a'], ['x']]);
  const schema = '{"type":"struct","fields":[{"type":"int32","field":"id"}],"name":"s.t.Value"}';
  assert.deepEqual(missing(`{"schema":${schema},"payload":{"id":1}}`), [['a', 'x'], []]);
  const documents = '{"type":"struct","fields":[{"type":"int32","field":"_id"}],"name":"s.t.Value"}';
  assert.deepEqual(missing(`{"schema":${documents},"payload":{"_id":1}}`), [['a'], ['x']]);
});

test('`_id` of MongoDB is named as it is called in rows', () => {
  const file = {
    topic: 'people',
    placeOf: () => 'people.yaml:3:3',
    missing: [{ column: '_id', path: [], isHidden: false }],
  };
  const said = (columns: readonly string[]) =>
    columnFailure({ ...file, code: 'COLUMN_UNKNOWN', columns: new Set(columns) }).message;
  assert.equal(
    said(['_ip', 'id']),
    'people.yaml:3:3: the rows of "people" have no column "_id": MongoDB\'s "_id" is called "id" here. Write "id".',
  );
  assert.match(said(['_ip']), /did you mean "_ip"\?$/);
});
