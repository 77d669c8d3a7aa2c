/** `sluice check` and `sluice status`, beside a running instance. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { freePort } from '../stack/ports.ts';
import { startStack } from '../stack/stack.ts';
import { setScene } from './scene.ts';
import { startReadySluice } from './sluice-process.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());
const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts');

test('check finds everything right, and status tells how far the group and the instance are', async () => {
  await using scene = await setScene({ ...stack.addresses, name: 'commands' });
  const port = String(await freePort());
  const environment = {
    SLUICE_KAFKA_BROKERS: stack.addresses.kafka,
    SLUICE_KAFKA_GROUP_ID: scene.groupId,
    SLUICE_ELASTICSEARCH_NODES: stack.addresses.elasticsearch,
    SLUICE_DOCUMENTS: scene.documents,
    SLUICE_HTTP_PORT: port,
  };
  const sluice = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...args], {
      cwd: scene.documents,
      env: environment,
    });
    return stdout;
  };

  const before = await sluice('check');
  assert.match(before, /✔ configuration and 5 mapping files/);
  assert.match(before, /✔ topics to read: commands\.inventory\.addresses, /);
  assert.match(before, /✔ index commands-customers: is made when its first record comes/);
  assert.match(await sluice('status'), /No running instance at http:\/\/127\.0\.0\.1:\d+; name one with --url\./);

  await using running = await startReadySluice({
    ...stack.addresses,
    ...scene,
    environment: { SLUICE_HTTP_PORT: port },
  });
  await scene.caughtUp();
  assert.match(await sluice('check'), /✔ index commands-customers: present/);
  const status = await sluice('status');
  assert.match(status, /commands\.inventory\.customers +│ +0 +│ +4 +│ +4 +│ +0 /);
  assert.match(status, /: ready\n0 records held \(0 bytes\), 0 requests in flight\nlast error: none/);
  const report = JSON.parse(await sluice('status', '--json')) as {
    lag: { lagRecords: number }[];
    instance: { ready: boolean };
  };
  assert.equal(
    report.lag.reduce((sum, { lagRecords }) => sum + lagRecords, 0),
    0,
  );
  assert.equal(report.instance.ready, true);
  assert.match(await sluice('--help'), /Exit codes: 0 done/);
  assert.deepEqual(await running.stop(), { code: 0, signal: null });
});
