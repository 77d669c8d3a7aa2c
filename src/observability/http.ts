/**
 * The HTTP port: /metrics for Prometheus, /live and /ready for a supervisor, /health for alarms, /status for people and `sluice status`.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { Registry } from 'prom-client';
import { SluiceError } from '../errors.ts';
import type { Health } from './health.ts';
import type { Readiness } from './readiness.ts';

export interface HttpOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly registry: Registry;
  readonly readiness: () => Readiness;
  readonly health: () => Health;
  /** Anything that can be written as JSON. */
  readonly status: () => object;
  /** How long sockets may be silent; short in tests. */
  readonly patience?: Patience;
}

/** How long a socket may take for the head of a request and for the whole, and how often that is looked at. */
export interface Patience {
  readonly headersMs: number;
  readonly requestMs: number;
  readonly checkEveryMs: number;
}

export interface Http {
  readonly port: number;
  close(): Promise<void>;
}

/** Questions are short: a socket that asks nothing for so long is closed, for each one holds a file descriptor. */
const usualPatience: Patience = { headersMs: 10_000, requestMs: 10_000, checkEveryMs: 2000 };
/** Whoever does not read the answer, or is silent between two questions. */
const idleMs = { answer: 30_000, keepAlive: 5000 };
/** For a probe of HTTP/1.0, which names no host. */
const unnamedHost = { hostname: 'localhost' };

/** Throws a SluiceError if the port is taken. */
export async function startHttp(options: HttpOptions): Promise<Http> {
  const { host, port, registry, readiness, health, status, patience = usualPatience } = options;
  const app = new Hono();
  app.get('/metrics', async (context) => {
    const text = await registry.metrics();
    return context.body(text, 200, { 'content-type': registry.contentType });
  });
  app.get('/live', (context) => context.json({ live: true }));
  app.get('/ready', (context) => {
    const answer = readiness();
    return context.json(answer, answer.ready ? 200 : 503);
  });
  app.get('/health', (context) => {
    const answer = health();
    return context.json(answer, answer.healthy ? 200 : 503);
  });
  app.get('/status', (context) => context.body(JSON.stringify(status()), 200, { 'content-type': 'application/json' }));

  const limits = {
    headersTimeout: patience.headersMs,
    requestTimeout: patience.requestMs,
    connectionsCheckingInterval: patience.checkEveryMs,
    keepAliveTimeout: idleMs.keepAlive,
  };
  const server = createServer({ ...limits, requireHostHeader: false }, getRequestListener(app.fetch, unnamedHost));
  server.timeout = idleMs.answer;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    const reason = taken ? 'is taken by another process' : 'cannot be opened';
    const message = `Port ${port} of ${host} ${reason}; set \`http.port\` (SLUICE_HTTP_PORT).`;
    throw new SluiceError([{ code: 'CONFIGURATION_INVALID', message }]);
  }
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
