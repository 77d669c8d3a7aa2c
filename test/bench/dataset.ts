/**
 * What the benchmarks read: changes of one table of about 1 KB a row, written by the real connector in each form. Half of the events are the snapshot; the other half updates, deletes and inserts, over all keys.
 */
import { Kafka, logLevel } from 'kafkajs';
import type pg from 'pg';
import { untilTrue } from '../integration/poll.ts';
import { captureInventory } from '../stack/inventory.ts';

export interface Dataset extends AsyncDisposable {
  readonly topic: string;
  /** Records in the topic, tombstones included. */
  readonly records: number;
  readonly query: (sql: string) => Promise<pg.QueryResult>;
}

export interface Servers {
  readonly kafka: string;
  readonly postgres: string;
  readonly connect: string;
  readonly elasticsearch: string;
}

/** With its schema. */
export const table = 'inventory.parcels';

/** Types as tables have them: integers, decimals, dates, instants, booleans and text, for about 1 KB of JSON. */
const createTable = `
  CREATE TABLE ${table} (
    id bigint PRIMARY KEY,
    tracking_code varchar(32) NOT NULL,
    customer_id integer NOT NULL,
    recipient varchar(120) NOT NULL,
    street varchar(120) NOT NULL,
    city varchar(80) NOT NULL,
    country char(2) NOT NULL,
    weight_grams integer NOT NULL,
    price numeric(12,2) NOT NULL,
    insured boolean NOT NULL,
    shipped_on date,
    created_at timestamptz NOT NULL,
    updated_at timestamp(6) NOT NULL,
    rating double precision,
    status varchar(16) NOT NULL,
    notes text NOT NULL)`;

const row = (id: string, turn: string): string => `
  ${id}, 'TRK-' || lpad((${id} * 7919 % 99999989)::text, 12, '0'), (${id} * 31 % 50000)::int,
  'Recipient number ' || ${id}, (${id} % 997) || ' Orchard Lane, Apartment ' || (${id} % 89), 'City of ' || (${id} % 641),
  (ARRAY['NL','DE','FR','US','JP'])[1 + ${id} % 5], (100 + ${id} * 37 % 29900)::int, (${id} * 13 % 1000000) / 100.0,
  ${id} % 3 = 0, date '2020-01-01' + (${id} % 2000)::int,
  timestamptz '2021-06-01 00:00:00+00' + ${id} * interval '61.123457 seconds',
  timestamp '2024-01-01 00:00:00' + (${id} + ${turn}) * interval '1.000001 seconds',
  (${id} % 50) / 10.0, (ARRAY['created','sorted','in transit','delivered'])[1 + (${id} + ${turn}) % 4],
  repeat('Left with the neighbour at number ' || (${id} % 113) || '; please ring twice. ', 9)`;

/** Writes about `events` changes and waits until all of them are in Kafka. */
export async function prepareDataset(
  servers: Servers,
  events: number,
  form: string,
  settings: Readonly<Record<string, string>>,
): Promise<Dataset> {
  const name = `bench_${form}`;
  const keys = Math.floor(events / 2);
  const inventory = await captureInventory({
    ...servers,
    topicPrefix: name,
    sql: `${createTable}; INSERT INTO ${table} SELECT ${row('id', '0')} FROM generate_series(1, ${keys}) AS id`,
    settings: {
      'table.include.list': table,
      ...settings,
      'max.batch.size': '8192',
      'max.queue.size': '32768',
      'producer.override.linger.ms': '20',
      'producer.override.batch.size': '524288',
    },
  });
  const topic = `${name}.${table}`;
  const admin = new Kafka({ clientId: 'bench', brokers: [servers.kafka], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const recordsIn = async (): Promise<number> => {
    if (!(await admin.listTopics()).includes(topic)) return 0;
    return (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  };
  const untilInKafka = (count: number): Promise<void> =>
    untilTrue(`${count} records are in ${topic}`, async () => (await recordsIn()) >= count, {
      withinMs: 600_000,
      everyMs: 200,
    });
  await untilInKafka(keys);
  // A delete gives two records: the event and its tombstone.
  const deleted = Math.floor(keys / 20);
  await inventory.query(`
    UPDATE ${table} SET status = 'returned', updated_at = updated_at + interval '1 day' WHERE id % 20 <> 0;
    DELETE FROM ${table} WHERE id % 20 = 0`);
  await untilInKafka(keys + (keys - deleted) + 2 * deleted);
  const records = await recordsIn();
  await admin.disconnect();
  return {
    topic,
    records,
    query: (sql) => inventory.query(sql),
    [Symbol.asyncDispose]: () => inventory[Symbol.asyncDispose](),
  };
}
