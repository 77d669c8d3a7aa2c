/**
 * What Connect's schema would say of a column where records carry none: by its type where a connector has but one form for it,
 * else by the conversion that the mapping file names, which tells the form.
 */
import type { SqlType } from '../convert/postgres-text.ts';
import type { ColumnSchema } from '../model/change-event.ts';
import type { SourceTable } from './verify-ports.ts';

type Form = Pick<ColumnSchema, 'type' | 'semantic' | 'parameters'>;

const logical = (type: string, semantic: string): Form => ({ type, semantic });
const string: Form = { type: 'string' };
const integer: Form = { type: 'int64' };

/** Of types that every mode of the connector writes alike. */
const byType: Readonly<Record<string, Form>> = {
  int2: integer,
  int4: integer,
  int8: integer,
  oid: integer,
  bool: { type: 'boolean' },
  float4: { type: 'float' },
  float8: { type: 'double' },
  text: string,
  varchar: string,
  bpchar: string,
  citext: string,
  xml: string,
  inet: string,
  cidr: string,
  macaddr: string,
  macaddr8: string,
  ltree: string,
  uuid: string,
  tsvector: string,
  int4range: string,
  int8range: string,
  numrange: string,
  daterange: string,
  tsrange: string,
  json: logical('string', 'io.debezium.data.Json'),
  jsonb: logical('string', 'io.debezium.data.Json'),
  timestamptz: logical('string', 'io.debezium.time.ZonedTimestamp'),
  timetz: logical('string', 'io.debezium.time.ZonedTime'),
};

/** Of conversions that say what they read. */
const byConversion: Readonly<Record<string, Form>> = {
  'date-from-days': logical('int32', 'io.debezium.time.Date'),
  'time-from-millis': logical('int32', 'io.debezium.time.Time'),
  'time-from-micros': logical('int64', 'io.debezium.time.MicroTime'),
  'time-from-nanos': logical('int64', 'io.debezium.time.NanoTime'),
  'timestamp-from-millis': logical('int64', 'io.debezium.time.Timestamp'),
  'timestamp-from-micros': logical('int64', 'io.debezium.time.MicroTimestamp'),
  'timestamp-from-nanos': logical('int64', 'io.debezium.time.NanoTimestamp'),
  'variable-scale-decimal': logical('struct', 'io.debezium.data.VariableScaleDecimal'),
  bytes: { type: 'bytes' },
};

/** The same for MySQL and MariaDB: what is not here is written in a form that depends on the connector's settings. */
const byMysqlType: Readonly<Record<string, Form>> = {
  ...Object.fromEntries(
    ['tinyint', 'smallint', 'mediumint', 'int'].flatMap((name) => [
      [name, integer],
      [`${name} unsigned`, integer],
    ]),
  ),
  bigint: integer,
  year: integer,
  float: { type: 'float' },
  double: { type: 'double' },
  ...Object.fromEntries(
    ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'uuid', 'inet4', 'inet6', 'enum', 'set'].map(
      (name) => [name, string],
    ),
  ),
  timestamp: logical('string', 'io.debezium.time.ZonedTimestamp'),
};

/** Undefined where the form cannot be told. */
export function wireSchema(
  name: string,
  type: SqlType,
  as: string | undefined,
  dialect: SourceTable['dialect'] = 'postgresql',
): ColumnSchema | undefined {
  if (type.isArray) return undefined;
  const scale = /^decimal\((\d+)\)$/.exec(as ?? '')?.[1];
  const decimal: Form | undefined =
    scale === undefined
      ? undefined
      : { ...logical('bytes', 'org.apache.kafka.connect.data.Decimal'), parameters: { scale } };
  const known = dialect === 'mysql' ? byMysqlType[type.name] : type.isEnum ? string : byType[type.name];
  const form = known ?? decimal ?? (as === undefined ? undefined : byConversion[as]);
  return form && { name, optional: true, ...form };
}
