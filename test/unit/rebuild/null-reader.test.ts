/** Fields are looked up in a table that a test scripts: what is found, what cannot be told, and what is asked again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { SluiceError } from '../../../src/errors.ts';
import type { IndexWrite, RowForm } from '../../../src/model/document.ts';
import type { FailureCode } from '../../../src/model/outcome.ts';
import { externalVersion, offset } from '../../../src/model/position.ts';
import type { NullsRead } from '../../../src/pipeline/ports.ts';
import { createNullReader } from '../../../src/rebuild/null-reader.ts';
import type { SourceColumn, SourceRow, SourceTable } from '../../../src/rebuild/verify-ports.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { compile } from '../mapping/mapped.ts';

const type = (name: string, isArray = false) => ({ name, isArray, isEnum: false, digits: undefined });
const column = (name: string, of: string, more: object = {}) => ({ name, type: of, optional: true, ...more });
const keyForm: RowForm = {
  ...{ columns: ['id'], marker: undefined },
  schema: { columns: [{ name: 'id', type: 'int32', optional: false }] },
};
const rowForm: RowForm = {
  ...{ columns: ['id', 'sums', 'odd'], marker: undefined },
  schema: {
    columns: [
      column('id', 'int32'),
      column('sums', 'array', { items: { name: '', type: 'int16', optional: true } }),
      column('odd', 'array', { items: { name: '', type: 'int16', optional: true } }),
    ],
  },
};
const columns: readonly SourceColumn[] = [
  { name: 'id', type: type('int4') },
  { name: 'sums', type: type('int2', true) },
  { name: 'odd', type: type('tsrange', true) },
];

const writeOf = (id: string, paths: readonly (readonly string[])[] = [['sums']], txId = 100): IndexWrite => ({
  ...{ action: 'index', index: 'people', id, version: externalVersion(0, offset(1)), source: Buffer.from('{}') },
  doubt: { topic: 'p.public.t', paths, key: [id], keyForm, rowForm, txId },
});

interface Scripted {
  readonly rows?: (turn: number) => readonly SourceRow[];
  readonly find?: () => Promise<readonly SourceRow[]>;
  readonly open?: (turn: number) => FailureCode | undefined;
  readonly table?: FailureCode;
  /** Of each look; the last of them for ever. */
  readonly snapshots?: readonly string[];
}

const failed = (code: FailureCode): SluiceError => new SluiceError([{ code, message: `${code} happened.` }]);

function world({ rows = () => [], find, open, table, snapshots = ['200:200:'] }: Scripted) {
  const keys: (readonly (readonly (string | null)[])[])[] = [];
  const warnings: string[] = [];
  const clock = createManualClock();
  let [opened, closed, turn, looks] = [0, 0, 0, 0];
  const source: SourceTable = {
    ...{ name: 'public.t', dialect: 'postgresql', estimate: 0, columns },
    read: () => Promise.reject(new Error('not read')),
    find: (_columns, _keyColumns, wanted) => {
      keys.push(wanted);
      turn += 1;
      return find?.() ?? Promise.resolve(rows(turn));
    },
  };
  const reader = createNullReader({
    open: () => {
      opened += 1;
      const code = open?.(opened);
      if (code !== undefined) return Promise.reject(failed(code));
      return Promise.resolve({
        openTable: () => (table === undefined ? Promise.resolve(source) : Promise.reject(failed(table))),
        snapshot: () => Promise.resolve(snapshots[Math.min(looks++, snapshots.length - 1)] ?? ''),
        close: () => Promise.resolve(void (closed += 1)),
      });
    },
    failureOf: (error) => (error instanceof SluiceError ? error.failures[0] : undefined) ?? assert.fail(String(error)),
    documentOf: () => compile({}),
    clock,
    timeoutMs: 1000,
    warned: ({ code, message }) => warnings.push(`${code}: ${message}`),
  });
  const over = new AbortController();
  /** Time passes as long as the reader waits. */
  const read = async (...writes: readonly IndexWrite[]): Promise<readonly NullsRead[]> => {
    let answers: readonly NullsRead[] | undefined;
    const reading = reader.read(writes, over.signal).then((found) => (answers = found));
    for (let step = 0; answers === undefined && step < 100; step += 1) {
      await setImmediate();
      await setImmediate();
      clock.advance(50);
    }
    return reading;
  };
  return { read, keys, warnings, counts: () => ({ opened, closed }) };
}

const row = (id: string, sums: string | null, writtenBy = 100, odd: string | null = null): SourceRow => ({
  values: [id, sums, odd].slice(0, 2),
  writtenBy,
});
const found = (...values: readonly (string | undefined)[]): NullsRead => ({ kind: 'read', values });
const untold: NullsRead = { kind: 'untold' };

test('rows are found by the keys of their records, in one query, and their fields are taken as their documents have them', async () => {
  const { read, keys, counts } = world({ rows: () => [row('2', null), row('1', '{1,2}')] });
  assert.deepEqual(await read(writeOf('1'), writeOf('2'), writeOf('3')), [
    found('[1,2]'),
    found(undefined),
    found(undefined),
  ]);
  assert.deepEqual(keys, [[['1'], ['2'], ['3']]], 'a row that is gone leaves the null');
  await read(writeOf('1'));
  assert.deepEqual(counts(), { opened: 1, closed: 0 }, 'one connection for all');
});

test('a row is read only when everybody sees what the transaction of its record wrote', async () => {
  const rows = () => [row('1', '{1}')];
  const late = world({ rows, snapshots: ['90:110:95,100', '95:110:95,100', '95:110:95'] });
  assert.deepEqual(await late.read(writeOf('1')), [found('[1]')]);
  assert.deepEqual(late.keys, [[['1']]], 'not before');
  // A transaction with a higher number may have written the row already.
  for (const hidden of ['100:110:100', '90:100:', '90:95:']) {
    const never = world({ rows: () => [row('1', '{1}', 101)], snapshots: [hidden] });
    const [answer] = await never.read(writeOf('1'));
    assert.ok(answer?.kind === 'unreachable', hidden);
    assert.match(answer.failure.message, /does not show yet what a transaction wrote to public\.t/);
    assert.deepEqual([never.keys.flat(), never.warnings], [[], []]);
  }
  const both = world({ rows, snapshots: ['150:150:'] });
  const answers = await both.read(writeOf('1'), writeOf('2', [['sums']], 160));
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    ['read', 'unreachable'],
  );
});

test('numbers of transactions begin anew: one of an earlier round is over', async () => {
  const rows = () => [row('1', '{1}')];
  const seen = async (snapshot: string, txId: number) => {
    const [answer] = await world({ rows, snapshots: [snapshot] }).read(writeOf('1', [['sums']], txId));
    return answer?.kind === 'read';
  };
  const round = 2 ** 32;
  assert.equal(await seen(`${round + 5}:${round + 9}:`, 7), true);
  assert.equal(await seen(`${round + 5}:${round + 9}:${round + 7}`, 7), false);
  assert.equal(await seen(`${round + 5}:${round + 9}:`, round - 5), true, 'before the new round');
  assert.equal(await seen('5:9:', 3_000_000_000), true, 'an old record, of the round before');
});

test('what cannot be told is not guessed: a type of unknown form, two rows of one key, a table that is not there', async () => {
  const odd = world({ rows: () => [row('1', '{1}')] });
  assert.deepEqual(await odd.read(writeOf('1', [['odd']])), [untold]);
  const twice = world({ rows: () => [row('1', '{1}'), row('1', '{2}')] });
  assert.deepEqual(await twice.read(writeOf('1')), [untold]);
  const gone = world({ table: 'SOURCE_TABLE_MISSING' });
  assert.deepEqual(await gone.read(writeOf('1')), [untold]);
  assert.deepEqual(await gone.read(writeOf('2')), [untold]);
  assert.deepEqual(gone.warnings, ['NULL_IN_DOUBT: SOURCE_TABLE_MISSING happened. Its nulls stay as they came.']);
});

test('a database that is away or refuses is connected to again at the next attempt', async () => {
  for (const code of ['SOURCE_UNREACHABLE', 'SOURCE_UNAUTHORIZED', 'SOURCE_FORBIDDEN'] as const) {
    const { read, counts } = world({ rows: () => [row('1', '{1}')], open: (turn) => (turn === 1 ? code : undefined) });
    const failure = { code: 'SOURCE_READ_FAILED', message: `${code} happened.` } as const;
    assert.deepEqual(await read(writeOf('1')), [{ kind: 'unreachable', failure }]);
    assert.deepEqual(await read(writeOf('1')), [found('[1]')]);
    assert.equal(counts().opened, 2);
  }
});

test('a database that does not answer in time is left', async () => {
  const { read, counts } = world({ find: () => new Promise(() => undefined) });
  const [answer] = await read(writeOf('1'));
  assert.ok(answer?.kind === 'unreachable');
  assert.match(answer.failure.message, /did not answer within 1000 ms/);
  await setImmediate();
  assert.deepEqual(counts(), { opened: 1, closed: 1 });
});

test('a key whose text in SQL is not known is not looked for', async () => {
  const { read, keys } = world({});
  const odd = writeOf('1');
  assert.ok(odd.doubt !== undefined);
  assert.deepEqual(await read({ ...odd, doubt: { ...odd.doubt, key: ['"x"'] } }), [untold]);
  assert.deepEqual(keys.flat(), []);
});
