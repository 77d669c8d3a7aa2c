/**
 * Looks at rows and documents after the first reading: the rows that were written since, the rows of suspects by their keys, and
 * what is wrong with a document as both are now.
 */
import type { StoredDocument } from '../model/document.ts';
import type { Path } from '../model/partial-change.ts';
import { differingFields } from './source-compare.ts';
import type { VerifySourceOptions } from './source-expectation.ts';
import { expectChanged, expectNone, keyOf } from './source-expectation.ts';
import type { RowDocument } from './source-rows.ts';
import type { Expectation, SourceMark, Suspect, Verdict } from './verify-ports.ts';

export interface LooksOptions extends Pick<VerifySourceOptions, 'tables' | 'store'> {
  /** The fields that no document is compared by. */
  readonly leaveOut: readonly Path[];
  /** Of each table, when its rows were read. */
  readonly marks: SourceMark[];
}

export interface Looks {
  /** Keeps what the rows written since the last reading say. */
  readWritten(signal: AbortSignal): Promise<void>;
  /** The rows of suspects as they are now, by id. */
  readRows(suspects: readonly Suspect[]): Promise<ReadonlyMap<string, RowDocument>>;
  /** What is wrong as it is seen now, and in which fields; undefined if nothing is. */
  wrongWith(
    expected: Expectation | undefined,
    made: RowDocument | undefined,
    documents: readonly StoredDocument[],
  ): readonly [Verdict, readonly string[]] | undefined;
}

/** One for a whole comparison, with all that follows it: readings are counted on. */
export function createLooks({ tables, store, leaveOut, marks }: LooksOptions): Looks {
  let readings = 1;

  const readWritten: Looks['readWritten'] = async (signal) => {
    for (const [source, { table, rows }] of tables.entries()) {
      readings += 1;
      const reading = { reading: readings, source, leaveOut };
      marks[source] = await table.read(
        rows.columns,
        marks[source],
        (page) => {
          for (const row of page) {
            const made = rows.documentOf(row);
            if (made !== undefined) expectChanged(store, made, reading);
          }
        },
        signal,
      );
    }
  };

  const readRows: Looks['readRows'] = async (suspects) => {
    const found = new Map<string, RowDocument>();
    const ids = [...new Set(suspects.map(({ id }) => id))];
    for (const [source, { table, rows }] of tables.entries()) {
      const own = ids.filter((id) => {
        const expected = store.expectationOf(id);
        return expected?.isDeleted === false && expected.source === source;
      });
      if (own.length === 0) continue;
      readings += 1;
      const reading = { reading: readings, source, leaveOut };
      const keys = own.map((id) => keyOf(store, id));
      for (const row of await table.find(rows.columns, rows.keyColumns, keys)) {
        const made = rows.documentOf(row);
        if (made === undefined) continue;
        found.set(made.id, made);
        expectChanged(store, made, reading);
      }
      for (const id of own) if (!found.has(id)) expectNone(store, id, reading);
    }
    return found;
  };

  const differingIn = (made: RowDocument, own: StoredDocument, source: number): readonly string[] =>
    differingFields(made.text, own.source ?? '{}', tables[source]?.rows.rules ?? [], [...leaveOut, ...made.lacking]);

  const wrongWith: Looks['wrongWith'] = (expected, made, documents) => {
    if (expected?.isDeleted !== false) return documents.length === 0 ? undefined : ['surplus', []];
    if (made?.is === 'undecided') return ['unproven', []];
    const own = documents.find(({ routing }) => routing === expected.routing);
    if (documents.some((document) => document !== own)) return ['misrouted', []];
    if (own === undefined) return ['missing', []];
    if (made?.is !== 'told') return ['unproven', []];
    const names = differingIn(made, own, expected.source);
    return names.length === 0 ? undefined : ['differing', names];
  };

  return { readWritten, readRows, wrongWith };
}
