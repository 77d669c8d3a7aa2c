/** A registry over HTTP that answers what a test says, by path: Confluent's interface below `/confluent`, Apicurio's below its own. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { createRegistryClient } from '../../../src/schema-registry/client.ts';
import { createRegistry } from '../../../src/schema-registry/registry.ts';
import type { Registry } from '../../../src/schema-registry/registry.ts';
import { offset } from '../../../src/model/position.ts';
import type { RecordHeaders, SourceRecord } from '../../../src/model/record.ts';
import type { HeaderNames } from '../../../src/model/schema-headers.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';

export interface ScriptedOptions {
  /** Path → what is answered; a number is a status without a body; `Turns` are answered one after the other. */
  readonly answers: Readonly<Record<string, unknown>>;
  /** False: only Apicurio's interface is configured. */
  readonly confluent?: boolean;
  readonly apicurio?: 'v2' | 'v3' | undefined;
  readonly headers?: HeaderNames;
  readonly bearer?: string;
}

/** Answers of one path, the last of them for ever. */
export class Turns {
  readonly #answers: unknown[];

  constructor(...answers: readonly unknown[]) {
    this.#answers = [...answers];
  }

  next(): unknown {
    return this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
  }
}

export interface Scripted {
  readonly registry: Registry;
  /** Paths, in the order in which they were asked. */
  readonly asked: readonly string[];
  /** Codes that were waited for and warned of. */
  readonly told: readonly string[];
  /** Fetches what the records need; time passes meanwhile. */
  prepare(...records: readonly SourceRecord[]): Promise<void>;
  later(ms: number): void;
}

export async function startScripted(t: TestContext, options: ScriptedOptions): Promise<Scripted> {
  const { answers, confluent = true, apicurio, headers, bearer } = options;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const isRefused = bearer !== undefined && request.headers.authorization !== `Bearer ${bearer}`;
    const scripted = answers[path] ?? 404;
    const next = scripted instanceof Turns ? scripted.next() : scripted;
    const answer = isRefused ? 401 : next;
    if (typeof answer === 'number') response.writeHead(answer).end();
    else response.writeHead(200).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createRegistryClient({
    ...{ rejectUnauthorized: true, requestTimeoutMs: 2000, bearer },
    urls: confluent ? [`${url}/confluent`] : undefined,
    apicurioUrls: apicurio && [`${url}/apis/registry/${apicurio}/`],
  });
  t.after(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });
  const clock = createManualClock();
  const told: string[] = [];
  const observer = silentObserver({ waiting: ({ code }) => told.push(code), warned: ({ code }) => told.push(code) });
  const registry = createRegistry({ client, clock, observer, signal: t.signal, headers });
  return {
    registry,
    asked,
    told,
    prepare: async (...records) => {
      const ready = registry.prepare(records);
      let done = ready === undefined;
      void ready?.then(() => (done = true));
      while (!done) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        clock.advanceToNext();
      }
    },
    later: (ms) => {
      clock.advance(ms);
    },
  };
}

/** What Apicurio answers about one schema. */
export function apicurioSchema(
  version: 'v2' | 'v3',
  kind: 'globalId' | 'contentId',
  id: number,
  { type = 'AVRO', text, references = [] }: { type?: string; text: string; references?: readonly object[] },
): Readonly<Record<string, unknown>> {
  const base = `/apis/registry/${version}`;
  const found =
    version === 'v2' ? { artifacts: [{ type }], count: 1 } : { versions: [{ artifactType: type }], count: 1 };
  return {
    [`${base}/ids/${kind}s/${id}`]: text,
    [`${base}/ids/${kind}s/${id}/references`]: references,
    [`${base}/search/${version === 'v2' ? 'artifacts' : 'versions'}?${kind}=${id}&limit=1`]: found,
  };
}

/** An id as Apicurio's serializers write it. */
export function longHeader(id: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(id));
  return bytes;
}

export function recordOf(
  headers: RecordHeaders | undefined,
  { key = null, value = null }: { readonly key?: Buffer | null; readonly value?: Buffer | null },
): SourceRecord {
  return { topic: 't', partition: 0, offset: offset(0), timestampMs: 0, headers, key, value };
}
