/** Creates an index of the fields that columns need, writes their converted values, and asks the questions. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { namedConversion } from '../../src/convert/named.ts';
import type { Conversion } from '../../src/convert/types.ts';
import { conversionOf } from '../../src/convert/types.ts';
import type { Engine, Question, TypeCase } from './type-cases.ts';

export interface Server {
  readonly engine: Engine;
  readonly url: string;
  /** Those of its engine are run. */
  readonly cases: readonly TypeCase[];
}

let indexes = 0;

export function describeTypes({ engine, url, cases }: Server): void {
  suite(`what columns become, on ${engine}`, () => {
    for (const one of cases) {
      if (!one.engines.includes(engine)) continue;
      const asked = one.asked.filter(({ only = engine }) => only === engine);
      test(one.name, async () => askAll(url, { ...one, asked }));
    }
  });
}

/** What a case's column becomes. */
export function conversionFor({ from, name }: TypeCase): Conversion {
  const conversion = 'as' in from ? namedConversion(from.as) : conversionOf({ name: 'f', optional: true, ...from });
  assert.ok(conversion !== undefined, name);
  return conversion;
}

async function askAll(url: string, one: TypeCase): Promise<void> {
  const conversion = conversionFor(one);
  const index = `${url}/types-${process.pid}-${(indexes += 1)}`;
  const mappings = { dynamic: false, properties: { f: conversion.field } };
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

async function ask(index: string, { finds, query, sort, knn }: Question): Promise<void> {
  const answer = await send('POST', `${index}/_search`, JSON.stringify({ size: 100, query, sort, knn }));
  const found = (answer as { hits: { hits: { _id: string }[] } }).hits.hits.map((hit) => Number(hit._id));
  const ordered = sort === undefined ? found.toSorted((a, b) => a - b) : found;
  assert.deepEqual(ordered, finds, JSON.stringify({ query, sort, knn }));
}

async function send(method: string, address: string, body: string): Promise<unknown> {
  const response = await fetch(address, { method, body, headers: { 'content-type': 'application/json' } });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${address}: ${response.status} ${text}`);
  return JSON.parse(text);
}
