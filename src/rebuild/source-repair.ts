/**
 * Mends what a comparison with SQL found, and nothing else: a document becomes what its row says, one of no row is deleted.
 *
 * SQL has no versions, so each write takes one that is there already: that of the document which it replaces or deletes. The
 * document is read before its row. So whatever changed the row after it was read is a record behind the one that made the
 * document, with a higher version: it wins, whenever it comes. A document that was written in between is newer, and the write is
 * refused. A document that is not there gets the highest version that every record which the service has not settled yet passes.
 */
import type { DocumentWrite, StoredDocument } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import { completed } from '../json/partial-document.ts';
import type { ExternalVersion } from '../model/position.ts';
import type { Sink } from '../pipeline/ports.ts';
import type { Repaired } from './repair.ts';
import { send } from './repair.ts';
import type { VerifySourceOptions } from './source-expectation.ts';
import type { Looks } from './source-looks.ts';
import type { RowDocument } from './source-rows.ts';
import type { Suspect } from './verify-ports.ts';
import { sights } from './verify.ts';

export interface SourceRepairOptions extends Pick<VerifySourceOptions, 'tables' | 'store' | 'index' | 'clock'> {
  /** Those of the comparison. */
  readonly looks: Looks;
  /** Accepts a version that is there already (`external_gte`). */
  readonly sink: Sink;
  /** What the writes name. */
  readonly alias: string;
  /** The version for a document that is not there; undefined where no version is sure to be passed by its next record. */
  readonly versionOfMissing: () => Promise<ExternalVersion | undefined>;
}

const batchSize = 500;

/** What is to be done for one suspect. */
interface Mend {
  readonly deletes: readonly DocumentWrite[];
  readonly index?: DocumentWrite;
  readonly isMissing?: boolean;
  /** Why it is left as it is. */
  readonly left?: string;
}

const nothing: Mend = { deletes: [] };

/** Resolves with a failure where Elasticsearch does not answer. */
export async function repairFromSource(
  options: SourceRepairOptions,
  suspects: readonly Suspect[],
  signal: AbortSignal,
): Promise<Repaired | Failure> {
  const tally = { written: 0, deleted: 0, left: [] as { readonly id: string; readonly why: string }[] };
  for (let at = 0; at < suspects.length; at += batchSize) {
    const batch = suspects.slice(at, at + batchSize);
    const mends = await mendsOf(options, batch, signal);
    if ('code' in mends) return mends;
    for (const [position, { left }] of mends.entries()) {
      if (left !== undefined) tally.left.push({ id: batch[position]?.id ?? '', why: left });
    }
    const leave = ({ id }: DocumentWrite, why: string): void => {
      tally.left.push({ id, why });
    };
    // A document may be written and, under another routing, deleted: never in one request.
    const deletes = mends.flatMap((mend) => mend.deletes);
    const gone = await send(options, deletes, signal);
    if ('code' in gone) return gone;
    for (const [position, outcome] of gone.entries()) {
      const write = deletes[position];
      if (outcome.status === 'applied') tally.deleted += 1;
      else if (outcome.status === 'rejected' && write !== undefined) leave(write, outcome.failure.message);
    }
    const indexing = mends.flatMap(({ index, isMissing }) => (index === undefined ? [] : { index, isMissing }));
    const outcomes = await send(
      options,
      indexing.map(({ index }) => index),
      signal,
    );
    if ('code' in outcomes) return outcomes;
    for (const [position, { index, isMissing }] of indexing.entries()) {
      const outcome = outcomes[position];
      if (outcome?.status === 'applied') tally.written += 1;
      else if (outcome?.status === 'rejected') leave(index, outcome.failure.message);
      else if (outcome?.status === 'superseded' && isMissing === true) leave(index, rememberedDelete);
    }
  }
  return tally;
}

const rememberedDelete =
  'Elasticsearch remembers that it was deleted under a higher version; repeat this after `index.gc_deletes` of the index, or use `sluice repair` without `--source`';
const noVersion =
  'a partition of its topics has no record that the service has settled, so no version is sure to be below that of its next change; use `sluice rebuild`';

async function mendsOf(
  { store, index, tables, alias, looks, versionOfMissing }: SourceRepairOptions,
  batch: readonly Suspect[],
  signal: AbortSignal,
): Promise<readonly Mend[] | Failure> {
  // The order decides: positions, documents, rows.
  const floor = await versionOfMissing();
  const found = await sights(
    index,
    batch,
    batch.map(({ id }) => store.expectationOf(id)),
    signal,
  );
  if ('code' in found) return found;
  // Rows that came since, of which nothing was known when their documents were found to be of no row.
  await looks.readWritten(signal);
  const rows = await looks.readRows(batch);
  return batch.map(({ id }, position): Mend => {
    const expected = store.expectationOf(id);
    const documents = found[position] ?? [];
    const made = rows.get(id);
    if (looks.wrongWith(expected, made, documents) === undefined) return nothing;
    if (expected?.isDeleted !== false) return { deletes: documents.map((document) => removal(alias, document)) };
    if (made?.is !== 'told') return { deletes: [], left: 'its row becomes no document, or none that SQL can tell' };
    const own = documents.find(({ routing }) => routing === expected.routing);
    const deletes = documents.filter((document) => document !== own).map((document) => removal(alias, document));
    const version = own?.version ?? floor;
    if (version === undefined) return { deletes: [], left: noVersion };
    const leftOut = tables[expected.source]?.rows.leftOut ?? [];
    const source = textFor(made, own, [...leftOut, ...made.lacking]);
    if (source === undefined) {
      return { deletes: [], left: 'SQL does not tell all of its fields; use `sluice repair` without `--source`' };
    }
    const { routing } = made;
    return {
      deletes,
      index: { ...{ action: 'index', index: alias, id, version, source }, ...(routing !== undefined && { routing }) },
      isMissing: own === undefined,
    };
  });
}

function removal(alias: string, { id, version, routing }: StoredDocument): DocumentWrite {
  return { ...{ action: 'delete', index: alias, id, version }, ...(routing !== undefined && { routing }) };
}

/** The fields that SQL does not tell stay as they are; undefined where there is nothing that they could stay. */
function textFor(
  { text }: RowDocument,
  own: StoredDocument | undefined,
  untold: RowDocument['lacking'],
): Buffer | undefined {
  const source = Buffer.from(text);
  if (untold.length === 0) return source;
  return own === undefined ? undefined : completed(own.source, [{ source, withheld: untold }]).source;
}
