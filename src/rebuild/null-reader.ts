/**
 * Reads from the database what fields are of which a record brought null (`pipeline/null-reads.ts`): the row is found by the record's
 * key and becomes a document by the document's own mapper, as in a comparison (`source-rows.ts`), and the fields are taken from that.
 */
import { createRowReader } from '../envelope/json-row.ts';
import { exactTree } from '../json/exact.ts';
import { jsonValue } from '../json/value.ts';
import type { CompiledDocument } from '../mapping/compile.ts';
import type { Row, RowChange } from '../model/change-event.ts';
import type { IndexWrite, NullDoubt, RowForm } from '../model/document.ts';
import type { Failure } from '../model/outcome.ts';
import { isFailure } from '../model/outcome.ts';
import type { Path } from '../model/partial-change.ts';
import { offset } from '../model/position.ts';
import type { Clock, NullReader, NullsRead } from '../pipeline/ports.ts';
import type { RowDocument, SourceRows } from './source-rows.ts';
import { createSourceRows } from './source-rows.ts';
import type { SourceTable } from './verify-ports.ts';

/** The database, as long as it answers. */
export interface NullDatabase {
  /** Of a topic. Rejects if there is no such table. */
  openTable(topic: string): Promise<SourceTable>;
  /** Which transactions everybody sees now: `xmin:xmax:running`, as `txid_current_snapshot()` writes it. */
  snapshot(): Promise<string>;
  close(): Promise<void>;
}

export interface NullReaderOptions {
  /** Connects. Rejects with a failure that `failureOf` understands. */
  readonly open: () => Promise<NullDatabase>;
  readonly failureOf: (error: unknown) => Failure;
  /** A document of a topic, compiled for this alone: what is read here must not count as rows that were met. */
  readonly documentOf: (topic: string, index: string) => CompiledDocument | undefined;
  readonly clock: Clock;
  /** A database that does not answer in time is left, and connected to again. */
  readonly timeoutMs: number;
  readonly warned: (failure: Failure) => void;
}

/** One table as the source of one document, in the form that its records have now. */
interface Asked {
  readonly table: SourceTable;
  readonly rows: SourceRows;
  readonly snapshot: () => Promise<string>;
}

/** Keys in one query. */
const maxKeys = 500;
/** A transaction that was decoded becomes visible a moment later, and where its standbys are slow after they have answered. */
const visible = { attempts: 5, waitMs: 100 };

const untold: NullsRead = { kind: 'untold' };

/** What cannot be told about a table is reported once, and its nulls stay. */
export function createNullReader(options: NullReaderOptions): NullReader & AsyncDisposable {
  const { open, failureOf, documentOf, clock, timeoutMs, warned } = options;
  let database: Promise<NullDatabase> | undefined;
  /** By the form of their rows, and what they are rows of; undefined of what cannot be told. */
  let asked = new WeakMap<RowForm, Map<string, Asked | undefined>>();
  const told = new Set<string>();

  const tellOnce = (seen: string): void => {
    const message = `${seen} Its nulls stay as they came.`;
    if (!told.has(message)) warned({ code: 'NULL_IN_DOUBT', message });
    told.add(message);
  };

  const leave = async (): Promise<void> => {
    const left = database;
    database = undefined;
    asked = new WeakMap();
    await left?.then((opened) => opened.close()).catch(() => undefined);
  };

  const make = async (index: string, doubt: NullDoubt): Promise<Asked | undefined> => {
    const document = documentOf(doubt.topic, index);
    if (document === undefined) {
      tellOnce(`No mapping file makes ${index} of ${doubt.topic}.`);
      return undefined;
    }
    database ??= open();
    const opened = await database;
    const table = await opened.openTable(doubt.topic);
    const rows = createSourceRows({
      ...{ topic: doubt.topic, table, document, mapper: document.createMapper() },
      sample: sampleOf(doubt),
    });
    if (!isFailure(rows)) return { table, rows, snapshot: () => opened.snapshot() };
    tellOnce(rows.message);
    return undefined;
  };

  const prepare = async ({ index, doubt }: InDoubt): Promise<Asked | undefined> => {
    const known = asked.get(doubt.rowForm) ?? new Map<string, Asked | undefined>();
    const name = `${doubt.topic}/${index}`;
    if (!known.has(name)) known.set(name, await make(index, doubt));
    asked.set(doubt.rowForm, known);
    return known.get(name);
  };

  /** The rows of these writes as documents, by id; undefined for an id that several rows have. */
  const look = async (
    { table, rows }: Asked,
    keys: readonly Key[],
  ): Promise<ReadonlyMap<string, RowDocument | undefined>> => {
    const found = new Map<string, RowDocument | undefined>();
    for (let at = 0; at < keys.length; at += maxKeys) {
      for (const row of await table.find(rows.columns, rows.keyColumns, keys.slice(at, at + maxKeys))) {
        const document = rows.documentOf(row);
        if (document !== undefined) found.set(document.id, found.has(document.id) ? undefined : document);
      }
    }
    return found;
  };

  const readOf = async (one: Asked, writes: readonly InDoubt[], signal: AbortSignal): Promise<readonly NullsRead[]> => {
    const answers = new Map<InDoubt, NullsRead>();
    let left = writes;
    for (let attempt = 1; ; attempt += 1) {
      // Whatever a snapshot shows, a later query sees.
      const shows = visibilityIn(await one.snapshot());
      const keyed = left.flatMap((write) => {
        const key = shows(write.doubt.txId) ? keyOf(write.doubt, one) : undefined;
        return key === undefined ? [] : [{ write, key }];
      });
      const found = await look(
        one,
        keyed.map(({ key }) => key),
      );
      for (const { write } of keyed) {
        const isThere = found.has(write.id);
        answers.set(write, isThere ? valuesIn(found.get(write.id), write.doubt, one) : gone(write.doubt));
      }
      left = left.filter(({ doubt }) => !shows(doubt.txId));
      if (left.length === 0 || attempt === visible.attempts) break;
      await clock.sleep(visible.waitMs, signal);
    }
    const message = `The database does not show yet what a transaction wrote to ${one.table.name}.`;
    const hidden: NullsRead = { kind: 'unreachable', failure: { code: 'SOURCE_READ_FAILED', message } };
    const isHidden = new Set(left);
    return writes.map((write) => answers.get(write) ?? (isHidden.has(write) ? hidden : untold));
  };

  const isWithinTime = async (work: Promise<void>, signal: AbortSignal): Promise<boolean> => {
    const over = new AbortController();
    const late = clock.sleep(timeoutMs, AbortSignal.any([signal, over.signal])).then(() => false);
    try {
      return await Promise.race([work.then(() => true), late]);
    } finally {
      over.abort();
    }
  };

  /** Writes of one form and document; their rows are asked for in common. */
  const readGroup = async (group: readonly InDoubt[], signal: AbortSignal): Promise<readonly NullsRead[]> => {
    const [first] = group;
    try {
      const one = first && (await prepare(first));
      return one === undefined ? group.map(() => untold) : await readOf(one, group, signal);
    } catch (error) {
      const failure = failureOf(error);
      if (hopeless.has(failure.code)) {
        tellOnce(failure.message);
        return group.map(() => untold);
      }
      // A connection that failed once is not asked again.
      void leave();
      const failed: Failure = { code: 'SOURCE_READ_FAILED', message: failure.message };
      return group.map((): NullsRead => ({ kind: 'unreachable', failure: failed }));
    }
  };

  return {
    read: async (writes, signal) => {
      const inDoubt = writes.flatMap((write) => (write.doubt === undefined ? [] : [{ ...write, doubt: write.doubt }]));
      const groups = groupsOf(inDoubt);
      const answers = new Map<InDoubt, NullsRead>();
      const work = async (): Promise<void> => {
        for (const group of groups) {
          const read = await readGroup(group, signal);
          for (const [at, write] of group.entries()) answers.set(write, read[at] ?? untold);
        }
      };
      const isLate = !(await isWithinTime(work(), signal));
      signal.throwIfAborted();
      if (isLate) void leave();
      const message = `The database did not answer within ${timeoutMs} ms.`;
      const late: NullsRead = { kind: 'unreachable', failure: { code: 'SOURCE_READ_FAILED', message } };
      return inDoubt.map((write) => answers.get(write) ?? late);
    },
    [Symbol.asyncDispose]: leave,
  };
}

type InDoubt = IndexWrite & { readonly doubt: NullDoubt };
type Key = readonly (string | null)[];

/** Those of one form, topic and document together. */
function groupsOf(writes: readonly InDoubt[]): readonly (readonly InDoubt[])[] {
  const byForm = Map.groupBy(writes, ({ doubt }) => doubt.rowForm);
  return [...byForm.values()].flatMap((group) => [
    ...Map.groupBy(group, ({ index, doubt }) => `${doubt.topic}/${index}`).values(),
  ]);
}

/** What asking again does not change. */
const hopeless: ReadonlySet<string> = new Set(['SOURCE_TABLE_MISSING', 'SOURCE_UNUSABLE']);

/** A row's change of that form, without its values. */
function sampleOf({ topic, keyForm, rowForm }: NullDoubt): RowChange {
  const record = { topic, partition: 0, offset: offset(0), timestampMs: 0, headers: undefined, key: null, value: null };
  const key = emptyRow(keyForm);
  return { op: 'read', record, origin: { collection: topic }, key, before: null, after: emptyRow(rowForm) };
}

function emptyRow({ columns, schema, marker }: RowForm): Row {
  const text = `{${columns.map((name) => `${JSON.stringify(name)}:null`).join(',')}}`;
  const row = createRowReader().read(text, 0, schema)?.row;
  if (row === undefined) throw new Error('A row of nulls is a row.');
  return marker === undefined ? row : Object.assign(row, { marker });
}

/** Columns of keys whose text in JSON is their text in SQL. */
const plainNumbers: ReadonlySet<string> = new Set(['int2', 'int4', 'int8', 'oid']);
const plainTexts: ReadonlySet<string> = new Set(['text', 'varchar', 'bpchar', 'citext', 'uuid']);

/** The key as the database writes it; undefined if that is not known. */
function keyOf({ key, keyForm }: NullDoubt, { table, rows }: Asked): Key | undefined {
  const texts = rows.keyColumns.map((name) => {
    const text = key[keyForm.columns.indexOf(name)];
    const type = table.columns.find((column) => column.name === name)?.type;
    if (text === undefined || type === undefined || type.isArray) return undefined;
    if (plainNumbers.has(type.name)) return /^-?\d+$/.test(text) ? text : undefined;
    const value = plainTexts.has(type.name) || type.isEnum ? jsonValue(text) : undefined;
    return typeof value === 'string' ? value : undefined;
  });
  return texts.includes(undefined) ? undefined : texts.map((text) => text ?? null);
}

/**
 * Which transactions a snapshot shows, by their numbers modulo 2^32: those before `xmax` that do not run any more. One that
 * is a little beyond `xmax` has begun since. One far beyond it is of an earlier round of numbers (the record is old), and over.
 *
 * The order of numbers is not that of commits, so the number of a row's last transaction would say nothing: a transaction with a
 * higher number may have written the row before.
 */
function visibilityIn(snapshot: string): (txId: number) => boolean {
  const [, xmax = '0', list = ''] = snapshot.split(':');
  const next = wrapped(xmax);
  const running = new Set(list.split(',').filter(Boolean).map(wrapped));
  return (txId) => !running.has(txId) && (txId - next) >>> 0 >= begunSince;
}

const wrapped = (number: string): number => Number(BigInt(number) % 2n ** 32n);

/** More transactions than a server runs at once, and few beside 2^32. */
const begunSince = 2 ** 20;

/** A row that is gone, or has another document now: what came stays, and the change that did that follows. */
const gone = ({ paths }: NullDoubt): NullsRead => ({ kind: 'read', values: paths.map(() => undefined) });

function valuesIn(document: RowDocument | undefined, doubt: NullDoubt, { rows }: Asked): NullsRead {
  if (document?.is === 'left-out') return gone(doubt);
  if (document?.is !== 'told') return untold;
  const { paths } = doubt;
  const unknown = new Set([...document.lacking, ...rows.leftOut].map(pathKey));
  if (paths.some((path) => unknown.has(pathKey(path)))) return untold;
  const tree = exactTree(document.text);
  const values = paths.map((path) => {
    const value = path.reduce<unknown>(inside, tree);
    return value === undefined || value === null ? undefined : JSON.stringify(value);
  });
  return { kind: 'read', values };
}

const pathKey = (path: Path): string => JSON.stringify(path);

function inside(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}
