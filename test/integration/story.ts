/** What people do to the rows of the tutorial, and what must hold after each step. */
import assert from 'node:assert/strict';
import { expectAccounted } from './accounted.ts';
import type { Scene } from './scene.ts';
import type { SluiceProcess } from './sluice-process.ts';

/** G5, that nothing became a dead letter, and that nothing is held any more. */
export async function expectBalanced(sluice: SluiceProcess): Promise<void> {
  const report = await sluice.status();
  const { accounts, recordsHeld, bytesHeld } = report;
  expectAccounted(report);
  assert.equal(accounts.deadLettered, 0);
  assert.deepEqual({ recordsHeld, bytesHeld }, { recordsHeld: 0, bytesHeld: 0 });
}

/** What people do to rows, in order, in the SQL that every database takes; after each, index = table. */
const steps: readonly { readonly claim: string; readonly sql: string; readonly documents: number }[] = [
  { claim: 'the snapshot', sql: 'SELECT 1', documents: 4 + 7 + 9 + 9 + 4 },
  {
    claim: 'an insert',
    sql: "INSERT INTO inventory.customers VALUES (1005, 'Ada', 'Lovelace', 'ada@example.org')",
    documents: 34,
  },
  {
    claim: 'an update, of text with quotes, newlines and letters of every plane',
    sql: `UPDATE inventory.customers SET last_name = 'O''Neil "the\\ 2nd"\n\t\u2028 Zoë 𝒜 漢' WHERE id = 1002`,
    documents: 34,
  },
  {
    claim: 'an update of a column to null',
    sql: 'UPDATE inventory.products SET weight = NULL WHERE id = 101',
    documents: 34,
  },
  {
    claim: 'a change of a primary key',
    sql: 'UPDATE inventory.customers SET id = 2005 WHERE id = 1005',
    documents: 34,
  },
  { claim: 'a delete', sql: 'DELETE FROM inventory.customers WHERE id = 2005', documents: 33 },
  {
    claim: 'a delete and an insert of the same key in one transaction',
    sql: `BEGIN; DELETE FROM inventory.products_on_hand WHERE product_id = 101;
          INSERT INTO inventory.products_on_hand VALUES (101, 7); COMMIT`,
    documents: 33,
  },
  {
    claim: 'a delete and, later, an insert of the same key',
    sql: "INSERT INTO inventory.customers VALUES (2005, 'Ada', 'King', 'ada@example.org')",
    documents: 34,
  },
  {
    claim: 'many changes of one row in one transaction',
    sql: `BEGIN; ${Array.from(
      { length: 500 },
      (_, n) => `UPDATE inventory.products_on_hand SET quantity = ${n + 1} WHERE product_id = 102;`,
    ).join(' ')} COMMIT`,
    documents: 34,
  },
  {
    claim: 'dates from one end of the calendar to the other',
    sql: `INSERT INTO inventory.orders VALUES (20001, '0001-01-01', 1001, 1, 102), (20002, '9999-12-31', 1001, 1, 102),
            (20003, '1969-12-31', 1001, 1, 102), (20004, '2000-02-29', 1001, 2147483647, 102)`,
    documents: 38,
  },
];

/** Takes the steps; after each, every index equals its table, and the accounts balance. `others`: rows of further tables. */
export async function walk(scene: Scene, sluice: SluiceProcess, others = 0): Promise<void> {
  for (const { claim, sql, documents } of steps) {
    await scene.inventory.query(sql);
    await scene.caughtUp();
    assert.equal(await scene.expectEqual(), documents + others, claim);
    await expectBalanced(sluice);
  }
}
