/** The HTTP port beside people who mean no good, and probes that say little. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Registry } from 'prom-client';
import type { Http } from '../../../src/observability/http.ts';
import { startHttp } from '../../../src/observability/http.ts';

function start(patience: { readonly headersMs: number; readonly checkEveryMs: number }): Promise<Http> {
  return startHttp({
    host: '127.0.0.1',
    port: 0,
    registry: new Registry(),
    readiness: () => ({ ready: true }),
    health: () => ({ healthy: true, findings: [] }),
    status: () => ({}),
    patience: { ...patience, requestMs: patience.headersMs },
  });
}

const patient = { headersMs: 10_000, checkEveryMs: 2000 };

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  await once(socket, 'connect');
  return socket;
}

/** Everything that the server sends until it closes the connection. */
async function answerTo(port: number, request: string): Promise<string> {
  const socket = await open(port);
  socket.write(request);
  let text = '';
  for await (const part of socket) text += String(part);
  return text;
}

test('a probe of HTTP/1.0 without a host is answered', async () => {
  const http = await start(patient);
  assert.match(await answerTo(http.port, 'GET /ready HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
  assert.match(await answerTo(http.port, 'GET /live HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /);
  await http.close();
});

test('a request of HTTP/1.1 without a host is answered too', async () => {
  const http = await start(patient);
  assert.match(await answerTo(http.port, 'GET /ready HTTP/1.1\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 200 /);
  await http.close();
});

test('800 sockets that send nothing, or only half a request, are closed', async () => {
  const http = await start({ headersMs: 200, checkEveryMs: 50 });
  try {
    const closed = Array.from({ length: 800 }, (_, number) => {
      const socket = connect(http.port, '127.0.0.1').resume();
      if (number >= 400) socket.write('GET /ready HTTP/1.1\r\nHost: a\r\nX-');
      // On a slow machine the server may close it while it is still being opened or written to.
      socket.on('error', () => undefined);
      return new Promise<string>((resolve) =>
        socket.on('close', () => {
          resolve('closed');
        }),
      );
    });
    const allClosed = Promise.all(closed).then(() => 'all closed');
    const outcome = await Promise.race([allClosed, delay(60_000, 'open for 60 s', { ref: false })]);
    assert.equal(outcome, 'all closed');
  } finally {
    await http.close();
  }
});
