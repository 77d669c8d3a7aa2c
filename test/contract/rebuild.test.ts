/** Control documents and the comparison of generations on real servers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createComparison } from '../../src/elasticsearch/read/comparison.ts';
import { createControlIndex } from '../../src/elasticsearch/control-index.ts';
import { externalVersion, offset } from '../../src/model/position.ts';
import { startStack } from '../stack/stack.ts';
import { controlOf, describeControlStore } from './control-store.ts';
import { openEngine, requestTimeoutMs, write } from './engines.ts';

const stack = await startStack({ servers: ['elasticsearch', 'opensearch'] });
test.after(() => stack.stop());
const { signal } = new AbortController();

for (const name of ['elasticsearch', 'opensearch'] as const) {
  const { client, newIndex, newName, sink, address } = openEngine(name, stack.addresses[name]);
  const newStore = () => createControlIndex({ client, requestTimeoutMs, index: `${newName()}-control` });
  describeControlStore(name, newStore);

  test(`${name}: a control document of an index that was deleted cannot be changed, and the index is not made by it`, async () => {
    const index = `${newName()}-control`;
    const store = createControlIndex({ client, requestTimeoutMs, index });
    await store.create(controlOf('a'));
    await fetch(`${address}/${index}`, { method: 'DELETE' });
    assert.equal(await store.replace(controlOf('a'), '0/1'), 'changed');
    assert.deepEqual(await store.read(['a']), new Map());
    assert.equal(await store.remove('a', '0/1'), 'changed');
    assert.equal(await (await fetch(`${address}/_cat/indices/${index}*?h=index&expand_wildcards=all`)).text(), '');
  });

  test(`${name}: generations differ by a document that one lacks, or has in another version`, async () => {
    const comparison = createComparison({ client, requestTimeoutMs });
    const [one, other] = [await newIndex(), await newIndex()];
    const same = (index: string) => ['a', 'b', 'c'].map((id) => write(index, id, '{}'));
    await sink.write([...same(one), ...same(other)], signal);
    const nothing = { compared: 3, lacking: [], ahead: 0, counts: { from: 3, to: 3 } };
    assert.deepEqual(await comparison.sample(one, other), nothing);
    const newer = { ...write(one, 'a', '{}'), version: externalVersion(0, offset(7)) };
    await sink.write([newer, write(other, 'd', '{}')], signal);
    const lacking = [{ id: 'a', routing: undefined, version: '7' }];
    const found = { compared: 4, lacking, ahead: 1, counts: { from: 3, to: 4 } };
    assert.deepEqual(await comparison.sample(one, other), found);
    const all = ['a', 'b', 'c', 'd'].map((id) => ({ id, version: '0' }));
    assert.deepEqual(await comparison.lacking(one, other, all), lacking);
    // The same the other way around: what is newer there is missing here.
    assert.deepEqual(await comparison.lacking(other, one, all), [{ id: 'd', routing: undefined, version: '1' }]);
    const refused = [
      { generation: other, id: 'a', version: '7', code: 'DOCUMENT_REJECTED' },
      { generation: other, id: 'b', version: '7', code: 'DOCUMENT_REJECTED' },
    ];
    assert.deepEqual(await comparison.heldBy(one, refused), refused.slice(0, 1));
  });
}
