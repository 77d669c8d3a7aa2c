/**
 * What each column type becomes, and the questions that only the right field answers. Run on real servers by `types.ts`.
 */
import type { ColumnSchema } from '../../src/model/change-event.ts';

/** Engines on which a case can run: the Elasticsearch of the tests lacks some field types, OpenSearch lacks others. */
export type Engine = 'elasticsearch' | 'opensearch';

export interface TypeCase {
  readonly name: string;
  readonly engines: readonly Engine[];
  /** What tells how to convert: the column's schema, or the name of a conversion. */
  readonly from: Omit<ColumnSchema, 'name' | 'optional'> | { readonly as: string };
  /** Documents: a column's JSON text, and that of the document's field. */
  readonly values: readonly (readonly [wire: string, document: string])[];
  /** `f` stands for the field in queries and sort keys. */
  readonly asked: readonly Question[];
}

export interface Question {
  readonly query?: Readonly<Record<string, unknown>>;
  readonly sort?: readonly Readonly<Record<string, unknown>>[];
  readonly knn?: Readonly<Record<string, unknown>>;
  /** Positions in `values`; in this order if sorted. */
  readonly finds: readonly number[];
  readonly only?: Engine;
}

const both: readonly Engine[] = ['elasticsearch', 'opensearch'];
const elasticsearch: readonly Engine[] = ['elasticsearch'];
const opensearch: readonly Engine[] = ['opensearch'];

const bytes = (...values: readonly (number | string)[]): string =>
  JSON.stringify(
    Buffer.concat(
      values.map((value) => (typeof value === 'string' ? Buffer.from(value, 'hex') : Buffer.from([value]))),
    ).toString('base64'),
  );
const semantic = (name: string, type: string, parameters: Readonly<Record<string, string>> = {}) => ({
  type,
  semantic: name,
  parameters,
});
const source = (type: string, base = 'string', more: Readonly<Record<string, string>> = {}) => ({
  type: base,
  parameters: { '__debezium.source.column.type': type, ...more },
});
const term = (value: unknown, field = 'f') => ({ term: { [field]: value } });
const range = (bounds: Readonly<Record<string, unknown>>, field = 'f') => ({ range: { [field]: bounds } });
const ascending = [{ f: 'asc' }];

/** WKB of a point, little-endian, without and with PostGIS's SRID. */
const coordinates = (x: number, y: number): string => {
  const buffer = Buffer.alloc(16);
  buffer.writeDoubleLE(x, 0);
  buffer.writeDoubleLE(y, 8);
  return buffer.toString('hex');
};
const wkb = (hex: string, srid: number | null) =>
  JSON.stringify({ wkb: Buffer.from(hex, 'hex').toString('base64'), srid });
const square = wkb(
  `01030000000100000005000000${[
    [0, 0],
    [4, 0],
    [4, 4],
    [0, 4],
    [0, 0],
  ]
    .map(([x = 0, y = 0]) => coordinates(x, y))
    .join('')}`,
  4326,
);
const squareJson = '{"type":"Polygon","coordinates":[[[0,0],[4,0],[4,4],[0,4],[0,0]]]}';

const temporal: readonly TypeCase[] = [
  {
    name: 'Date: the years 1 and 9999 are searched, 12024 is kept',
    engines: both,
    from: semantic('io.debezium.time.Date', 'int32'),
    values: [
      ['-719162', '"0001-01-01"'],
      ['2932896', '"9999-12-31"'],
      ['16816', '"2016-01-16"'],
      ['3672491', '"+12024-12-09"'],
      ['-622191234', 'null'],
    ],
    asked: [
      { query: range({ lt: '0002-01-01' }), finds: [0] },
      { query: range({ gt: '9999-01-01', lte: '9999-12-31' }), finds: [1] },
      { query: term('2016-01-16'), finds: [2] },
      // OpenSearch takes such years.
      { query: term('f', '_ignored'), finds: [3], only: 'elasticsearch' },
    ],
  },
  {
    name: 'MicroTimestamp: to the millisecond',
    engines: both,
    from: semantic('io.debezium.time.MicroTimestamp', 'int64'),
    values: [
      ['1529507596945104', '"2018-06-20T15:13:16.945104Z"'],
      ['9223372036825200000', 'null'],
    ],
    asked: [{ query: range({ gte: '2018-06-20T15:13:16.945Z', lt: '2018-06-20T15:13:16.946Z' }), finds: [0] }],
  },
  {
    name: 'NanoTimestamp: sorted by the nanosecond',
    engines: both,
    from: semantic('io.debezium.time.NanoTimestamp', 'int64'),
    values: [
      ['1529507596945104002', '"2018-06-20T15:13:16.945104002Z"'],
      ['1529507596945104001', '"2018-06-20T15:13:16.945104001Z"'],
      ['-1', '"1969-12-31T23:59:59.999999999Z"'],
    ],
    asked: [
      { query: { exists: { field: 'f' } }, sort: ascending, finds: [1, 0] },
      { query: term('f', '_ignored'), finds: [2] },
    ],
  },
  {
    name: 'MicroTime: MySQL’s longest negative time is a term',
    engines: both,
    from: semantic('io.debezium.time.MicroTime', 'int64'),
    values: [['-3020399000000', '"-838:59:59.000000"']],
    asked: [{ query: term('-838:59:59.000000'), finds: [0] }],
  },
  {
    name: 'IsoDate loses its zone; infinity is null',
    engines: both,
    from: semantic('io.debezium.time.IsoDate', 'string'),
    values: [
      ['"2017-09-15Z"', '"2017-09-15"'],
      ['"+292278994-08-16Z"', 'null'],
    ],
    asked: [{ query: term('2017-09-15'), finds: [0] }],
  },
  {
    name: 'StructuredZonedTimestamp: an instant, with its offset',
    engines: both,
    from: semantic('io.debezium.time.StructuredZonedTimestamp', 'struct'),
    values: [
      [
        '{"year":2018,"month":6,"day":20,"hour":15,"minute":13,"second":16,"picoseconds":945104000000,"offsetSeconds":32400,"zoneId":"Asia/Seoul","specialValue":null,"precision":6}',
        '"2018-06-20T15:13:16.945104+09:00"',
      ],
      ['{"year":null,"specialValue":"POSITIVE_INFINITY"}', 'null'],
    ],
    asked: [{ query: term('2018-06-20T06:13:16.945Z'), finds: [0] }],
  },
  {
    name: 'MicroDuration is a number, Interval a term',
    engines: both,
    from: semantic('io.debezium.time.MicroDuration', 'int64'),
    values: [['37091106000000', '37091106000000']],
    asked: [{ query: range({ gt: 37091105999999 }), finds: [0] }],
  },
];

const numbers: readonly TypeCase[] = [
  {
    name: 'int64: the largest and the smallest, exact',
    engines: both,
    from: { type: 'int64' },
    values: [
      ['9223372036854775807', '9223372036854775807'],
      ['-9223372036854775808', '-9223372036854775808'],
      ['9007199254740993', '9007199254740993'],
    ],
    asked: [
      { query: term('9223372036854775807'), finds: [0] },
      { query: term('-9223372036854775808'), finds: [1] },
      { query: term('9007199254740993'), finds: [2] },
    ],
  },
  {
    name: 'Decimal of 38 digits: an exact term, and a range by its double',
    engines: both,
    from: semantic('org.apache.kafka.connect.data.Decimal', 'bytes', { scale: '2', 'connect.decimal.precision': '38' }),
    values: [
      [bytes('00', (10n ** 37n + 1n).toString(16).padStart(32, '0')), '"100000000000000000000000000000000000.01"'],
      [bytes('0d'), '"0.13"'],
    ],
    asked: [
      { query: term('100000000000000000000000000000000000.01'), finds: [0] },
      { query: range({ gt: 0.1, lt: 0.2 }, 'f.number'), finds: [1] },
    ],
  },
  {
    name: 'Decimal of 15 digits: found by its exact number',
    engines: both,
    from: semantic('org.apache.kafka.connect.data.Decimal', 'bytes', { scale: '2', 'connect.decimal.precision': '15' }),
    values: [[bytes('038d7ea4c67fff'), '9999999999999.99']],
    asked: [{ query: term(9999999999999.99), finds: [0] }],
  },
  {
    name: 'VariableScaleDecimal: beyond doubles a term still',
    engines: both,
    from: semantic('io.debezium.data.VariableScaleDecimal', 'struct'),
    values: [[`{"scale":-400,"value":"AQ=="}`, `"1${'0'.repeat(400)}"`]],
    asked: [{ query: term(`1${'0'.repeat(400)}`), finds: [0] }],
  },
  {
    name: 'BIGINT UNSIGNED, precise: beyond 2^63',
    engines: opensearch,
    from: semantic('org.apache.kafka.connect.data.Decimal', 'bytes', { scale: '0', 'connect.decimal.precision': '20' }),
    values: [
      [bytes('00ffffffffffffffff'), '18446744073709551615'],
      [bytes('ff'), '-1'],
    ],
    asked: [
      { query: term('18446744073709551615'), finds: [0] },
      { query: term('-1', 'f.keyword'), finds: [1] },
    ],
  },
  {
    name: 'BIGINT UNSIGNED that wrapped: taken back, where the type is propagated',
    engines: opensearch,
    from: source('BIGINT UNSIGNED', 'int64'),
    values: [['-1', '18446744073709551615']],
    asked: [{ query: range({ gt: '18446744073709551614' }), finds: [0] }],
  },
  {
    name: 'TINYINT(1), where the type is propagated: a boolean',
    engines: both,
    from: source('TINYINT', 'int16', { '__debezium.source.column.length': '1' }),
    values: [
      ['1', 'true'],
      ['0', 'false'],
      ['5', 'true'],
    ],
    asked: [{ query: term(true), finds: [0, 2] }],
  },
  {
    name: 'NUMERIC as a string, where the type is propagated',
    engines: both,
    from: source('NUMERIC', 'string', {
      '__debezium.source.column.length': '10',
      '__debezium.source.column.scale': '2',
    }),
    values: [
      ['"12.50"', '12.50'],
      ['"NAN"', 'null'],
    ],
    asked: [{ query: term(12.5), finds: [0] }],
  },
  {
    name: 'double: NaN is null',
    engines: both,
    from: { type: 'double' },
    values: [
      ['"NaN"', 'null'],
      ['-0.5', '-0.5'],
    ],
    asked: [{ query: range({ lt: 0 }), finds: [1] }],
  },
  {
    name: 'Bits of at most 63: a number',
    engines: both,
    from: semantic('io.debezium.data.Bits', 'bytes', { length: '63' }),
    values: [['"xwcAAAAAAAA="', '1991']],
    asked: [{ query: term(1991), finds: [0] }],
  },
  {
    name: 'Bits of more than 64: zeros and ones',
    engines: both,
    from: semantic('io.debezium.data.Bits', 'bytes', { length: '66' }),
    values: [[bytes('050000000000000002'), `"10${'0'.repeat(61)}101"`]],
    asked: [{ query: term(`10${'0'.repeat(61)}101`), finds: [0] }],
  },
];

const texts: readonly TypeCase[] = [
  {
    name: 'EnumSet: each member is a term',
    engines: both,
    from: semantic('io.debezium.data.EnumSet', 'string'),
    values: [
      ['"a,b"', '["a","b"]'],
      ['""', '[]'],
    ],
    asked: [{ query: term('b'), finds: [0] }],
  },
  {
    name: 'citext: the same whatever the case',
    engines: both,
    from: source('CITEXT'),
    values: [['"Ann@Example.ORG"', '"Ann@Example.ORG"']],
    asked: [{ query: term('ANN@example.org', 'f.keyword'), finds: [0] }],
  },
  {
    name: 'CHAR(n): without the blanks that fill it',
    engines: both,
    from: source('BPCHAR'),
    values: [['" a  "', '" a"']],
    asked: [{ query: term(' a'), finds: [0] }],
  },
  {
    name: 'Ltree: below a path',
    engines: both,
    from: semantic('io.debezium.data.Ltree', 'string'),
    values: [['"Top.Science.Astronomy"', '"Top.Science.Astronomy"']],
    asked: [{ query: { prefix: { f: 'Top.Science.' } }, finds: [0] }],
  },
  {
    name: 'Tsvector, Xml: by their words',
    engines: both,
    from: semantic('io.debezium.data.Tsvector', 'string'),
    values: [[`"'direct':6 'fox':3"`, `"'direct':6 'fox':3"`]],
    asked: [{ query: { match: { f: 'fox' } }, finds: [0] }],
  },
  {
    name: 'bytes in hexadecimal, by name: standard base64',
    engines: both,
    from: { as: 'bytes-from-hex' },
    values: [['"00fbff"', '"APv/"']],
    asked: [],
  },
];

const structures: readonly TypeCase[] = [
  {
    name: 'Json: any top level, by its members, exact to the digit',
    engines: elasticsearch,
    from: semantic('io.debezium.data.Json', 'string'),
    values: [
      [
        String.raw`"{\"n\": 9007199254740993,\n \"a\": {\"b\": [\"x\", null]}}"`,
        '{"n": 9007199254740993,  "a": {"b": ["x", null]}}',
      ],
      ['"[1, {\\"b\\": 2}]"', '{"value":[1, {"b": 2}]}'],
      ['"true"', '{"value":true}'],
      ['"null"', 'null'],
      ['"{\\"a\\":1,\\"a\\":2}"', '{"a":2}'],
    ],
    asked: [
      { query: term('9007199254740993', 'f.n'), finds: [0] },
      { query: term('x', 'f.a.b'), finds: [0] },
      { query: term('2', 'f.value.b'), finds: [1] },
      { query: term('true', 'f.value'), finds: [2] },
      { query: term('2', 'f.a'), finds: [4] },
    ],
  },
  {
    name: 'hstore as a map; a map whose keys are numbers',
    engines: elasticsearch,
    from: { type: 'map', items: { name: '', type: 'string', optional: true } },
    values: [
      ['{"a.b":"1","c":null}', '{"a.b":"1","c":null}'],
      ['[[7,"x"]]', '{"7":"x"}'],
    ],
    asked: [
      { query: term('1', 'f.a.b'), finds: [0] },
      { query: term('x', 'f.7'), finds: [1] },
    ],
  },
  {
    name: 'arrays: elements are converted, nulls stay',
    engines: both,
    from: { type: 'array', items: { name: '', type: 'int32', semantic: 'io.debezium.time.Date', optional: true } },
    values: [
      ['[0, null, 16816]', '["1970-01-01",null,"2016-01-16"]'],
      ['[]', '[]'],
      ['null', 'null'],
    ],
    asked: [{ query: term('2016-01-16'), finds: [0] }],
  },
  {
    name: 'structs: field by field',
    engines: both,
    from: {
      type: 'struct',
      fields: [
        { name: 'day', type: 'int32', semantic: 'io.debezium.time.Date', optional: true },
        { name: 'n', type: 'int64', optional: true },
      ],
    },
    values: [['{"day":16816,"n":1}', '{"day":"2016-01-16","n":1}']],
    asked: [{ query: range({ gte: '2016-01-16', lt: '2016-01-17' }, 'f.day'), finds: [0] }],
  },
  {
    name: 'what no schema explains may be anything',
    engines: both,
    from: { type: 'struct' },
    values: [
      ['1', '1'],
      ['{"a":[{}]}', '{"a":[{}]}'],
      ['"x"', '"x"'],
    ],
    asked: [],
  },
  {
    name: 'FloatVector: the nearest; nothing but zeros is a vector too',
    engines: elasticsearch,
    from: {
      type: 'array',
      semantic: 'io.debezium.data.FloatVector',
      items: { name: '', type: 'float', optional: false },
    },
    values: [
      ['[0.0,0.0]', '[0.0,0.0]'],
      ['[1.0,1.0]', '[1.0,1.0]'],
      ['[1.0E30,1.0E30]', 'null'],
    ],
    asked: [{ knn: { field: 'f', query_vector: [0.9, 0.9], k: 1, num_candidates: 10 }, finds: [1] }],
  },
  {
    name: 'DoubleVector of a length that is propagated: others are null',
    engines: elasticsearch,
    from: {
      ...source('VECTOR', 'array', { '__debezium.source.column.length': '2' }),
      semantic: 'io.debezium.data.DoubleVector',
    },
    values: [
      ['[1.0,2.0]', '[1.0,2.0]'],
      ['[1.0,2.0,3.0]', 'null'],
    ],
    asked: [{ query: { exists: { field: 'f' } }, finds: [0] }],
  },
  {
    name: 'SparseDoubleVector: weights of its dimensions',
    engines: opensearch,
    from: semantic('io.debezium.data.SparseDoubleVector', 'struct'),
    values: [
      ['{"dimensions":9,"vector":[[1,0.5],[3,0.0]]}', '{"1":0.5}'],
      ['{"dimensions":9,"vector":[[1,-0.5]]}', '{}'],
      ['null', '{}'],
    ],
    asked: [{ query: { rank_feature: { field: 'f.1' } }, finds: [0] }],
  },
];

const ranges: readonly TypeCase[] = [
  {
    name: 'int4range: contains',
    engines: both,
    from: source('INT4RANGE'),
    values: [
      ['"[1,10)"', '{"gte":1,"lt":10}'],
      ['"(,5]"', '{"lte":5}'],
      ['"empty"', 'null'],
    ],
    asked: [
      { query: term(9), finds: [0] },
      { query: term(10), finds: [] },
      { query: term(-2147483648), finds: [1] },
    ],
  },
  {
    name: 'int8multirange, by name: each of its ranges',
    engines: both,
    from: { as: 'long-range' },
    values: [['"{[1,3),[9223372036854775807,)}"', '[{"gte":1,"lt":3},{"gte":9223372036854775807}]']],
    asked: [
      { query: term(2), finds: [0] },
      { query: term(4), finds: [] },
      { query: term('9223372036854775807'), finds: [0] },
    ],
  },
  {
    name: 'numrange: never narrower than it was',
    engines: both,
    from: source('NUMRANGE'),
    values: [
      ['"(1,1.0000000000000000001)"', '{"gte":1,"lte":1.0000000000000000001}'],
      ['"(1,1.0000000000000002)"', '{"gte":1,"lte":1.0000000000000002}'],
    ],
    asked: [{ query: term(1), finds: [0, 1] }],
  },
  {
    name: 'tstzrange: contains, in any zone, for ever',
    engines: both,
    from: source('TSTZRANGE'),
    values: [
      [String.raw`"[\"2019-03-31 15:30:00+00\",infinity)"`, '{"gte":"2019-03-31T15:30:00.000000Z"}'],
      [
        String.raw`"(\"2000-01-01 00:00:00.0001+05:30\",\"2000-01-01 00:00:00.0002+05:30\")"`,
        '{"gte":"1999-12-31T18:30:00.000100Z","lte":"1999-12-31T18:30:00.000200Z"}',
      ],
      [String.raw`"[,\"294276-12-31 00:00:00+00\"]"`, '{"lte":9224317929600000}'],
    ],
    asked: [
      { query: term('9999-01-01'), finds: [0, 2] },
      { query: term('1999-12-31T18:30:00.000Z'), finds: [1, 2] },
    ],
  },
  {
    name: 'daterange: the last day is in, the day after is not',
    engines: both,
    from: source('DATERANGE'),
    values: [
      ['"[2019-01-01,2019-02-01)"', '{"gte":"2019-01-01","lt":"2019-02-01"}'],
      // As text it may come so; days are not whole then, and nothing is refused.
      ['"(2018-01-01,2018-01-02)"', '{"gt":"2018-01-01T00:00:00.000000Z","lt":"2018-01-02"}'],
    ],
    asked: [
      { query: term('2019-01-31T23:59:59.999Z'), finds: [0] },
      { query: term('2019-02-01'), finds: [] },
      { query: term('2018-01-01T12:00:00Z'), finds: [1] },
    ],
  },
  {
    name: 'inet: in a network, its own prefix gone',
    engines: both,
    from: source('INET'),
    values: [
      ['"10.1.2.3"', '"10.1.2.3"'],
      ['"10.1.2.4/24"', '"10.1.2.4"'],
      ['"fe80::1/64"', '"fe80::1"'],
    ],
    asked: [
      { query: term('10.1.0.0/16'), finds: [0, 1] },
      { query: term('fe80::/10'), finds: [2] },
    ],
  },
  {
    name: 'cidr: the networks that an address is in',
    engines: both,
    from: source('CIDR'),
    values: [
      ['"10.0.0.0/8"', '"10.0.0.0/8"'],
      ['"::ffff:1.2.3.0/120"', '"1.2.3.0/24"'],
      ['"2001:db8::/32"', '"2001:db8::/32"'],
    ],
    asked: [
      { query: term('10.255.0.1'), finds: [0] },
      { query: term('1.2.3.4'), finds: [1] },
      { query: term('2001:db8::5'), finds: [2] },
    ],
  },
  {
    name: 'inet[]: every element, where the type is propagated',
    engines: both,
    from: { ...source('_INET', 'array'), items: { name: '', type: 'string', optional: true } },
    values: [['["10.1.2.3/8",null]', '["10.1.2.3",null]']],
    asked: [{ query: term('10.0.0.0/8'), finds: [0] }],
  },
];

const near = (x: number, y: number, distance: string) => ({ geo_distance: { distance, f: { lon: x, lat: y } } });
const within = {
  geo_shape: {
    f: {
      relation: 'within',
      shape: {
        type: 'envelope',
        coordinates: [
          [-1, 5],
          [5, -1],
        ],
      },
    },
  },
};

const places: readonly TypeCase[] = [
  {
    name: 'Point by name as geo-point: by its distance, and out of this world kept',
    engines: both,
    from: { as: 'geo-point' },
    values: [
      [`{"x":13.4,"y":52.5,"wkb":null,"srid":4326}`, '{"type":"Point","coordinates":[13.4,52.5]}'],
      [`{"x":400000,"y":5800000,"srid":null}`, '{"x":400000,"y":5800000,"srid":null}'],
      [wkb(`0101000020e6100000${coordinates(2.35, 48.85)}`, 4326), '{"type":"Point","coordinates":[2.35,48.85]}'],
    ],
    asked: [
      { query: near(13.38, 52.51, '10km'), finds: [0] },
      { query: near(2.35, 48.85, '1m'), finds: [2] },
      { query: term('f', '_ignored'), finds: [1] },
    ],
  },
  {
    name: 'Geometry: within a shape, of either WKB; what is empty is null',
    engines: opensearch,
    from: semantic('io.debezium.data.geometry.Geometry', 'struct'),
    values: [
      [square, squareJson],
      [wkb(`0101000020e6100000${coordinates(NaN, NaN)}`, 4326), 'null'],
      [wkb(`0101000000${coordinates(1, 1)}`, 25833), wkb(`0101000000${coordinates(1, 1)}`, 25833)],
    ],
    asked: [
      { query: within, finds: [0] },
      { query: term('f', '_ignored'), finds: [2] },
    ],
  },
];

/** Every name once. Planar `point` and `shape` are nowhere: neither engine of the tests has them. */
export const typeCases: readonly TypeCase[] = [...temporal, ...numbers, ...texts, ...structures, ...ranges, ...places];
