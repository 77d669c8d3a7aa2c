/** A rebuild beside an instance that is far behind: it waits and says for whom, and blames nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { untilTrue } from '../integration/poll.ts';
import { openRows } from '../integration/rows.ts';
import { startCommand } from '../integration/sluice-process.ts';
import { startStack } from '../stack/stack.ts';
import { startProxy } from './proxy.ts';

const stack = await startStack({ servers: ['kafka', 'elasticsearch'] });
test.after(() => stack.stop());

test('a rebuild waits for an instance whose deletes are still on their way, and then swaps', async () => {
  const { kafka, elasticsearch } = stack.addresses;
  await using proxy = await startProxy(elasticsearch);
  const name = `rebuild-behind-${process.pid}`;
  const environment = { SLUICE_REBUILD_POLL_MS: '300', SLUICE_ELASTICSEARCH_REQUEST_TIMEOUT_MS: '120000' };
  const through = { ...environment, SLUICE_ELASTICSEARCH_NODES: proxy.url };
  await using rows = await openRows({ kafka, elasticsearch, name, environment: through });
  await using service = await rows.startService();
  await rows.send(Array.from({ length: 50 }, (_, n) => ({ id: n + 1, after: { n } })));
  await rows.caughtUp();
  const released = Promise.withResolvers<undefined>();
  proxy.behave(() => ({ kind: 'hold', until: released.promise }));
  await rows.send(Array.from({ length: 20 }, (_, n) => ({ id: n + 1, after: null })));
  await untilTrue('the deletes are on their way', async () => (await service.status()).recordsHeld === 20);

  const rebuild = startCommand(
    { kafka, elasticsearch, groupId: name, documents: rows.folder, environment },
    'rebuild',
    name,
  );
  await untilTrue(
    'the rebuild says for whom it waits',
    () => Promise.resolve(rebuild.output().includes('the instances are 20 records behind')),
    { withinMs: 120_000 },
  );
  released.resolve(undefined);
  const { code, output } = await rebuild.ended;
  assert.equal(code, 0, output);
  await rows.caughtUp();
  const count = await rows
    .elasticsearch('POST', `${name}/_refresh`)
    .then(() => rows.elasticsearch('GET', `${name}/_count`));
  assert.equal(((await count.json()) as { count: number }).count, 30);
  await service.stop();
  await rows.elasticsearch('DELETE', `${name}-000002`);
});
