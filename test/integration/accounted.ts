import assert from 'node:assert/strict';
import type { Accounts } from '../../src/pipeline/ledger.ts';

/** G5: every record that was consumed is settled, ignored, dead-lettered or held, at any moment; what is held is counted apart. */
export function expectAccounted(report: { readonly accounts: Accounts; readonly recordsHeld: number }): void {
  const { accounts, recordsHeld } = report;
  const { consumed, applied, superseded, coalesced, deadLettered, abandoned } = accounts;
  const ignored = Object.values(accounts.ignored).reduce((sum, count) => sum + count, 0);
  const text = JSON.stringify({ ...accounts, recordsHeld });
  const settled = applied + superseded + coalesced + deadLettered + ignored;
  assert.equal(consumed, settled + abandoned + recordsHeld, `G5 does not hold: ${text}`);
}
