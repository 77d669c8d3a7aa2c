/** What becomes of a row under a mapping file, in a line of a test. */
import assert from 'node:assert/strict';
import { createDecoder } from '../../../src/envelope/decoder.ts';
import type { CompileOptions, CompiledDocument } from '../../../src/mapping/compile.ts';
import { compileDocument } from '../../../src/mapping/compile.ts';
import { documentDefinitionSchema } from '../../../src/mapping/definition.ts';
import type { IndexDefinition, Mapped } from '../../../src/model/document.ts';
import { offset } from '../../../src/model/position.ts';
import type { RecordHeaders } from '../../../src/model/record.ts';

export const compile = (definition: object, options: CompileOptions = {}): CompiledDocument =>
  compileDocument(documentDefinitionSchema.parse({ document: 'people', from: 't', ...definition }), options);

export interface GivenRow {
  readonly key?: string;
  /** Connect schemas of its columns, where it has one. */
  readonly fields?: string;
  readonly before?: string;
  readonly op?: 'c' | 'u' | 'd' | 'r';
  readonly headers?: RecordHeaders;
  readonly options?: CompileOptions;
}

/** What becomes of a row; null is a delete. */
export function map(definition: object, row: string | null, given: GivenRow = {}): Mapped {
  const { key = '{"id":1}', fields = '', before = 'null', op = row === null ? 'd' : 'c' } = given;
  const schema = `{"type":"struct","fields":[{"type":"struct","fields":[${fields}],"field":"after"}]}`;
  const envelope = `{"before":${before},"after":${String(row)},"source":{"table":"t"},"op":"${op}"}`;
  const value = fields === '' ? envelope : `{"schema":${schema},"payload":${envelope}}`;
  const event = createDecoder()({
    topic: 't',
    partition: 0,
    offset: offset(5),
    timestampMs: 0,
    headers: given.headers,
    key: key === '' ? null : Buffer.from(key),
    value: Buffer.from(value),
  });
  assert.ok('key' in event && event.op !== 'truncate', JSON.stringify(event));
  return compile(definition, given.options).createMapper()(event);
}

/** The document's text. */
export function sourceOf(mapped: Mapped): string {
  assert.ok(mapped.kind === 'write' && mapped.write.action === 'index', JSON.stringify(mapped));
  return mapped.write.source.toString();
}

export const codeOf = (mapped: Mapped): string => (mapped.kind === 'refused' ? mapped.failure.code : 'a write');

/** `index 1`, `delete 1 in a`: what is written, and the shard's routing. */
export function writesOf(mapped: Mapped): readonly string[] {
  if (mapped.kind === 'refused') return [mapped.failure.code];
  if (mapped.kind === 'ignored') return [mapped.reason];
  return [mapped.write, ...(mapped.also ? [mapped.also] : [])].map(
    ({ action, id, routing }) => `${action} ${id}${routing === undefined ? '' : ` in ${routing}`}`,
  );
}

/** One for all rows, as a topic has: it knows rows of the same columns again. */
const decode = createDecoder();

/** The index of a document that has met this row. */
export function afterRow(document: CompiledDocument, row: string, mapper = document.createMapper()): IndexDefinition {
  const event = decode({
    topic: 't',
    partition: 0,
    offset: offset(5),
    timestampMs: 0,
    headers: undefined,
    key: Buffer.from('{"id":1}'),
    value: Buffer.from(`{"before":null,"after":${row},"source":{"table":"t"},"op":"c"}`),
  });
  assert.ok('after' in event);
  mapper(event);
  return document.indexDefinition();
}
