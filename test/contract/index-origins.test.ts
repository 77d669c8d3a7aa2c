/** What an index holds and what it was made of, on real servers of both engines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SluiceError } from '../../src/errors.ts';
import { createIndexOrigins } from '../../src/elasticsearch/index/index-origins.ts';
import { createDocumentScan } from '../../src/elasticsearch/read/document-scan.ts';
import { externalVersion, offset } from '../../src/model/position.ts';
import type { FoundDocument } from '../../src/pipeline/ports.ts';
import { startStack } from '../stack/stack.ts';
import { openEngine, requestTimeoutMs, write } from './engines.ts';

const stack = await startStack({ servers: ['elasticsearch', 'opensearch'] });
test.after(() => stack.stop());

const engines = [
  ['Elasticsearch', openEngine('elasticsearch', stack.addresses.elasticsearch)],
  ['OpenSearch', openEngine('opensearch', stack.addresses.opensearch)],
] as const;

const { signal } = new AbortController();

for (const [name, { client, engine, sink, newIndex, newName, address }] of engines) {
  const scan = createDocumentScan({ client, engine, requestTimeoutMs, pageSize: 10 });
  const pagesOf = async (index: string): Promise<readonly (readonly FoundDocument[])[]> => {
    const pages: (readonly FoundDocument[])[] = [];
    for await (const page of scan.documents(index, signal)) pages.push(page);
    return pages;
  };

  test(`${name}: a scan gives every document once, those of just now too, with all digits of its version and its routing`, async () => {
    const alias = await newIndex();
    const version = externalVersion(32_767, offset(2 ** 48 - 1));
    const writes = Array.from({ length: 25 }, (_, n) => ({
      ...write(alias, `d${n}`, '{}'),
      version,
      ...(n % 2 === 1 && { routing: `r${n}` }),
    }));
    await sink.write(writes, signal);
    const pages = await pagesOf(alias);
    assert.deepEqual(
      pages.map((page) => page.length),
      [10, 10, 5],
    );
    const found = pages.flat().sort((a, b) => a.id.localeCompare(b.id));
    const expected = writes.map(({ id, routing }) => ({ id, version, ...(routing !== undefined && { routing }) }));
    assert.deepEqual(
      found,
      expected.sort((a, b) => a.id.localeCompare(b.id)),
    );
    assert.equal(version, '9223372036854775807');
  });

  test(`${name}: an alias that is not there has no documents; a server that is not is an error`, async () => {
    assert.deepEqual(await pagesOf(newName()), []);
    const away = openEngine('elasticsearch', 'http://127.0.0.1:1');
    const pages = createDocumentScan({ client: away.client, engine, requestTimeoutMs }).documents('a', signal);
    await assert.rejects(pages[Symbol.asyncIterator]().next(), SluiceError);
  });

  test(`${name}: an index remembers its topics beside all else, and refuses another of the name until its epoch is higher`, async () => {
    const alias = await newIndex({ dynamic: false, properties: { n: { type: 'byte' } }, _meta: { team: 'x' } });
    const origins = createIndexOrigins({ client, requestTimeoutMs });
    const origin = (id: string, epoch: number) => new Map([['t', { id, partitions: 2, epoch }]]);
    const refused = { state: 'refused', codes: ['TOPIC_RECREATED'] };
    const claim = async (id: string, epoch: number) => {
      const claimed = await origins.claim(alias, origin(id, epoch));
      if (claimed.state !== 'refused') return claimed.state;
      return { state: claimed.state, codes: claimed.failures.map(({ code }) => code) };
    };
    assert.equal(await claim('a', 0), 'claimed');
    assert.equal(await claim('a', 0), 'claimed');
    assert.deepEqual(await claim('b', 0), refused);
    assert.equal(await claim('b', 1), 'claimed');
    assert.equal(await claim('b', 1), 'claimed');
    assert.deepEqual(await claim('a', 1), refused);
    await origins.claim(alias, new Map([['u', { partitions: 1, epoch: { 0: 0, 1: 1 } }]]));
    const answer = await fetch(`${address}/${alias}/_mapping`);
    const [{ mappings }] = Object.values(
      (await answer.json()) as Record<string, { mappings: Record<string, unknown> }>,
    ) as [
      {
        mappings: { _meta: { team: string; sluice: { document: string; topics: unknown } } } & Record<string, unknown>;
      },
    ];
    assert.equal(String(mappings['dynamic']), 'false');
    assert.deepEqual(mappings['properties'], { n: { type: 'byte' } });
    assert.equal(mappings._meta.team, 'x');
    assert.equal(mappings._meta.sluice.document, alias);
    assert.deepEqual(mappings._meta.sluice.topics, {
      t: { id: 'b', partitions: 2, epoch: 1 },
      u: { partitions: 1, epoch: { 0: 0, 1: 1 } },
    });
    assert.equal((await origins.claim(newName(), origin('a', 0))).state, 'failed');
  });
}
