/** What can never be written is kept with its bytes, its place and the reason; the others are indexed without delay (G6). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import type { IHeaders } from 'kafkajs';
import { readLetters } from '../integration/letters.ts';
import { setScene } from '../integration/scene.ts';
import { startReadySluice } from '../integration/sluice-process.ts';
import { startElasticsearch } from '../stack/elasticsearch.ts';
import { startStack } from '../stack/stack.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect'] });
test.after(() => stack.stop());

const name = 'fault_letters';
const pages = {
  name: 'pages',
  key: 'slug',
  sql: `CREATE TABLE inventory.pages (slug text PRIMARY KEY, visits integer NOT NULL, body text NOT NULL);
    INSERT INTO inventory.pages VALUES ('home', 1, 'welcome')`,
};
const mapping = `
document: ${name}-pages
from: ${name}.inventory.pages
index: { mappings: { properties: { slug: { type: keyword }, visits: { type: byte }, body: { type: text, index: false } } } }
`;

const text = (headers: IHeaders | undefined, header: string): string => String(headers?.[header]);

test('unparsable bytes, a value that does not fit, an id too long and a body too large are kept aside; all others are indexed', async () => {
  await using elasticsearch = await startElasticsearch({ settings: { 'http.max_content_length': '256kb' } });
  const servers = { ...stack.addresses, elasticsearch: elasticsearch.address };
  await using scene = await setScene({ ...servers, name, tables: [pages], mappings: { pages: mapping } });
  await using sluice = await startReadySluice({ ...servers, ...scene });
  await scene.caughtUp();
  await scene.expectEqual();

  const topic = scene.topicOf('pages');
  const kafka = new Kafka({ brokers: [servers.kafka], logLevel: logLevel.NOTHING });
  const producer = kafka.producer();
  await producer.connect();
  const poison = Buffer.from([0x7b, 0xff, 0x00, 0x22]);
  await producer.send({ topic, messages: [{ key: '{"slug":"poison"}', value: poison, headers: { trace: 'kept' } }] });
  await producer.disconnect();
  await scene.inventory.query(`INSERT INTO inventory.pages
    SELECT 'page-' || n, n, 'text' FROM generate_series(1, 50) AS n`);
  await scene.inventory.query(`INSERT INTO inventory.pages VALUES
    ('too-many-visits', 1000, 'secret'), (repeat('long', 150), 1, 'x'), ('too-large', 1, repeat('0123456789', 50000))`);
  await scene.inventory.query("UPDATE inventory.pages SET visits = visits + 1 WHERE slug LIKE 'page-%'");
  await scene.caughtUp();

  const letters = await readLetters(kafka, `${name}-dead-letters`, 4);
  const byCode = new Map(letters.map((letter) => [text(letter.headers, '__sluice.code'), letter] as const));
  assert.deepEqual([...byCode.keys()].sort(), [
    'DOCUMENT_REJECTED',
    'DOCUMENT_TOO_LARGE',
    'ID_TOO_LONG',
    'RECORD_NOT_JSON',
  ]);

  const unparsable = byCode.get('RECORD_NOT_JSON');
  assert.deepEqual(unparsable?.value, poison);
  assert.equal(text(unparsable.headers, 'trace'), 'kept');
  assert.equal(text(unparsable.headers, '__connect.errors.topic'), topic);
  assert.equal(text(unparsable.headers, '__connect.errors.partition'), '0');
  assert.equal(text(unparsable.headers, '__connect.errors.offset'), '1');

  const rejected = byCode.get('DOCUMENT_REJECTED');
  assert.match(text(rejected?.headers, '__connect.errors.exception.message'), /field \[visits\] of type \[byte\]/);
  assert.equal(text(rejected?.headers, '__sluice.id'), 'too-many-visits');
  assert.match(String(rejected?.value), /"visits":1000/);
  assert.match(text(byCode.get('ID_TOO_LONG')?.headers, '__connect.errors.exception.message'), /600 bytes/);
  assert.match(String(byCode.get('DOCUMENT_TOO_LARGE')?.value), /too-large/);

  // With those rows gone at the source, what is left must be equal: nothing else was lost or late.
  await scene.inventory.query("DELETE FROM inventory.pages WHERE slug !~ '^(home|page-)'");
  await scene.caughtUp();
  assert.equal(await scene.expectEqual(), 33 + 51);
  const { accounts } = await sluice.status();
  // The delete of the row whose id is too long is refused as its insert was; its tombstone as well.
  assert.equal(accounts.deadLettered, 4 + 2);
  assert.equal(sluice.output().includes('secret'), false, 'a value of a row was logged');
});
