/**
 * JSON values whose numbers keep their digits, because they are never parsed: each is an object that holds its text, and
 * `JSON.stringify` writes it as it was. (ECMAScript 2026, of which the compiler's library does not know yet.)
 */
const { rawJSON, isRawJSON } = JSON as typeof JSON & {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
};

function exact(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined ? rawJSON(context.source) : value;
}

/** The value of a JSON text. Throws a SyntaxError if it is none. */
export function exactTree(text: string): unknown {
  return JSON.parse(text, exact);
}

/** Numbers that a double may not hold as they are written, or that have another text of the same value. */
const needsDigits = /(?:^|[[:,\s])-?(?:\d+[.eE]|\d{16})/;
/** `-0` is 0, and `0` is what nearly every zero is. */
const negativeZero = /(?:^|[[:,\s])-0/;

/** As `exactTree`, several times as fast where every number is a small whole one: those are numbers then. */
export function treeOf(text: string): unknown {
  return negativeZero.test(text) || needsDigits.test(text) ? exactTree(text) : JSON.parse(text);
}

/** A number for `JSON.stringify`, with these digits. */
export function exactNumber(text: string): unknown {
  return rawJSON(text);
}

export function isExactNumber(value: unknown): boolean {
  return isRawJSON(value);
}

/** Whether a text is JSON throughout: what is inside of a record's values is not looked at before somebody needs it. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
