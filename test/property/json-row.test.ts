import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal } from 'decimal.js';
import fc from 'fast-check';
import { isLosslessNumber, parse } from 'lossless-json';
import { createDecoder } from '../../src/envelope/decoder.ts';
import { jsonValue } from '../../src/json/value.ts';
import type { Row } from '../../src/model/change-event.ts';
import { offset } from '../../src/model/position.ts';
import type { SourceRecord } from '../../src/model/record.ts';
import { budget } from './budget.ts';

function recordOf(value: string | Buffer): SourceRecord {
  const key = Buffer.from('{"id":1}');
  return {
    topic: 't',
    partition: 0,
    offset: offset(0),
    timestampMs: 0,
    headers: undefined,
    key,
    value: Buffer.from(value),
  };
}

const numbers = fc.oneof(
  fc.integer().map(String),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.tuple(fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }), fc.nat(1e9)).map(([whole, part]) => `${whole}.${part}`),
  fc.constantFrom('-0', '1e400', '-1.5E-400', '9007199254740993', '0.1000', '1E2', '100000000000000000000000'),
);

/** Any JSON text, with white space where JSON allows it, and strings with every escape. */
const { json } = fc.letrec<{ json: string }>((tie) => {
  const space = fc.constantFrom('', '', '', ' ', '\t');
  const string = fc.string({ unit: 'binary' }).map((value) => JSON.stringify(value));
  const list = (open: string, close: string, items: fc.Arbitrary<string>) =>
    fc
      .tuple(space, fc.array(items, { maxLength: 4 }))
      .map(([gap, all]) => `${open}${gap}${all.join(`,${gap}`)}${gap}${close}`);
  return {
    json: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom('null', 'true', 'false'),
      numbers,
      string,
      list('[', ']', tie('json')),
      list(
        '{',
        '}',
        fc.tuple(string, tie('json')).map(([name, value]) => `${name}:${value}`),
      ),
    ),
  };
});

const row = fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary', maxLength: 12 }), json), {
  selector: ([name]) => name,
  maxLength: 8,
});

const rowText = (fields: readonly (readonly [string, string])[]): string =>
  `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;

const envelope = (after: string): string =>
  `{"before":null,"after":${after},"source":{"table":"t"},"op":"c","ts_ms":1}`;

function afterOf(decode: ReturnType<typeof createDecoder>, value: string): Row {
  const event = decode(recordOf(value));
  assert.ok(event.op === 'create', JSON.stringify(event));
  return event.after;
}

test('G9: every column keeps its text, whatever was read before it', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), (rows) => {
      const decode = createDecoder();
      for (const fields of rows) {
        const after = afterOf(decode, envelope(rowText(fields)));
        assert.deepEqual(
          after.columns,
          fields.map(([name]) => name),
        );
        assert.deepEqual(
          after.columns.map((_, column) => after.text(column)),
          fields.map(([, text]) => text),
        );
        assert.equal(after.json(), rowText(fields));
      }
    }),
    budget(2000),
  );
});

test('G9: a number’s value is exact: the same digits as a lossless parser finds', () => {
  fc.assert(
    fc.property(numbers, (text) => {
      const expected = parse(text);
      assert.ok(isLosslessNumber(expected));
      const value = jsonValue(text);
      if (typeof value === 'bigint') assert.equal(value, BigInt(expected.value));
      else if (typeof value === 'object' && value !== null && 'decimalText' in value)
        assert.equal(value.decimalText, expected.value);
      else {
        assert.equal(value, Number(text) + 0);
        assert.ok(new Decimal(String(value)).eq(expected.value), `${text} lost digits`);
      }
    }),
    budget(3000),
  );
});

test('values are what JSON.parse makes of them, but for numbers', () => {
  fc.assert(
    fc.property(json, (text) => {
      const plain: unknown = JSON.parse(text, (_, value: unknown) => (typeof value === 'number' ? 0 : value));
      const exact: unknown = JSON.parse(
        JSON.stringify(jsonValue(text), (_, value: unknown) => {
          const isNumber = typeof value === 'number' || typeof value === 'bigint';
          return isNumber || (typeof value === 'object' && value !== null && 'decimalText' in value) ? 0 : value;
        }),
      );
      assert.deepEqual(exact, plain);
    }),
    budget(1000),
  );
});

test('bytes that are cut off or damaged never throw, and what is called a row lies on one line', () => {
  fc.assert(
    fc.property(row, fc.nat(), fc.nat(255), fc.boolean(), (fields, where, byte, cut) => {
      const whole = Buffer.from(envelope(rowText(fields)));
      const at = where % whole.length;
      const damaged = cut ? whole.subarray(0, at) : Buffer.from(whole);
      if (!cut) damaged[at] = byte;
      const decode = createDecoder();
      decode(recordOf(whole));
      const event = decode(recordOf(damaged));
      if (cut) assert.equal(event.op, 'unreadable');
      if (event.op === 'create') assert.ok(!event.after.json().includes('\n'));
    }),
    budget(3000),
  );
});

test('G9: a rewritten row has its columns but for the dropped ones, and the others’ texts or what was made of them', () => {
  const kinds = fc.array(fc.constantFrom('keep', 'drop', 'convert'), { minLength: 8, maxLength: 8 });
  // Rows of bytes that are characters are copied as bytes, as long as what is put into them is so too.
  const asciiRow = row.map((fields) => fields.map(([name, text]) => [inAscii(name), inAscii(text)] as const));
  fc.assert(
    fc.property(fc.oneof(row, asciiRow), kinds, fc.constantFrom('', 'é', '€'), (fields, kind, mark) => {
      const decode = createDecoder();
      const met = afterOf(decode, envelope(rowText(fields)));
      const after = afterOf(decode, envelope(rowText(fields)));
      const columns = fields.map((_, column) => column).filter((column) => kind[column] !== 'keep');
      const edits = columns.map((column) =>
        kind[column] === 'drop' ? 'drop' : (text: string) => `["${mark}",${text}]`,
      );
      const expected = fields
        .map(([name, text], column) => [name, kind[column] === 'convert' ? `["${mark}",${text}]` : text] as const)
        .filter((_, column) => kind[column] !== 'drop');
      for (const one of [met, after]) {
        assert.equal(one.rewritten(columns, edits), rowText(expected));
        assert.equal(String(one.encoded(columns, edits)), rowText(expected));
      }
    }),
    budget(2000),
  );
});

/** The same JSON in ASCII: what lies beyond is escaped, or of a name, left out. */
function inAscii(text: string): string {
  return text.replaceAll(/[^\x00-\x7e]/g, (character) =>
    text.startsWith('"') ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : '',
  );
}
