/**
 * A table of MySQL or MariaDB: what its columns are, all its rows as they are at one moment, and rows by their key.
 *
 * A row does not tell who wrote it. A number made of its values stands for that, so a row that was changed and changed back looks
 * as if nobody had touched it; and the rows written since a moment are all rows.
 */
import { createHash } from 'node:crypto';
import type { SourceColumn, SourceMark, SourceRow, SourceTable } from '../rebuild/verify-ports.ts';
import type { Cells, MySql } from './client.ts';
import { failed } from './client.ts';

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

const pageSize = 1000;

const identifier = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

const columnsQuery = `
  SELECT column_name, data_type, column_type, coalesce(datetime_precision, ''), extra, coalesce(numeric_precision, '')
  FROM information_schema.columns WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`;

interface Column extends SourceColumn {
  /** Of `bit`. */
  readonly width: number;
}

/** Rejects with a SluiceError where there is no such table. */
export async function openMysqlTable(sql: MySql, { schema, table }: TableName): Promise<SourceTable> {
  const name = `${schema}.${table}`;
  const [found] = await sql.query(
    `SELECT table_type, coalesce(table_rows, 0) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?`,
    [schema, table],
  );
  if (found === undefined) throw failed('SOURCE_TABLE_MISSING', `The database has no table "${name}".`);
  if (found[0] === 'VIEW')
    throw failed('SOURCE_UNUSABLE', `"${name}" is a view, and not the table that the connector reads.`);
  const columns = (await sql.query(columnsQuery, [schema, table])).map(columnOf);
  const byName = new Map(columns.map((column) => [column.name, column] as const));
  const select = (names: readonly string[]): string =>
    `SELECT ${names.map((column) => valueOf(column, byName.get(column))).join(', ')} FROM ${identifier(schema)}.${identifier(table)}`;

  const read: SourceTable['read'] = async (names, _, take, signal) => {
    await sql.query('START TRANSACTION WITH CONSISTENT SNAPSHOT');
    try {
      const mark = await markNow(sql);
      for await (const page of sql.pages(select(names), pageSize)) {
        take(page.map(rowOf));
        signal.throwIfAborted();
      }
      return mark;
    } finally {
      // Where the connection broke, that was told already.
      await sql.query('ROLLBACK').catch(() => undefined);
    }
  };

  const find: SourceTable['find'] = async (names, keyColumns, keys) => {
    const parameters: string[] = [];
    const conditions = keys.map((key) => {
      const parts = keyColumns.map((column, at) => {
        const value = literalOf(key[at] ?? null, byName.get(column), parameters);
        return `${identifier(column)} <=> ${value}`;
      });
      return `(${parts.join(' AND ')})`;
    });
    if (conditions.length === 0) return [];
    return (await sql.query(`${select(names)} WHERE ${conditions.join(' OR ')}`, parameters)).map(rowOf);
  };

  return { name, dialect: 'mysql', columns, estimate: Number(found[1] ?? 0), read, find };
}

/** The position is for people; not every user may ask for it. */
async function markNow(sql: MySql): Promise<SourceMark> {
  const variable = sql.isMariadb ? '@@GLOBAL.gtid_binlog_pos' : '@@GLOBAL.gtid_executed';
  const rows = await sql.query(`SELECT ${variable}`).catch(() => []);
  return { transaction: '0', position: (rows[0]?.[0] ?? '').replaceAll(/\s/g, '') };
}

const binary: ReadonlySet<string> = new Set(['binary', 'varbinary', 'tinyblob', 'blob', 'mediumblob', 'longblob']);
const number = /^(?:tinyint|smallint|mediumint|int|bigint|decimal)\b/;
const digits = /^-?\d+(?:\.\d+)?$/;

/** Bytes and bits have no text; a float's text is rounded, that of the double that it is equal to is not. */
function valueOf(name: string, column: Column | undefined): string {
  const quoted = identifier(name);
  const type = column?.type.name ?? '';
  if (binary.has(type)) return `HEX(${quoted})`;
  if (type === 'bit') return `LPAD(BIN(${quoted} + 0), ${column?.width ?? 1}, '0')`;
  return type === 'float' ? `${quoted} + 0e0` : quoted;
}

/** A number beside a text would be compared as a double, and a key beyond 2^53 with its neighbours. */
function literalOf(text: string | null, column: Column | undefined, parameters: string[]): string {
  const type = column?.type.name ?? '';
  if (text === null) return 'NULL';
  if (number.test(type) && digits.test(text)) return text;
  if (type === 'bit' && /^[01]+$/.test(text)) return `b'${text}'`;
  parameters.push(text);
  return binary.has(type) ? 'UNHEX(?)' : '?';
}

function rowOf(values: Cells): SourceRow {
  const hash = createHash('sha256');
  for (const value of values) hash.update(value === null ? '-' : `${value.length}:${value}`);
  return { values, writtenBy: hash.digest().readUIntBE(0, 6) };
}

function columnOf([name, type = '', full, fraction, extra, width]: Cells): Column {
  const isUnsigned = /\bunsigned\b/.test(full ?? '');
  return {
    name: name ?? '',
    isGenerated: /\b(?:VIRTUAL|STORED|PERSISTENT)\b/i.test(extra ?? ''),
    width: Number(width || 1),
    type: {
      name: `${(type ?? '').toLowerCase()}${isUnsigned ? ' unsigned' : ''}`,
      isArray: false,
      isEnum: type === 'enum',
      digits: fraction === '' || fraction === null ? undefined : Number(fraction),
    },
  };
}
