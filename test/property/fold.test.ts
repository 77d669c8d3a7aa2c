/** The fold against a model that keeps every document whole in a map: what should be there, under which version, with which content. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createDecoder } from '../../src/envelope/decoder.ts';
import { compileDocument } from '../../src/mapping/compile.ts';
import { documentDefinitionSchema } from '../../src/mapping/definition.ts';
import { offset } from '../../src/model/position.ts';
import type { SourceRecord } from '../../src/model/record.ts';
import { createFold, digestOf, pathsIn } from '../../src/rebuild/fold.ts';
import { createSqliteProofStore } from '../../src/store/sqlite-proof-store.ts';
import { budget } from './budget.ts';

const withheld = '__debezium_unavailable_value';
const columns = ['n', 'large', 'other'] as const;
type Value = string | number | null;

interface Change {
  readonly id: number;
  /** Null deletes; undefined is a tombstone. */
  readonly after: Readonly<Record<(typeof columns)[number], Value>> | null | undefined;
}

const value = fc.oneof(fc.constant(withheld), fc.constantFrom('a', 'b', 'c'), fc.constant(null));
const change: fc.Arbitrary<Change> = fc.record({
  id: fc.nat(4),
  after: fc.oneof(
    { weight: 5, arbitrary: fc.record({ n: fc.nat(9), large: value, other: value }) },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
});

function recordOf({ id, after }: Change, at: number): SourceRecord {
  const source = { connector: 'postgresql', schema: 'public', table: 't', lsn: at };
  const envelope =
    after === null
      ? { before: { id }, after: null, source, op: 'd', ts_ms: 1 }
      : { before: null, after: { id, ...after }, source, op: 'u', ts_ms: 1 };
  return {
    ...{ topic: 't', partition: 0, offset: offset(at), timestampMs: 1, headers: undefined },
    key: Buffer.from(JSON.stringify({ id })),
    value: after === undefined ? null : Buffer.from(JSON.stringify(envelope)),
  };
}

/** A document in the model: its values, and those that nobody knows. */
interface Modelled {
  readonly version: number;
  readonly document: Readonly<Record<string, Value>> | undefined;
  readonly unknown: readonly string[];
}

function modelOf(changes: readonly Change[]): ReadonlyMap<string, Modelled> {
  const model = new Map<string, Modelled>();
  for (const [version, { id, after }] of changes.entries()) {
    const before = model.get(String(id))?.document;
    if (after == null) {
      model.set(String(id), { version, document: undefined, unknown: [] });
      continue;
    }
    const document: Record<string, Value> = { id };
    const unknown: string[] = [];
    for (const name of columns) {
      const sent = after[name];
      const found = sent === withheld ? before?.[name] : sent;
      if (found === undefined) unknown.push(name);
      else document[name] = found;
    }
    model.set(String(id), { version, document, unknown });
  }
  return model;
}

const definition = documentDefinitionSchema.parse({ document: 'd', from: 't' });

test('the fold is what a map of whole documents says, through deletes, withheld values and replays', () => {
  const store = createSqliteProofStore({ cacheBytes: 1024 * 1024 });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), fc.nat(40), (changes, replayFrom) => {
      store.clear();
      const fold = createFold({
        store,
        routeOf: () => ({
          decode: createDecoder(),
          mapper: compileDocument(definition).createMapper(),
          isDivided: false,
        }),
        keepsText: () => true,
      });
      const records = changes.map(recordOf);
      for (const record of [...records, ...records.slice(replayFrom)]) fold.take(record, 0);
      const model = modelOf(changes);
      assert.equal(
        store.expectedDocuments(),
        [...model.values()].filter(({ document }) => document !== undefined).length,
      );
      for (const [id, { version, document, unknown }] of model) {
        const expected = store.expectationOf(id);
        assert.equal(expected?.version, String(version));
        assert.equal(expected.isDeleted, document === undefined);
        if (document === undefined) continue;
        const omitted = expected.omitted === undefined ? [] : pathsIn(expected.omitted).map((path) => path.join('.'));
        assert.deepEqual([...new Set(omitted)].sort(), [...unknown].sort());
        // Whatever the index has in the fields of which nobody knows.
        const told = JSON.stringify({
          ...document,
          ...Object.fromEntries(unknown.map((name) => [name, 'from earlier'])),
        });
        assert.deepEqual(
          expected.digest,
          digestOf(
            told,
            unknown.map((name) => [name]),
          ),
        );
      }
    }),
    budget(300),
  );
  store.close();
});

test('without texts, the fold says that it met a part, and keeps the versions of all documents all the same', () => {
  const store = createSqliteProofStore({ cacheBytes: 1024 * 1024 });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      store.clear();
      const fold = createFold({
        store,
        routeOf: () => ({
          decode: createDecoder(),
          mapper: compileDocument(definition).createMapper(),
          isDivided: false,
        }),
        keepsText: () => false,
      });
      for (const record of changes.map(recordOf)) fold.take(record, 0);
      const parts = changes.filter(({ after }) => after?.large === withheld || after?.other === withheld);
      assert.equal(fold.counts().metPart, parts.length);
      for (const [id, { version }] of modelOf(changes)) {
        assert.equal(store.expectationOf(id)?.version, String(version));
      }
    }),
    budget(100),
  );
  store.close();
});

test('a truncate deletes what is older where the mapping file says so, and a replay of it changes nothing', () => {
  const store = createSqliteProofStore({ cacheBytes: 1024 * 1024 });
  const route = compileDocument(documentDefinitionSchema.parse({ document: 'd', from: 't', onTruncate: 'delete' }));
  const fold = createFold({
    store,
    routeOf: () => ({
      decode: createDecoder(),
      mapper: route.createMapper(),
      isDivided: false,
      truncatedBy: route.truncated.versionOf,
    }),
    keepsText: () => false,
  });
  const truncate: SourceRecord = {
    ...{ topic: 't', partition: 0, offset: offset(2), timestampMs: 1, headers: undefined, key: null },
    value: Buffer.from('{"before":null,"after":null,"source":{"connector":"postgresql"},"op":"t","ts_ms":1}'),
  };
  const row = { n: 1, large: 'a', other: null };
  const records = [
    recordOf({ id: 1, after: row }, 0),
    recordOf({ id: 2, after: row }, 1),
    truncate,
    recordOf({ id: 2, after: row }, 3),
  ];
  for (const record of [...records, ...records]) fold.take(record, 0);
  assert.equal(store.expectedDocuments(), 1);
  assert.equal(store.expectationOf('1')?.version, '2');
  assert.equal(store.expectationOf('2')?.version, '3');
  store.close();
});

test('nulls that the service looks up in the database are no part of what the topics say', () => {
  const store = createSqliteProofStore({ cacheBytes: 1024 * 1024 });
  const fields = [
    { type: 'int32', field: 'id' },
    { type: 'array', optional: true, items: { type: 'int16' }, field: 'sums' },
  ];
  const schema = { type: 'struct', fields: [{ type: 'struct', fields, field: 'after' }] };
  const source = { connector: 'postgresql', schema: 'public', table: 't', txId: 7 };
  const payload = { before: null, after: { id: 1, sums: null }, source, op: 'u', ts_ms: 1 };
  const record: SourceRecord = {
    ...{ topic: 't', partition: 0, offset: offset(0), timestampMs: 1, headers: undefined },
    ...{ key: Buffer.from('{"id":1}'), value: Buffer.from(JSON.stringify({ schema, payload })) },
  };
  for (const [marksNulls, omitted] of [
    [true, '[["sums"]]'],
    [false, undefined],
  ] as const) {
    store.clear();
    const mapper = compileDocument(definition, { marksNulls }).createMapper();
    const fold = createFold({
      store,
      routeOf: () => ({ decode: createDecoder(), mapper, isDivided: false }),
      keepsText: () => false,
    });
    fold.take(record, 0);
    assert.equal(store.expectationOf('1')?.omitted, omitted);
    const isFound = store.expectationOf('1')?.digest?.equals(digestOf('{"id":1,"sums":[1,2]}', [['sums']]));
    assert.equal(isFound, marksNulls);
  }
  store.close();
});
