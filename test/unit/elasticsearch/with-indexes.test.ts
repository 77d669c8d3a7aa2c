import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withIndexes } from '../../../src/elasticsearch/bulk/with-indexes.ts';
import type { DocumentWrite } from '../../../src/model/document.ts';
import type { Failure, WriteOutcome } from '../../../src/model/outcome.ts';
import { applied } from '../../../src/model/outcome.ts';
import { externalVersion, offset } from '../../../src/model/position.ts';
import type { Sink } from '../../../src/pipeline/ports.ts';

const { signal } = new AbortController();

const write = (index: string): DocumentWrite => ({
  action: 'delete',
  index,
  id: '1',
  version: externalVersion(0, offset(1)),
});

const sink: Sink = { write: (writes) => Promise.resolve(writes.map((): WriteOutcome => applied)) };

test('an index is looked at before its first write, and again only when more is known of it', async () => {
  const asked: string[] = [];
  const revisions: Record<string, number> = { a: 0, b: 0 };
  const ensure = (alias: string): Promise<undefined> => {
    asked.push(alias);
    return Promise.resolve(undefined);
  };
  const indexed = withIndexes(sink, ensure, (alias) => revisions[alias] ?? 0);
  await indexed.write([write('a'), write('b'), write('a')], signal);
  await indexed.write([write('b'), write('a')], signal);
  assert.deepEqual(asked, ['a', 'b']);
  revisions['b'] = 1;
  await indexed.write([write('a'), write('b')], signal);
  await indexed.write([write('b')], signal);
  assert.deepEqual(asked, ['a', 'b', 'b']);
});

test('a look that began before the newest schema was known is not enough for a write that came with it', async () => {
  let revision = 0;
  const begun: (() => void)[] = [];
  const ensure = (): Promise<undefined> =>
    new Promise((resolve) => {
      begun.push(() => {
        resolve(undefined);
      });
    });
  const indexed = withIndexes(sink, ensure, () => revision);
  const first = indexed.write([write('a')], signal);
  revision = 1;
  let isWritten = false;
  const second = indexed.write([write('a')], signal).then(() => (isWritten = true));
  begun[0]?.();
  await first;
  await Promise.resolve();
  assert.equal(isWritten, false);
  while (begun.length < 2) await Promise.resolve();
  begun[1]?.();
  await second;
  assert.equal(begun.length, 2);
});

test('while an index is refused its writes are to be tried again, and the next try looks again', async () => {
  const failure: Failure = { code: 'INDEX_INCOMPATIBLE', message: 'scripted' };
  let answer: Failure | undefined = failure;
  const indexed = withIndexes(sink, (alias) => Promise.resolve(alias === 'a' ? answer : undefined));
  const outcomes = await indexed.write([write('a'), write('b')], signal);
  assert.deepEqual(outcomes, [{ status: 'retryable', failure }, applied]);
  answer = undefined;
  assert.deepEqual(await indexed.write([write('a')], signal), [applied]);
});

test('an index that is not ready in time keeps the writes of no other, and is written once it is', async () => {
  const ready = Promise.withResolvers<undefined>();
  const ensure = (alias: string) => (alias === 'slow' ? ready.promise : Promise.resolve(undefined));
  const indexed = withIndexes(sink, ensure, () => 0, 5);
  const [slow, quick] = await indexed.write([write('slow'), write('quick')], signal);
  assert.deepEqual(quick, applied);
  assert.equal(slow?.status === 'retryable' && slow.failure.code, 'INDEX_MISSING');
  ready.resolve(undefined);
  assert.deepEqual(await indexed.write([write('slow')], signal), [applied]);
});

test('of an index that is not ready in time it is said why the last attempt at it failed', async () => {
  const failure: Failure = { code: 'INDEX_REFUSED', message: 'scripted' };
  let attempts = 0;
  const ensure = (): Promise<Failure | undefined> => {
    attempts += 1;
    return attempts === 1 ? Promise.resolve(failure) : new Promise(() => undefined);
  };
  const indexed = withIndexes(sink, ensure, () => 0, 5);
  for (let round = 0; round < 2; round += 1) {
    assert.deepEqual(await indexed.write([write('a')], signal), [{ status: 'retryable', failure }]);
  }
  assert.equal(attempts, 2);
});
