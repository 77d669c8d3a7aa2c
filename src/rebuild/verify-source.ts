/**
 * Proves an index equal to the rows in SQL, while both go on (docs/decisions/0031-verify-source.md).
 *
 * The tables are read as they are at one moment, then the index is scanned. What is found as expected is right. All else is looked
 * at again, in rounds (`source-rounds.ts`).
 */
import type { Failure } from '../model/outcome.ts';
import type { ComparedTable, VerifySourceOptions } from './source-expectation.ts';
import { expectRow, sourceDigest, versionOf } from './source-expectation.ts';
import type { Looks } from './source-looks.ts';
import { createLooks } from './source-looks.ts';
import type { Differences } from './source-rounds.ts';
import { lookAgainAtRows } from './source-rounds.ts';
import type { SourceMark, SourceRow } from './verify-ports.ts';

export interface SourceVerified extends Differences {
  /** Documents of the index that were looked at. */
  readonly documents: number;
  /** Documents that should be there. */
  readonly expected: number;
  readonly rows: number;
  /** Rows of which no document can be made, or not be told which. */
  readonly refused: number;
  /** `schema.table.column` → values that could not be told, and were not compared. */
  readonly untold: Readonly<Record<string, number>>;
  /** Of each table, the moment of the comparison. */
  readonly marks: readonly SourceMark[];
  /** For what follows. */
  readonly looks: Looks;
}

/** What is found is in the store. Resolves with a failure if the index could not be read to its end, or rows share a document. */
export async function verifySource(
  options: VerifySourceOptions,
  signal: AbortSignal,
): Promise<SourceVerified | Failure> {
  const { tables, store, index, progress } = options;
  const leaveOut = tables.flatMap(({ rows }) => rows.leftOut);
  const estimate = tables.reduce((sum, { table }) => sum + table.estimate, 0);
  const counts = { rows: 0, refused: 0, named: 0 };
  const marks: SourceMark[] = [];
  for (const [source, { table, rows }] of tables.entries()) {
    const reading = { reading: 1, source, leaveOut };
    const take = (page: readonly SourceRow[]): void => {
      for (const row of page) {
        const made = rows.documentOf(row);
        if (made === undefined || made.is === 'untold' || made.is === 'undecided') counts.refused += 1;
        if (made === undefined || made.is === 'left-out') continue;
        counts.named += 1;
        expectRow(store, made, reading);
      }
      counts.rows += page.length;
      progress('Reading rows', counts.rows, Math.max(estimate, counts.rows));
    };
    marks.push(await table.read(rows.columns, undefined, take, signal));
  }
  const expected = store.expectedDocuments();
  if (counts.named > expected) return notUnique(counts.named - expected, tables);
  const untold = Object.fromEntries(
    tables.flatMap(({ table, rows }) => [...rows.untold].map(([column, n]) => [`${table.name}.${column}`, n])),
  );
  // Without the privilege, what was written last is found by the second look.
  await index.refresh(signal);
  let documents = 0;
  for await (const page of index.scan(true, signal)) {
    if ('code' in page) return page;
    for (const found of page) {
      const digest = sourceDigest(found.source ?? '{}', leaveOut);
      const isAsExpected = store.confirm({ ...found, version: versionOf(1) }, digest);
      if (!isAsExpected) store.suspect(found.id, found.routing, undefined);
    }
    documents += page.length;
    progress('Comparing', documents, expected);
  }
  store.suspectUnconfirmed();
  const looks = createLooks({ tables, store, leaveOut, marks: [...marks] });
  const looked = await lookAgainAtRows({ ...options, looks }, signal);
  if ('code' in looked) return looked;
  const { rows, refused } = counts;
  return { ...looked, documents, expected, rows, refused, untold, marks, looks };
}

function notUnique(rows: number, tables: readonly ComparedTable[]): Failure {
  const names = tables.map(({ table }) => table.name).join(', ');
  const message = `${rows} rows of ${names} have a document that another row has too: the key is not unique, and which row was last cannot be told from SQL.`;
  return { code: 'SOURCE_UNUSABLE', message };
}
