import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { recordsIn } from '../../../src/rebuild/records-file.ts';

test('records are read from lines or from one object, digit for digit, numbered as they come', () => {
  const lines = [
    '{"topic":"t","key":{"id":1},"value":{"n":9007199254740993,"d":1.10},"headers":{"h":"x"}}',
    '',
    '{"topic":"t","keyText":"{\\"id\\": 2}","valueBase64":"AAE=","partition":3,"offset":7}',
    '{"topic":"t","key":{"id":3},"value":null}',
  ];
  const records = recordsIn(lines.join('\n'));
  assert.ok(!('code' in records));
  assert.deepEqual(
    records.map(({ partition, offset, key, value }) => [partition, offset, key?.toString(), value?.toString('latin1')]),
    [
      [0, 0, '{"id":1}', '{"n":9007199254740993,"d":1.10}'],
      [3, 7, '{"id": 2}', '\0\x01'],
      [0, 2, '{"id":3}', undefined],
    ],
  );
  const fixture = join(import.meta.dirname, '..', '..', 'fixtures', 'documented', 'db2', 'update.json');
  const documented = recordsIn(readFileSync(fixture, 'utf8'));
  assert.ok(!('code' in documented));
  assert.deepEqual(
    documented.map(({ topic }) => topic),
    ['server1.DB2INST1.CUSTOMERS'],
  );
});

test('a line that is no record is named', () => {
  for (const [text, says] of [
    ['{"topic":"t"}\n{', /line 2 is no JSON/],
    ['{"key":1}', /record 1 has no `topic`/],
    ['[1]', /record 1 is no object/],
  ] as const) {
    const records = recordsIn(text);
    assert.ok('code' in records);
    assert.match(records.message, says);
  }
});
