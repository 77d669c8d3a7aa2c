/** The sink and the indexes on real servers: Elasticsearch 9, and by the same code 8 and OpenSearch. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDocumentReader } from '../../src/elasticsearch/read/document-reader.ts';
import { withIndexes } from '../../src/elasticsearch/bulk/with-indexes.ts';
import type { Failure } from '../../src/model/outcome.ts';
import { startElasticsearch } from '../stack/elasticsearch.ts';
import { startStack } from '../stack/stack.ts';
import { versions } from '../stack/versions.ts';
import { openEngine, requestTimeoutMs, write } from './engines.ts';
import { describeSink } from './sink.ts';

const stack = await startStack({ servers: ['elasticsearch', 'opensearch'] });
test.after(() => stack.stop());
const eight = await startElasticsearch({ version: versions.elasticsearchForJava17 });
test.after(() => eight.stop());

const engines = [
  ['Elasticsearch 9', openEngine('elasticsearch', stack.addresses.elasticsearch)],
  ['Elasticsearch 8', openEngine('elasticsearch', eight.address)],
  ['OpenSearch', openEngine('opensearch', stack.addresses.opensearch)],
] as const;

const { signal } = new AbortController();

for (const [name, engine] of engines) {
  const { admin, client, sink, newIndex, newName, address } = engine;
  describeSink(name, () => Promise.resolve({ ...engine, newIndex: () => newIndex() }));

  test(`${name}: a document that the mapping refuses is rejected alone, and its message holds no value`, async () => {
    const alias = await newIndex({ properties: { n: { type: 'byte' } } });
    const writes = [write(alias, 'a', '{"n":1}'), write(alias, 'b', '{"n":"secret"}'), write(alias, 'c', '{"n":')];
    const [first, second, third] = await sink.write(writes, signal);
    assert.equal(first?.status, 'applied');
    assert.ok(second?.status === 'rejected' && second.failure.code === 'DOCUMENT_REJECTED');
    assert.match(second.failure.message, /failed to parse field \[n\] of type \[byte\]/);
    assert.ok(!second.failure.message.includes('secret'));
    assert.equal(third?.status, 'rejected');
  });

  test(`${name}: a write never makes an index, and waits for one that is not there`, async () => {
    const alias = newName();
    const [outcome] = await sink.write([write(alias, 'a', '{}')], signal);
    assert.ok(outcome?.status === 'retryable' && outcome.failure.code === 'INDEX_MISSING');
    assert.deepEqual(await admin.inspect({ alias, settings: {}, mappings: {} }), { state: 'absent' });
  });

  test(`${name}: two instances that make one index at once make one`, async () => {
    const definition = { alias: newName(), settings: {}, mappings: {} };
    const other = openEngine(engine.engine, address);
    const states = await Promise.all([admin.ensure(definition), other.admin.ensure(definition)]);
    assert.deepEqual(states.map(({ state }) => state).sort(), ['created', 'present']);
  });

  test(`${name}: an index is the first generation behind its alias, with its settings`, async () => {
    const alias = await newIndex();
    const response = await fetch(`${address}/${alias}`);
    const indexes = (await response.json()) as Record<string, { aliases: object; settings: object; mappings: object }>;
    assert.deepEqual(Object.keys(indexes), [`${alias}-000001`]);
    const { aliases, settings, mappings } = indexes[`${alias}-000001`] ?? {};
    assert.deepEqual(aliases, {
      [alias]: { is_write_index: true },
      [`${alias}-000001-writes`]: { is_write_index: true, is_hidden: true },
    });
    assert.match(JSON.stringify(settings), /"gc_deletes":"1h"/);
    assert.match(JSON.stringify(mappings), /"createdBy":"test"/);
  });

  test(`${name}: an index that stands where the alias should be is refused, and a mapping that the server refuses says why`, async () => {
    const alias = newName();
    await fetch(`${address}/${alias}`, { method: 'PUT' });
    const foreign = await admin.ensure({ alias, settings: {}, mappings: {} });
    assert.ok(foreign.state === 'failed' && foreign.failure.code === 'INDEX_FOREIGN');
    const mappings = { properties: { x: { type: 'no-such-type' } } };
    const refused = await admin.ensure({ alias: `${alias}-2`, settings: {}, mappings });
    assert.ok(refused.state === 'failed' && refused.failure.code === 'INDEX_REFUSED');
    assert.match(refused.failure.message, /no-such-type/);
  });

  test(`${name}: documents are read back by id before any refresh, digit by digit, and what is not there is told apart`, async () => {
    const alias = await newIndex();
    const source = '{"n":12345678901234567890.123,"s":"漢"}';
    await sink.write([write(alias, 'a', source)], signal);
    const places = [
      { index: alias, id: 'a' },
      { index: alias, id: 'b' },
      { index: newName(), id: 'a' },
    ];
    const read = await createDocumentReader({ client, requestTimeoutMs }).read(places, signal);
    assert.deepEqual(read, [source, null, null]);
  });

  test(`${name}: while one index cannot be made, writes to others go on`, async () => {
    const alias = await newIndex();
    const failure: Failure = { code: 'INDEX_REFUSED', message: 'scripted' };
    const partly = withIndexes(sink, (index) => Promise.resolve(index === alias ? undefined : failure));
    const outcomes = await partly.write(
      [write('refused', 'a', '{}'), write(alias, 'a', '{}'), write('refused', 'b', '{}')],
      signal,
    );
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['retryable', 'applied', 'retryable'],
    );
  });
}
