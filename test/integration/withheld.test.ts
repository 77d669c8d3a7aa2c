/** Values that PostgreSQL does not send with an update (TOAST) stay in the documents (D7): every document equals its row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { setScene } from './scene.ts';
import { startReadySluice } from './sluice-process.ts';
import { expectBalanced } from './story.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

/** Every kind of column whose placeholder has a form of its own; each value too large to stay in its row. */
const columns: Readonly<Record<string, string>> = {
  words: "(SELECT string_agg(md5(n::text || SEED), ' ') FROM generate_series(1, 300) n)",
  raw: "decode((SELECT string_agg(md5(n::text || SEED), '') FROM generate_series(1, 300) n), 'hex')",
  texts: '(SELECT array_agg(md5(n::text || SEED)) FROM generate_series(1, 300) n)',
  numbers: '(SELECT array_agg(n + length(SEED)) FROM generate_series(1, 3000) n)',
  bigs: '(SELECT array_agg(9007199254740993 + n) FROM generate_series(1, 3000) n)',
  ids: '(SELECT array_agg(md5(n::text || SEED)::uuid) FROM generate_series(1, 300) n)',
};
const names = Object.keys(columns);
const values = (seed: string): string =>
  names.map((name) => (columns[name] ?? '').replaceAll('SEED', `'${seed}'`)).join(', ');

const sql = `
  CREATE TABLE inventory.large (
    id integer PRIMARY KEY, n integer NOT NULL,
    words text, raw bytea, texts text[], numbers integer[], bigs bigint[], ids uuid[]);
  ${names.map((name) => `ALTER TABLE inventory.large ALTER COLUMN ${name} SET STORAGE EXTERNAL`).join(';\n')};
  INSERT INTO inventory.large VALUES (1, 0, ${values('a')}), (2, 0, ${values('b')}), (3, 0, ${values('c')})`;

for (const schemas of [true, false]) {
  test(`withheld values are kept, ${schemas ? 'with schemas' : 'without schemas'}`, async () => {
    const name = `withheld_${schemas ? 'schemas' : 'plain'}`;
    const index = `${name}-large`;
    const settings = {
      'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'key.converter.schemas.enable': String(schemas),
      'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'value.converter.schemas.enable': String(schemas),
    };
    await using scene = await setScene({
      ...stack.addresses,
      name,
      settings,
      tables: [{ name: 'large', key: 'id', sql }],
      mappings: { large: `document: ${index}\nfrom: ${name}.inventory.large\n` },
    });
    const { query } = scene.inventory;
    const start = () => startReadySluice({ ...stack.addresses, ...scene });
    const expectEqualAfter = async (claim: string, statement: string): Promise<void> => {
      await query(statement);
      await scene.caughtUp();
      assert.ok((await scene.expectEqual()) > 0, claim);
      const placeholder = await fetch(
        `${stack.addresses.elasticsearch}/${index}/_search?q=__debezium_unavailable_value`,
      );
      assert.equal(((await placeholder.json()) as { hits: { total: { value: number } } }).hits.total.value, 0);
    };
    {
      await using sluice = await start();
      await expectEqualAfter('the snapshot', 'SELECT 1');
      await expectEqualAfter('an update of another column', 'UPDATE inventory.large SET n = 1');
      await expectEqualAfter(
        'a new value and an update of another column in one batch',
        `BEGIN; UPDATE inventory.large SET ${names.map((one) => `${one} = (${(columns[one] ?? '').replaceAll('SEED', "'d'")})`).join(', ')} WHERE id = 1;
           UPDATE inventory.large SET n = 2 WHERE id = 1; UPDATE inventory.large SET n = 3 WHERE id = 1; COMMIT`,
      );
      await expectEqualAfter(
        'null, and an update of another column',
        'UPDATE inventory.large SET words = NULL WHERE id = 2',
      );
      await expectEqualAfter('an update beside the null', 'UPDATE inventory.large SET n = 4 WHERE id = 2');
      await expectEqualAfter('a change of the primary key', 'UPDATE inventory.large SET id = 11 WHERE id = 1');
      await expectEqualAfter(
        'a new value, a change of the primary key and an update in one transaction',
        `BEGIN; UPDATE inventory.large SET texts = ARRAY['x', NULL, ''] WHERE id = 11;
           UPDATE inventory.large SET id = 12 WHERE id = 11; UPDATE inventory.large SET n = 5 WHERE id = 12; COMMIT`,
      );
      await expectEqualAfter(
        'a primary key that another row had before',
        `BEGIN; UPDATE inventory.large SET id = 13 WHERE id = 12; UPDATE inventory.large SET id = 12 WHERE id = 2; COMMIT`,
      );
      await expectBalanced(sluice);
    }
    await query('UPDATE inventory.large SET n = 6');
    await using sluice = await start();
    await expectEqualAfter('a restart', 'UPDATE inventory.large SET n = 7 WHERE id = 3');

    // A document that is not there cannot be completed: the field is left out, counted and told once.
    const place = `${stack.addresses.elasticsearch}/${index}/_doc/3`;
    const { _version } = (await (await fetch(place)).json()) as { _version: number };
    await fetch(`${place}?version_type=external_gte&version=${_version}`, { method: 'DELETE' });
    await query('UPDATE inventory.large SET n = 8 WHERE id = 3');
    await scene.caughtUp();
    const found = await fetch(place);
    const { _source } = (await found.json()) as { _source: object };
    assert.deepEqual(_source, { id: 3, n: 8 });
    assert.match(
      await sluice.metrics(),
      new RegExp(`sluice_withheld_values_total\\{index="${index}",outcome="omitted"\\} 6`),
    );
    assert.equal(sluice.output().split('VALUE_WITHHELD').length - 1, names.length);
  });
}
