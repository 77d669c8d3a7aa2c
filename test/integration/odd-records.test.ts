/** Records of PostgreSQL's connector that hold less than they seem to: parts of rows, and keys that it invented. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { startStack } from '../stack/stack.ts';
import { readLetters } from './letters.ts';
import { setScene } from './scene.ts';
import { startReadySluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());

const name = 'odd_rows';

const tables = [
  {
    name: 'parts',
    key: 'id',
    sql: `CREATE TABLE inventory.parts (id integer PRIMARY KEY, a text, b text, c integer NOT NULL);
      ALTER TABLE inventory.parts REPLICA IDENTITY FULL;
      INSERT INTO inventory.parts VALUES (1, 'a', 'b', 1)`,
  },
];

/** Not compared with its table: what PostgreSQL does not send cannot be applied. */
const members = `CREATE TABLE inventory.members (id integer PRIMARY KEY, tenant text);
  INSERT INTO inventory.members VALUES (1, 'x'), (2, 'x')`;

const settings = {
  'message.key.columns': 'inventory.members:tenant,id',
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'key.converter.schemas.enable': 'false',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter.schemas.enable': 'false',
  predicates: 'isParts',
  'predicates.isParts.type': 'org.apache.kafka.connect.transforms.predicates.TopicNameMatches',
  'predicates.isParts.pattern': '.*\\.parts',
  transforms: 'changes,unwrap',
  'transforms.changes.type': 'io.debezium.transforms.ExtractChangedRecordState',
  'transforms.changes.predicate': 'isParts',
  'transforms.changes.header.changed.name': 'Changed',
  'transforms.changes.header.unchanged.name': 'Unchanged',
  'transforms.unwrap.type': 'io.debezium.transforms.ExtractNewRecordState',
  'transforms.unwrap.predicate': 'isParts',
  'transforms.unwrap.drop.fields.header.name': 'Unchanged',
  'transforms.unwrap.drop.fields.keep.schema.compatible': 'false',
};

test('rows without their unchanged columns keep them; a delete whose key the connector made of nothing is a dead letter', async () => {
  await using scene = await setScene({
    ...stack.addresses,
    name,
    settings,
    tables: [{ ...(tables[0] ?? assert.fail()), sql: `${tables[0]?.sql ?? ''};${members}` }],
    mappings: {
      parts: `document: ${name}-parts\nfrom: ${name}.inventory.parts\n`,
      members: `document: ${name}-members\nfrom: ${name}.inventory.members\n`,
    },
  });
  await using sluice = await startReadySluice({ ...stack.addresses, ...scene });
  for (const statement of [
    `INSERT INTO inventory.parts VALUES (2, 'x', NULL, 2), (3, 'p', 'q', 3)`,
    `UPDATE inventory.parts SET a = 'y' WHERE id = 2`,
    `UPDATE inventory.parts SET b = 'z' WHERE id = 1`,
    `UPDATE inventory.parts SET a = NULL WHERE id = 1`,
    `DELETE FROM inventory.parts WHERE id = 3`,
    `DELETE FROM inventory.members WHERE id = 2`,
  ]) {
    await scene.inventory.query(statement);
  }
  await scene.caughtUp();
  await scene.expectEqual();
  const kafka = new Kafka({ brokers: [stack.addresses.kafka], logLevel: logLevel.NOTHING });
  const [letter] = await readLetters(kafka, `${scene.groupId}-dead-letters`, 1);
  const headers = letter?.headers ?? {};
  assert.equal(String(headers['__sluice.code']), 'RECORD_KEY_MISSING');
  assert.match(String(headers['__connect.errors.exception.message']), /"tenant".*REPLICA IDENTITY FULL/);
  const { deadLettered } = (await sluice.status()).accounts;
  assert.equal(deadLettered, 1, 'the tombstone after it is no second letter');
  assert.deepEqual(await sluice.stop(), { code: 0, signal: null });
  await fetch(`${stack.addresses.elasticsearch}/${name}-members-000001`, { method: 'DELETE' });
});
