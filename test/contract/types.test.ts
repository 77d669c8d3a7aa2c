/** Column types on real servers: the values that they become are taken, and found by what only their field can answer. */
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { typeCases } from './type-cases.ts';
import { describeTypes } from './types.ts';

const stack = await startStack({ servers: ['elasticsearch'] });
test.after(() => stack.stop());

describeTypes({
  engine: 'elasticsearch',
  url: () => Promise.resolve(stack.addresses.elasticsearch),
  cases: typeCases,
});

// Not every run starts OpenSearch.
const openSearch = process.env['SLUICE_TEST_OPENSEARCH'];
if (openSearch !== undefined && openSearch !== '') {
  describeTypes({
    engine: 'opensearch',
    url: () => Promise.resolve(openSearch),
    cases: typeCases,
  });
}
