/** What a dead letter keeps of a record whose document masks a column. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRedact } from '../../../src/mapping/redaction.ts';
import { offset } from '../../../src/model/position.ts';

const redact = createRedact(['email']);

/** The value of the letter. */
function keptOf(value: object): string {
  const { record } = redact({
    record: {
      ...{ topic: 't', partition: 0, offset: offset(1), timestampMs: 0, headers: undefined, key: null },
      value: Buffer.from(JSON.stringify(value)),
    },
    failure: { code: 'DOCUMENT_REJECTED', message: 'scripted' },
  });
  return record.value?.toString() ?? 'nothing';
}

test('the statement of a change, which holds what other rows have in a masked column, is not kept', () => {
  const query = "INSERT INTO t VALUES (1, NULL), (2, 'two@example')";
  const row = { id: 1, email: null, query: 'a column' };
  const values = [
    { before: null, after: row, source: { connector: 'mysql', query }, op: 'c' },
    { ...row, __query: query },
    { ...row, __source_query: query },
    { specversion: '1.0', iodebeziumop: 'c', iodebeziumquery: query, data: { before: null, after: row } },
  ];
  for (const value of values) {
    const kept = keptOf(value);
    assert.doesNotMatch(kept, /@example/);
    assert.match(kept, /"query":"a column"/, 'a column of that name is kept');
  }
});
