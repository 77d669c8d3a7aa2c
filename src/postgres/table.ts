/**
 * A table of PostgreSQL: what its columns are, all its rows by a cursor, those that were written since, and rows by their key.
 */
import type { SourceColumn, SourceMark, SourceRow, SourceTable } from '../rebuild/verify-ports.ts';
import type { Sql } from './client.ts';
import { failed } from './client.ts';

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

type Cells = readonly (string | null)[];

/** Rows that one fetch brings. */
const pageSize = 1000;

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A domain is what it is made of; an array is told by its elements. Before PostgreSQL 12, there is no `attgenerated`. */
const columnsQuery = `
  SELECT a.attname, coalesce(e.typname, t.typname), e.oid IS NOT NULL, coalesce(e.typtype, t.typtype) = 'e',
    CASE WHEN d.typtype = 'd' THEN d.typtypmod ELSE a.atttypmod END, format_type(a.atttypid, a.atttypmod),
    coalesce(to_jsonb(a) ->> 'attgenerated', '') <> ''
  FROM pg_attribute a
  JOIN pg_type d ON d.oid = a.atttypid
  JOIN pg_type t ON t.oid = CASE WHEN d.typtype = 'd' THEN d.typbasetype ELSE d.oid END
  LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
  WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

/** Rejects with a SluiceError where there is no such table. */
export async function openTable(sql: Sql, { schema, table }: TableName): Promise<SourceTable> {
  const name = `${schema}.${table}`;
  const [found] = await sql.query(
    `SELECT c.oid, c.relkind, greatest(c.reltuples, 0)::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
    [schema, table],
  );
  const [oid, kind, estimate] = found ?? [];
  if (typeof oid !== 'string') throw failed('SOURCE_TABLE_MISSING', `The database has no table "${name}".`);
  if (kind !== 'r' && kind !== 'p') {
    throw failed(
      'SOURCE_UNUSABLE',
      `"${name}" is a view or a foreign table, whose rows do not tell when they were written.`,
    );
  }
  const described = await sql.query(columnsQuery, [oid]);
  const columns = described.map(columnOf);
  const declared = new Map(described.map(([column, , , , , type]) => [column, type ?? 'text'] as const));
  // The rows of tables that inherit from it are theirs; those of partitions are its own.
  const from = `FROM ${kind === 'r' ? 'ONLY ' : ''}${identifier(schema)}.${identifier(table)}`;
  const select = (names: readonly string[]): string =>
    `SELECT ${['xmin', ...names.map((column) => valueOf(column, columns))].join(', ')} ${from}`;

  const read: SourceTable['read'] = async (names, since, take, signal) => {
    await sql.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    try {
      const mark = await markNow(sql);
      const condition = since === undefined ? '' : `WHERE age(xmin) <= age('${since.transaction}'::xid)`;
      await sql.query(`DECLARE sluice_rows NO SCROLL CURSOR FOR ${select(names)} ${condition}`);
      for (;;) {
        const rows = await sql.query(`FETCH ${pageSize} FROM sluice_rows`);
        if (rows.length === 0) return mark;
        take(rows.map(rowOf));
        signal.throwIfAborted();
      }
    } finally {
      // Where the connection broke, that was told already.
      await sql.query('ROLLBACK').catch(() => undefined);
    }
  };

  const find: SourceTable['find'] = async (names, keyColumns, keys) => {
    const hasNull = keys.some((key) => key.includes(null));
    const places = keyColumns.map((column, at) => `$${at + 1}::text[]::${declared.get(column) ?? 'text'}[]`);
    // NULL equals nothing, and what is not to be equal takes no index.
    const equals = hasNull ? 'IS NOT DISTINCT FROM' : '=';
    const matching = keyColumns.map((column, at) => `t.${identifier(column)} ${equals} k.k${at}`).join(' AND ');
    const keyNames = keyColumns.map((_, at) => `k${at}`).join(', ');
    const rows = await sql.query(
      `${select(names)} t WHERE EXISTS (SELECT FROM unnest(${places.join(', ')}) AS k(${keyNames}) WHERE ${matching})`,
      keyColumns.map((_, at) => keys.map((key) => key[at] ?? null)),
    );
    return rows.map(rowOf);
  };

  return { name, dialect: 'postgresql', columns, estimate: Number(estimate ?? 0), read, find };
}

async function markNow(sql: Sql): Promise<SourceMark> {
  // A standby has no current position, but the one up to which it has come.
  const [row] = await sql.query(
    `SELECT mod(txid_snapshot_xmin(txid_current_snapshot()), 4294967296),
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END`,
  );
  const [transaction, position] = row ?? [];
  return { transaction: transaction ?? '0', position: position ?? '' };
}

/** Money's text depends on the server's locale. */
function valueOf(name: string, columns: readonly SourceColumn[]): string {
  const type = columns.find((column) => column.name === name)?.type;
  const isMoney = type?.name === 'money' && !type.isArray;
  return isMoney ? `${identifier(name)}::numeric` : identifier(name);
}

function rowOf([writtenBy, ...values]: Cells): SourceRow {
  return { values, writtenBy: Number(writtenBy) };
}

const timed: ReadonlySet<string> = new Set(['time', 'timetz', 'timestamp', 'timestamptz']);

function columnOf([name, type, isArray, isEnum, modifier, , isGenerated]: Cells): SourceColumn {
  const digits = Number(modifier ?? -1);
  return {
    name: name ?? '',
    isGenerated: isGenerated === 't',
    type: {
      name: type ?? '',
      isArray: isArray === 't',
      isEnum: isEnum === 't',
      digits: timed.has(type ?? '') && digits >= 0 ? digits : undefined,
    },
  };
}
