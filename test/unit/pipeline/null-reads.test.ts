/** What nulls in doubt become before they are written, with a database that a test scripts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DocumentWrite, IndexWrite, NullDoubt } from '../../../src/model/document.ts';
import type { Failure, WriteOutcome } from '../../../src/model/outcome.ts';
import { applied } from '../../../src/model/outcome.ts';
import { externalVersion, offset } from '../../../src/model/position.ts';
import { withNullReads } from '../../../src/pipeline/null-reads.ts';
import type { NullsRead } from '../../../src/pipeline/ports.ts';

const form = { columns: ['id'], schema: undefined, marker: undefined };
const doubtOf = (...paths: readonly (readonly string[])[]): NullDoubt => ({
  ...{ topic: 't', paths, key: ['1'], keyForm: form, rowForm: form, txId: 1 },
});

const write = (id: string, source: string, doubt?: NullDoubt): IndexWrite => ({
  ...{ action: 'index', index: 'docs', id, version: externalVersion(0, offset(1)), source: Buffer.from(source) },
  ...(doubt && { doubt }),
});

const { signal } = new AbortController();
const away: Failure = { code: 'SOURCE_READ_FAILED', message: 'It is away.' };

function world(answers: Readonly<Record<string, NullsRead>>) {
  const sent: string[][] = [];
  const asked: string[][] = [];
  const counted: string[] = [];
  const outcomeOf = ({ id }: DocumentWrite): WriteOutcome =>
    id === 'refused' ? { status: 'rejected', failure: { code: 'DOCUMENT_REJECTED', message: 'No.' } } : applied;
  const sink = withNullReads(
    {
      write: (writes) => {
        sent.push(writes.map((one) => `${one.id} ${one.action === 'index' ? one.source.toString() : 'delete'}`));
        return Promise.resolve(writes.map(outcomeOf));
      },
    },
    {
      read: (writes) => {
        asked.push(writes.map(({ id }) => id));
        return Promise.resolve(writes.map(({ id }) => answers[id] ?? { kind: 'untold' }));
      },
    },
    { nullRead: (index, outcome, fields) => counted.push(`${index} ${outcome} ${fields}`) },
  );
  return { sent, asked, counted, run: (...writes: readonly DocumentWrite[]) => sink.write(writes, signal) };
}

test('what the database has takes the place of the null, digit for digit, and nothing else changes', async () => {
  const values = ['[1,9007199254740993]', undefined];
  const { run, sent, counted } = world({ a: { kind: 'read', values } });
  const source = '{"id":1.50,"sums":null,"deep":{"x":null,"y":2}}';
  assert.deepEqual(await run(write('a', source, doubtOf(['sums'], ['deep', 'x']))), [applied]);
  assert.deepEqual(sent, [['a {"id":1.50,"sums":[1,9007199254740993],"deep":{"x":null,"y":2}}']]);
  assert.deepEqual(counted, ['docs value 1', 'docs null 1']);
  const deep = world({ a: { kind: 'read', values: [undefined, '"v"'] } });
  await deep.run(write('a', source, doubtOf(['sums'], ['deep', 'x'])));
  assert.deepEqual(deep.sent, [['a {"id":1.50,"sums":null,"deep":{"x":"v","y":2}}']]);
});

test('a request without a null in doubt asks nothing, and one with some asks once for those alone', async () => {
  const { run, asked, sent } = world({ b: { kind: 'read', values: ['1'] } });
  await run(write('a', '{}'));
  assert.deepEqual(asked, []);
  await run(write('a', '{}'), write('b', '{"x":null}', doubtOf(['x'])), write('c', '{"x":null}', doubtOf(['x'])));
  assert.deepEqual(asked, [['b', 'c']]);
  assert.deepEqual(sent[1], ['a {}', 'b {"x":1}', 'c {"x":null}'], 'what cannot be told stays null');
});

test('while the database is away only what is in doubt waits; each outcome is that of its own write', async () => {
  const { run, sent } = world({ b: { kind: 'unreachable', failure: away } });
  const outcomes = await run(write('a', '{}'), write('b', '{"x":null}', doubtOf(['x'])), write('refused', '{}'));
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['applied', 'retryable', 'rejected'],
  );
  assert.deepEqual(sent, [['a {}', 'refused {}']]);
  const alone = world({ b: { kind: 'unreachable', failure: away } });
  assert.deepEqual(await alone.run(write('b', '{"x":null}', doubtOf(['x']))), [{ status: 'retryable', failure: away }]);
  assert.deepEqual(alone.sent, [], 'no empty request');
});
