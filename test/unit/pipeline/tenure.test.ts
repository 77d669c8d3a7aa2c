import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFreshness, isUnbroken, lifetimeMs } from '../../../src/pipeline/tenure.ts';

/** Freshness of ten seconds, and two clocks that the test moves. */
function setUp() {
  const clocks = { monotonicMs: 1000, wallMs: 1_000_000 };
  const freshness = createFreshness({
    lifetimeMs: 10_000,
    monotonicMs: () => clocks.monotonicMs,
    wallMs: () => clocks.wallMs,
  });
  const pass = (ms: number): void => {
    clocks.monotonicMs += ms;
    clocks.wallMs += ms;
  };
  return { clocks, freshness, pass };
}

test('a member that the group never answered may write nothing', () => {
  const { freshness } = setUp();
  assert.equal(freshness.remainingMs(), 0);
});

test('freshness counts from when the answered request was sent, not from its answer', () => {
  const { freshness, pass } = setUp();
  const sent = freshness.now();
  pass(4000);
  freshness.renewed(sent);
  assert.equal(freshness.remainingMs(), 6000);
  pass(6000);
  assert.equal(freshness.remainingMs(), 0);
});

test('an answer that a frozen process finds in its socket makes nothing fresh', () => {
  const { freshness, pass } = setUp();
  const sent = freshness.now();
  pass(60_000);
  freshness.renewed(sent);
  assert.equal(freshness.remainingMs(), 0);
});

test('an answer to an earlier request does not shorten what a later one has given', () => {
  const { freshness, pass } = setUp();
  const earlier = freshness.now();
  pass(1000);
  freshness.renewed(freshness.now());
  freshness.renewed(earlier);
  assert.equal(freshness.remainingMs(), 10_000);
});

test('a machine that was suspended is stale, though its monotonic clock stood still', () => {
  const { clocks, freshness } = setUp();
  freshness.renewed(freshness.now());
  clocks.wallMs += 11_000;
  assert.equal(freshness.remainingMs(), 0);
});

test('a wall clock that stands still does not make a membership last', () => {
  const { clocks, freshness } = setUp();
  freshness.renewed(freshness.now());
  clocks.monotonicMs += 11_000;
  assert.equal(freshness.remainingMs(), 0);
});

test('a wall clock that was set back cannot make a membership last', () => {
  const { clocks, freshness, pass } = setUp();
  freshness.renewed(freshness.now());
  clocks.wallMs -= 3_600_000;
  clocks.monotonicMs += 11_000;
  assert.equal(freshness.remainingMs(), 0, 'the monotonic clock says so');
  clocks.wallMs += 3_600_000;
  freshness.renewed(freshness.now());
  pass(9000);
  assert.equal(freshness.remainingMs(), 1000);
  // Suspended, and set back by more than the sleep: no clock shows how long it was.
  clocks.wallMs -= 5000;
  assert.equal(freshness.remainingMs(), 0, 'it was set back since the request was sent');
  freshness.renewed(freshness.now());
  assert.equal(freshness.remainingMs(), 10_000, 'fresh again with the next answer');
});

test('what was sent before the member asked to join renews nothing, however late its answer comes', () => {
  const { freshness, pass } = setUp();
  const sent = freshness.now();
  pass(100);
  freshness.lapse();
  freshness.renewed(sent);
  assert.equal(freshness.remainingMs(), 0);
  freshness.renewed(freshness.now());
  assert.equal(freshness.remainingMs(), 10_000);
});

test('a membership lasts no longer than the shorter of session and rebalance, less a fifth', () => {
  assert.equal(lifetimeMs(30_000, 60_000), 24_000);
  assert.equal(lifetimeMs(30_000, 10_000), 8000);
});

test('a membership is unbroken only for the same member and exactly the next generation', () => {
  const before = { memberId: 'a', generation: 7 };
  assert.ok(isUnbroken(before, { memberId: 'a', generation: 8 }));
  assert.ok(!isUnbroken(before, { memberId: 'a', generation: 9 }), 'somebody else may have owned generation 8');
  assert.ok(!isUnbroken(before, { memberId: 'b', generation: 8 }), 'it was forgotten, and came back as another');
  assert.ok(!isUnbroken(before, { memberId: 'a', generation: 7 }));
  assert.ok(!isUnbroken(undefined, { memberId: 'a', generation: 8 }));
});
