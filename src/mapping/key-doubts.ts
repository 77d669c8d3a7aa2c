/**
 * Whether the key of a delete is the row's.
 *
 * PostgreSQL tells of a deleted row only its replica identity, which by default is the primary key. A key that has other columns
 * (`message.key.columns`) is then made of values that nobody knows: null where the column may be null, and an invented zero, false
 * or empty text where it may not. Such a key names another document, or none, and the row's own document would stay.
 *
 * A primary key has no null, so that null is always such a value. An invented zero looks like a real one. It is taken for invented
 * where rows of the topic had other values in that column, none of them a zero, and no delete had anything else there.
 */
import { connectorHeader } from '../envelope/headers.ts';
import type { Row } from '../model/change-event.ts';
import type { SourceRecord } from '../model/record.ts';
import type { IdPart } from './document-id.ts';

export interface KeyDoubts {
  /** A part of the key of a row that is there. */
  met(name: string, text: string | null | undefined): void;
  /** The column of a delete's key that may not be the row's; undefined if nothing speaks against the key. */
  doubtful(parts: readonly IdPart[], before: Row | null, record: SourceRecord | undefined): string | undefined;
}

/** Rows with other values, after which a zero is noticed. */
const enoughRows = 3;

/** `isTrusted`: the mapping file says that every delete carries the row's key. */
export function createKeyDoubts(isTrusted: boolean): KeyDoubts {
  /** Columns in which a value that looks invented was a row's, or a delete had one that does not. */
  const real = new Set<string>();
  /** Rows met with other values, by column. */
  const others = new Map<string, number>();

  const isInvented = ({ name, text }: IdPart): boolean => {
    if (text === null) return true;
    if (text === undefined || !looksInvented(text)) return false;
    return !real.has(name) && (text === '' || (others.get(name) ?? 0) >= enoughRows);
  };

  return {
    met: (name, text) => {
      if (text === null || text === undefined || real.has(name)) return;
      if (looksInvented(text)) {
        real.add(name);
        others.delete(name);
        return;
      }
      const count = others.get(name) ?? 0;
      if (count < enoughRows) others.set(name, count + 1);
    },
    doubtful: (parts, before, record) => {
      if (isTrusted) return undefined;
      const found = parts.find(isInvented);
      for (const { name, text } of parts) {
        if (typeof text === 'string' && !looksInvented(text)) real.add(name);
      }
      if (found === undefined) return undefined;
      const connector = record && connectorHeader(record);
      if (connector !== undefined && !partialConnectors.has(connector)) return undefined;
      if (found.text === null) return found.name;
      return connector === undefined || isWhole(before, parts) ? undefined : found.name;
    },
  };
}

/** Connectors of PostgreSQL's kind. All others write the whole row that was deleted, or have no other key than the primary one. */
const partialConnectors: ReadonlySet<string> = new Set(['postgresql', 'yugabytedb']);

const inventedText = /^(?:|-?0(?:\.0+)?|false|1970-01-01(?:T00:00:00(?:\.0+)?Z)?|00:00:00(?:\.0+)?)$/;

/** Whether the text is what PostgreSQL's connector puts where it knows no value, and no null may stand. */
export function looksInvented(text: string): boolean {
  if (text === '') return true;
  const first = text.charCodeAt(0);
  // Nearly every key begins otherwise.
  return (first === 0x30 || first === 0x31 || first === 0x2d || first === 0x66) && inventedText.test(text);
}

/** The decimal 0, in base64. */
const zeroBytes = 'AA==';

/** Whether the image shows that it is whole: a column beside the key has a value that nobody invents, and so has the key. */
function isWhole(before: Row | null, parts: readonly IdPart[]): boolean {
  if (before === null || !parts.some(({ text }) => typeof text === 'string' && !looksInvented(text))) return false;
  const inKey = new Set(parts.map(({ name }) => name));
  return before.columns.some((name, column) => {
    if (inKey.has(name)) return false;
    // As the record has it: a text in quotes, a decimal as its bytes.
    const text = before.text(column).replace(/^"(.*)"$/, '$1');
    return text !== 'null' && text !== zeroBytes && !looksInvented(text);
  });
}
