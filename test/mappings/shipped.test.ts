/** The mapping files that are shipped: given a row as Debezium writes it, when it arrives, then this document. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadDocuments } from '../../src/config/load.ts';
import { createDecoder } from '../../src/envelope/decoder.ts';
import { compileDocument } from '../../src/mapping/compile.ts';
import { documentDefinitionSchema } from '../../src/mapping/definition.ts';
import { offset } from '../../src/model/position.ts';
import { inventoryTables, topicPrefix } from '../stack/versions.ts';

const folder = join(import.meta.dirname, '..', '..', 'mappings');
const loaded = await loadDocuments(folder, documentDefinitionSchema, { optional: false });
const documents = loaded.ok ? loaded.value : [];

const rows: Readonly<
  Record<string, { readonly key: string; readonly row: string; readonly document?: string; readonly id: string }>
> = {
  customers: {
    key: '{"id":1001}',
    row: '{"id":1001,"first_name":"Sally","last_name":"Thomas","email":"s@a.com"}',
    id: '1001',
  },
  addresses: {
    key: '{"id":10}',
    row: '{"id":10,"customer_id":1001,"street":"3183 Moore Avenue","zip":"76036","type":"SHIPPING"}',
    id: '10',
  },
  products: { key: '{"id":101}', row: '{"id":101,"name":"scooter","description":null,"weight":3.14}', id: '101' },
  products_on_hand: { key: '{"product_id":101}', row: '{"product_id":101,"quantity":3}', id: '101' },
  orders: {
    key: '{"order_number":10001}',
    row: '{"order_number":10001,"order_date":16816,"purchaser":1001,"quantity":1,"product_id":102}',
    document: '{"order_number":10001,"order_date":"2016-01-16","purchaser":1001,"quantity":1,"product_id":102}',
    id: '10001',
  },
};

test('there is a file for each table of the tutorial, and each is right', () => {
  assert.deepEqual(loaded.ok ? [] : loaded.problems, []);
  assert.deepEqual(documents.map(({ definition }) => definition.document).sort(), [...inventoryTables].sort());
});

for (const { definition } of documents) {
  test(`a row of ${definition.document} becomes its document`, () => {
    const given = rows[definition.document];
    assert.ok(given);
    const topic = `${topicPrefix}.inventory.${definition.document}`;
    const compiled = compileDocument(definition);
    assert.ok(compiled.matches(topic));
    const value = `{"before":null,"after":${given.row},"source":{"table":"t"},"op":"r"}`;
    const place = { topic, partition: 0, offset: offset(3), timestampMs: 0, headers: undefined };
    const event = createDecoder()({ ...place, key: Buffer.from(given.key), value: Buffer.from(value) });
    assert.ok(event.op === 'read');
    const source = Buffer.from(given.document ?? given.row);
    const write = { action: 'index', index: definition.document, id: given.id, version: '3', source };
    assert.deepEqual(compiled.createMapper()(event), { kind: 'write', write });
  });
}
