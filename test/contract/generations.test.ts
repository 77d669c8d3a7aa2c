/** The generations of an alias on real servers: Elasticsearch 9 and 8, and OpenSearch. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '../../src/model/outcome.ts';
import type { IndexDefinition } from '../../src/model/document.ts';
import type { Generation } from '../../src/model/generation.ts';
import { startElasticsearch } from '../stack/elasticsearch.ts';
import { startStack } from '../stack/stack.ts';
import { versions } from '../stack/versions.ts';
import { openEngine, write } from './engines.ts';

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

function found<T extends object | undefined>(value: T): Exclude<T, { code: unknown } | undefined> {
  assert.ok(value !== undefined && !isFailure(value), JSON.stringify(value));
  return value as Exclude<T, { code: unknown } | undefined>;
}

for (const [name, engine] of engines) {
  const { address, admin, generations, newIndex, newName, read, sink } = engine;
  const definitionOf = (alias: string, settings: Record<string, unknown> = {}): IndexDefinition => ({
    alias,
    settings: { 'index.gc_deletes': '1h', ...settings },
    mappings: { dynamic: false, _meta: { team: 'a' }, properties: { n: { type: 'long' } } },
    epoch: 3,
  });
  const settingsOf = async (index: string): Promise<Record<string, unknown>> => {
    const response = await fetch(`${address}/${index}/_settings?flat_settings=true`);
    const answer = (await response.json()) as Record<string, { settings: Record<string, unknown> }>;
    return answer[index]?.settings ?? {};
  };
  const create = async (definition: IndexDefinition, loading = false): Promise<Generation> =>
    found(await generations.create(definition, { loading }));

  test(`${name}: generations are found by name and by alias, and by no alias that begins alike`, async () => {
    const alias = await newIndex();
    await admin.ensure(definitionOf(`${alias}-eu`));
    assert.deepEqual(await generations.list(newName()), []);
    const second = await create(definitionOf(alias), true);
    assert.equal(second.index, `${alias}-000002`);
    const list = found(await generations.list(alias));
    assert.deepEqual(
      list.map(({ index, number }) => [index, number]),
      [
        [`${alias}-000001`, 1],
        [`${alias}-000002`, 2],
      ],
    );
    assert.equal(list[1]?.meta?.epoch, 3);
    assert.equal(found(await generations.current(alias)).index, `${alias}-000001`);
    assert.deepEqual(found(await generations.find(alias, second.index)).meta, second.meta);
    assert.equal(await generations.find(alias, `${alias}-000009`), undefined);
    assert.equal(await generations.current(newName()), undefined);
  });

  test(`${name}: writes reach a generation by its own alias only, and make none that is gone`, async () => {
    const alias = await newIndex();
    const second = await create(definitionOf(alias), true);
    const first = found(await generations.current(alias));
    const outcomes = await sink.write(
      [write(first.writes, 'a', '{"n":1}'), write(second.writes, 'a', '{"n":2}')],
      signal,
    );
    assert.deepEqual(outcomes, [{ status: 'applied' }, { status: 'applied' }]);
    assert.equal(await read(first.index, 'a'), '{"n":1}');
    assert.equal(await read(second.index, 'a'), '{"n":2}');
    assert.equal(await generations.remove(second), undefined);
    const [gone] = await sink.write([write(second.writes, 'b', '{"n":2}')], signal);
    assert.ok(gone?.status === 'retryable' && gone.failure.code === 'INDEX_MISSING', JSON.stringify(gone));
    assert.equal(await generations.find(alias, second.index), undefined);
    assert.equal(await generations.remove(second), undefined);
  });

  test(`${name}: while it is loaded an index has no refreshes and no replicas, and then what was asked for`, async () => {
    const alias = newName();
    const loading = await create(definitionOf(alias, { number_of_replicas: 0, index: { number_of_shards: 2 } }), true);
    const during = await settingsOf(loading.index);
    assert.equal(during['index.refresh_interval'], '-1');
    assert.equal(during['index.number_of_replicas'], '0');
    assert.equal(during['index.gc_deletes'], '1d');
    assert.equal(during['index.number_of_shards'], '2');
    await sink.write([write(loading.writes, 'a', '{"n":1}')], signal);
    assert.equal(await generations.finishLoading(loading, { withinMs: 10_000 }), undefined);
    const after = await settingsOf(loading.index);
    assert.equal(after['index.refresh_interval'], '1s');
    assert.equal(after['index.number_of_replicas'], '0');
    assert.equal(after['index.gc_deletes'], '1h');
    const count = (await (await fetch(`${address}/${loading.index}/_count`)).json()) as { count: number };
    assert.equal(count.count, 1);
    assert.equal(found(await generations.find(alias, loading.index)).meta?.loading, undefined);
    const mapping = await (await fetch(`${address}/${loading.index}/_mapping`)).text();
    assert.match(mapping, /"team":"a"/);
    assert.equal(await generations.finishLoading(loading, { withinMs: 10_000 }), undefined);
  });

  test(`${name}: replicas that have no node to be on are not waited for`, async () => {
    const loading = await create(definitionOf(newName()), true);
    assert.equal(await generations.finishLoading(loading, { withinMs: 60_000 }), undefined);
    assert.equal((await settingsOf(loading.index))['index.number_of_replicas'], '1');
  });

  test(`${name}: a swap moves the alias once, may be repeated and undone, and never moves it from where it is not`, async () => {
    const alias = await newIndex();
    const first = found(await generations.current(alias));
    const second = await create(definitionOf(alias));
    const third = await create(definitionOf(alias));
    assert.equal(await generations.swap(alias, first, second), undefined);
    assert.equal(await generations.swap(alias, first, second), undefined);
    assert.equal(found(await generations.current(alias)).index, second.index);
    const stale = await generations.swap(alias, first, third);
    assert.equal(stale?.code, 'ALIAS_UNUSABLE');
    assert.match(stale.message, new RegExp(`names ${second.index}, not ${first.index}`));
    assert.equal(await generations.swap(alias, second, first), undefined);
    assert.equal(found(await generations.current(alias)).index, first.index);
    const foreign = await generations.swap(alias, undefined, third);
    assert.equal(foreign?.code, 'ALIAS_UNUSABLE');
  });

  test(`${name}: the generation that the alias names is never removed, nor an index that Sluice does not know`, async () => {
    const alias = await newIndex();
    const first = found(await generations.current(alias));
    assert.equal((await generations.remove(first))?.code, 'INDEX_FOREIGN');
    await fetch(`${address}/${alias}-000002`, { method: 'PUT' });
    const foreign = found(await generations.find(alias, `${alias}-000002`));
    assert.equal(foreign.meta, undefined);
    assert.equal((await generations.remove(foreign))?.code, 'INDEX_FOREIGN');
    assert.equal((await create(definitionOf(alias))).number, 3);
  });

  test(`${name}: a generation of a certain number is made once, and found by whoever begins again`, async () => {
    const alias = await newIndex();
    const options = { loading: true, number: 2 };
    const made = found(await generations.create(definitionOf(alias), options));
    const { createdAtMs = 0, ...again } = found(await generations.create(definitionOf(alias), options));
    assert.deepEqual(again, made);
    assert.ok(Math.abs(Date.now() - createdAtMs) < 60_000);
    const other = await generations.create(definitionOf(alias, { number_of_shards: 3 }), options);
    assert.ok(isFailure(other) && other.code === 'INDEX_FOREIGN', JSON.stringify(other));
  });

  test(`${name}: an alias that names two indexes or a part of one is no current generation`, async () => {
    const alias = await newIndex();
    await create(definitionOf(alias));
    const act = async (add: object): Promise<void> => {
      const response = await fetch(`${address}/_aliases`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ actions: [{ add: { alias, ...add } }] }),
      });
      assert.ok(response.ok, await response.text());
    };
    await act({ index: `${alias}-000002`, is_write_index: false });
    const several = await generations.current(alias);
    assert.ok(isFailure(several) && several.code === 'ALIAS_UNUSABLE', JSON.stringify(several));
    assert.match(several.message, /names several indexes: \S+-000001, \S+-000002\./);
    const filtered = await newIndex();
    await act({ index: `${filtered}-000001`, alias: filtered, filter: { term: { n: 1 } } });
    const part = await generations.current(filtered);
    assert.ok(isFailure(part) && /has a filter/.test(part.message), JSON.stringify(part));
  });
}
