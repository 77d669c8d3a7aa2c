import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SnapshotChoice, SnapshotState } from '../../../src/rebuild/snapshot-request.ts';
import {
  planSnapshot,
  signalStatement,
  signalText,
  watchNotifications,
} from '../../../src/rebuild/snapshot-request.ts';

const byTopic = { kind: 'incremental', signalTopic: 's' };

test('connector and tables are told by the names of the topics', () => {
  const plan = planSnapshot({ ...byTopic, notificationTopic: 'n' }, ['db.inventory.customers', 'db.inventory.orders']);
  assert.deepEqual(plan, {
    kind: 'incremental',
    prefix: 'db',
    collections: ['inventory.customers', 'inventory.orders'],
    channel: { kind: 'topic', name: 's' },
    notificationTopic: 'n',
  });
});

test('what is said goes before what topics are named', () => {
  const dotted = planSnapshot({ ...byTopic, prefix: 'my.db' }, ['my.db.inventory.customers']);
  assert.ok(!('code' in dotted));
  assert.deepEqual([dotted.prefix, dotted.collections], ['my.db', ['inventory.customers']]);
  const routed = planSnapshot({ ...byTopic, prefix: 'db', collections: ['public.people'] }, ['people']);
  assert.ok(!('code' in routed));
  assert.deepEqual([routed.prefix, routed.collections], ['db', ['public.people']]);
});

test('what cannot be asked is refused with a sentence', () => {
  const cases: readonly (readonly [SnapshotChoice, readonly string[], RegExp])[] = [
    [{ ...byTopic, kind: 'initial' }, ['db.a.b'], /is no kind of snapshot: incremental or blocking\.$/],
    [{ kind: 'blocking' }, ['db.a.b'], /needs either `--signal-topic` or `--signal-table`/],
    [{ ...byTopic, signalTable: 't' }, ['db.a.b'], /needs either/],
    [byTopic, ['one.a.b', 'other.a.b'], /do not tell one connector's prefix; name it with `--topic-prefix`/],
    [byTopic, ['people'], /name it with `--topic-prefix`/],
    [{ ...byTopic, prefix: 'db' }, ['people'], /with `--data-collections`/],
  ];
  for (const [choice, topics, message] of cases) {
    const plan = planSnapshot(choice, topics);
    assert.ok('code' in plan, message.source);
    assert.match(plan.message, message);
  }
});

test('the signal as a record and as a statement, quotes doubled', () => {
  const request = {
    id: 'x',
    kind: 'blocking',
    collections: ["a.o'b"],
    channel: { kind: 'table', name: 'a.s' },
  } as const;
  assert.deepEqual(JSON.parse(signalText(request)), {
    id: 'x',
    type: 'execute-snapshot',
    data: { type: 'blocking', 'data-collections': ["a.o'b"] },
  });
  assert.equal(
    signalStatement(request),
    `INSERT INTO a.s (id, type, data) VALUES ('x', 'execute-snapshot', '{"type":"blocking","data-collections":["a.o''b"]}')`,
  );
});

type Told = readonly [type: string, at: number, details?: Readonly<Record<string, string>>, id?: string];

const scan = (collection: string, at: number, status = 'SUCCEEDED'): Told => [
  'TABLE_SCAN_COMPLETED',
  at,
  { scanned_collection: collection, status },
];

/** As seen on the real connector, with and without the schema beside it. */
function stateAfter(kind: 'incremental' | 'blocking', ...notifications: readonly Told[]): SnapshotState {
  const watch = watchNotifications({ id: 'ours', kind, collections: ['i.a', 'i.b'] });
  for (const [number, [type, timestamp, details = {}, id = 'ours']] of notifications.entries()) {
    const notification = {
      id: kind === 'incremental' ? id : `random-${number}`,
      aggregate_type: kind === 'incremental' ? 'Incremental Snapshot' : 'Initial Snapshot',
      additional_data: { connector_name: 'c', ...details },
      ...{ type, timestamp },
    };
    watch.see(JSON.stringify(number % 2 === 0 ? notification : { schema: {}, payload: notification }));
  }
  return watch.state();
}

for (const kind of ['incremental', 'blocking'] as const) {
  test(`${kind}: complete when each table was read to its end and the snapshot ended, in whatever order that is seen`, () => {
    const all: readonly Told[] = [['STARTED', 1], scan('i.a', 2), scan('i.b', 3, 'EMPTY'), ['COMPLETED', 4]];
    for (let many = 0; many < all.length; many += 1) {
      assert.equal(stateAfter(kind, ...all.slice(0, many)).kind, 'waiting', `${many} of them`);
    }
    assert.equal(stateAfter(kind, ...all).kind, 'complete');
    assert.equal(stateAfter(kind, ...all.toReversed()).kind, 'complete');
  });
}

test('an incremental snapshot of another id is nobody’s', () => {
  const others: readonly Told[] = [
    ['STARTED', 1, {}, 'other'],
    ['COMPLETED', 4, {}, 'other'],
  ];
  const state = stateAfter('incremental', ...others);
  assert.match(state.kind === 'waiting' ? state.why : state.kind, /has not told that the snapshot began/);
});

test('an incremental snapshot that ended without a table, or was aborted, is lost', () => {
  const ended = stateAfter('incremental', ['STARTED', 1], scan('i.a', 2), scan('i.b', 3, 'UNKNOWN_SCHEMA'), [
    'COMPLETED',
    4,
  ]);
  assert.equal(
    ended.kind === 'lost' && ended.failure.message,
    'The connector ended the snapshot without having read i.b (UNKNOWN_SCHEMA); begin anew with --restart.',
  );
  const aborted = stateAfter('incremental', ['STARTED', 1], ['ABORTED', 2]);
  assert.match(aborted.kind === 'lost' ? aborted.failure.message : '', /^The connector aborted the snapshot;/);
});

test('of blocking snapshots, one that had begun before is not ours, and one that ended without our tables may be another’s', () => {
  const before: readonly Told[] = [scan('i.a', 1), scan('i.b', 2), ['COMPLETED', 3]];
  assert.equal(stateAfter('blocking', ...before).kind, 'waiting');
  assert.equal(stateAfter('blocking', ...before, ['STARTED', 4]).kind, 'waiting');
  const other: readonly Told[] = [...before, ['STARTED', 4], ['COMPLETED', 5]];
  const state = stateAfter('blocking', ...other);
  assert.match(state.kind === 'waiting' ? state.why : '', /without having read i\.a \(never told of\), i\.b/);
  const ours: readonly Told[] = [['STARTED', 6], scan('i.a', 7), scan('i.b', 8), ['COMPLETED', 9]];
  assert.equal(stateAfter('blocking', ...other, ...ours).kind, 'complete');
});

test('notifications that are no JSON end the wait', () => {
  const watch = watchNotifications({ id: 'ours', kind: 'blocking', collections: ['i.a'] });
  watch.see('\u0000\u0000\u0001');
  assert.equal(watch.state().kind, 'lost');
});
