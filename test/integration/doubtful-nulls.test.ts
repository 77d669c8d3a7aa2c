/** `readDoubtfulNulls`: arrays that PostgreSQL does not log with an update, and its connector sends as null, stay in the documents. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { untilTrue } from './poll.ts';
import { setScene } from './scene.ts';
import type { SluiceOptions } from './sluice-process.ts';
import { runCommand, startCommand, startReadySluice } from './sluice-process.ts';
import { expectBalanced } from './story.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());
const { kafka, elasticsearch } = stack.addresses;
const name = 'doubtful_nulls';

/** A port before the database that can be closed. */
async function startGate(target: URL) {
  const sockets = new Set<Socket>();
  let isOpen = true;
  const server = createServer((incoming) => {
    if (!isOpen) return void incoming.destroy();
    const outgoing = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => undefined).on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = (): void => {
    isOpen = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    close,
    open: () => void (isOpen = true),
    [Symbol.asyncDispose]: async () => {
      close();
      server.close();
      await once(server, 'close');
    },
  };
}

const smalls = '(SELECT array_agg((n % 99 + SEED)::smallint) FROM generate_series(1, 6000) n)';
const sums = '(SELECT array_agg((n / 4.0 + SEED)::numeric(12,2)) FROM generate_series(1, 6000) n)';
const valuesOf = (seed: number): string => [smalls, sums].join(', ').replaceAll('SEED', String(seed));
const sql = `
  CREATE TABLE inventory.arrays (id integer PRIMARY KEY, n integer NOT NULL, smalls smallint[], sums numeric(12,2)[]);
  ALTER TABLE inventory.arrays ALTER COLUMN smalls SET STORAGE EXTERNAL, ALTER COLUMN sums SET STORAGE EXTERNAL;
  INSERT INTO inventory.arrays VALUES (1, 0, ${valuesOf(1)}), (2, 0, ${valuesOf(2)}), (3, 0, NULL, NULL)`;

test('large arrays stay through updates of other columns, real nulls stay null, and a database that is away holds nothing else', async () => {
  await using scene = await setScene({
    ...stack.addresses,
    name,
    tables: [{ name: 'arrays', key: 'id', sql }],
    mappings: { arrays: `document: ${name}-arrays\nfrom: ${name}.inventory.arrays\n` },
  });
  const address = new URL(stack.addresses.postgres);
  address.pathname = name;
  await using gate = await startGate(new URL(address));
  address.port = String(gate.port);
  const environment = { SLUICE_SOURCE: address.href, SLUICE_READ_DOUBTFUL_NULLS: 'true' };
  const options: SluiceOptions = { kafka, elasticsearch, groupId: name, documents: scene.documents, environment };
  await using service = await startReadySluice(options);
  const { query } = scene.inventory;
  const expectEqualAfter = async (statement: string): Promise<void> => {
    await query(statement);
    await scene.caughtUp();
    await scene.expectEqual();
  };

  await expectEqualAfter('SELECT 1');
  await expectEqualAfter('UPDATE inventory.arrays SET n = 1');
  await expectEqualAfter('UPDATE inventory.arrays SET sums = NULL WHERE id = 2');
  await expectEqualAfter(`
    BEGIN; UPDATE inventory.arrays SET smalls = ${smalls.replace('SEED', '9')} WHERE id = 1;
    UPDATE inventory.arrays SET n = 2; COMMIT; UPDATE inventory.arrays SET n = 3 WHERE id = 1`);
  const counted = async (outcome: string): Promise<number> => {
    const line = new RegExp(`sluice_nulls_read_total\\{index="${name}-arrays",outcome="${outcome}"\\} (\\d+)`);
    return Number(line.exec(await service.metrics())?.[1]);
  };
  assert.ok((await counted('value')) > 0 && (await counted('null')) > 0);
  assert.equal(await counted('untold'), 0);
  assert.equal(service.output().includes('NULL_IN_DOUBT'), false, 'nothing to warn of');

  gate.close();
  await query(`UPDATE inventory.arrays SET n = 4; UPDATE inventory.customers SET last_name = 'Away' WHERE id = 1001`);
  await untilTrue('the wait is reported', () => Promise.resolve(service.output().includes('SOURCE_READ_FAILED')));
  await untilTrue('another document is written', async () => {
    const answer = await fetch(`${elasticsearch}/${name}-customers/_doc/1001`);
    return ((await answer.json()) as { _source: { last_name: string } })._source.last_name === 'Away';
  });
  await untilTrue('the wait is in the health', async () =>
    (await service.metrics()).includes('code="SOURCE_READ_FAILED"'),
  );
  gate.open();
  await scene.caughtUp();
  await scene.expectEqual();
  await untilTrue('its end is reported', () =>
    Promise.resolve(/SOURCE_READ_FAILED.* is over after/.test(service.output())),
  );

  const verified = await runCommand(options, ['verify', `${name}-arrays`]);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  const rebuilt = await startCommand(options, 'rebuild', `${name}-arrays`).ended;
  assert.equal(rebuilt.code, 0, rebuilt.output);
  assert.match(rebuilt.output, /000002/);
  await scene.expectEqual();
  assert.equal(rebuilt.output.includes(address.password), false, 'no credentials');
  await expectBalanced(service);
});
