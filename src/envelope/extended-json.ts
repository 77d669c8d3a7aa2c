/**
 * MongoDB's extended JSON, in each of its modes (strict, canonical, relaxed) → the JSON that a person would have written for
 * the same document: digit for digit, without the objects that only name a type, and without white space between its tokens.
 *
 * | value | becomes |
 * |---|---|
 * | `$oid`, `$uuid`, `$symbol`, `$code` (without a scope) | its text |
 * | `$numberInt`, `$numberLong`, `$numberDouble` | the number; NaN and the infinities are null, as bare words too (strict mode) |
 * | `$numberDecimal` | its text, since no field of Elasticsearch holds 34 digits; NaN and the infinities are null |
 * | `$date` | ISO text in UTC; a count of milliseconds beyond the years 0 … 9999 stays a number |
 * | `$binary` | base64; of subtype 4, the UUID |
 * | `$timestamp` | its `t` and `i` |
 * | `$regularExpression`, `$regex` | `/pattern/options` |
 * | `$minKey`, `$maxKey`, `$undefined` | null |
 *
 * An object is one of these only if it has exactly their fields, of the right types. All others stay as they are: DBRefs too.
 */
import { scanObject, skipSpace, skipValue } from '../json/scan.ts';

/** MongoDB's own limit is 100. */
const maxDepth = 200;

/** The plain JSON of one extended JSON value, which `text` holds and nothing else; undefined if it is malformed. */
export function plainJson(text: string): string | undefined {
  const start = skipSpace(text, 0);
  const unwrapping = new Unwrapping(text, start);
  const end = unwrapping.value(start, 0);
  return end === -1 || skipSpace(text, end) !== text.length ? undefined : unwrapping.until(end);
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** One pass over the text; what does not change is copied in long pieces. */
class Unwrapping {
  readonly #text: string;
  #out = '';
  #copied: number;

  constructor(text: string, start: number) {
    this.#text = text;
    this.#copied = start;
  }

  until(end: number): string {
    return this.#out + this.#text.slice(this.#copied, end);
  }

  /** The index after the value that starts at `at`; −1 if there is none. */
  value(at: number, depth: number): number {
    switch (this.#text.charCodeAt(at)) {
      case quote:
        return skipValue(this.#text, at);
      case openBrace:
        return this.#object(at, depth);
      case openBracket:
        return this.#members(at, closeBracket, depth);
      default: {
        const end = skipValue(this.#text, at);
        return end === -1 ? this.#notFinite(at) : end;
      }
    }
  }

  #object(at: number, depth: number): number {
    if (this.#text.startsWith('"$', skipSpace(this.#text, at + 1))) {
      const wrapped = unwrap(this.#text, at);
      if (wrapped !== undefined) {
        this.#put(at, wrapped.plain, wrapped.end);
        return wrapped.end;
      }
    }
    return this.#members(at, closeBrace, depth);
  }

  /** The members of the object or array that opens at `at`. */
  #members(at: number, close: number, depth: number): number {
    const text = this.#text;
    if (depth === maxDepth) return -1;
    let next = this.#gap(at + 1);
    if (text.charCodeAt(next) === close) return next + 1;
    for (;;) {
      if (close === closeBrace) {
        const nameEnd = text.charCodeAt(next) === quote ? skipValue(text, next) : -1;
        next = nameEnd === -1 ? -1 : this.#gap(nameEnd);
        if (next === -1 || text.charCodeAt(next) !== colon) return -1;
        next = this.#gap(next + 1);
      }
      const end = this.value(next, depth + 1);
      if (end === -1) return -1;
      next = this.#gap(end);
      const code = text.charCodeAt(next);
      if (code === close) return next + 1;
      if (code !== comma) return -1;
      next = this.#gap(next + 1);
    }
  }

  /** Strict mode writes these doubles as bare words. */
  #notFinite(at: number): number {
    const word = ['NaN', 'Infinity', '-Infinity'].find((candidate) => this.#text.startsWith(candidate, at));
    if (word === undefined) return -1;
    this.#put(at, 'null', at + word.length);
    return at + word.length;
  }

  #gap(at: number): number {
    const next = skipSpace(this.#text, at);
    if (next > at) this.#put(at, '', next);
    return next;
  }

  #put(start: number, plain: string, end: number): void {
    this.#out += this.#text.slice(this.#copied, start) + plain;
    this.#copied = end;
  }
}

type Plain = (text: string) => string | undefined;

const string: Plain = (text) => (text.startsWith('"') ? text : undefined);
const nothing: Plain = (text) => (text === '1' || text === 'true' ? 'null' : undefined);
const integer: Plain = (text) => (/^"-?(?:0|[1-9]\d*)"$/.test(text) ? text.slice(1, -1) : undefined);
const isNotFinite = (text: string): boolean => /^"[+-]?(?:NaN|Infinity)"$/.test(text);
const decimal: Plain = (text) => (isNotFinite(text) ? 'null' : string(text));

const double: Plain = (text) => {
  if (isNotFinite(text)) return 'null';
  return /^"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?"$/.test(text) ? text.slice(1, -1) : undefined;
};

/** The first and last moments whose years have four digits. */
const firstMoment = -62_167_219_200_000;
const lastMoment = 253_402_300_799_999;

const date: Plain = (text) => {
  if (text.startsWith('"')) {
    // Relaxed mode leaves out milliseconds that are zero; a date has one text, whichever mode wrote it.
    const moment = /^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z"$/.test(text) ? Date.parse(text.slice(1, -1)) : NaN;
    return Number.isNaN(moment) ? text : `"${momentText(moment)}"`;
  }
  const count = /^\{\s*"\$numberLong"\s*:\s*"(-?\d+)"\s*\}$/.exec(text)?.[1] ?? text;
  if (!/^-?\d+$/.test(count)) return undefined;
  const moment = Number(count);
  return moment < firstMoment || moment > lastMoment ? count : `"${momentText(moment)}"`;
};

const millisecondsPerDay = 86_400_000;
/** Moments that follow each other are mostly of a few days. */
let lastDay = 0;
let lastDate = '1970-01-01T';

function momentText(moment: number): string {
  const day = Math.floor(moment / millisecondsPerDay);
  if (day !== lastDay) {
    lastDate = new Date(day * millisecondsPerDay).toISOString().slice(0, lastDate.length);
    lastDay = day;
  }
  const rest = moment - day * millisecondsPerDay;
  const digits = (value: number, count: number): string => String(Math.floor(value)).padStart(count, '0');
  const clock = `${digits(rest / 3_600_000, 2)}:${digits((rest / 60_000) % 60, 2)}:${digits((rest / 1000) % 60, 2)}`;
  return `${lastDate}${clock}.${digits(rest % 1000, 3)}Z`;
}

const timestamp: Plain = (text) => {
  const [t, i] = fieldsOf(text, 't', 'i') ?? [];
  return t === undefined || i === undefined ? undefined : `{"t":${t},"i":${i}}`;
};

const binary: Plain = (text) => {
  const [base64, subType] = fieldsOf(text, 'base64', 'subType') ?? [];
  return base64 === undefined || subType === undefined ? undefined : binaryOf(base64, subType);
};

const expression: Plain = (text) => {
  const [pattern, options] = fieldsOf(text, 'pattern', 'options') ?? [];
  return pattern === undefined || options === undefined ? undefined : expressionOf(pattern, options);
};

/** Objects of one field. */
const ofOne: ReadonlyMap<string, Plain> = new Map<string, Plain>([
  ['$oid', string],
  ['$uuid', string],
  ['$symbol', string],
  ['$code', string],
  ['$numberInt', integer],
  ['$numberLong', integer],
  ['$numberDouble', double],
  ['$numberDecimal', decimal],
  ['$date', date],
  ['$timestamp', timestamp],
  ['$binary', binary],
  ['$regularExpression', expression],
  ['$minKey', nothing],
  ['$maxKey', nothing],
  ['$undefined', nothing],
]);

/** What the object that opens at `at` means, and where it ends; undefined if it is an object like any other. */
function unwrap(text: string, at: number): { readonly plain: string; readonly end: number } | undefined {
  const name = skipSpace(text, at + 1);
  const nameEnd = skipValue(text, name);
  const separator = nameEnd === -1 ? -1 : skipSpace(text, nameEnd);
  if (separator === -1 || text.charCodeAt(separator) !== colon) return undefined;
  const start = skipSpace(text, separator + 1);
  const stop = skipValue(text, start);
  const close = stop === -1 ? -1 : skipSpace(text, stop);
  if (close === -1) return undefined;
  if (text.charCodeAt(close) !== closeBrace) return unwrapTwo(text, at);
  const plain = ofOne.get(text.slice(name + 1, nameEnd - 1))?.(text.slice(start, stop));
  return plain === undefined ? undefined : { plain, end: close + 1 };
}

/** As `unwrap`, of an object of two fields, as strict mode writes some. */
function unwrapTwo(text: string, at: number): { readonly plain: string; readonly end: number } | undefined {
  const scanned = scanObject(text, at, undefined);
  if (scanned?.shape.columns.length !== 2) return undefined;
  const [first, second] = [scanned.valueIn(text, 0), scanned.valueIn(text, 1)];
  let plain: string | undefined;
  if (scanned.shape.columns.join() === '$binary,$type') plain = binaryOf(first, second);
  if (scanned.shape.columns.join() === '$regex,$options') plain = expressionOf(first, second);
  return plain === undefined ? undefined : { plain, end: scanned.end };
}

function binaryOf(base64: string, subType: string): string | undefined {
  if (!base64.startsWith('"') || !subType.startsWith('"')) return undefined;
  if (subType !== '"04"' && subType !== '"4"') return base64;
  const hex = Buffer.from(base64.slice(1, -1), 'base64').toString('hex');
  return hex.length === 32 ? `"${hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}"` : base64;
}

/** Both texts are quoted and escaped already. */
function expressionOf(pattern: string, options: string): string | undefined {
  if (!pattern.startsWith('"') || !options.startsWith('"')) return undefined;
  return `"/${pattern.slice(1, -1)}/${options.slice(1, -1)}"`;
}

/** The texts of the two fields that an object has and no others. */
function fieldsOf(text: string, first: string, second: string): readonly [string, string] | undefined {
  const scanned = scanObject(text, 0, undefined);
  if (scanned?.shape.columns.length !== 2) return undefined;
  const textOf = (name: string): string | undefined => {
    const field = scanned.shape.columns.indexOf(name);
    return field === -1 ? undefined : scanned.valueIn(text, field);
  };
  const [one, two] = [textOf(first), textOf(second)];
  return one === undefined || two === undefined ? undefined : [one, two];
}
