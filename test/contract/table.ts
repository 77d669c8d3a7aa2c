/** A table behind an alias of its own, whose rows go through the mapper and the adapters into a real index. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDecoder } from '../../src/envelope/decoder.ts';
import type { IndexState } from '../../src/documents/ports.ts';
import { compileDocument } from '../../src/mapping/compile.ts';
import { documentDefinitionSchema } from '../../src/mapping/definition.ts';
import type { DocumentWrite, IndexDefinition } from '../../src/model/document.ts';
import type { WriteOutcome } from '../../src/model/outcome.ts';
import { offset } from '../../src/model/position.ts';
import type { OpenEngine } from './engines.ts';

export interface Table {
  readonly alias: string;
  definition(): IndexDefinition;
  /** Sees to the index as the rows by now make it, then writes the row, which is JSON text. */
  put(row: string, hasSchema: boolean): Promise<{ readonly ensured: IndexState; readonly outcome: WriteOutcome }>;
  /** How many documents a query finds. */
  found(query: Readonly<Record<string, unknown>>): Promise<number>;
}

/** The ids of its documents are 1, 2, … in the order of the rows. Removed at the end of the file. */
export function openTable({ admin, client, sink, newName }: OpenEngine, file: object = {}): Table {
  const alias = newName();
  test.after(() => client.indices.delete({ index: `${alias}-000001` }, { ignore: [404] }));
  const compiled = compileDocument(documentDefinitionSchema.parse({ document: alias, from: 't', ...file }));
  const map = compiled.createMapper();
  const decode = createDecoder();
  let offsets = 0;
  const writeOf = (row: string, hasSchema: boolean): DocumentWrite => {
    offsets += 1;
    const names = Object.keys(JSON.parse(row) as object);
    const fields = names.map((field) => ({ type: 'string', optional: true, field }));
    const schema = JSON.stringify({ type: 'struct', fields: [{ type: 'struct', fields, field: 'after' }] });
    const payload = `{"before":null,"after":${row},"source":{"table":"t"},"op":"c"}`;
    const event = decode({
      ...{ topic: 't', partition: 0, offset: offset(offsets), timestampMs: 0, headers: undefined },
      key: Buffer.from(`{"id":${offsets}}`),
      value: Buffer.from(hasSchema ? `{"schema":${schema},"payload":${payload}}` : payload),
    });
    assert.ok('after' in event);
    const mapped = map(event);
    assert.ok(mapped.kind === 'write', JSON.stringify(mapped));
    return mapped.write;
  };
  return {
    alias,
    definition: () => compiled.indexDefinition(),
    put: async (row, hasSchema) => {
      const write = writeOf(row, hasSchema);
      const ensured = await admin.ensure(compiled.indexDefinition());
      assert.ok(ensured.state === 'created' || ensured.state === 'present', JSON.stringify(ensured));
      const [outcome] = await sink.write([write], new AbortController().signal);
      assert.ok(outcome !== undefined);
      return { ensured, outcome };
    },
    found: async (query) => {
      await client.indices.refresh({ index: alias });
      return (await client.count({ index: alias, query })).count;
    },
  };
}
