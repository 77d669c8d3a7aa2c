/** What becomes of documents that an index cannot hold, by what Elasticsearch says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeOf } from '../../../src/elasticsearch/bulk/bulk-outcome.ts';

/** As Elasticsearch 9 answers; the second of each is the field. */
const conflicts: readonly (readonly [reason: string, field: string])[] = [
  [
    "[1:6] failed to parse field [n] of type [double] in document with id '1'. Preview of field's value: '{a=secret}'",
    'n',
  ],
  [
    "[1:6] failed to parse field [s] of type [text] in document with id '1'. Preview of field's value: '{a=secret}'",
    's',
  ],
  ['[1:6] object mapping for [o] tried to parse field [o] as object, but found a concrete value', 'o'],
];

test('an object where a value was, and the reverse, is refused for good, with the name of the field and no value', () => {
  for (const [reason, field] of conflicts) {
    const outcome = outcomeOf(400, { type: 'document_parsing_exception', reason });
    assert.equal(outcome.status, 'rejected', 'the document is a dead letter, and no other waits for it');
    assert.ok('failure' in outcome && outcome.failure.code === 'DOCUMENT_REJECTED');
    assert.ok(outcome.failure.message.includes(`[${field}]`), outcome.failure.message);
    assert.doesNotMatch(outcome.failure.message, /secret/);
  }
});
