/** Compares an index with its table, field by field, by a way that shares nothing with Sluice: the rows' `to_json`. */
import assert from 'node:assert/strict';
import type pg from 'pg';

export interface Compared {
  readonly query: (sql: string) => Promise<pg.QueryResult>;
  /** `http://host:port` */
  readonly elasticsearch: string;
  readonly index: string;
  /** With its schema. */
  readonly table: string;
  readonly key: string;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Fails with the first differences unless the index has exactly one document for each row, under the row's key, with the
 * row's columns and nothing else. Returns how many there are. For tables of up to 10,000 rows.
 */
export async function expectIndexEqualsTable(compared: Compared): Promise<number> {
  const rows = await readRows(compared);
  const documents = await readDocuments(compared);
  const differences: string[] = [];
  for (const [id, row] of rows) {
    const document = documents.get(id);
    if (document === undefined) differences.push(`${id} is missing: ${JSON.stringify(row)}`);
    else if (!sameFields(row, document))
      differences.push(`${id}: ${JSON.stringify(row)} ≠ ${JSON.stringify(document)}`);
  }
  for (const id of documents.keys()) if (!rows.has(id)) differences.push(`${id} is in the index and not in the table`);
  assert.equal(
    differences.length,
    0,
    `${compared.index} differs from ${compared.table} in ${differences.length} documents:\n${differences.slice(0, 5).join('\n')}`,
  );
  return rows.size;
}

async function readRows({ query, table, key }: Compared): Promise<Map<string, Fields>> {
  const { rows } = await query(`SELECT ${key}::text AS id, to_json(t)::text AS row FROM ${table} t`);
  return new Map(
    (rows as { id: string; row: string }[]).map(({ id, row }) => [id, JSON.parse(row) as Fields] as const),
  );
}

/** What a search finds after a refresh; an index that is not there yet has no documents. */
async function readDocuments({ elasticsearch, index }: Compared): Promise<Map<string, Fields>> {
  await fetch(`${elasticsearch}/${index}/_refresh`, { method: 'POST' });
  const response = await fetch(`${elasticsearch}/${index}/_search?size=10000`);
  if (response.status === 404) return new Map();
  const { hits } = (await response.json()) as { hits: { hits: { _id: string; _source: Fields }[] } };
  return new Map(hits.hits.map(({ _id, _source }) => [_id, _source] as const));
}

function sameFields(row: Fields, document: Fields): boolean {
  const names = Object.keys(row);
  return names.length === Object.keys(document).length && names.every((name) => same(row[name], document[name]));
}

const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

/** PostgreSQL and Debezium write the same instant and the same decimal in different ways. */
function same(column: unknown, field: unknown): boolean {
  if (typeof column === 'string' && typeof field === 'string' && timestamp.test(column)) {
    return Date.parse(column) === Date.parse(field);
  }
  if (typeof column === 'number' && typeof field === 'string') return column === Number(field);
  return JSON.stringify(column) === JSON.stringify(field);
}
