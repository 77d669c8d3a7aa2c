/** Which nulls of a write are in doubt. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import type { CompileOptions } from '../../../src/mapping/compile.ts';
import type { IndexWrite } from '../../../src/model/document.ts';
import type { LoadedTransform } from '../../../src/mapping/transform.ts';
import { offset } from '../../../src/model/position.ts';
import { compile } from './mapped.ts';

const fields = `{"type":"int32","field":"id"},{"type":"string","optional":true,"field":"word"},
  {"type":"array","optional":true,"items":{"type":"int16"},"field":"sums"}`;

interface Given {
  readonly op?: string;
  readonly before?: string;
  readonly txId?: string;
  readonly options?: CompileOptions;
}

function writeOf(
  definition: object,
  after: string,
  { op = 'u', before = 'null', txId = '700', options = { marksNulls: true } }: Given = {},
): IndexWrite {
  const schema = `{"type":"struct","fields":[{"type":"struct","fields":[${fields}],"field":"after"}]}`;
  const source = `{"connector":"postgresql","table":"t","txId":${txId}}`;
  const value = `{"schema":${schema},"payload":{"before":${before},"after":${after},"source":${source},"op":"${op}"}}`;
  const place = { topic: 't', partition: 0, offset: offset(5), timestampMs: 0, headers: undefined };
  const change = createDecoder()({ ...place, key: Buffer.from('{"id":1}'), value: Buffer.from(value) });
  assert.ok(change.op === 'update' || change.op === 'create' || change.op === 'read', JSON.stringify(change));
  const mapped = compile(definition, options).createMapper()(change);
  assert.ok(mapped.kind === 'write' && mapped.write.action === 'index', JSON.stringify(mapped));
  return mapped.write;
}

const nulls = '{"id":1,"word":null,"sums":null}';
const pathsOf = (...given: Parameters<typeof writeOf>) => writeOf(...given).doubt?.paths;

test('a null of an update is in doubt where the connector sends null for a value that the database did not log', () => {
  const { doubt } = writeOf({}, nulls);
  assert.ok(doubt !== undefined);
  assert.deepEqual(doubt.paths, [['sums']]);
  assert.deepEqual([doubt.topic, doubt.key, doubt.keyForm.columns, doubt.txId], ['t', ['1'], ['id'], 700]);
  assert.equal(pathsOf({}, '{"id":1,"word":null,"sums":[1]}'), undefined, 'a value is no null');
  assert.deepEqual(pathsOf({ fields: { total: { from: 'sums' } } }, nulls), [['total']]);
  assert.equal(writeOf({}, nulls, { txId: String(2 ** 32 + 5) }).doubt?.txId, 5, 'as a row has it');
});

test('no null is in doubt that the record tells, or that nobody looks up', () => {
  assert.equal(pathsOf({}, nulls, { options: {} }), undefined, 'not asked for');
  for (const op of ['c', 'r']) assert.equal(pathsOf({}, nulls, { op }), undefined, op);
  assert.equal(pathsOf({}, nulls, { before: '{"id":1,"word":"a","sums":null}' }), undefined, 'REPLICA IDENTITY FULL');
});

test('what is masked or left out, what decides and what a transform makes is not looked up', () => {
  assert.equal(pathsOf({ fields: { sums: { exclude: true } } }, nulls), undefined);
  assert.equal(pathsOf({ fields: { sums: { as: 'mask' } } }, nulls), undefined);
  assert.equal(pathsOf({ where: { sums: null } }, nulls), undefined);
  const transform: LoadedTransform = { transform: (document) => document, digest: 'x', file: 't.ts' };
  assert.equal(pathsOf({}, nulls, { options: { marksNulls: true, transform } }), undefined);
});

test('without the number of its transaction a record is left as it came, and that is reported once', () => {
  const doubts: string[] = [];
  const options = { marksNulls: true, doubted: ({ message }: { readonly message: string }) => doubts.push(message) };
  assert.equal(pathsOf({}, nulls, { txId: 'null', options }), undefined);
  assert.match(doubts.join(), /The records of t do not carry `source\.txId`/);
});

test('a column that is looked up is not warned of', () => {
  const inDoubt = (definition: object, options: CompileOptions) => {
    const document = compile(definition, options);
    const place = { topic: 't', partition: 0, offset: offset(5), timestampMs: 0, headers: undefined };
    const schema = `{"type":"struct","fields":[{"type":"struct","fields":[${fields}],"field":"after"}]}`;
    const value = `{"schema":${schema},"payload":{"before":null,"after":${nulls},"source":{"table":"t"},"op":"r"}}`;
    const change = createDecoder()({ ...place, key: Buffer.from('{"id":1}'), value: Buffer.from(value) });
    assert.ok(change.op === 'read');
    document.createMapper()(change);
    return document.indexDefinition().nullInDoubt;
  };
  assert.deepEqual(inDoubt({}, {}), ['sums']);
  assert.equal(inDoubt({}, { marksNulls: true }), undefined);
  assert.deepEqual(inDoubt({ where: { sums: null } }, { marksNulls: true }), ['sums']);
});
