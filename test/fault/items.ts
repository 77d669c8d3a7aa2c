/** A table whose rows are changed at random, thousands of times, with deletes and re-inserts. */
import type { Scene } from '../integration/scene.ts';

export const keys = 2000;

export const itemsTable = {
  name: 'items',
  key: 'id',
  sql: `CREATE TABLE inventory.items (
    id integer PRIMARY KEY, name text NOT NULL, quantity integer NOT NULL, price numeric(12,2) NOT NULL,
    note text, changed_at timestamptz NOT NULL);
    INSERT INTO inventory.items VALUES (0, 'the first', 0, 0, NULL, now())`,
};

/** The mapping file of the table, for a scene of this name. */
export function itemsMapping(scene: string): string {
  return `document: ${scene}-items\nfrom: ${scene}.inventory.items\n`;
}

/** Connector properties that give topics several partitions. */
export function partitionsSettings(partitions: number): Record<string, string> {
  return {
    'topic.creation.default.partitions': String(partitions),
    'topic.creation.default.replication.factor': '1',
  };
}

/**
 * Changes items at random, in transactions of 100 changes: three quarters are inserts or updates, the others deletes. A
 * delete of a row that is not there is drawn again, so that there are exactly as many changes as asked for.
 * `seed` lies between −1 and 1.
 */
export async function changeItems(scene: Scene, changes: number, seed: number): Promise<void> {
  await scene.inventory.query(`SELECT setseed(${seed})`);
  await scene.inventory.query(`DO $$
    DECLARE
      key integer;
      done integer := 0;
    BEGIN
      WHILE done < ${changes} LOOP
        key := 1 + floor(random() * ${keys});
        IF random() < 0.25 THEN
          DELETE FROM inventory.items WHERE id = key;
          CONTINUE WHEN NOT FOUND;
        ELSE
          INSERT INTO inventory.items
            VALUES (key, 'item ' || key, done, done / 100.0, repeat('ä', done % 50), clock_timestamp())
            ON CONFLICT (id) DO UPDATE SET quantity = excluded.quantity, price = excluded.price,
              note = nullif(excluded.note, ''), changed_at = excluded.changed_at;
        END IF;
        done := done + 1;
        IF done % 100 = 0 THEN COMMIT; END IF;
      END LOOP;
    END $$`);
}
