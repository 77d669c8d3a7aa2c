import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeholderOf } from '../../../src/mapping/placeholder.ts';

/** As PostgreSQL's connector writes it, by the type of the column (facts of Debezium, §5.1). */
const forms = {
  text: '"__debezium_unavailable_value"',
  bytea: '"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="',
  'text[]': '["__debezium_unavailable_value"]',
  'bytea[]': '["X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="]',
  'int4[], int8[], date[]':
    '[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]',
  'uuid[]': '["b68a35a7-17ad-35b3-af2a-ae46edb4545a"]',
  'hstore as json': String.raw`"{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}"`,
  'hstore as map': '{"__debezium_unavailable_value":"__debezium_unavailable_value"}',
};

for (const [type, form] of Object.entries(forms)) {
  test(`G9: the placeholder of ${type} is known`, () => {
    const placeholder = placeholderOf('__debezium_unavailable_value');
    assert.ok(placeholder.matches(form));
    assert.ok(placeholder.mayBeIn(`{"id":1,"value":${form}}`));
  });
}

test('a text that only speaks of the placeholder is a value', () => {
  const placeholder = placeholderOf('__debezium_unavailable_value');
  assert.ok(!placeholder.matches('"it says __debezium_unavailable_value here"'));
  assert.ok(!placeholder.matches('["__debezium_unavailable_value","x"]'));
});

test('the connector may be told another placeholder, as text or as bytes', () => {
  assert.ok(placeholderOf('~gone~').matches('"~gone~"'));
  assert.ok(placeholderOf('hex:7e676f6e657e').matches('"~gone~"'));
  assert.ok(placeholderOf('hex:ff00').matches('[-1,0]'));
  assert.ok(!placeholderOf('~gone~').matches(forms.text));
});
