/** What earlier versions wrote (`test/fixtures/upgrades`), read by the parts of this one that take it over. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { digestOf } from '../../src/compose-connections.ts';
import { metaIn } from '../../src/elasticsearch/index/generation-meta.ts';
import { compileDocument } from '../../src/mapping/compile.ts';
import { contentText } from '../../src/mapping/content.ts';
import { documentDefinitionSchema } from '../../src/mapping/definition.ts';
import type { Control } from '../../src/rebuild/handover.ts';
import { acknowledge, isSameDefinition, targetsOf, toDualWrite } from '../../src/rebuild/handover.ts';

interface Left {
  readonly mapping: string;
  readonly indexes: Readonly<Record<string, { readonly mappings: unknown }>>;
  readonly control: Control;
}

const file = join(import.meta.dirname, '..', 'fixtures', 'upgrades', 'cf78ddc.json');
const left = JSON.parse(readFileSync(file, 'utf8')) as Left;
const given: unknown = parse(`document: upgraded\nfrom: upgraded.public.rows\n${left.mapping}`);
const definition = documentDefinitionSchema.parse(given);

test('a mapping file has the digest that the version before gave it, so that rebuilds and instances of both versions agree', () => {
  const routed = { document: 'upgraded', definition, contentText: '', topics: [] };
  assert.equal(digestOf(routed), left.control.definition);
});

test('an acknowledgement of an instance of the version before counts, and so does one of this version for its rebuild', () => {
  const dual = toDualWrite(left.control, 'now');
  assert.equal(dual.content, undefined);
  const group = { settled: true, owners: new Map([['t/0', 'member']]) };
  const positions = [{ topic: 't', partition: 0, start: 0, end: 5, committed: 3 }];
  const said = { instance: 'host', definition: left.control.definition, from: { 't/0': 3 } };
  for (const [control, one] of [
    [{ ...dual, content: 'c' }, said],
    [dual, { ...said, content: 'c' }],
  ] as const) {
    const acknowledged = acknowledge(control, 'member', one);
    assert.ok(acknowledged !== undefined);
    assert.equal(targetsOf(acknowledged, group, positions).kind, 'targets');
  }
  // Where both say it, it decides.
  const other = acknowledge({ ...dual, content: 'other' }, 'member', { ...said, content: 'c' });
  assert.ok(other !== undefined);
  assert.equal(targetsOf(other, group, positions).kind, 'waiting');
});

test('what an index of the version before says of itself is read as before, and nothing is invented', () => {
  for (const { mappings } of Object.values(left.indexes)) {
    const meta = metaIn(mappings);
    assert.equal(meta?.document, 'upgraded');
    assert.deepEqual([meta.contents, meta.began, meta.identity], [undefined, undefined, undefined]);
  }
});

test('two definitions have one content only if they make the same documents', () => {
  const textOf = (more: object, digest?: string): string =>
    contentText(documentDefinitionSchema.parse({ document: 'd', from: 't', ...more }), digest);
  const plain = textOf({});
  for (const same of [
    { document: 'e', from: ['t', 'u'], epoch: 3, onTruncate: 'ignore', index: { mappings: { dynamic: false } } },
    { fields: {}, where: {}, form: 'auto', id: { overlong: 'reject' } },
    { fields: { a: { optional: true } } },
    { rowsStayInTopic: true },
  ])
    assert.equal(textOf(same), plain);
  const others = [
    { fields: { a: { exclude: true } } },
    { fields: { a: { from: 'b' } } },
    { fields: { a: { as: 'lowercase' } } },
    { select: ['a'] },
    { where: { a: 1 } },
    { where: { a: 2 } },
    { routing: 'a' },
    { id: { from: ['a'] } },
    { form: 'rows' },
    { outbox: { id: 'key' } },
    { unavailableValue: 'x' },
  ];
  const texts = [
    plain,
    ...others.map((other) => textOf(other)),
    textOf({ transform: 'a.ts' }, '1'),
    textOf({ transform: 'a.ts' }, '2'),
  ];
  assert.equal(new Set(texts).size, texts.length);
  // The order of keys and the name of the module's file mean nothing.
  assert.equal(textOf({ where: { a: 1, b: 2 } }), textOf({ where: { b: 2, a: 1 } }));
  assert.equal(textOf({ transform: 'a.ts' }, '1'), textOf({ transform: 'b.ts' }, '1'));
  assert.equal(compileDocument(definition).contentText, contentText(definition, undefined));
  assert.ok(isSameDefinition({ definition: 'a' }, { definition: 'a', content: 'x' }));
});
