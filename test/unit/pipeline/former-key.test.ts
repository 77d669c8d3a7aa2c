import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { DocumentWrite } from '../../../src/model/document.ts';
import { externalVersion, offset } from '../../../src/model/position.ts';
import { createOffsetTracker } from '../../../src/pipeline/settle/offset-tracker.ts';
import { createRequestLimit } from '../../../src/pipeline/write/request-limit.ts';
import { createWriter } from '../../../src/pipeline/write/writer.ts';
import { fakeBooks } from '../../fakes/books.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { createMemorySink } from '../../fakes/memory-sink.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';

test('a document that takes from that of its former key waits while the former one has a write in flight', async () => {
  const sink = createMemorySink({ hold: true });
  const tracker = createOffsetTracker(offset(0), fakeBooks({ refused: () => assert.fail('nothing is refused') }));
  const clock = createManualClock();
  const { signal } = new AbortController();
  const writer = createWriter({
    ...{ sink, clock, observer: silentObserver(), limit: createRequestLimit(3) },
    retry: { initialMs: 10, maxMs: 1000, pauseMs: 5000, random: () => 0.5 },
    ...{ maxBatchCount: 10, maxBatchBytes: 10_000, lingerMs: 10, signal },
    progressed: () => undefined,
    ownership: () => signal,
  });
  const submit = (at: number, write: DocumentWrite): void => {
    const place = { topic: 't', partition: 0, offset: offset(at), timestampMs: 0, headers: undefined };
    const ticket = tracker.open({ ...place, key: null, value: null });
    assert.ok(ticket);
    writer.submit(write, ticket);
    writer.flush();
  };
  const target = (at: number) => ({ index: 'i', version: externalVersion(0, offset(at)) });
  const source = Buffer.from('{}');
  const sent = (): readonly string[] => sink.requests.map((writes) => writes.map(({ id }) => id).join());

  submit(1, { ...target(1), action: 'index', id: 'old', source });
  submit(2, { ...target(2), action: 'delete', id: 'old', bequeaths: [] });
  submit(3, {
    ...target(3),
    action: 'index',
    id: 'new',
    source,
    steps: [{ source, withheld: [['a']], formerId: 'old' }],
  });
  clock.advance(20);
  await turn();
  assert.deepEqual(sent(), ['old'], 'the new one would read what the first write is about to change');
  sink.held[0]?.answer();
  await turn();
  clock.advance(20);
  await turn();
  assert.deepEqual(sent().slice(1).join().split(',').sort(), ['new', 'old']);
});
