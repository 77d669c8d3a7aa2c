/**
 * Holds a document whose mapping file names columns that its rows do not have. `emial: { exclude: true }` would let the e-mail
 * address through, and `stauts: active` in `where` would empty the index, so nothing is written, and no change is left out, before
 * every column was seen that rows must have. `sluice check` judges by the same rule (`mapping/fit.ts`).
 *
 * A column may be in later rows only, since the table was altered. So the last records of the topic are looked at, too, before
 * anything is said, and again while the document is held.
 */
import { suggestion } from '../model/suggestion.ts';
import type { DocumentDefinition } from '../mapping/definition.ts';
import type { NamedColumn } from '../mapping/fit.ts';
import { createColumnsSeen, hasColumn, imageOf, namedColumns, promisesColumns } from '../mapping/fit.ts';
import type { RowChange } from '../model/change-event.ts';
import type { DocumentMapper, GatedMapper, Held } from '../model/document.ts';
import type { Failure, FailureCode } from '../model/outcome.ts';

export interface ColumnGateOptions {
  /** The document's alias. */
  readonly document: string;
  readonly topic: string;
  readonly definition: DocumentDefinition;
  /** `file:line:column` of a key of the mapping file. */
  readonly placeOf: (path: NamedColumn['path']) => string;
  /** The last changes of the topic; undefined if it was looked at a moment ago. May reject. */
  readonly look: () => Promise<readonly RowChange[]> | undefined;
  readonly warned: (failure: Failure) => void;
}

/** The mapper of one topic's rows, held until the columns that its mapping file names were seen. */
export function gateColumns(map: DocumentMapper, options: ColumnGateOptions): GatedMapper {
  const { document, topic, definition, placeOf, look, warned } = options;
  const named = namedColumns(definition);
  if (named.length === 0) return map;
  const seen = createColumnsSeen(definition);
  const dropped = createDropWatch(named, definition);
  let state: 'unknown' | 'held' | 'open' = 'unknown';
  let isDoubtTold = false;
  let lastColumns: readonly string[] | undefined;
  let looking: Promise<void> | undefined;

  const failure = (code: FailureCode, missing: readonly NamedColumn[]): Failure =>
    columnFailure({ code, topic, missing, columns: seen.columns, placeOf });

  const tellDoubt = (): void => {
    const { doubtful } = seen.missing();
    if (isDoubtTold || doubtful.length === 0) return;
    isDoubtTold = true;
    warned(failure('COLUMN_UNSEEN', doubtful));
  };

  const lookAgain = (): void => {
    if (looking !== undefined) return;
    looking = look()?.then(
      (changes) => {
        for (const change of changes) {
          seen.add(change);
          dropped.missingIn(change);
        }
        looking = undefined;
        if (state === 'open') tellDoubt();
      },
      () => {
        looking = undefined;
      },
    );
  };

  /** Undefined if the document may be written. */
  const judged = (): Held | undefined => {
    const { holding, doubtful } = seen.missing();
    if (holding.length === 0) {
      state = 'open';
      if (doubtful.length > 0 && !isDoubtTold) lookAgain();
      return undefined;
    }
    state = 'held';
    lookAgain();
    return { kind: 'held', of: document, failure: failure('COLUMN_UNKNOWN', holding), looked: looking };
  };

  const meet = (change: RowChange): Held | undefined => {
    const image = imageOf(change);
    if (image === null || image.columns === lastColumns) return state === 'held' ? judged() : undefined;
    lastColumns = image.columns;
    seen.add(change);
    if (state !== 'open') {
      dropped.missingIn(change);
      return judged();
    }
    const gone = dropped.missingIn(change);
    if (gone.length > 0) warned(failure('COLUMN_DROPPED', gone));
    return undefined;
  };

  return (change) => meet(change) ?? map(change);
}

interface DropWatch {
  /** Named columns that rows had and this later one has no more, each told once. */
  missingIn(change: RowChange): readonly NamedColumn[];
}

function createDropWatch(named: readonly NamedColumn[], definition: DocumentDefinition): DropWatch {
  /** When the newest row was written that had all columns: older ones, of another partition, may lack what was added later. */
  let completeAtMs: number | undefined;
  const told = new Set<string>();
  return {
    missingIn: (change) => {
      const image = imageOf(change);
      if (image === null || !promisesColumns(change, definition)) return [];
      const { timestampMs } = change.record;
      const columns = new Set([...image.columns, ...(change.key?.columns ?? [])]);
      const lacking = named.filter(({ column }) => !hasColumn(columns, column));
      if (lacking.length === 0) completeAtMs = Math.max(completeAtMs ?? timestampMs, timestampMs);
      if (lacking.length === 0 || completeAtMs === undefined || timestampMs < completeAtMs) return [];
      const fresh = lacking.filter(({ column }) => !told.has(column));
      for (const { column } of fresh) told.add(column);
      return fresh;
    },
  };
}

export interface ColumnFailure extends Pick<ColumnGateOptions, 'topic' | 'placeOf'> {
  readonly code: FailureCode;
  readonly missing: readonly NamedColumn[];
  /** Those that rows have. */
  readonly columns: ReadonlySet<string>;
}

/** MongoDB's `_id` is called `id` in rows (`envelope/metadata-id.ts`). */
function guessFor(column: string, columns: ReadonlySet<string>): string {
  if (column === '_id' && columns.has('id')) return ': MongoDB\'s "_id" is called "id" here. Write "id"';
  return suggestion(column, [...columns]);
}

/** One sentence for each column, with its place in the mapping file. */
export function columnFailure({ code, topic, missing, columns, placeOf }: ColumnFailure): Failure {
  const have = code === 'COLUMN_DROPPED' ? 'have no longer a' : 'have no';
  const sentences = missing.map(({ column, path }) => {
    const guess = code === 'COLUMN_DROPPED' ? '' : guessFor(column, columns);
    return `${placeOf(path)}: the rows of "${topic}" ${have} column "${column}"${guess}${guess.endsWith('?') ? '' : '.'}`;
  });
  return { code, message: sentences.join(' ') };
}
