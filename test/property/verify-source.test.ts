/**
 * The comparison with SQL in a world where everything goes on between any two of its steps: transactions begin and end, the
 * connector lags, the service writes late, commits later, and dies between the two. It never blames a document that is right or on
 * its way, and finds what somebody else did.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { StoredDocument } from '../../src/model/document.ts';
import type { WriteOutcome } from '../../src/model/outcome.ts';
import type { ExternalVersion } from '../../src/model/position.ts';
import type { Sink } from '../../src/pipeline/ports.ts';
import { repairFromSource } from '../../src/rebuild/source-repair.ts';
import type { SourceRows } from '../../src/rebuild/source-rows.ts';
import type { ProofIndex, SourceRow, SourceTable } from '../../src/rebuild/verify-ports.ts';
import { faults } from '../../src/rebuild/verify-ports.ts';
import { verifySource } from '../../src/rebuild/verify-source.ts';
import { createSqliteProofStore } from '../../src/store/sqlite-proof-store.ts';
import { budget } from './budget.ts';

interface Change {
  readonly id: string;
  /** Null deletes the row. */
  readonly value: number | null;
}

type Step =
  | (Change & { readonly kind: 'change'; readonly isLong: boolean; readonly lagMs: number })
  | { readonly kind: 'end' | 'commit' | 'die' | 'nothing' };

const patienceMs = 2000;
/** The connector is never further behind than patience has it. */
const longestLagMs = patienceMs - 300;

const quiet = ['q0', 'q1', 'q2', 'q3'] as const;
const busy = ['b0', 'b1', 'b2'] as const;
const changeOf = (ids: readonly string[]): fc.Arbitrary<Step> =>
  fc.record({
    kind: fc.constant('change' as const),
    id: fc.constantFrom(...ids),
    value: fc.oneof({ weight: 3, arbitrary: fc.nat(3) }, { weight: 2, arbitrary: fc.constant(null) }),
    isLong: fc.boolean(),
    lagMs: fc.nat(longestLagMs),
  });
const simple = (kind: 'end' | 'commit' | 'die' | 'nothing'): fc.Arbitrary<Step> => fc.constant({ kind });
const stepOf = (rest: number): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 3, arbitrary: changeOf(busy) },
    { weight: 2, arbitrary: simple('end') },
    { weight: 2, arbitrary: simple('commit') },
    { weight: 1, arbitrary: simple('die') },
    { weight: rest, arbitrary: simple('nothing') },
  );
/** From restless tables to those where little happens; and how many steps the service takes for one write. */
const world = fc.record({
  steps: fc.constantFrom(2, 20, 60).chain((rest) => fc.array(stepOf(rest), { maxLength: 600, size: 'max' })),
  pace: fc.constantFrom(1, 2, 10, 60),
});

const textOf = (value: number): string => `{"value":${value}}`;

function createWorld({ steps, pace }: { readonly steps: readonly Step[]; readonly pace: number }) {
  const rows = new Map<string, { readonly value: number; readonly writtenBy: number }>();
  const open: (Change & { readonly transaction: number; readonly lagMs: number })[] = [];
  const outgoing: (Change & { readonly dueMs: number })[] = [];
  const log: Change[] = [];
  const index = new Map<string, { version: number; value: number | null }>();
  let transactions = 0;
  let nowMs = 0;
  let written = 0;
  let committed = 0;
  let at = 0;

  const end = ({ id, value, transaction, lagMs }: (typeof open)[number]): void => {
    if (value === null) rows.delete(id);
    else rows.set(id, { value, writtenBy: transaction });
    outgoing.push({ id, value, dueMs: nowMs + lagMs });
  };
  const write = (): void => {
    const change = log[written];
    if (change === undefined) return;
    const before = index.get(change.id);
    // As `external` has it: what was read again changes nothing.
    if (before === undefined || before.version < written)
      index.set(change.id, { version: written, value: change.value });
    written += 1;
  };
  const take = (one: Step): void => {
    switch (one.kind) {
      case 'change': {
        // A row is locked until its transaction ends.
        if (open.some(({ id }) => id === one.id)) return;
        transactions += 1;
        const begun = { ...one, transaction: transactions };
        if (one.isLong) open.push(begun);
        else end(begun);
        return;
      }
      case 'end': {
        const ended = open.shift();
        if (ended !== undefined) end(ended);
        return;
      }
      case 'commit':
        committed = written;
        return;
      case 'die':
        written = committed;
        return;
      case 'nothing':
    }
  };
  /** Between any two steps of the proof, some of the world's, and of its time. */
  const goOn = (): void => {
    nowMs += 20;
    const one = steps[at];
    if (one !== undefined) take(one);
    at += 1;
    if (at % pace === 0) write();
    while (outgoing[0] !== undefined && outgoing[0].dueMs <= nowMs) log.push(...outgoing.splice(0, 1));
    // Then all comes to an end of its work.
    if (at >= steps.length) settle();
  };
  const settle = (): void => {
    while (open.length > 0) take({ kind: 'end' });
    log.push(...outgoing.splice(0));
    while (written < log.length) write();
    committed = written;
  };

  const table: SourceTable = {
    ...{ name: 'public.rows', dialect: 'postgresql', columns: [], estimate: 0 },
    read: async (_, since, hand) => {
      const position = String(nowMs);
      const transaction = String(Math.min(...open.map((one) => one.transaction), transactions + 1));
      const seen = [...rows].filter(([, { writtenBy }]) => writtenBy >= Number(since?.transaction ?? 0));
      for (const [id, { value, writtenBy }] of seen) {
        goOn();
        hand([{ values: [id, String(value)], writtenBy }]);
        await Promise.resolve();
      }
      return { transaction, position };
    },
    find: (_, __, keys) => {
      goOn();
      const found = keys.flatMap(([id]): SourceRow[] => {
        const row = rows.get(id ?? '');
        return row === undefined ? [] : [{ values: [id ?? '', String(row.value)], writtenBy: row.writtenBy }];
      });
      goOn();
      return Promise.resolve(found);
    },
  };
  const sourceRows: SourceRows = {
    ...{ columns: ['id', 'value'], keyColumns: ['id'], uncompared: [], unsent: [], leftOut: [], untold: new Map() },
    rules: [{ path: ['value'], precision: undefined }],
    documentOf: ({ values: [id = null, value = null], writtenBy }) => ({
      ...{ id: id ?? '', routing: undefined, lacking: [], key: [id], writtenBy },
      // Some rows are left out, as by `where`.
      ...(value === '0' ? { is: 'left-out', text: '' } : { is: 'told', text: textOf(Number(value)) }),
    }),
  };
  const stored = (id: string): StoredDocument | null => {
    const found = index.get(id);
    if (found?.value == null || found.value === 0) return null;
    return { id, version: String(found.version) as ExternalVersion, source: textOf(found.value) };
  };
  const proofIndex: ProofIndex = {
    refresh: () => Promise.resolve(undefined),
    scan: async function* () {
      for (const document of [...index.keys()].flatMap((id) => stored(id) ?? [])) {
        goOn();
        yield [document];
        await Promise.resolve();
      }
    },
    read: (places) => {
      goOn();
      return Promise.resolve(places.map(({ id }) => stored(id)));
    },
  };
  const store = createSqliteProofStore({ cacheBytes: 256 * 1024 });
  const clock = {
    nowMs: () => nowMs,
    sleep: (ms: number) => {
      for (let passed = 0; passed < ms; passed += 100) {
        nowMs += 80;
        goOn();
      }
      return Promise.resolve();
    },
  };
  const reached = () => {
    const answer = { ends: [log.length], settled: [committed] };
    goOn();
    return Promise.resolve(answer);
  };
  const tables = [{ table, rows: sourceRows }];
  const options = { tables, store, index: proofIndex, clock, reached, patienceMs, progress: () => undefined };
  const outcome = (id: string, version: number, value: number | null): WriteOutcome => {
    if ((index.get(id)?.version ?? -1) > version) {
      return { status: 'superseded' };
    }
    index.set(id, { version, value });
    return { status: 'applied' };
  };
  const sink: Sink = {
    write: (writes) => {
      goOn();
      const outcomes = writes.map((write) => {
        const value =
          write.action === 'delete' ? null : (JSON.parse(write.source.toString()) as { value: number }).value;
        return outcome(write.id, Number(write.version), value);
      });
      goOn();
      return Promise.resolve(outcomes);
    },
  };
  const versionOfMissing = () => {
    const answer = committed === 0 ? undefined : (String(committed - 1) as ExternalVersion);
    goOn();
    return Promise.resolve(answer);
  };
  const repairing = { tables, store, index: proofIndex, clock, sink, alias: 'rows', versionOfMissing };
  return { take, settle, index, rows, store, options, repairing };
}

const { signal } = new AbortController();

test('while rows change, the connector lags and the service dies, nothing is blamed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(changeOf([...quiet, ...busy]), { maxLength: 12 }), world, async (first, given) => {
      const { take, store, options } = createWorld(given);
      for (const one of first) take(one);
      const verified = await verifySource(options, signal);
      assert.ok(!('code' in verified));
      // What waits for the service, or changes, at every look is not judged.
      const judged = { ...store.verdicts(), pending: 0, moving: 0 };
      assert.deepEqual(judged, { pending: 0, moving: 0 });
      store.close();
    }),
    budget(150),
  );
});

const planted = ['removed', 'changed', 'changed-higher', 'added', 'added-of-left-out'] as const;

test('what somebody else did to documents that do not change is found, and nothing else is blamed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...planted), { minLength: 1, maxLength: 4 }),
      world,
      async (plants, given) => {
        const { take, settle, store, index, options } = createWorld(given);
        const change = { kind: 'change', isLong: false, lagMs: 0 } as const;
        for (const [n, id] of quiet.entries())
          take({ ...change, id, value: plants[n] === 'added-of-left-out' ? 0 : 2 });
        settle();
        const expected: string[] = [];
        for (const [n, plant] of plants.entries()) {
          const id = quiet[n] ?? '';
          const { version = 0 } = index.get(id) ?? {};
          if (plant === 'removed') index.delete(id);
          if (plant === 'changed') index.set(id, { version, value: 9 });
          if (plant === 'changed-higher') index.set(id, { version: version + 1, value: 9 });
          if (plant === 'added') index.set(`x${n}`, { version: 3, value: 9 });
          if (plant === 'added-of-left-out') index.set(id, { version, value: 9 });
          const fault = { removed: 'missing', changed: 'differing', 'changed-higher': 'differing' };
          const found = plant === 'added' || plant === 'added-of-left-out' ? 'surplus' : fault[plant];
          expected.push(`${found} ${plant === 'added' ? `x${n}` : id}`);
        }
        const verified = await verifySource(options, signal);
        assert.ok(!('code' in verified));
        const found = faults.flatMap((fault) => store.judged(fault, 100).map(({ id }) => `${fault} ${id}`));
        assert.deepEqual(
          found.filter((one) => !expected.includes(one)),
          [],
        );
        const { pending = 0, moving = 0 } = store.verdicts();
        assert.ok(found.length + pending + moving >= expected.length, `${found.join()} of ${expected.join()}`);
        const differing = found.filter((one) => one.startsWith('differing'));
        assert.deepEqual([...verified.fields], differing.length === 0 ? [] : [['value', differing.length]]);
        store.close();
      },
    ),
    budget(100),
  );
});

test('whatever goes on, and whether a document was wrong or not, a repaired one ends as its row', async () => {
  let repaired = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(changeOf([...quiet, ...busy]), { maxLength: 12 }),
      fc.array(fc.record({ id: fc.constantFrom(...quiet, ...busy, 'x0'), plant: fc.constantFrom(...planted) }), {
        maxLength: 6,
      }),
      world,
      async (first, plants, given) => {
        const { take, settle, store, index, rows, options, repairing } = createWorld(given);
        // What is planted has a version below that of the next change.
        take({ kind: 'change', id: 'any', value: 1, isLong: false, lagMs: 0 });
        settle();
        for (const one of first) take(one);
        const verified = await verifySource({ ...options, patienceMs: 0 }, signal);
        assert.ok(!('code' in verified));
        for (const { id, plant } of plants) {
          const { version = 0 } = index.get(id) ?? {};
          if (plant === 'removed') index.delete(id);
          else index.set(id, { version, value: 9 });
        }
        // Of any document, at any time.
        const suspects = [...quiet, ...busy, 'x0'].map((id, number) => ({
          ...{ number, id, routing: undefined, seen: undefined, absentUnder: undefined },
        }));
        const done = await repairFromSource({ ...repairing, looks: verified.looks }, suspects, signal);
        assert.ok(!('code' in done));
        repaired += done.written + done.deleted;
        const left = new Set(done.left.map(({ id }) => id));
        settle();
        for (const { id } of suspects) {
          const row = rows.get(id)?.value ?? 0;
          if (!left.has(id)) assert.equal(index.get(id)?.value ?? 0, row, id);
        }
        store.close();
      },
    ),
    budget(150),
  );
  assert.ok(repaired > 0);
});
