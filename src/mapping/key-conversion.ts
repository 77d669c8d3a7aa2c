/**
 * Conversions of columns that name documents: as in documents, but that no two values of a column have one text.
 *
 * A document may leave out what a field cannot hold: infinities and NaN become null, the prefix of a network address goes, a range
 * of infinite length is one without an end. In an id each of these would give two rows one document. Where a conversion loses
 * nothing, the text is the document's, so that ids are what people read in the index.
 */
import { booleanFromNumber } from '../convert/numeric.ts';
import { stringOf } from '../json/text.ts';
import { cidr, inet } from '../convert/network.ts';
import { dateRange, doubleRange, integerRange, longRange } from '../convert/ranges.ts';
import { geographic, planar } from '../convert/spatial.ts';
import { arrayOf, jsonInString, mapOf, sparseVector, structOf } from '../convert/structured.ts';
import { conversionOf, elementOf } from '../convert/types.ts';
import { oneLine } from '../json/scan.ts';
import type { ColumnSchema, Convert } from '../model/change-event.ts';

/** The text of a column in an id; undefined if the column's own text will do. */
export function keyConversionOf(column: ColumnSchema): Convert | undefined {
  const { convert, field } = conversionOf(column);
  if (convert === undefined) return undefined;
  const special = lossy.get(convert);
  if (special !== undefined) return special;
  // A vector that an index cannot hold becomes null, and so do all others like it.
  if (field['type'] === 'dense_vector') return same;
  if (column.type === 'struct' && field['type'] === 'object') return structOf(membersOf(column.fields ?? []));
  if (column.type === 'map') return mapOf((column.items && keyConversionOf(column.items)) ?? same);
  if (column.type === 'array') {
    return arrayOf((column.items && keyConversionOf(elementOf(column, column.items))) ?? same);
  }
  return keepingSpecialValues(convert);
}

const same: Convert = (text) => text;

function membersOf(fields: readonly ColumnSchema[]): ReadonlyMap<string, Convert> {
  return new Map(
    fields.flatMap((member): [string, Convert][] => {
      const convert = keyConversionOf(member);
      return convert === undefined ? [] : [[member.name, convert]];
    }),
  );
}

/** What stands for an infinity differs between a snapshot and the stream after it (test/fixtures); a row has one id all the same. */
const infinities: ReadonlyMap<string, string> = new Map(
  Object.entries({
    infinity: [
      ...['-622191234', '-2147472692', '2147483647', '9223372036825200', '9223372036825200000', '9223372036854775807'],
      ...['"infinity"', '"+294247-01-10T04:00:25.2Z"', '"+292278994-08-16Z"', '"-5877611-06-21Z"'],
    ],
    '-infinity': [
      ...['-625821272', '-2147472691', '-2147483648', '-9223372036832400', '-9223372036832400000'],
      ...['-9223372036854775808', '"-infinity"', '"-290308-12-21T19:59:27.6Z"', '"+292269055-12-02Z"'],
      '"-5877611-06-22Z"',
    ],
  }).flatMap(([word, texts]) => texts.map((text) => [text, `"${word}"`])),
);

/** What becomes null in a document keeps its own text: no value that is converted has the text of one that is not. */
function keepingSpecialValues(convert: Convert): Convert {
  return (text) => {
    const converted = convert(text);
    if (converted !== 'null' || text === 'null') return converted;
    return infinities.get(text) ?? text;
  };
}

/** 0 and 1 are what such a column holds nearly always; MySQL's TINYINT(1) takes all others too. */
const flag: Convert = (text) => (text === '0' || text === '1' ? booleanFromNumber(text) : text);

/** An address in a network is another value than the address alone. */
const address: Convert = (text) => (inet(text) === undefined || text === 'null' ? inet(text) : text);

/** An IPv4 network in IPv6's clothes is another value than the network. */
const network: Convert = (text) => (/^"::ffff:[0-9.]+/i.test(text) ? text : cidr(text));

/** `[a,b)`, as PostgreSQL writes most ranges: their ids are the documents' ranges. All other ranges are their own text. */
const rangeAsIs =
  (convert: Convert): Convert =>
  (text) => {
    const converted = convert(text);
    const isPlain = /^"\[[^[\]{}()]*\)"$/.test(text) && !/\d{5,}-\d|infinity/i.test(text);
    return isPlain && converted !== undefined && /^\{"gte":.*,"lt":.*\}$/.test(converted) ? converted : text;
  };

/** JSON as it is written; names that come twice stay, and a value that is no object stays what it is. */
const json: Convert = (text) => {
  const written = stringOf(text)?.trim();
  const line = written === undefined ? undefined : oneLine(written);
  return line === undefined ? undefined : JSON.stringify(line);
};

const lossy: ReadonlyMap<Convert, Convert> = new Map([
  [booleanFromNumber, flag],
  [inet, address],
  [cidr, network],
  [integerRange, rangeAsIs(integerRange)],
  [longRange, rangeAsIs(longRange)],
  [doubleRange, rangeAsIs(doubleRange)],
  [dateRange, rangeAsIs(dateRange)],
  [jsonInString, json],
  [sparseVector, same],
  [planar, same],
  [geographic, same],
]);
