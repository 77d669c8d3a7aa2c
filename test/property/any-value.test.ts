/** What holds for every conversion, whatever comes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { conversionNames, namedConversion } from '../../src/convert/named.ts';
import { conversionOf } from '../../src/convert/types.ts';
import type { Convert } from '../../src/model/change-event.ts';
import { budget } from './budget.ts';

const semantics = [
  ...['Date', 'Time', 'MicroTime', 'NanoTime', 'Timestamp', 'MicroTimestamp', 'NanoTimestamp', 'ZonedTimestamp'],
  ...['ZonedTime', 'Year', 'Interval', 'MicroDuration', 'NanoDuration', 'IsoDate', 'IsoTime', 'IsoTimestamp'],
  ...['Date', 'Time', 'ZonedTime', 'Timestamp', 'ZonedTimestamp', 'Duration'].map((name) => `Structured${name}`),
]
  .map((name) => `io.debezium.time.${name}`)
  .concat(
    ['VariableScaleDecimal', 'Bits', 'Uuid', 'Enum', 'EnumSet', 'Json', 'Xml', 'Ltree', 'Tsvector', 'DoubleVector']
      .concat(['FloatVector', 'SparseDoubleVector', 'geometry.Point', 'geometry.Geometry', 'geometry.Geography'])
      .map((name) => `io.debezium.data.${name}`),
    ['Date', 'Time', 'Timestamp', 'Decimal'].map((name) => `org.apache.kafka.connect.data.${name}`),
  );

const converts = new Map<string, Convert>();
for (const name of [...conversionNames.filter((known) => !known.includes('SCALE')), 'decimal(2)']) {
  const convert = namedConversion(name)?.convert;
  if (convert !== undefined) converts.set(name, convert);
}
for (const semantic of semantics) {
  const { convert } = conversionOf({ name: 'c', type: 'string', optional: true, semantic });
  if (convert !== undefined) converts.set(semantic, convert);
}

/** JSON texts: any, and those that come close to what conversions expect. */
const close = fc.oneof(
  fc.bigInt().map(String),
  fc.stringMatching(/^[0-9+:.TZ -]{0,30}$/).map((text) => JSON.stringify(text)),
  fc.stringMatching(/^[[({][0-9,"infinity.-]{0,20}[\])}]$/).map((text) => JSON.stringify(text)),
  fc.uint8Array().map((bytes) => JSON.stringify(Buffer.from(bytes).toString('base64'))),
  fc.json().map((text) => JSON.stringify(text)),
  fc
    .record(
      Object.fromEntries(
        [
          'scale',
          'value',
          'x',
          'y',
          'wkb',
          'srid',
          'year',
          'month',
          'day',
          'hour',
          'seconds',
          'vector',
          'picoseconds',
        ].map((name) => [name, fc.jsonValue()]),
      ),
      { requiredKeys: [] },
    )
    .map((value) => JSON.stringify(value)),
);
const anyText = fc.oneof(
  fc.json(),
  fc.json().map((text) => `[${text},null]`),
  close,
);

for (const [name, convert] of converts) {
  test(`${name}: of any JSON it makes JSON on one line or says that it cannot, and never throws`, () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const made = convert(text);
        if (made === undefined) return;
        assert.ok(!/[\r\n]/.test(made), made);
        JSON.parse(made);
      }),
      budget(400),
    );
    assert.equal(convert('null'), name.toLowerCase().includes('sparse') ? '{}' : 'null');
    for (const broken of [String.raw`"\x"`, '"', '[', '[1', '{"a"', '{"scale":1,"value":', '']) convert(broken);
  });
}
