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
import { isWholeRow, looksInvented, partialConnectors } from './whole-row.ts';

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
      const isNamed = parts.some(({ text }) => typeof text === 'string' && !looksInvented(text));
      const isWhole =
        isNamed && before !== null && isWholeRow(before, new Set(parts.map(({ name }) => name)), connector);
      return connector === undefined || isWhole ? undefined : found.name;
    },
  };
}
