/**
 * Rows read with SQL → what their documents should be, by the document's own mapper: a row is given the form that its connector's
 * records have (docs/decisions/0031-verify-source.md).
 *
 * A column whose values cannot be told exactly is left out of the comparison and named; one of those that decide whether there is
 * a document, and which, or that a transform may look at, is not left out: then there is no comparison.
 */
import { fromMysql } from '../convert/mysql-text.ts';
import type { SqlType } from '../convert/postgres-text.ts';
import { fromSql } from '../convert/postgres-text.ts';
import { createRowReader } from '../envelope/json-row.ts';
import type { ColumnSchema, Row, RowChange, RowSchema, Upsert } from '../model/change-event.ts';
import type { DocumentMapper } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import type { Path } from '../model/partial-change.ts';
import { offset } from '../model/position.ts';
import type { CompiledDocument } from '../mapping/compile.ts';
import type { FieldRule } from './source-compare.ts';
import type { SourceRow, SourceTable } from './verify-ports.ts';
import { wireSchema } from './source-schema.ts';

export interface SourceRowsOptions {
  readonly topic: string;
  readonly table: SourceTable;
  readonly document: Pick<CompiledDocument, 'fieldsFrom' | 'decisive' | 'idColumns' | 'hasTransform'>;
  readonly mapper: DocumentMapper;
  /** A change of the topic: what rows and keys look like in its records. */
  readonly sample: RowChange;
  /** Older images of rows, which may have columns that the sample lacks; the newest first. */
  readonly older?: readonly Row[];
}

/** What the document of a row should be. */
export interface RowDocument {
  readonly id: string;
  readonly routing: string | undefined;
  /**
   * Whether the row is to have a document, and one that can be told: not of a row that the service would set aside. Undecided is a
   * row whose value in a column of `where` cannot be told.
   */
  readonly is: 'told' | 'untold' | 'left-out' | 'undecided';
  /** Empty unless it is told. */
  readonly text: string;
  /** Fields that are not compared of this row alone. */
  readonly lacking: readonly Path[];
  /** The texts of `keyColumns`. */
  readonly key: readonly (string | null)[];
  readonly writtenBy: number;
}

export interface Uncompared {
  readonly column: string;
  readonly reason: string;
}

export interface SourceRows {
  /** What is to be read, in this order. */
  readonly columns: readonly string[];
  readonly keyColumns: readonly string[];
  readonly uncompared: readonly Uncompared[];
  /** Generated columns that are compared although the newest records lack them: a change of the row takes them from its document. */
  readonly unsent: readonly string[];
  /** The fields that no document is compared by. */
  readonly leftOut: readonly Path[];
  /** How the fields are compared that are. */
  readonly rules: readonly FieldRule[];
  /** Column → how many of its values could not be told. */
  readonly untold: ReadonlyMap<string, number>;
  /** Undefined for a row that names no document, which the service would set aside. */
  documentOf(row: SourceRow): RowDocument | undefined;
}

const textReaders = { postgresql: fromSql, mysql: fromMysql } as const;

interface Part {
  readonly name: string;
  readonly token: string;
  /** What is known of the column in the records. */
  readonly column: ColumnSchema | undefined;
  /** In the list of columns that are read; −1 of what is not read. */
  readonly at: number;
  readonly tell: ((text: string) => string | undefined) | undefined;
}

const typeText = ({ name, isArray }: SqlType): string => (isArray ? `${name}[]` : name);

/** A failure where a comparison would say nothing. */
export function createSourceRows(options: SourceRowsOptions): SourceRows | Failure {
  const { topic, table, document, mapper, sample } = options;
  const image = sample.op === 'delete' ? sample.before : sample.after;
  if (image === null) return unusable(`No record of ${topic} tells what rows look like there.`);
  const sent = image.columns.filter((name) => name !== image.marker);
  const others = table.columns.filter(({ name }) => !sent.includes(name));
  const unsent = others.filter(({ isGenerated }) => isGenerated === true).map(({ name }) => name);
  const names = [...sent, ...unsent];
  // A column that no record has now may be in documents all the same, of older records.
  const fields = document.fieldsFrom([...sent, ...others.map(({ name }) => name)]);
  const keyColumns = sample.key?.columns ?? document.idColumns;
  const types = new Map(table.columns.map(({ name, type }) => [name, type] as const));
  const read: string[] = [];
  const uncompared: Uncompared[] = [];
  /** How the records write a column of which they tell nothing. */
  const guess = (name: string): ColumnSchema | undefined => {
    const type = types.get(name);
    return type && wireSchema(name, type, fields.find(({ from }) => from === name)?.as, table.dialect);
  };
  const imageSchema = image.schema && {
    ...image.schema,
    columns: [
      ...image.schema.columns,
      ...unsent.flatMap((name) => olderForm(name, options.older ?? []) ?? guess(name) ?? []),
    ],
  };

  const partOf = (name: string, schema: RowSchema | undefined): Part => {
    const none = { name, token: `${JSON.stringify(name)}:`, column: undefined, at: -1, tell: undefined };
    const type = types.get(name);
    if (type === undefined) return none;
    const column = schema === undefined ? guess(name) : schema.columns.find((one) => one.name === name);
    const tell = column && textReaders[table.dialect](column, type);
    if (tell === undefined) return none;
    if (!read.includes(name)) read.push(name);
    return { ...none, column, at: read.indexOf(name), tell };
  };

  const keyParts = (sample.key?.columns ?? []).map((name) => partOf(name, sample.key?.schema));
  const parts = names.map((name) => partOf(name, imageSchema));
  const lackingKey = keyColumns.find((name) => !types.has(name));
  if (lackingKey !== undefined) {
    return unusable(`The table ${table.name} has no column "${lackingKey}", which is in the key of ${topic}.`);
  }
  if (keyColumns.length === 0) return unusable(`The records of ${topic} have no key, so no row can be found again.`);
  const inFields = new Set(fields.filter(({ constant }) => constant === undefined).map(({ from }) => from));
  for (const { name, tell } of [...keyParts, ...parts]) {
    if (tell !== undefined) continue;
    const type = types.get(name);
    const reason =
      type === undefined
        ? 'is not in the table'
        : unsent.includes(name)
          ? `is generated, and not in the records, which would write ${typeText(type)} in a form that is not known`
          : `is ${typeText(type)}, and how the records write it is not known`;
    const decides = document.decisive.includes(name) || keyColumns.includes(name);
    if (decides || (document.hasTransform && inFields.has(name))) {
      const why = decides ? 'by which documents are chosen or found' : 'which `transform` is given';
      return unusable(`"${name}" of ${table.name}, ${why}, ${reason}.`);
    }
    if (inFields.has(name)) uncompared.push({ column: name, reason });
  }
  for (const { name } of others) {
    if (inFields.has(name) && !names.includes(name)) uncompared.push({ column: name, reason: 'is not in the records' });
  }
  const isOut = new Set(uncompared.map(({ column }) => column));
  const untold = new Map<string, number>();
  const keyRows = createRowReader();
  const imageRows = createRowReader();

  const rowOf = (
    rows: typeof keyRows,
    of: readonly Part[],
    { values }: SourceRow,
    schema: RowSchema | undefined,
    lost: string[],
  ): Row | undefined => {
    const members = of.map(({ name, token, at, tell }) => {
      const value = at === -1 ? null : (values[at] ?? null);
      const told = value === null ? 'null' : tell?.(value);
      if (told === undefined) lost.push(name);
      return token + (told ?? 'null');
    });
    return rows.read(`{${members.join(',')}}`, 0, schema)?.row;
  };

  const record = {
    ...{ topic, partition: 0, offset: offset(0), timestampMs: 0 },
    ...{ headers: undefined, key: null, value: null },
  };
  const said = { record, origin: { collection: table.name } };
  const keyPlaces = keyColumns.map((name) => read.indexOf(name));

  return {
    columns: read,
    keyColumns,
    uncompared,
    unsent: unsent.filter((name) => inFields.has(name) && !isOut.has(name)),
    leftOut: fields.filter(({ from, constant }) => constant === undefined && isOut.has(from)).map(({ path }) => path),
    rules: document.hasTransform
      ? []
      : fields.map(({ path, from, inside }) => ({
          path,
          precision: inside.length > 0 ? undefined : precisionOf(parts.find(({ name }) => name === from)?.column),
        })),
    untold,
    documentOf: (row) => {
      const lost: string[] = [];
      const key = sample.key === null ? null : rowOf(keyRows, keyParts, row, sample.key.schema, lost);
      const after = rowOf(imageRows, parts, row, imageSchema, lost);
      if (key === undefined || after === undefined) return undefined;
      for (const name of new Set(lost)) untold.set(name, (untold.get(name) ?? 0) + 1);
      const change: Upsert = { ...said, op: 'read', key, before: null, after };
      const mapped = mapper(change);
      const place = { key: keyPlaces.map((at) => row.values[at] ?? null), writtenBy: row.writtenBy };
      const isUndecided = lost.some((name) => document.decisive.includes(name) || keyColumns.includes(name));
      if (mapped.kind === 'write' && !isUndecided) {
        const { id, routing } = mapped.write;
        if (mapped.write.action === 'delete') return { ...place, id, routing, is: 'left-out', text: '', lacking: [] };
        const { source, steps } = mapped.write;
        // A transform may have made anything of what was lost; steps are what it is made of where a value is withheld's own word.
        const isTold = steps === undefined && !(document.hasTransform && lost.length > 0);
        if (!isTold) return { ...place, id, routing, is: 'untold', text: '', lacking: [] };
        const lacking = fields.filter(({ from }) => lost.includes(from)).map(({ path }) => path);
        return { ...place, id, routing, is: 'told', text: source.toString(), lacking };
      }
      // It should be there all the same.
      const named = mapper({ ...said, op: 'delete', key, before: after, tombstone: false });
      if (named.kind !== 'write') return undefined;
      const { id, routing } = named.write;
      return { ...place, id, routing, is: isUndecided ? 'undecided' : 'untold', text: '', lacking: [] };
    },
  };
}

/** What older records said of a column, the newest first. */
function olderForm(name: string, older: readonly Row[]): ColumnSchema | undefined {
  for (const { schema } of older) {
    const found = schema?.columns.find((column) => column.name === name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Floats come with as many digits as their writer likes, which are one number all the same. */
function precisionOf(column: ColumnSchema | undefined): FieldRule['precision'] {
  const { type, semantic } = column?.type === 'array' ? (column.items ?? column) : (column ?? {});
  if (semantic !== undefined) return undefined;
  if (type === 'float' || type === 'float32') return 'single';
  return type === 'double' || type === 'float64' ? 'double' : undefined;
}

function unusable(message: string): Failure {
  return { code: 'SOURCE_UNUSABLE', message };
}
