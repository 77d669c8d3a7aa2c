import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createDecoder } from '../../src/envelope/decoder.ts';
import type { ChangeEvent } from '../../src/model/change-event.ts';
import type { FormName } from '../../src/model/form.ts';
import { autoForm, formNames } from '../../src/model/form.ts';
import type { SourceRecord } from '../../src/model/record.ts';
import { documentedNames, documentedRecord } from '../fixtures/documented.ts';
import { budget } from './budget.ts';

const records = documentedNames.map(documentedRecord);

/** Everything that may be asked of an event, so that nothing that is read late can throw. */
function allOf(event: ChangeEvent): string {
  if (event.op === 'ignored') return event.reason;
  if (event.op === 'unreadable') return event.failure.code;
  const { collection, position, transaction } = event.origin;
  const said = [event.op, collection, position, transaction, event.key?.json()];
  if (event.op === 'truncate') return JSON.stringify(said);
  said.push(event.before?.json());
  if (event.op !== 'delete') said.push(event.after.json(), event.after.columns.join(), JSON.stringify(event.patch));
  return JSON.stringify(said);
}

type Mutation = (bytes: Buffer) => Buffer | null;

const cut = fc.nat().map(
  (where): Mutation =>
    (bytes) =>
      bytes.subarray(0, where % (bytes.length + 1)),
);
const flip = fc.tuple(fc.nat(), fc.nat(255)).map(([where, byte]): Mutation => (bytes) => {
  const damaged = Buffer.from(bytes);
  if (damaged.length > 0) damaged[where % damaged.length] = byte;
  return damaged;
});
/** Another value in the place of one of the record's strings, numbers, literals, or openings of objects and arrays. */
const replace = fc
  .tuple(
    fc.nat(),
    fc.constantFrom('null', '1', '"x"', '"{"', '"\\q"', '"{\\"$date\\":{}}"', '{}', '[]', '{"":[1]}', '', ','),
  )
  .map(([where, text]): Mutation => (bytes) => {
    const tokens = [...bytes.toString().matchAll(/"(?:[^"\\]|\\.)*"|-?\d[\d.]*|true|false|null|\{\}|\[\]/g)];
    const token = tokens[where % Math.max(1, tokens.length)];
    if (token === undefined) return bytes;
    const before = bytes.toString().slice(0, token.index);
    return Buffer.from(before + text + bytes.toString().slice(token.index + token[0].length));
  });
const lose = fc.constant<Mutation>(() => null);

const mutation = fc.oneof(cut, flip, { weight: 4, arbitrary: replace }, lose);
const apply = (mutations: readonly Mutation[], bytes: Buffer | null): Buffer | null =>
  mutations.reduce<Buffer | null>((now, mutate) => now && mutate(now), bytes);

const formOf = (name: FormName) => ({ ...autoForm, name, outbox: { ...autoForm.outbox, id: 'key' as const } });

test('no damage to any connector’s record makes reading it throw, in whatever form it is expected', () => {
  const some = fc.array(mutation, { maxLength: 2 });
  const where = fc.record({
    record: fc.constantFrom(...records),
    form: fc.constantFrom(...formNames),
    key: some,
    value: some,
  });
  fc.assert(
    fc.property(where, ({ record, form, key, value }) => {
      const damaged: SourceRecord = { ...record, key: apply(key, record.key), value: apply(value, record.value) };
      const decode = createDecoder(formOf(form));
      const said = allOf(decode(damaged));
      assert.ok(!said.includes('\n'));
      allOf(decode(damaged));
    }),
    budget(6000),
  );
});

test('records that were cut off leave no trace: what follows is read as if they had not been there', () => {
  fc.assert(
    fc.property(fc.constantFrom(...records), fc.array(cut, { minLength: 1, maxLength: 1 }), (record, mutations) => {
      const decode = createDecoder();
      decode({ ...record, value: apply(mutations, record.value) });
      assert.equal(allOf(decode(record)), allOf(createDecoder()(record)));
    }),
    budget(1000),
  );
});
