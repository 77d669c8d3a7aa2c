/** What the demo tells: statements as one would type them, and what searches must answer afterwards. */

/** A customer, as a row and as a document. */
export interface Customer {
  readonly id: number;
  readonly first_name: string;
  readonly last_name: string;
  readonly email: string;
}

export interface Step {
  readonly title: string;
  readonly sql: string;
  /** Looked for until the answer is what SQL says. */
  readonly search: string;
}

export const story: readonly Step[] = [
  {
    title: 'An INSERT',
    sql: "INSERT INTO inventory.customers VALUES (1005, 'Ada', 'Lovelace', 'ada@example.org');",
    search: 'Lovelace',
  },
  {
    title: 'An UPDATE',
    sql: "UPDATE inventory.customers SET email = 'countess@example.org' WHERE id = 1005;",
    search: 'countess@example.org',
  },
  {
    title: 'A change of the primary key',
    sql: 'UPDATE inventory.customers SET id = 2005 WHERE id = 1005;',
    search: 'Lovelace',
  },
  {
    title: 'A DELETE',
    sql: 'DELETE FROM inventory.customers WHERE id = 2005;',
    search: 'Lovelace',
  },
];
