/** Creates an index of the fields that columns need, writes their converted values, and asks the questions. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { namedConversion } from '../../src/convert/named.ts';
import type { Conversion } from '../../src/convert/types.ts';
import { conversionOf } from '../../src/convert/types.ts';
import type { Question, TypeCase } from './type-cases.ts';

export interface Engine {
  readonly name: string;
  /** URL of the server; asked for when the tests run. */
  readonly url: () => Promise<string>;
  readonly cases: readonly TypeCase[];
  /** What the server is given for a field that it lacks. */
  readonly field?: (field: Conversion['field']) => Conversion['field'];
}

let indexes = 0;

export function describeTypes({ name, url, cases, field = (same) => same }: Engine): void {
  suite(`what columns become, on ${name}`, () => {
    for (const one of cases) test(one.name, async () => askAll(await url(), one, field));
  });
}

async function askAll(url: string, one: TypeCase, field: NonNullable<Engine['field']>): Promise<void> {
  const conversion =
    'as' in one.from ? namedConversion(one.from.as) : conversionOf({ name: 'f', optional: true, ...one.from });
  assert.ok(conversion !== undefined);
  const index = `${url}/types-${process.pid}-${(indexes += 1)}`;
  const mappings = { dynamic: false, properties: { f: field(conversion.field) } };
  await send('PUT', index, JSON.stringify({ mappings }));
  let body = '';
  for (const [position, [wire, expected]] of one.values.entries()) {
    const value: string | undefined = conversion.convert === undefined ? wire : conversion.convert(wire);
    assert.equal(value, expected);
    body += `{"index":{"_id":"${position}"}}\n{"f":${value}}\n`;
  }
  const written = await send('POST', `${index}/_bulk?refresh=true`, body);
  assert.equal((written as { errors: boolean }).errors, false, JSON.stringify(written));
  for (const question of one.asked) await ask(index, question);
}

async function ask(index: string, { finds, ...question }: Question): Promise<void> {
  const answer = await send('POST', `${index}/_search`, JSON.stringify({ size: 100, ...question }));
  const found = (answer as { hits: { hits: { _id: string }[] } }).hits.hits.map((hit) => Number(hit._id));
  const ordered = question.sort === undefined ? found.toSorted((a, b) => a - b) : found;
  assert.deepEqual(ordered, finds, JSON.stringify(question));
}

async function send(method: string, address: string, body: string): Promise<unknown> {
  const response = await fetch(address, { method, body, headers: { 'content-type': 'application/json' } });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${address}: ${response.status} ${text}`);
  return JSON.parse(text);
}
