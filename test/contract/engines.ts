/** An engine through our adapters, and ways to look behind them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@elastic/elasticsearch';
import type { Adopt } from '../../src/elasticsearch/index/adoption.ts';
import { createAdopt } from '../../src/elasticsearch/index/adoption.ts';
import { createBulkSink } from '../../src/elasticsearch/bulk/bulk-sink.ts';
import { createElasticsearchClient } from '../../src/elasticsearch/client.ts';
import type { EngineName } from '../../src/elasticsearch/engine.ts';
import { createGenerations } from '../../src/elasticsearch/index/generations.ts';
import type { IndexAdmin } from '../../src/documents/ports.ts';
import { createIndexAdmin } from '../../src/elasticsearch/index/index-admin.ts';
import { createIndexMaker } from '../../src/elasticsearch/index/index-maker.ts';
import type { DocumentWrite } from '../../src/model/document.ts';
import { externalVersion, offset } from '../../src/model/position.ts';
import type { Sink } from '../../src/pipeline/ports.ts';
import type { Generations } from '../../src/documents/ports.ts';

export const requestTimeoutMs = 10_000;

export interface OpenEngine {
  readonly engine: EngineName;
  /** `http://host:port` */
  readonly address: string;
  readonly client: Client;
  readonly admin: IndexAdmin;
  readonly generations: Generations;
  readonly adopt: Adopt;
  readonly sink: Sink;
  /** An alias unlike any other. */
  newName(): string;
  /** A new index behind its alias; returns the alias. */
  newIndex(mappings?: Record<string, unknown>): Promise<string>;
  /** The text of a document; undefined if there is none. */
  read(index: string, id: string): Promise<string | undefined>;
}

let names = 0;

/** Closed at the end of the file. */
export function openEngine(engine: EngineName, address: string): OpenEngine {
  const client = createElasticsearchClient({
    engine,
    nodes: [address],
    rejectUnauthorized: true,
    allowApiKeyOverHttp: false,
    requestTimeoutMs,
    compression: false,
  });
  test.after(() => client.close());
  const maker = createIndexMaker({ client, requestTimeoutMs, createdBy: 'test', engine });
  const generations = createGenerations({ client, requestTimeoutMs, maker });
  const admin = createIndexAdmin({ client, requestTimeoutMs, maker, generations });
  const adopt = createAdopt({ client, requestTimeoutMs, maker, generations, createdBy: 'test' });
  const newName = (): string => `contract-${process.pid}-${(names += 1)}`;
  return {
    engine,
    address,
    client,
    admin,
    generations,
    adopt,
    sink: createBulkSink({ client, requestTimeoutMs }),
    newName,
    newIndex: async (mappings = { dynamic: false }) => {
      const alias = newName();
      const ensured = await admin.ensure({ alias, settings: { 'index.gc_deletes': '1h' }, mappings });
      assert.equal(ensured.state, 'created');
      return alias;
    },
    read: async (index, id) => {
      const response = await fetch(`${address}/${index}/_source/${encodeURIComponent(id)}`);
      return response.ok ? await response.text() : undefined;
    },
  };
}

/** A write of the first version. */
export const write = (index: string, id: string, source: string): DocumentWrite => ({
  action: 'index',
  index,
  id,
  version: externalVersion(0, offset(1)),
  source: Buffer.from(source),
});
