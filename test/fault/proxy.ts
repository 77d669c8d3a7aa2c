/**
 * An HTTP proxy before the real Elasticsearch that does what networks and clusters do, when a test says so. Only bulk requests
 * are touched; all others pass.
 */
import { once } from 'node:events';
import { Agent, createServer, request as send } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** What becomes of a bulk request. */
export type Behaviour =
  | { readonly kind: 'pass' }
  /** Answers this status without asking the server. */
  | { readonly kind: 'status'; readonly status: number }
  /** Answers this status with a page of its own, as a load balancer does. */
  | { readonly kind: 'page'; readonly status: number }
  /** Answers 429 for every third item, which the server never sees. */
  | { readonly kind: 'refuse-items' }
  /** Cuts the connection before the server has seen the request. */
  | { readonly kind: 'reset' }
  /** Cuts the connection after the server has applied the request. */
  | { readonly kind: 'reset-after' }
  /** Lets the server see the request only then. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> }
  /** Sends the head and half of the answer, and then nothing. */
  | { readonly kind: 'stall' };

export interface Proxy extends AsyncDisposable {
  readonly url: string;
  /** From now on. */
  behave(behaviour: (bulk: number) => Behaviour): void;
  /** Bulk requests seen. */
  bulks(): number;
  /** Closes its port and all connections, as if the machine were gone; `up` opens it again. */
  down(): Promise<void>;
  up(): Promise<void>;
}

interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export async function startProxy(target: string): Promise<Proxy> {
  const agent = new Agent({ keepAlive: true });
  let behaviourOf: (bulk: number) => Behaviour = () => ({ kind: 'pass' });
  let bulks = 0;

  const forward = async (incoming: IncomingMessage, body: Buffer): Promise<Answered> => {
    const headers = { ...incoming.headers, host: new URL(target).host, 'content-length': String(body.length) };
    const outgoing = send(new URL(incoming.url ?? '/', target), { method: incoming.method, headers, agent });
    outgoing.end(body);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await buffer(answer) };
  };

  const bulk = async (incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): Promise<void> => {
    bulks += 1;
    const behaviour = behaviourOf(bulks);
    switch (behaviour.kind) {
      case 'hold':
        await behaviour.until;
        reply(outgoing, await forward(incoming, body));
        return;
      case 'pass':
        reply(outgoing, await forward(incoming, body));
        return;
      case 'status':
        outgoing.writeHead(behaviour.status, { 'x-elastic-product': 'Elasticsearch' }).end();
        return;
      case 'page':
        outgoing.writeHead(behaviour.status, { 'content-type': 'text/html' }).end('<html><h1>Bad Request</h1></html>');
        return;
      case 'refuse-items': {
        const { kept, refused } = withoutEveryThird(body);
        const answer = await forward(incoming, kept);
        reply(outgoing, { ...answer, body: withRefusals(answer.body, refused) });
        return;
      }
      case 'reset':
        outgoing.destroy();
        return;
      case 'reset-after':
        await forward(incoming, body);
        outgoing.destroy();
        return;
      case 'stall': {
        const { status, headers, body: whole } = await forward(incoming, body);
        outgoing.writeHead(status, headers).write(whole.subarray(0, Math.floor(whole.length / 2)));
      }
    }
  };

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    try {
      const body = await buffer(incoming);
      if (incoming.url?.startsWith('/_bulk') === true) await bulk(incoming, body, outgoing);
      else reply(outgoing, await forward(incoming, body));
    } catch {
      outgoing.destroy();
    }
  };

  const server = createServer((incoming, outgoing) => void handle(incoming, outgoing));
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  };
  const port = await listen(0);
  const down = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return {
    url: `http://127.0.0.1:${port}`,
    behave: (behaviour) => {
      behaviourOf = behaviour;
    },
    bulks: () => bulks,
    down,
    up: async () => {
      await listen(port);
    },
    [Symbol.asyncDispose]: async () => {
      if (server.listening) await down();
      agent.destroy();
    },
  };
}

function reply(outgoing: ServerResponse, { status, headers, body }: Answered): void {
  const kept = Object.entries(headers).filter(([name]) => name !== 'transfer-encoding');
  outgoing.writeHead(status, { ...Object.fromEntries(kept), 'content-length': String(body.length) }).end(body);
}

/** Takes every third action out of a bulk body. */
function withoutEveryThird(body: Buffer): { readonly kept: Buffer; readonly refused: ReadonlyMap<number, string> } {
  const lines = body.toString().split('\n').slice(0, -1);
  const kept: string[] = [];
  const refused = new Map<number, string>();
  for (let line = 0, action = 0; line < lines.length; action += 1) {
    const head = lines[line] ?? '';
    const name = head.startsWith('{"delete"') ? 'delete' : 'index';
    const count = name === 'delete' ? 1 : 2;
    if (action % 3 === 2) refused.set(action, name);
    else kept.push(...lines.slice(line, line + count));
    line += count;
  }
  return { kept: Buffer.from(kept.map((line) => `${line}\n`).join('')), refused };
}

function withRefusals(body: Buffer, refused: ReadonlyMap<number, string>): Buffer {
  const answer = JSON.parse(body.toString()) as { errors: boolean; items: unknown[] };
  const items = [...answer.items];
  for (const [position, action] of refused) {
    const error = { type: 'es_rejected_execution_exception', reason: 'scripted' };
    items.splice(position, 0, { [action]: { status: 429, error } });
  }
  return Buffer.from(JSON.stringify({ errors: answer.errors || refused.size > 0, items }));
}
