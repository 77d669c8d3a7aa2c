import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSupersededWatch } from '../../../src/observability/superseded.ts';

/** Writes of one index, minute by minute; the minutes in which there was a warning. */
function warnedIn(minutes: readonly (readonly [applied: number, superseded: number])[]): readonly number[] {
  let now = 0;
  const warned: number[] = [];
  const watch = createSupersededWatch({ nowMs: () => now, warned: () => warned.push(now / 60_000) });
  for (const [applied, superseded] of [...minutes, [0, 0] as const]) {
    watch('docs', 'applied', applied);
    watch('docs', 'superseded', superseded);
    watch('docs', 'coalesced', 1000);
    now += 60_000;
  }
  return warned;
}

const bad = [10, 200] as const;
const good = [200, 10] as const;

test('writes that are superseded for minutes are told once, and again only after it was over', () => {
  assert.deepEqual(warnedIn([bad, bad, bad, bad, bad]), [3]);
  assert.deepEqual(warnedIn([bad, bad, bad, good, bad, bad, bad]), [3, 7]);
});

test('a replay that is over within minutes, and an index that is hardly written, are not told', () => {
  assert.deepEqual(warnedIn([bad, bad, good, bad, bad, good]), []);
  assert.deepEqual(
    warnedIn([
      [0, 99],
      [0, 99],
      [0, 99],
      [0, 99],
    ]),
    [],
  );
});
