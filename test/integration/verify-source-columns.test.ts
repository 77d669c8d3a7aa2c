/**
 * `sluice verify --source`, for every type of column that PostgreSQL has and its connector knows: which are compared, which are
 * told not to be, and that those which are compared are as the connector wrote them, in its snapshot and its stream.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Mode } from '../fixtures/columns.ts';
import type { Setting } from '../fixtures/settings.ts';
import { postgresStage } from '../fixtures/databases.ts';
import { postgresTables } from '../fixtures/postgres-columns.ts';
import { untilMarked } from '../fixtures/read-topics.ts';
import { deleteConnector, registerConnector } from '../stack/connectors.ts';
import { startStack } from '../stack/stack.ts';
import { isCommitted } from './committed.ts';
import { untilTrue } from './poll.ts';
import { startReadySluice } from './sluice-process.ts';
import { verifySource } from './source-command.ts';

const stack = await startStack({ servers: ['kafka', 'postgres', 'connect', 'elasticsearch'] });
test.after(() => stack.stop());
const { kafka, postgres, connect, elasticsearch } = stack.addresses;

const json = {
  'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
  'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
};

const all = postgresTables.map((table) => table.name);
const moreColumns = `
  CREATE DOMAIN fixtures.whole AS integer CHECK (VALUE > 0);
  CREATE DOMAIN fixtures.sum AS numeric(9,2);
  CREATE TABLE fixtures.more (id integer PRIMARY KEY,
    c_tz_0 timestamptz(0), c_tz_3 timestamptz(3), c_ts_0 timestamp(0), c_ts_4 timestamp(4), c_time_3 time(3), c_timetz timetz, c_timetz_2 timetz(2),
    c_whole fixtures.whole, c_sum fixtures.sum, c_bits bit(70), c_name name, c_double double precision, c_real real,
    c_numeric numeric, c_numeric_20 numeric(20,0), c_interval interval, c_varbit varbit, c_small numeric(5,2), c_tss timestamptz(3)[])`;
const moreRows = (from: number) => `INSERT INTO fixtures.more VALUES
  (${from + 1}, '2020-01-02 03:04:05.678+02', '2020-01-02 03:04:05.5+02', '2020-01-02 03:04:05', '2020-01-02 03:04:05.12', '03:04:05.6', '03:04:05.100+02', '23:30:00.25-02', 7, 12.30, B'${'10'.repeat(35)}', 'n', 2.0E-3, 1.17549435E-38, 100, 12345678901234567890, '-1 day 02:03:04.5', B'1', 1.5, '{2020-01-02 03:04:05.5+02}'),
  (${from + 2}, '2020-01-02 03:04:05+00', '2020-01-02 03:04:05+00', '1969-12-31 23:59:59', '1969-12-31 23:59:59.9999', '00:00:00.001', '00:00:00+00', '12:00:00+00', 1, -0.01, B'${'01'.repeat(35)}', '', 1.0E23, 3.3554432e7, -0.00, -1, '10 years -3 mons 5 days', B'', -1.5, '{}'),
  (${from + 3}, NULL, NULL, NULL, NULL, '12:00', '10:00:00+05:30', NULL, NULL, NULL, NULL, NULL, 5.684341886080802e-14, 8.5899346e9, 123456789012345678901234567890.1234500, 0, '1 mon', NULL, NULL, NULL),
  (${from + 4}, NULL, NULL, NULL, NULL, NULL, '24:00:00+00', NULL, NULL, NULL, NULL, NULL, 2e-44, 1.4e-45, 0.000, 1, '00:00:00.000001', NULL, NULL, NULL),
  (${from + 5}, NULL, NULL, NULL, NULL, NULL, '13:14:15.120000-08', NULL, NULL, NULL, NULL, NULL, -0.0, -0.0, 1e-10, 1, '-178000 years', NULL, NULL, NULL)`;

const flattened = {
  transforms: 'unwrap',
  'transforms.unwrap.type': 'io.debezium.transforms.ExtractNewRecordState',
};

/** What is to be said of a table. */
interface Said {
  /** Columns that are not compared. */
  readonly uncompared?: readonly string[];
  /** Columns of which so many values are not. */
  readonly untold?: Readonly<Record<string, number>>;
  /** Documents that differ: the connector wrote what the row does not say. */
  readonly differs?: Readonly<Record<string, readonly string[]>>;
}

interface Form {
  readonly name: string;
  readonly claim: string;
  readonly mode?: Mode;
  readonly tables: readonly string[];
  readonly config: Readonly<Record<string, string>>;
  readonly said: Readonly<Record<string, Said>>;
}

/** In its snapshot, the connector loses the era of a date. */
const times: Said = { differs: { '6': ['c_date'] } };
/** Where the row has NULL, Connect's converter writes the column's default. */
const defaulted = Object.fromEntries([2, 3, 4, 102, 103, 104].map((id) => [String(id), ['c_defaulted']]));
/** Of an array in an array, the connector writes nulls; other columns it leaves out. */
const arrays: Said = { uncompared: ['c_moneys', 'c_intervals'], untold: { c_matrix: 2 } };
const more: Said = { uncompared: ['c_name'], untold: { c_timetz: 2, c_interval: 2 } };

const forms: readonly Form[] = [
  {
    name: 'source_columns',
    claim: 'as the connector writes them by default',
    tables: all,
    config: {},
    said: { times, texts: { uncompared: ['c_tstzrange'], differs: defaulted }, arrays, more },
  },
  {
    name: 'source_types',
    claim: 'flattened, with the types of the source',
    mode: 'source=types',
    tables: all,
    config: { 'column.propagate.source.type': '.*', ...flattened },
    said: { times, texts: { differs: defaulted }, arrays, more },
  },
  {
    name: 'source_connect',
    claim: 'times as Connect has them, decimals as doubles, hstore as a map',
    tables: ['times', 'numbers', 'structures'],
    config: { 'time.precision.mode': 'connect', 'decimal.handling.mode': 'double', 'hstore.handling.mode': 'map' },
    said: { times, more },
  },
  {
    name: 'source_nanos',
    claim: 'times in nanoseconds, decimals as strings',
    mode: 'time=nanoseconds',
    tables: ['times', 'numbers'],
    config: { 'time.precision.mode': 'nanoseconds', 'decimal.handling.mode': 'string' },
    said: { times, more },
  },
  {
    name: 'source_texts',
    claim: 'times and intervals as strings, bytes in hexadecimal: not compared',
    tables: ['times', 'intervals', 'binaries'],
    config: {
      'time.precision.mode': 'isostring',
      'interval.handling.mode': 'string',
      'binary.handling.mode': 'hex',
    },
    said: {
      times: { uncompared: ['c_date', 'c_time', 'c_time_0', 'c_timestamp', 'c_timestamp_3'] },
      intervals: { uncompared: ['c_interval'] },
      binaries: { uncompared: ['c_bytea'] },
      more: {
        uncompared: ['c_ts_0', 'c_ts_4', 'c_time_3', 'c_name', 'c_interval'],
        untold: { c_timetz: 2 },
      },
    },
  },
  {
    name: 'source_schemaless',
    claim: 'without schemas: what every connector writes alike',
    tables: ['numbers', 'times', 'texts'],
    config: { 'key.converter.schemas.enable': 'false', 'value.converter.schemas.enable': 'false' },
    said: {
      // NaN is its text here, in the document as in the row: without a schema nothing makes null of it.
      numbers: {
        uncompared: ['c_numeric_12_3', 'c_numeric_18_0', 'c_numeric_38_10', 'c_numeric', 'c_money'],
      },
      times: { uncompared: ['c_date', 'c_time', 'c_time_0', 'c_timestamp', 'c_timestamp_3'] },
      texts: { uncompared: ['c_tstzrange'], differs: defaulted },
      more: {
        uncompared: [
          ...['c_ts_0', 'c_ts_4', 'c_time_3', 'c_sum', 'c_bits', 'c_name', 'c_numeric', 'c_numeric_20'],
          ...['c_interval', 'c_varbit', 'c_small', 'c_tss'],
        ],
        untold: { c_timetz: 2 },
      },
    },
  },
];

for (const { name, claim, mode, tables, config, said } of forms) {
  test(`documents of every type of column are found to be as their rows: ${claim}`, async () => {
    const setting: Setting = { name, database: 'postgres', ...(mode && { mode }), tables, stories: [], config };
    await using stage = await postgresStage({ setting, topicPrefix: name, address: postgres, kafka });
    await stage.run(moreColumns);
    await stage.run(moreRows(0));
    const documents = await mkdtemp(join(tmpdir(), `${name}-`));
    await registerConnector(connect, name, { ...stage.config, ...json, ...config });
    try {
      await untilMarked(kafka, name, 1);
      for (const step of stage.steps) await stage.run(step);
      await stage.run(moreRows(100));
      for (const mark of [2, 3]) {
        await stage.run(`INSERT INTO fixtures.marks VALUES (${mark})`);
        await untilMarked(kafka, name, mark);
      }
      const environment = {
        SLUICE_UNMAPPED_TOPICS: `${name}\\.fixtures\\..*`,
        SLUICE_UNMAPPED_INDEX: `${name}-\${table}`,
      };
      await using sluice = await startReadySluice({ kafka, elasticsearch, groupId: name, documents, environment });
      await untilTrue('all of it is committed', () => isCommitted(kafka, name, `${name}.fixtures.`));
      const source = new URL(postgres);
      source.pathname = name;
      for (const table of [...tables, 'more']) {
        const found = await verifySource({ kafka, elasticsearch, groupId: name, documents, environment }, [
          `${name}-${table}`,
          '--source',
          source.href,
          '--patience',
          '1',
          '--examples',
          '50',
        ]);
        const { uncompared = [], untold = {}, differs = {} } = said[table] ?? {};
        const of = (column: string): string => `fixtures.${table}.${column}`;
        assert.deepEqual(
          found.uncompared.map(({ column }) => column),
          uncompared.map(of),
        );
        assert.deepEqual(
          found.untold,
          Object.fromEntries(Object.entries(untold).map(([column, values]) => [of(column), values])),
        );
        assert.deepEqual(found.differs, differs);
        const { differing = 0, ...others } = found.counts;
        assert.deepEqual([differing, others], [Object.keys(differs).length, {}]);
        assert.equal(found.code, differing === 0 ? 0 : 1);
      }
      await sluice.stop();
    } finally {
      await deleteConnector(connect, name);
      await rm(documents, { recursive: true });
    }
  });
}
