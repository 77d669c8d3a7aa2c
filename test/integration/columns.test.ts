/**
 * Every type of column that PostgreSQL has and its connector knows, from the table to the document, in each form: what is
 * indexed says what the SQL said, and nothing is refused. (The same tables as in `test/fixtures/recorded`, live.)
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { rowsOf, streamedFrom } from '../fixtures/columns.ts';
import { postgresStage } from '../fixtures/databases.ts';
import { differences, fieldsOf } from '../fixtures/differences.ts';
import { postgresTables } from '../fixtures/postgres-columns.ts';
import { untilMarked } from '../fixtures/read-topics.ts';
import { rowDocument } from '../fixtures/row-document.ts';
import type { Setting } from '../fixtures/settings.ts';
import { startConnect } from '../stack/connect.ts';
import { deleteConnector, registerConnector } from '../stack/connectors.ts';
import { startRegistry } from '../stack/registry.ts';
import { startStack } from '../stack/stack.ts';
import { isCommitted } from './committed.ts';
import { untilTrue } from './poll.ts';
import { startReadySluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());
const { kafka, postgres, elasticsearch } = stack.addresses;

const json = {
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
};
const flattened = {
  transforms: 'unwrap',
  'transforms.unwrap.type': 'io.debezium.transforms.ExtractNewRecordState',
};
const forms = [
  { name: 'columns_envelope', claim: 'envelopes, JSON', avro: false, config: json },
  { name: 'columns_flat', claim: 'flattened, JSON', avro: false, config: { ...json, ...flattened } },
  { name: 'columns_avro', claim: 'envelopes, Avro', avro: true, config: {} },
  { name: 'columns_flat_avro', claim: 'flattened, Avro', avro: true, config: flattened },
] as const;

/** Two-dimensional arrays and ranges of their kind have names that Avro takes; all other differences would be ours. */
const avroNames = { 'schema.name.adjustment.mode': 'avro', 'field.name.adjustment.mode': 'avro' };

for (const { name, claim, avro, config } of forms) {
  test(`every column of every type is in its document: ${claim}`, async () => {
    await using registry = avro ? await startRegistry() : undefined;
    await using ownConnect = avro
      ? await startConnect({ kafka, group: `connect-${name}`, converter: true })
      : undefined;
    const connect = ownConnect?.address ?? stack.addresses.connect;
    const converter = Object.fromEntries(
      ['key', 'value'].flatMap((part) =>
        Object.entries(registry?.converter ?? {}).map(([property, value]) => [`${part}.${property}`, value]),
      ),
    );
    const tables = postgresTables.map((table) => table.name);
    const setting: Setting = { name, database: 'postgres', tables, stories: [], config };
    await using stage = await postgresStage({ setting, topicPrefix: name, address: postgres, kafka });
    const documents = await mkdtemp(join(tmpdir(), `${name}-`));
    await registerConnector(connect, name, { ...stage.config, ...converter, ...(avro && avroNames), ...config });
    try {
      await untilMarked(kafka, name, 1);
      for (const step of stage.steps) await stage.run(step);
      for (const mark of [2, 3]) {
        await stage.run(`INSERT INTO fixtures.marks VALUES (${mark})`);
        await untilMarked(kafka, name, mark);
      }
      await using sluice = await startReadySluice({
        ...{ kafka, elasticsearch, groupId: name, documents },
        environment: {
          SLUICE_UNMAPPED_TOPICS: `${name}\\.fixtures\\..*`,
          SLUICE_UNMAPPED_INDEX: `${name}-\${table}`,
          ...(registry && { SLUICE_SCHEMA_REGISTRY_URLS: registry.address }),
        },
      });
      await untilTrue('all of it is committed', () => isCommitted(kafka, name, `${name}.fixtures.`));
      assert.equal((await sluice.status()).accounts.deadLettered, 0);
      const wrong: string[] = [];
      for (const table of postgresTables) {
        const found = await documentsOf(`${name}-${table.name}`);
        const ids = rowsOf(table).flatMap((row) => [row, row + streamedFrom]);
        assert.deepEqual([...found.keys()].sort(), ids.map(String).sort());
        for (const [id, source] of found) {
          for (const { field, expected, actual } of differences(
            rowDocument(table, Number(id), undefined),
            fieldsOf(source),
          )) {
            wrong.push(`${table.name} ${id}.${field}: expected ${expected}, found ${actual}`);
          }
        }
      }
      assert.deepEqual(wrong, []);
    } finally {
      await deleteConnector(connect, name);
      await rm(documents, { recursive: true });
    }
  });
}

/** id → the document's own text, by its digits. */
async function documentsOf(index: string): Promise<ReadonlyMap<string, string>> {
  await fetch(`${elasticsearch}/${index}/_refresh`, { method: 'POST' });
  const listed = await fetch(`${elasticsearch}/${index}/_search?size=1000&_source=false`);
  const { hits } = (await listed.json()) as { hits: { hits: { _id: string }[] } };
  const documents = new Map<string, string>();
  for (const { _id } of hits.hits) {
    documents.set(_id, await (await fetch(`${elasticsearch}/${index}/_source/${_id}`)).text());
  }
  return documents;
}
