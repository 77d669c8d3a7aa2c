/**
 * Takes the JSON text of a value apart: its string, its elements, its members. What is inside stays text, so that no digit
 * is lost. Nothing here throws: what is not of the kind is undefined.
 */
import { scanObject, skipSpace, skipValue } from './scan.ts';

const openBracket = 0x5b;
const closeBracket = 0x5d;
const comma = 0x2c;

/** The string that the text writes. */
export function stringOf(text: string): string | undefined {
  if (!text.startsWith('"')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The texts of an array's elements. */
export function elementsOf(text: string): readonly string[] | undefined {
  if (text.charCodeAt(0) !== openBracket) return undefined;
  const elements: string[] = [];
  let next = skipSpace(text, 1);
  if (text.charCodeAt(next) === closeBracket) return next + 1 === text.length ? elements : undefined;
  for (;;) {
    const end = skipValue(text, next);
    if (end === -1) return undefined;
    elements.push(text.slice(next, end));
    next = skipSpace(text, end);
    const code = text.charCodeAt(next);
    if (code === closeBracket) return next + 1 === text.length ? elements : undefined;
    if (code !== comma) return undefined;
    next = skipSpace(text, next + 1);
  }
}

/** A member of an object: its name, the JSON text of the name, and that of the value. */
export interface Member {
  readonly name: string;
  readonly token: string;
  readonly text: string;
}

/** The members of an object, in its order. */
export function membersOf(text: string): readonly Member[] | undefined {
  const scanned = scanObject(text, 0, undefined);
  if (scanned?.end !== text.length) return undefined;
  const { shape } = scanned;
  return shape.columns.map((name, column) => ({
    name,
    token: shape.tokens[column] ?? '',
    text: scanned.valueIn(text, column),
  }));
}

/** The members of a struct whose names are known, by name; members that are null are left out. */
export function fieldsOf(text: string): ReadonlyMap<string, string> | undefined {
  const members = membersOf(text);
  return (
    members && new Map(members.filter((member) => member.text !== 'null').map((member) => [member.name, member.text]))
  );
}
