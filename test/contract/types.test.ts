/** Column types on real servers: the values that they become are taken, and found by what only their field can answer. */
import { test } from 'node:test';
import { startStack } from '../stack/stack.ts';
import { typeCases } from './type-cases.ts';
import { describeTypes } from './types.ts';

const stack = await startStack({ servers: ['elasticsearch'] });
test.after(() => stack.stop());

describeTypes({
  name: 'Elasticsearch',
  url: () => Promise.resolve(stack.addresses.elasticsearch),
  cases: typeCases.filter(({ engines }) => engines.includes('elasticsearch')),
});
