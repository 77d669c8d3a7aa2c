import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offset } from '../../../src/model/position.ts';
import { createBooks } from '../../../src/pipeline/settle/books.ts';
import { createManualClock } from '../../fakes/manual-clock.ts';
import { silentObserver } from '../../fakes/silent-observer.ts';

test('what is ignored is told once a batch or request, by topic and reason; what is ignored later is progress', () => {
  const told: string[] = [];
  const clock = createManualClock();
  const books = createBooks({
    memory: { take: () => 0, give: () => undefined },
    observer: silentObserver({ ignored: (topic, reason, count) => told.push(`${topic} ${reason} ${count}`) }),
    clock,
  });
  const place = { partition: 0, offset: offset(0), timestampMs: 0, headers: undefined, key: null, value: null };
  for (const topic of ['a', 'a', 'a', 'b', 'c']) books.took({ ...place, topic });
  books.ignored({ ...place, topic: 'a' }, 'tombstone');
  books.ignored({ ...place, topic: 'a' }, 'tombstone');
  books.ignored({ ...place, topic: 'a' }, 'truncate');
  assert.deepEqual(told.splice(0), []);
  books.tellIgnored();
  books.tellIgnored();
  assert.deepEqual(told.splice(0), ['a tombstone 2', 'a truncate 1']);
  const before = books.movedAtMs();
  clock.advance(100);
  books.progressed();
  assert.equal(books.movedAtMs(), before);
  books.ignored({ ...place, topic: 'b' }, 'not-mapped');
  books.progressed();
  assert.deepEqual(told, ['b not-mapped 1']);
  assert.equal(books.movedAtMs(), before + 100);
  assert.deepEqual([books.held(), books.accounts().ignored], [1, { tombstone: 2, truncate: 1, 'not-mapped': 1 }]);
});
