import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { offset } from '../../src/model/position.ts';
import type { SourceRecord } from '../../src/model/record.ts';
import { createOffsetTracker } from '../../src/pipeline/offset-tracker.ts';
import type { Ticket } from '../../src/pipeline/offset-tracker.ts';
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

/** What happens next: a record after a gap, a redelivery, a settlement of some open ticket, a reach over control records. */
const step = fc.oneof(
  fc.record({
    kind: fc.constant('open' as const),
    gap: fc.integer({ min: 0, max: 5 }),
    writes: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant('reopen' as const), back: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constant('settle' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('close' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('reach' as const), gap: fc.integer({ min: 0, max: 5 }) }),
);

test('G1: whatever the order of settling, the watermark is the lowest unsettled offset and never falls', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e12 }), fc.array(step, { maxLength: 300 }), (start, steps) => {
      const tracker = createOffsetTracker(offset(start));
      const open = new Map<Ticket, number>();
      let next = start;
      let before = start;
      for (const action of steps) {
        const tickets = [...open.keys()];
        switch (action.kind) {
          case 'open': {
            const ticket = tracker.open(recordAt(next + action.gap));
            assert.ok(ticket);
            ticket.unsettled = action.writes;
            open.set(ticket, action.writes);
            next += action.gap + 1;
            break;
          }
          case 'reopen':
            if (next - action.back >= 0) assert.equal(tracker.open(recordAt(next - action.back)), undefined);
            break;
          case 'settle': {
            const ticket = tickets[action.which % tickets.length];
            if (ticket === undefined) break;
            const left = (open.get(ticket) ?? 0) - 1;
            assert.equal(tracker.settle(ticket, 'applied'), left === 0);
            if (left === 0) open.delete(ticket);
            else open.set(ticket, left);
            break;
          }
          case 'close': {
            const ticket = tickets[action.which % tickets.length];
            if (ticket === undefined) break;
            tracker.close(ticket);
            open.delete(ticket);
            break;
          }
          case 'reach':
            next += action.gap;
            tracker.reach(offset(next));
        }
        const expected = Math.min(next, ...[...open.keys()].map((ticket) => ticket.record.offset));
        assert.equal(tracker.watermark(), expected);
        assert.equal(tracker.held(), open.size);
        assert.ok(expected >= before);
        before = expected;
      }
    }),
    budget(500),
  );
});

test('a ticket that is settled once too often is a defect and says so', () => {
  const tracker = createOffsetTracker(offset(0));
  const ticket = tracker.open(recordAt(0));
  assert.ok(ticket);
  tracker.settle(ticket, 'applied');
  assert.throws(() => tracker.settle(ticket, 'applied'), /settled twice: offset 0/);
});

test('of several writes of one record the worst outcome is the record’s', () => {
  const tracker = createOffsetTracker(offset(0));
  const ticket = tracker.open(recordAt(0));
  assert.ok(ticket);
  ticket.unsettled = 3;
  tracker.settle(ticket, 'dead-lettered');
  tracker.settle(ticket, 'applied');
  tracker.settle(ticket, 'superseded');
  assert.equal(ticket.outcome, 'dead-lettered');
});
