import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { outcomeOf } from '../../../src/elasticsearch/bulk/bulk-outcome.ts';
import type { Failure } from '../../../src/model/outcome.ts';
import { externalVersion, offset } from '../../../src/model/position.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { createObserver } from '../../../src/observability/observer.ts';
import type { DeadLetter } from '../../../src/pipeline/ports.ts';
import { idleGauges } from './idle-gauges.ts';

const letter = (at: number, failure: Failure): DeadLetter => ({
  record: {
    ...{ topic: 't', partition: 3, offset: offset(at), timestampMs: 0, headers: {} },
    ...{ key: Buffer.from('{}'), value: null },
  },
  failure,
  document: { index: 'people', id: `id-${at}`, version: externalVersion(0, offset(at)) },
});

function refusalOf(reason: string): Failure {
  const outcome = outcomeOf(400, { type: 'document_parsing_exception', reason });
  assert.ok(outcome.status === 'rejected');
  return outcome.failure;
}

test('a refused document is logged with its index, id, offset, field and code; of many, the first', () => {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'info', base: null }, { write: (line) => lines.push(JSON.parse(line) as never) });
  const observer = createObserver(
    createMetrics(() => idleGauges),
    logger,
  );
  const reasons: readonly (readonly [reason: string, field: string])[] = [
    ["[1:9] failed to parse field [price] of type [double] in document with id '5'. Preview: 'secret'", 'price'],
    ['[1:8] object mapping for [o] tried to parse field [null] as object, but found a concrete value', 'o'],
    ['Document contains at least one immense term in field="name" (whose UTF8 encoding is longer', 'name'],
  ];
  for (const [reason, field] of reasons) {
    lines.length = 0;
    const failure = refusalOf(reason);
    observer.deadLettered('t', failure.code, 1, [letter(5, failure)]);
    const { topic, partition, offset: at, code, index, id, field: named } = lines[0] ?? {};
    assert.deepEqual([topic, partition, at, code], ['t', 3, '5', 'DOCUMENT_REJECTED']);
    assert.deepEqual([index, id, named], ['people', 'id-5', field]);
    assert.doesNotMatch(JSON.stringify(lines), /secret/);
  }
  lines.length = 0;
  const failure = refusalOf('[1:2] failed to parse: field name cannot be an empty string');
  observer.deadLettered(
    't',
    failure.code,
    500,
    Array.from({ length: 500 }, (_, at) => letter(at, failure)),
  );
  assert.equal(lines.length, 11, 'ten of them, and how many there are');
  assert.match(String(lines[0]?.['msg']), /field name cannot be an empty string/);
});

test('a wait for a shard names the shard that is away, and nothing of the request that waited', () => {
  const reason =
    '[people-000001][2] primary shard is not active Timeout: [5s], request: [BulkShardRequest [[people-000001][2]] containing [index {[people-000001][1], source[{"name":"secret"}]}]]';
  const outcome = outcomeOf(503, { type: 'unavailable_shards_exception', reason });
  assert.ok(outcome.status === 'retryable');
  assert.equal(outcome.failure.code, 'ELASTICSEARCH_UNAVAILABLE');
  assert.match(outcome.failure.message, /\[people-000001\]\[2\] primary shard is not active\.$/);
  assert.doesNotMatch(outcome.failure.message, /secret/);
});
