/**
 * Column types on real servers: their values are found by what only their field can answer; and whatever fields a server has,
 * no value costs its document.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { openEngine, write } from './engines.ts';
import { typeCases } from './type-cases.ts';
import { conversionFor, describeTypes } from './types.ts';

const stack = await startStack({ servers: ['elasticsearch', 'opensearch'] });
test.after(() => stack.stop());

for (const engine of ['elasticsearch', 'opensearch'] as const) {
  const url = stack.addresses[engine];
  describeTypes({ engine, url, cases: typeCases });

  test(`no value of any type costs its document, on ${engine} with the fields that it has`, async () => {
    const { admin, sink, newName } = openEngine(engine, url);
    const fields = typeCases.map((one, at) => ({ name: `f${at}`, values: one.values, ...conversionFor(one) }));
    const alias = newName();
    const ensured = await admin.ensure({
      alias,
      settings: {},
      mappings: { dynamic: false, properties: Object.fromEntries(fields.map(({ name, field }) => [name, field])) },
      inferred: fields.map(({ name }) => name),
    });
    assert.equal(ensured.state, 'created', JSON.stringify(ensured));
    const writes = fields.flatMap(({ name, values }) =>
      values.map(([, document], at) => write(alias, `${name}-${at}`, `{"${name}":${document}}`)),
    );
    const outcomes = await sink.write(writes, new AbortController().signal);
    for (const outcome of outcomes) assert.deepEqual(outcome, { status: 'applied' });
  });
}
