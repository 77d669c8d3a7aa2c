import assert from 'node:assert/strict';
import type { Accounts } from '../../src/pipeline/settle/ledger.ts';

/** An earlier version has no name for what was coalesced or abandoned. */
type AnyAccounts = Omit<Accounts, 'coalesced' | 'abandoned'> & Partial<Pick<Accounts, 'coalesced' | 'abandoned'>>;

/** G5: every record that was consumed is settled, ignored, dead-lettered or held, at any moment; what is held is counted apart. */
export function expectAccounted(report: { readonly accounts: AnyAccounts; readonly recordsHeld: number }): void {
  const { accounts, recordsHeld } = report;
  const { consumed, applied, superseded, coalesced = 0, deadLettered, abandoned = 0 } = accounts;
  const ignored = Object.values(accounts.ignored).reduce((sum, count) => sum + count, 0);
  const text = JSON.stringify({ ...accounts, recordsHeld });
  const settled = applied + superseded + coalesced + deadLettered + ignored;
  assert.equal(consumed, settled + abandoned + recordsHeld, `G5 does not hold: ${text}`);
}
