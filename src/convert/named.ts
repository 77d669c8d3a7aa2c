/**
 * The conversions that a mapping file may name (`as: lowercase`): for topics without schemas, and by choice.
 */
import type { Convert } from '../model/change-event.ts';
import { decimalFromBase64 } from './numeric.ts';
import { dateFromDays, timeFrom, timestampFrom } from './temporal.ts';
import type { Conversion } from './types.ts';

/** On strings; anything else but null is not what was expected. */
function onString(change: (value: string) => string): Convert {
  return (text) => {
    if (text === 'null') return text;
    return text.startsWith('"') ? JSON.stringify(change(JSON.parse(text) as string)) : undefined;
  };
}

const asString: Convert = (text) => (text === 'null' || text.startsWith('"') ? text : JSON.stringify(text));

const asNumber: Convert = (text) => {
  if (!text.startsWith('"')) return text;
  const inner = text.slice(1, -1).trim();
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(inner) ? inner : undefined;
};

const booleans: Readonly<Record<string, string>> = {
  null: 'null',
  true: 'true',
  false: 'false',
  '1': 'true',
  '0': 'false',
  '"true"': 'true',
  '"false"': 'false',
};

const keyword = { type: 'keyword' };
const date = { type: 'date', ignore_malformed: true };

const conversions = {
  string: { convert: asString, field: keyword },
  lowercase: { convert: onString((value) => value.toLowerCase()), field: keyword },
  uppercase: { convert: onString((value) => value.toUpperCase()), field: keyword },
  trim: { convert: onString((value) => value.trim()), field: keyword },
  number: { convert: asNumber, field: { type: 'double' } },
  boolean: { convert: (text) => booleans[text], field: { type: 'boolean' } },
  'date-from-days': { convert: dateFromDays, field: date },
  'time-from-millis': { convert: timeFrom(3), field: keyword },
  'time-from-micros': { convert: timeFrom(6), field: keyword },
  'time-from-nanos': { convert: timeFrom(9), field: keyword },
  'timestamp-from-seconds': { convert: timestampFrom(0), field: date },
  'timestamp-from-millis': { convert: timestampFrom(3), field: date },
  'timestamp-from-micros': { convert: timestampFrom(6), field: date },
  'timestamp-from-nanos': { convert: timestampFrom(9), field: { type: 'date_nanos', ignore_malformed: true } },
} as const satisfies Readonly<Record<string, Conversion>>;

/** Names of conversions, for messages and documentation. */
export const conversionNames: readonly string[] = [...Object.keys(conversions), 'decimal(SCALE)'];

const decimal = /^decimal\((\d{1,3})\)$/;

/** The conversion of that name; undefined if there is none. */
export function namedConversion(name: string): Conversion | undefined {
  const scale = decimal.exec(name)?.[1];
  if (scale !== undefined) return { convert: decimalFromBase64(Number(scale), false), field: { type: 'double' } };
  return Object.entries(conversions).find(([known]) => known === name)?.[1];
}
