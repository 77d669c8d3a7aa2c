/**
 * The proof in a world where everything goes on between any two of its steps: rows change, the service writes late, commits later,
 * and dies between the two. It never blames a document that is right or on its way, and finds what somebody else did.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { StoredDocument } from '../../src/model/document.ts';
import type { ExternalVersion } from '../../src/model/position.ts';
import { offset } from '../../src/model/position.ts';
import { digestOf } from '../../src/rebuild/fold.ts';
import type { ProofIndex, TopicReader } from '../../src/rebuild/verify-ports.ts';
import { faults } from '../../src/rebuild/verify-ports.ts';
import { verify } from '../../src/rebuild/verify.ts';
import { createSqliteProofStore } from '../../src/store/sqlite-proof-store.ts';
import { budget } from './budget.ts';

type Step =
  | { readonly kind: 'change'; readonly id: string; readonly value: number | null }
  | { readonly kind: 'write' | 'commit' | 'die' };

const quiet = ['q0', 'q1', 'q2', 'q3'] as const;
const busy = ['b0', 'b1', 'b2'] as const;
const changeOf = (ids: readonly string[]): fc.Arbitrary<Step> =>
  fc.record({
    kind: fc.constant('change' as const),
    id: fc.constantFrom(...ids),
    value: fc.oneof({ weight: 3, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.constant(null) }),
  });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: changeOf(busy) },
  { weight: 4, arbitrary: fc.constant<Step>({ kind: 'write' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'commit' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'die' }) },
);

const textOf = (value: number): string => `{"value":${value}}`;
const versionText = (version: number): ExternalVersion => String(version) as ExternalVersion;

function createWorld(steps: readonly Step[]) {
  const log: { readonly id: string; readonly value: number | null }[] = [];
  const index = new Map<string, { version: number; value: number | null }>();
  let written = 0;
  let committed = 0;
  let read = 0;
  let at = 0;
  const store = createSqliteProofStore({ cacheBytes: 256 * 1024 });

  const take = (one: Step): void => {
    switch (one.kind) {
      case 'change':
        log.push({ id: one.id, value: one.value });
        return;
      case 'write': {
        const change = log[written];
        if (change === undefined) return;
        const before = index.get(change.id);
        if (before === undefined || before.version < written)
          index.set(change.id, { version: written, value: change.value });
        written += 1;
        return;
      }
      case 'commit':
        committed = written;
        return;
      case 'die':
        written = committed;
    }
  };
  /** Between any two steps of the proof, some of the world's. */
  const goOn = (): void => {
    for (const one of steps.slice(at, at + 3)) take(one);
    at += 3;
    if (at < steps.length) return;
    // Then the service comes to an end of its work.
    while (written < log.length) take({ kind: 'write' });
    take({ kind: 'commit' });
  };
  const stored = (id: string): StoredDocument | null => {
    const found = index.get(id);
    if (found?.value == null) return null;
    return { id, version: versionText(found.version), source: textOf(found.value) };
  };
  const reader: TopicReader = {
    partitions: [{ topic: 't', partition: 0 }],
    holdsHistory: true,
    catchUp: () => {
      const end = log.length;
      goOn();
      for (; read < end; read += 1) {
        const change = log[read];
        if (change === undefined) break;
        const { id, value } = change;
        store.expect({
          ...{ id, version: versionText(read), source: 0, offset: offset(read), isDeleted: value === null },
          ...{ routing: undefined, omitted: undefined, digest: value === null ? null : digestOf(textOf(value)) },
        });
      }
      return Promise.resolve();
    },
    positions: () => [offset(read)],
    settled: () => {
      const settled = committed;
      goOn();
      return Promise.resolve([settled]);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const proofIndex: ProofIndex = {
    refresh: () => Promise.resolve(undefined),
    scan: async function* () {
      const all = [...index.keys()].flatMap((id) => stored(id) ?? []);
      for (const document of all) {
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
  let nowMs = 0;
  const clock = {
    nowMs: () => nowMs,
    sleep: () => {
      nowMs += 200;
      goOn();
      return Promise.resolve();
    },
  };
  return {
    take,
    index,
    store,
    log,
    options: { store, reader, index: proofIndex, clock, patienceMs: 5000, progress: () => undefined },
  };
}

const { signal } = new AbortController();

test('while rows change, the service lags, dies and writes again, nothing is blamed, and in the end all is judged', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(changeOf([...quiet, ...busy]), { maxLength: 12 }),
      fc.array(step, { maxLength: 90, size: 'max' }),
      async (first, steps) => {
        const { take, store, options } = createWorld(steps);
        for (const one of first) take(one);
        const verified = await verify(options, signal);
        assert.ok(!('code' in verified));
        assert.deepEqual(store.verdicts(), {});
        store.close();
      },
    ),
    budget(200),
  );
});

const planted = ['removed', 'changed', 'changed-higher', 'older', 'added'] as const;

test('what somebody else did to documents that do not change is found, and nothing else is blamed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...planted), { minLength: 1, maxLength: 4 }),
      fc.array(step, { maxLength: 60, size: 'max' }),
      async (plants, steps) => {
        const { take, store, index, options } = createWorld(steps);
        for (const id of quiet) for (const value of [1, 2]) take({ kind: 'change', id, value });
        for (let n = 0; n < 2 * quiet.length; n += 1) take({ kind: 'write' });
        take({ kind: 'commit' });
        const expected: string[] = [];
        for (const [n, plant] of plants.entries()) {
          const id = quiet[n] ?? '';
          const { version = 0 } = index.get(id) ?? {};
          if (plant === 'removed') index.delete(id);
          if (plant === 'changed') index.set(id, { version, value: 9 });
          if (plant === 'changed-higher') index.set(id, { version: version + 1, value: 9 });
          if (plant === 'older') index.set(id, { version: version - 1, value: 1 });
          if (plant === 'added') index.set(`x${n}`, { version: 3, value: 9 });
          const fault = {
            removed: 'missing',
            changed: 'differing',
            'changed-higher': 'differing',
            older: 'stale',
            added: 'surplus',
          }[plant];
          expected.push(`${fault} ${plant === 'added' ? `x${n}` : id}`);
        }
        const verified = await verify(options, signal);
        assert.ok(!('code' in verified));
        const found = faults.flatMap((fault) => store.judged(fault, 100).map(({ id }) => `${fault} ${id}`));
        assert.deepEqual(found.sort(), expected.sort());
        store.close();
      },
    ),
    budget(200),
  );
});
