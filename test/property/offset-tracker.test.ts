import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { offset } from '../../src/model/position.ts';
import type { SourceRecord } from '../../src/model/record.ts';
import { createOffsetTracker } from '../../src/pipeline/settle/offset-tracker.ts';
import type { RecordOutcome, Ticket } from '../../src/pipeline/settle/ticket.ts';
import { fakeBooks } from '../fakes/books.ts';
import { budget } from './budget.ts';

const recordAt = (at: number): SourceRecord => ({
  topic: 't',
  partition: 0,
  offset: offset(at),
  timestampMs: 0,
  headers: undefined,
  key: null,
  value: null,
});

/** What happens next: a record after a gap, a redelivery, a part that ends, a child, a reach over control records. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant('open' as const),
    gap: fc.integer({ min: 0, max: 5 }),
    writes: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant('reopen' as const), back: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constant('end' as const), which: fc.nat(), ignores: fc.boolean() }),
  fc.record({ kind: fc.constant('child' as const), which: fc.nat(), parts: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constant('reach' as const), gap: fc.integer({ min: 0, max: 5 }) }),
);

/** A ticket that may be ended, and the record that waits for it. */
interface Part {
  readonly ticket: Ticket;
  readonly at: number;
}

test('G1: whatever the order of settling, the watermark is the lowest unsettled offset and never falls', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e12 }), fc.array(step, { maxLength: 300 }), (start, steps) => {
      const closed: number[] = [];
      const close = (record: SourceRecord): void => void closed.push(record.offset);
      const tracker = createOffsetTracker(offset(start), fakeBooks({ settled: close, ignored: close }));
      const parts: Part[] = [];
      const opened = new Set<number>();
      let next = start;
      let before = start;
      const add = (ticket: Ticket, at: number, count: number): void => {
        if (count > 1) ticket.expect(count - 1);
        for (let left = count; left > 0; left -= 1) parts.push({ ticket, at });
      };
      for (const action of steps) {
        switch (action.kind) {
          case 'open': {
            const at = next + action.gap;
            add(tracker.open(recordAt(at)) ?? assert.fail(), at, action.writes);
            opened.add(at);
            next = at + 1;
            break;
          }
          case 'reopen':
            if (next - action.back >= 0) assert.equal(tracker.open(recordAt(next - action.back)), undefined);
            break;
          case 'child': {
            const of = parts[action.which % parts.length];
            if (of !== undefined) add(of.ticket.child(), of.at, action.parts);
            break;
          }
          case 'end': {
            const [part] = parts.splice(action.which % Math.max(1, parts.length), 1);
            if (action.ignores) part?.ticket.ignore('scripted');
            else part?.ticket.settle('applied');
            break;
          }
          case 'reach':
            next += action.gap;
            tracker.reach(offset(next));
        }
        const unsettled = new Set(parts.map(({ at }) => at));
        const expected = Math.min(next, ...unsettled);
        assert.equal(tracker.watermark(), expected);
        assert.equal(tracker.held(), unsettled.size);
        assert.deepEqual(new Set(closed), new Set([...opened].filter((at) => !unsettled.has(at))));
        assert.equal(new Set(closed).size, closed.length, 'closed once');
        assert.ok(expected >= before);
        before = expected;
      }
    }),
    budget(500),
  );
});

/** A ticket, what becomes of its record, and how often the record's bytes are given back. */
function openOne() {
  const told: (RecordOutcome | `ignored: ${string}`)[] = [];
  const letters: Ticket[] = [];
  let released = 0;
  const tracker = createOffsetTracker(
    offset(0),
    fakeBooks({
      settled: (_, outcome) => told.push(outcome),
      ignored: (_, reason) => told.push(`ignored: ${reason}`),
      refused: (refused) => letters.push(refused),
    }),
  );
  const ticket = tracker.open({ ...recordAt(0), release: () => void (released += 1) }) ?? assert.fail();
  return { tracker, ticket, told, letters, released: () => released };
}

test('a ticket that is ended once too often is a defect and says so', () => {
  for (const end of ['settle', 'ignore', 'child'] as const) {
    const { tracker, ticket, told } = openOne();
    const again = end === 'child' ? ticket.child() : ticket;
    if (end === 'child') again.settle('applied');
    else ticket.settle('applied');
    assert.throws(() => {
      if (end === 'ignore') again.ignore('late');
      else again.settle('applied');
    }, /settled twice: offset 0/);
    assert.deepEqual([told.length, tracker.held()], end === 'child' ? [0, 1] : [1, 0]);
  }
});

test('of several parts of one record the worst outcome is the record’s', () => {
  const { ticket, told } = openOne();
  ticket.expect(3);
  const child = ticket.child();
  child.settle('dead-lettered');
  ticket.settle('applied');
  ticket.ignore('unconcerned');
  ticket.settle('superseded');
  assert.deepEqual(told, []);
  ticket.settle('applied');
  assert.deepEqual(told, ['dead-lettered']);
});

test('a record is ignored only if all its parts are', () => {
  const { ticket, told } = openOne();
  ticket.expect(1);
  ticket.ignore('first');
  assert.deepEqual(told, []);
  ticket.ignore('second');
  assert.deepEqual(told, ['ignored: second']);
});

test('a child is one part of its ticket, and says when the last of its own is settled', () => {
  const { ticket, told } = openOne();
  let settled = 0;
  const child = ticket.child(() => void (settled += 1));
  child.expect(1);
  ticket.settle('superseded');
  child.settle('applied');
  assert.deepEqual([told, settled], [[], 0]);
  child.settle('coalesced');
  assert.deepEqual([told, settled], [['applied'], 1]);
});

test('after its tenure a ticket is settled no more, and its bytes are given back once, when no letter reads them', () => {
  const plain = openOne();
  assert.equal(plain.tracker.abandon().length, 1);
  plain.ticket.settle('applied');
  plain.ticket.ignore('late');
  plain.ticket.refuse({ code: 'DOCUMENT_REJECTED', message: 'scripted' });
  assert.deepEqual([plain.told, plain.letters, plain.released()], [[], [], 1]);

  const read = openOne();
  const page = read.ticket.child();
  page.refuse({ code: 'DOCUMENT_REJECTED', message: 'scripted' });
  read.ticket.refuse({ code: 'DOCUMENT_REJECTED', message: 'scripted' });
  read.tracker.abandon();
  read.letters[0]?.settle('dead-lettered');
  assert.equal(read.released(), 0, 'the other letter is on its way');
  read.letters[1]?.settle('dead-lettered');
  assert.deepEqual([read.told, read.released()], [[], 1]);
});
