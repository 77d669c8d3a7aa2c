import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentDefinitionSchema } from '../../../src/mapping/definition.ts';
import { unorderedTruncates } from '../../../src/documents/route-problems.ts';
import { createRoutes } from '../../../src/documents/routes.ts';
import type { DocumentFile } from '../../../src/documents/route-problems.ts';

const fileOf = (document: string, from: string | string[], more: object = {}): DocumentFile => ({
  file: `${document}.yaml`,
  definition: documentDefinitionSchema.parse({ document, from, ...more }),
  positionOf: () => ({ line: 2, column: 7 }),
});
const options = { deadLetters: { topic: 'letters' }, masking: {}, truncation: { allow: [] as string[] } };
const existing = new Set(['shop.customers', 'shop.orders', 'letters', 'other']);

test('a topic goes to every document that names it, and to `unmapped` only if none does', () => {
  const files = [fileOf('people', 'shop.customers'), fileOf('both', '/shop\\..*/', { rowsStayInTopic: true })];
  const routes = createRoutes(
    files,
    { unmapped: { topics: '.*', form: 'auto', index: 'x-${table}' }, ...options },
    existing,
  );
  assert.deepEqual(routes.topics, ['other', 'shop.customers', 'shop.orders']);
  assert.equal(routes.mappersOf('shop.customers').length, 2);
  assert.equal(routes.mappersOf('shop.orders').length, 1);
  assert.equal(routes.indexDefinition('x-other')?.alias, 'x-other');
  assert.deepEqual(routes.missing, []);
});

test('the dead letters are never read, whatever a pattern says', () => {
  const routes = createRoutes([fileOf('all', '/.*/')], options, existing);
  assert.ok(!routes.topics.includes('letters'));
});

test('a topic that is named and not there is missing, with its place; and so is everything if nothing matches', () => {
  const named = createRoutes([fileOf('people', ['shop.customers', 'gone'])], options, existing);
  assert.deepEqual(
    named.missing.map(({ code, message }) => [code, message]),
    [['TOPIC_MISSING', 'people.yaml:2:7: Kafka has no topic "gone".']],
  );
  const nothing = createRoutes([fileOf('people', '/nothing/')], options, existing);
  assert.equal(nothing.missing[0]?.code, 'TOPIC_MISSING');
});

test('an index can be emptied by a truncate only where the configuration allows it, and where the topic has one partition', () => {
  const emptying: DocumentFile = {
    ...fileOf('people', 'shop.customers'),
    definition: documentDefinitionSchema.parse({
      document: 'people',
      from: 'shop.customers',
      onTruncate: 'delete',
    }),
  };
  const files = [emptying, fileOf('orders', 'shop.orders')];
  const refused = createRoutes(files, { ...options, truncation: { allow: ['customers', 'shop.orders'] } }, existing);
  assert.deepEqual(
    refused.missing.map(({ code }) => code),
    ['CONFIGURATION_INVALID'],
  );
  assert.match(refused.missing[0]?.message ?? '', /people.*`truncation\.allow`.*"shop\.customers"/);
  const routes = createRoutes(files, { ...options, truncation: { allow: ['shop\\..*'] } }, existing);
  assert.deepEqual(routes.missing, []);
  assert.deepEqual(routes.emptied, ['shop.customers']);
  assert.deepEqual(unorderedTruncates(new Map([['shop.customers', 1]])), []);
  assert.match(unorderedTruncates(new Map([['shop.customers', 3]]))[0]?.message ?? '', /it has 3 partitions/);
});
