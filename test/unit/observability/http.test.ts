import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry, Counter } from 'prom-client';
import { SluiceError } from '../../../src/errors.ts';
import { startHttp } from '../../../src/observability/http.ts';
import type { HttpOptions } from '../../../src/observability/http.ts';

const options = (): HttpOptions => ({
  host: '127.0.0.1',
  port: 0,
  registry: new Registry(),
  readiness: () => ({ ready: true }),
  health: () => ({ healthy: true, findings: [] }),
  status: () => ({}),
});

test('/live, /ready, /status and /metrics answer what they are asked for, as it is at that moment', async () => {
  const registry = new Registry();
  const counter = new Counter({ name: 'things_total', help: 'Things.', registers: [registry] });
  let ready = false;
  let moves = 0;
  const http = await startHttp({
    ...options(),
    registry,
    readiness: () => (ready ? { ready } : { ready, reason: '5 records wait.' }),
    status: () => ({ moves: (moves += 1), unknown: undefined }),
  });
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${http.port}${path}`);
  try {
    assert.equal((await get('/live')).status, 200);
    const notReady = await get('/ready');
    assert.equal(notReady.status, 503);
    assert.deepEqual(await notReady.json(), { ready: false, reason: '5 records wait.' });
    ready = true;
    const nowReady = await get('/ready');
    assert.equal(nowReady.status, 200);
    assert.deepEqual(await nowReady.json(), { ready: true });

    assert.deepEqual(await (await get('/status')).json(), { moves: 1 });
    const status = await get('/status');
    assert.match(status.headers.get('content-type') ?? '', /^application\/json/);
    assert.deepEqual(await status.json(), { moves: 2 });

    counter.inc(3);
    const metrics = await get('/metrics');
    assert.equal(metrics.headers.get('content-type'), registry.contentType);
    assert.match(await metrics.text(), /^things_total 3$/m);
    assert.equal((await get('/nothing')).status, 404);
  } finally {
    await http.close();
  }
  await assert.rejects(get('/live'), 'its port is closed');
});

test('a port that is taken is named, with the setting that names another', async () => {
  const first = await startHttp(options());
  try {
    await assert.rejects(startHttp({ ...options(), port: first.port }), (error) => {
      assert.ok(error instanceof SluiceError);
      assert.match(error.message, new RegExp(`^Port ${first.port} of 127\\.0\\.0\\.1 is taken .*\`http\\.port\``));
      return true;
    });
  } finally {
    await first.close();
  }
});

test('/health is red as soon as something stands still, and names it, while /ready stays green', async () => {
  const finding = { what: 'docs', code: 'INDEX_BLOCKED', message: 'It is blocked.', forSeconds: 12 } as const;
  let healthy = true;
  const http = await startHttp({ ...options(), health: () => ({ healthy, findings: healthy ? [] : [finding] }) });
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${http.port}${path}`);
  try {
    assert.equal((await get('/health')).status, 200);
    healthy = false;
    const red = await get('/health');
    assert.equal(red.status, 503);
    assert.deepEqual(await red.json(), { healthy: false, findings: [finding] });
    assert.equal((await get('/ready')).status, 200);
  } finally {
    await http.close();
  }
});
