/** Compares an index with its table, field by field, by a way that shares nothing with Sluice: the rows' `to_json`. */
import assert from 'node:assert/strict';
import type pg from 'pg';

export interface Compared {
  readonly query: (sql: string) => Promise<pg.QueryResult>;
  /** `http://host:port` of either engine */
  readonly elasticsearch: string;
  readonly index: string;
  /** With its schema. */
  readonly table: string;
  readonly key: string;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Fails with the first differences unless the index has exactly one document for each row, under the row's key, with the
 * row's columns and nothing else. Returns how many there are.
 */
export async function expectIndexEqualsTable(compared: Compared): Promise<number> {
  const rows = await readRows(compared);
  const documents = await readDocuments(compared);
  const differences: string[] = [];
  for (const [id, row] of rows) {
    const document = documents.get(id);
    if (document === undefined) differences.push(`${id} is missing: ${short(row)}`);
    else if (!sameFields(row, document)) differences.push(`${id}: ${differenceText(row, document)}`);
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

interface Page {
  readonly _scroll_id: string;
  readonly hits: { readonly hits: readonly { readonly _id: string; readonly _source: Fields }[] };
}

/** What a search finds after a refresh, page by page of one scroll; an index that is not there has no documents. */
async function readDocuments({ elasticsearch, index }: Compared): Promise<Map<string, Fields>> {
  const documents = new Map<string, Fields>();
  const post = (path: string, body?: unknown): Promise<Response> =>
    fetch(`${elasticsearch}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  await post(`/${index}/_refresh`);
  // Both engines have it; their points in time are asked for differently.
  let answer = await post(`/${index}/_search?scroll=1m`, { size: 5000, sort: ['_doc'] });
  if (answer.status === 404) return documents;
  for (;;) {
    const { _scroll_id: scroll, hits } = (await answer.json()) as Page;
    for (const { _id, _source } of hits.hits) documents.set(_id, _source);
    if (hits.hits.length === 0) {
      await fetch(`${elasticsearch}/_search/scroll/${encodeURIComponent(scroll)}`, { method: 'DELETE' });
      break;
    }
    answer = await post('/_search/scroll', { scroll: '1m', scroll_id: scroll });
  }
  return documents;
}

function sameFields(row: Fields, document: Fields): boolean {
  const names = Object.keys(row);
  return names.length === Object.keys(document).length && names.every((name) => same(row[name], document[name]));
}

const short = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 200));

function differenceText(row: Fields, document: Fields): string {
  const names = [...new Set([...Object.keys(row), ...Object.keys(document)])];
  const unlike = names.filter((name) => !(name in row && name in document && same(row[name], document[name])));
  return unlike.map((name) => `${name}: ${short(row[name])} ≠ ${short(document[name])}`).join('; ');
}

const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;

/** PostgreSQL and Debezium write the same instant and the same decimal in different ways. */
function same(column: unknown, field: unknown): boolean {
  if (typeof column === 'string' && typeof field === 'string' && timestamp.test(column)) {
    return Date.parse(column) === Date.parse(field);
  }
  if (typeof column === 'string' && typeof field === 'string' && column.startsWith('\\x')) {
    return column.slice(2) === Buffer.from(field, 'base64').toString('hex');
  }
  if (typeof column === 'number' && typeof field === 'string') return column === Number(field);
  return JSON.stringify(column) === JSON.stringify(field);
}
