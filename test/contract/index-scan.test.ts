/** A scan sees every document of an index once, as it is, on Elasticsearch by a point in time and on OpenSearch by a scroll. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readStored } from '../../src/elasticsearch/read/document-reader.ts';
import type { ScanOptions } from '../../src/elasticsearch/read/index-scan.ts';
import { scanIndex } from '../../src/elasticsearch/read/index-scan.ts';
import { isFailure } from '../../src/model/outcome.ts';
import { readVectorFields } from '../../src/elasticsearch/read/vectors.ts';
import { canonicalJson } from '../../src/json/canonical.ts';
import type { DocumentWrite, StoredDocument } from '../../src/model/document.ts';
import type { Failure } from '../../src/model/outcome.ts';
import { externalVersion, maxEpoch, offset } from '../../src/model/position.ts';
import { startElasticsearch } from '../stack/elasticsearch.ts';
import { startStack } from '../stack/stack.ts';
import { versions } from '../stack/versions.ts';
import type { OpenEngine } from './engines.ts';
import { openEngine, requestTimeoutMs, write } from './engines.ts';

const stack = await startStack({ servers: ['elasticsearch', 'opensearch'] });
test.after(() => stack.stop());
const eight = await startElasticsearch({ version: versions.elasticsearchForJava17 });
test.after(() => eight.stop());
const engines = [
  ['Elasticsearch', openEngine('elasticsearch', stack.addresses.elasticsearch)],
  ['Elasticsearch 8', openEngine('elasticsearch', eight.address)],
  ['OpenSearch', openEngine('opensearch', stack.addresses.opensearch)],
] as const;

const { signal } = new AbortController();

async function scanned(
  { client, engine }: OpenEngine,
  options: Partial<ScanOptions> & { readonly index: string },
): Promise<{ readonly documents: readonly StoredDocument[]; readonly pages: number; readonly failure?: Failure }> {
  const documents: StoredDocument[] = [];
  let pages = 0;
  const whole = { engine, source: true, pageSize: 100, requestTimeoutMs, ...options };
  for await (const page of scanIndex(client, whole, signal)) {
    if (isFailure(page)) return { documents, pages, failure: page };
    documents.push(...page);
    pages += 1;
  }
  return { documents, pages };
}

const refresh = ({ address }: OpenEngine, index: string): Promise<Response> =>
  fetch(`${address}/${index}/_refresh`, { method: 'POST' });

for (const [name, engine] of engines) {
  const { sink, admin, newName } = engine;

  test(`${name}: every document comes once, from every shard, with its version, routing and text`, async () => {
    const alias = newName();
    const mappings = { dynamic: false };
    const made = await admin.ensure({ alias, settings: { number_of_shards: 3 }, mappings });
    assert.equal(made.state, 'created');
    const writes = Array.from({ length: 1050 }, (_, n): DocumentWrite => ({
      ...write(alias, `id ${n}/ü`, `{"n":${n},"big":9007199254740993,"exact":1.10,"text":"a\\"\\u00e9"}`),
      version: externalVersion(n % 2 === 0 ? maxEpoch : 0, offset(n)),
      ...(n % 3 === 0 && { routing: `r${n}` }),
    }));
    await sink.write(writes, signal);
    await refresh(engine, alias);
    const { documents, pages } = await scanned(engine, { index: alias });
    assert.equal(pages, 11);
    const byId = new Map(documents.map((document) => [document.id, document]));
    assert.equal(byId.size, writes.length);
    for (const [n, { id, version, routing }] of writes.entries()) {
      const source = `{"n":${n},"big":9007199254740993,"exact":1.10,"text":"a\\"é"}`;
      assert.deepEqual(byId.get(id), { id, version, ...(routing !== undefined && { routing }), source });
    }
  });

  test(`${name}: without text it gives ids and versions, of documents that were there when it began`, async () => {
    const alias = await engine.newIndex();
    await sink.write([write(alias, 'a', '{"n":1}'), write(alias, 'b', '{"n":2}')], signal);
    await refresh(engine, alias);
    const options = { engine: engine.engine, index: alias, source: false, pageSize: 1, requestTimeoutMs };
    const seen: StoredDocument[] = [];
    for await (const page of scanIndex(engine.client, options, signal)) {
      assert.ok(!isFailure(page), JSON.stringify(page));
      seen.push(...page);
      await sink.write([write(alias, 'c', '{}')], signal);
      await refresh(engine, alias);
    }
    assert.deepEqual(seen.map(({ id, version }) => `${id} ${version}`).sort(), ['a 1', 'b 1']);
    assert.ok(seen.every((document) => !('source' in document)));
  });

  test(`${name}: an index without documents has no pages, and one that is not there is a failure`, async () => {
    const alias = await engine.newIndex();
    assert.deepEqual(await scanned(engine, { index: alias }), { documents: [], pages: 0 });
    const { failure } = await scanned(engine, { index: newName() });
    assert.equal(failure?.code, 'INDEX_MISSING');
  });
}

for (const [name, engine] of engines) {
  if (engine.engine === 'opensearch') continue;

  test(`${name}: vectors come with every document, and are equal to what was written as far as they are kept`, async () => {
    const floats = { type: 'dense_vector', dims: 3, similarity: 'l2_norm' };
    const nodes = await fetch(`${engine.address}/_nodes/_local?filter_path=nodes.*.version`);
    const isNine = /"version":"9/.test(await nodes.text());
    const alias = await engine.newIndex({
      dynamic: false,
      properties: {
        v: floats,
        none: floats,
        weights: { type: 'sparse_vector' },
        bytes: { ...floats, element_type: 'byte' },
        inner: { properties: { v: floats } },
        several: { type: 'nested', properties: { v: floats } },
        ...(isNine && { bfloats: { ...floats, element_type: 'bfloat16' } }),
      },
    });
    const textOf = (last: string): string =>
      `{"id":7,"v":[0.123456789012,1e-8,${last}],"none":null,"weights":{"a":0.123456789,"b":1e-30},"bytes":[1,2.0,-3],` +
      `"inner":{"v":[16777217,2,0.1],"n":0.123456789012},"several":[{"v":[1,2,3],"k":1},{"k":2,"v":null}]` +
      (isNine ? ',"bfloats":[0.123456789012,1.00390625,1.01171875]}' : '}');
    const text = textOf('3');
    await engine.sink.write([write(alias, 'a', text)], signal);
    await refresh(engine, alias);
    const { client } = engine;
    const fields = await readVectorFields({ client, requestTimeoutMs }, alias, signal);
    assert.ok(!('code' in fields), JSON.stringify(fields));
    const { documents } = await scanned(engine, { index: alias });
    const read = await readStored({ client, requestTimeoutMs }, [{ index: alias, id: 'a' }], signal);
    assert.ok(!('code' in read), JSON.stringify(read));
    for (const { source = '' } of [...documents, ...read.flatMap((document) => document ?? [])]) {
      assert.equal(canonicalJson(source, [], fields), canonicalJson(text, [], fields));
      assert.notEqual(canonicalJson(source, [], fields), canonicalJson(textOf('3.000001'), [], fields));
      // Whoever compares digits would find a difference, from 9.2 on.
      assert.equal(canonicalJson(source) === canonicalJson(text), !isNine);
    }
    assert.deepEqual([documents.length, read.length], [1, 1]);
  });
}
