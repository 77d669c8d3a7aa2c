/**
 * Marks the nulls of a write that the database may not have sent (`convert/withheld-as-null.ts`), for who can look into the
 * database (`pipeline/null-reads.ts`).
 */
import type { Row, RowChange } from '../model/change-event.ts';
import type { IndexWrite, NullDoubt, RowForm } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { Plan } from './plan.ts';

/**
 * Only an update leaves values unsent, and only one without the row before it: REPLICA IDENTITY FULL sends every value. Without the
 * number of its transaction nobody can tell whether the database shows what it wrote yet, so such a record is left as it came.
 */
export function createNullMarker(
  untold: (failure: Failure) => void,
): (write: IndexWrite, change: RowChange, plan: Plan) => IndexWrite {
  const told = new Set<string>();
  const forms = new WeakMap<readonly string[], RowForm>();
  const formOf = ({ columns, schema, marker }: Row): RowForm => {
    const known = forms.get(columns);
    if (known?.schema === schema && known?.marker === marker && known !== undefined) return known;
    const form = { columns, schema, marker };
    forms.set(columns, form);
    return form;
  };
  return (write, change, { nullable }) => {
    if (nullable.length === 0 || change.op !== 'update' || change.before !== null || change.key === null) return write;
    const { key, after, record, origin } = change;
    const paths = nullable.flatMap(({ column, path }) => (after.text(column) === 'null' ? [path] : []));
    if (paths.length === 0) return write;
    const txId = Number(origin.txId ?? Number.NaN);
    if (!Number.isSafeInteger(txId)) {
      if (told.has(record.topic)) return write;
      told.add(record.topic);
      untold({
        code: 'NULL_IN_DOUBT',
        message: `The records of ${record.topic} do not carry \`source.txId\`, so nulls in doubt of ${write.index} are not read from the database.`,
      });
      return write;
    }
    const doubt: NullDoubt = {
      topic: record.topic,
      paths,
      key: key.columns.map((_, column) => key.text(column)),
      keyForm: formOf(key),
      rowForm: formOf(after),
      txId: txId % 2 ** 32,
    };
    return { ...write, doubt };
  };
}
