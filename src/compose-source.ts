/**
 * The part of the composition root for `verify --source`: the tables of a document's topics.
 */
import type { Proof } from './compose-verify.ts';
import { SluiceError } from './errors.ts';
import type { ChangeEvent, Row, RowChange } from './model/change-event.ts';
import type { ExternalVersion } from './model/position.ts';
import { offset } from './model/position.ts';
import { openMysql } from './mysql/client.ts';
import { openMysqlTable } from './mysql/table.ts';
import { openPostgres } from './postgres/client.ts';
import type { TableName } from './postgres/table.ts';
import { openTable } from './postgres/table.ts';
import type { ComparedTable, Reached } from './rebuild/source-expectation.ts';
import type { SourceTable } from './rebuild/verify-ports.ts';
import { createSourceRows } from './rebuild/source-rows.ts';

export interface Source extends AsyncDisposable {
  readonly tables: readonly ComparedTable[];
  /** How far the document's topics go and the service has come. */
  reached(): Promise<Reached>;
  /** The highest version that all records pass which the service has not settled yet; undefined where a partition has none below. */
  settledVersion(): Promise<ExternalVersion | undefined>;
}

/** Records of each partition in which a change is looked for that tells what rows look like. */
const perPartition = 50;

/** `tables` are those that are named by hand. Throws a SluiceError where there is nothing to compare with. */
export async function openSource(proof: Proof, url: string, tables: readonly string[]): Promise<Source> {
  const { topics } = proof;
  const sql = await openDatabase(url);
  try {
    const names = tables.length === 0 ? tablesOf(topics) : namedTables(topics, tables, sql.defaultSchema);
    const samples = await proof.sample(perPartition);
    let firsts: typeof samples | undefined;
    const compared: ComparedTable[] = [];
    for (const [position, topic] of topics.entries()) {
      const name = names[position];
      const document = proof.documentOf(topic);
      if (name === undefined || document === undefined) continue;
      const sample = latestRow(samples.get(topic) ?? []);
      if (sample === undefined) {
        throw unusable(
          `None of the last ${perPartition} records of ${topic} is a row's change, so nothing tells how rows look there.`,
        );
      }
      const table = await sql.openTable(name);
      // Only a snapshot may tell how the records write a generated column.
      if (table.columns.some(({ isGenerated }) => isGenerated === true))
        firsts ??= await proof.sample(perPartition, true);
      const older = [...(samples.get(topic) ?? []), ...(firsts?.get(topic) ?? [])].reverse().flatMap(imageOf);
      const rows = createSourceRows({ topic, table, document, mapper: document.createMapper(), sample, older });
      if ('code' in rows) throw new SluiceError([rows]);
      compared.push({ table, rows });
    }
    return {
      tables: compared,
      reached: async () => {
        const ends = await proof.partitions();
        return {
          ends: ends.map(({ end }) => end),
          // Where all has expired, there is nothing to settle.
          settled: ends.map(({ start, end, committed = 0 }) => (start === end ? end : committed)),
        };
      },
      settledVersion: async () => {
        const versions = (await proof.partitions()).map(({ topic, partition, start, end, committed = 0 }) => {
          const settled = start === end ? end : committed;
          const versionOf = proof.documentOf(topic)?.truncated.versionOf;
          return settled === 0 ? undefined : versionOf?.({ topic, partition, offset: offset(settled - 1) });
        });
        return versions.reduce((lowest, one) =>
          lowest === undefined || one === undefined ? undefined : BigInt(lowest) < BigInt(one) ? lowest : one,
        );
      },
      [Symbol.asyncDispose]: () => sql[Symbol.asyncDispose](),
    };
  } catch (error) {
    await sql[Symbol.asyncDispose]();
    throw error;
  }
}

export interface Database extends AsyncDisposable {
  /** Where a table is that is named without one. */
  readonly defaultSchema: string;
  openTable(name: TableName): Promise<SourceTable>;
}

/** By the scheme of the URL. What is neither is refused by the first. */
export async function openDatabase(url: string): Promise<Database> {
  if (/^(?:mysql|mariadb):/.test(url)) {
    const sql = await openMysql(url, process.env);
    return {
      defaultSchema: sql.database,
      openTable: (name) => openMysqlTable(sql, name),
      [Symbol.asyncDispose]: () => sql[Symbol.asyncDispose](),
    };
  }
  const sql = await openPostgres(url);
  return {
    defaultSchema: 'public',
    openTable: (name) => openTable(sql, name),
    [Symbol.asyncDispose]: () => sql[Symbol.asyncDispose](),
  };
}

/** By Debezium's names of topics: `prefix.schema.table` (of MySQL `prefix.database.table`), of one prefix, for that is one database. */
function tablesOf(topics: readonly string[]): readonly TableName[] {
  const parts = topics.map((topic) => topic.split('.'));
  const prefixes = new Set(parts.map((each) => each.slice(0, -2).join('.')));
  if (prefixes.size > 1) {
    throw unusable(
      `The document is made of topics of several connectors (${[...prefixes].join(', ')}), and one database has not the rows of all.`,
    );
  }
  return topics.map((topic) => {
    const name = tableOf(topic);
    if (name === undefined) throw missing(`The name of the topic ${topic} does not end with a schema and a table.`);
    return name;
  });
}

/** Undefined if the topic's name does not end with a schema and a table. */
export function tableOf(topic: string): TableName | undefined {
  const parts = topic.split('.');
  const [schema, table] = parts.slice(-2);
  return schema === undefined || table === undefined || parts.length < 3 ? undefined : { schema, table };
}

function namedTables(
  topics: readonly string[],
  tables: readonly string[],
  defaultSchema: string,
): readonly TableName[] {
  if (tables.length !== topics.length) {
    throw missing(
      `The document is made of ${topics.length} topics (${topics.join(', ')}), and \`--table\` names ${tables.length} tables.`,
    );
  }
  return tables.map((name) => {
    const dot = name.indexOf('.');
    return dot === -1
      ? { schema: defaultSchema, table: name }
      : { schema: name.slice(0, dot), table: name.slice(dot + 1) };
  });
}

const imageOf = (event: ChangeEvent): readonly Row[] => ('after' in event ? [event.after] : []);

/** Deletes tell less: the key at least, and what columns there are. */
function latestRow(events: readonly ChangeEvent[]): RowChange | undefined {
  const upsert = events.findLast((event) => event.op === 'read' || event.op === 'create' || event.op === 'update');
  if (upsert !== undefined && 'after' in upsert) return upsert;
  const left = events.findLast((event) => event.op === 'delete' && event.before !== null);
  return left?.op === 'delete' ? left : undefined;
}

const missing = (message: string): SluiceError => new SluiceError([{ code: 'SOURCE_TABLE_MISSING', message }]);
const unusable = (message: string): SluiceError => new SluiceError([{ code: 'SOURCE_UNUSABLE', message }]);
