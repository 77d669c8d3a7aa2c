/**
 * Changes of strings; null stays, and what is no string is not what was expected.
 */
import type { Convert } from '../model/change-event.ts';
import { stringOf } from '../json/text.ts';

export function onString(change: (value: string) => string): Convert {
  return (text) => {
    if (text === 'null') return text;
    const value = stringOf(text);
    return value === undefined ? undefined : JSON.stringify(change(value));
  };
}

export const lowercase = onString((value) => value.toLowerCase());
export const uppercase = onString((value) => value.toUpperCase());
export const trim = onString((value) => value.trim());
/** The blanks that fill up `CHAR(n)`. */
export const trimEnd = onString((value) => value.replace(/ +$/, ''));

/** Whatever it is, as a string. */
export const asString: Convert = (text) => (text === 'null' || text.startsWith('"') ? text : JSON.stringify(text));
