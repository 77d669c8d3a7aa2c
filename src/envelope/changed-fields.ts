/**
 * Flattened rows that hold a part of their columns. ExtractChangedRecordState writes headers that list the columns which an update
 * changed, and those which it did not; ExtractNewRecordState drops what such a header lists (`drop.fields.header.name`). The row is
 * then a change of some columns, and all others stay as the document has them.
 *
 * The headers' names are the connector's own: those that a mapping file gives, or any that say `changed` or `unchanged`. A header of
 * another name that lists columns which the row lacks is not guessed at: the record is refused.
 */
import type { Patch, Row, Upsert } from '../model/change-event.ts';
import type { PartialHeaders } from '../model/form.ts';
import type { RecordHeaders } from '../model/record.ts';

const noPatch: Patch = { set: [], removed: [], truncated: [] };

/** Headers that list names, by what they list. */
interface Listed {
  readonly name: string;
  readonly kind: 'changed' | 'unchanged' | 'unknown';
  readonly columns: readonly string[];
}

export interface ChangedFields {
  /** The row as the headers have it: whole, or a part; a sentence if that cannot be known. */
  of(update: Upsert): Upsert | string;
}

/** For rows of the same columns. Headers are looked for on the first of them, and on all others only if that one had some. */
export function createChangedFields(given: PartialHeaders): ChangedFields {
  let hasLists: boolean | undefined;
  return {
    of: (update) => {
      if (hasLists === false) return update;
      const lists = listsIn(update.record.headers ?? {}, given);
      hasLists ??= lists.length > 0;
      return lists.length === 0 ? update : applied(update, lists);
    },
  };
}

function applied(update: Upsert, lists: readonly Listed[]): Upsert | string {
  const { key, after } = update;
  const has = (row: Row | null, column: string): boolean => row?.columns.includes(column) === true;
  for (const { name, kind, columns } of lists) {
    const missing = columns.filter((column) => !has(after, column));
    const isPartial = kind === 'changed' ? columns.length > 0 && missing.length === 0 : missing.length > 0;
    if (!isPartial) continue;
    if (kind !== 'unknown') return { ...update, patch: noPatch };
    if (columns.some((column) => has(after, column) || has(key, column))) return unknown(name, missing);
  }
  return update;
}

function unknown(name: string, missing: readonly string[]): string {
  const columns = missing.slice(0, 8).join(', ');
  return `the header "${name}" lists columns that the row does not have: ${columns}; if they are those that did not change, set \`partial: { unchanged: ${name} }\` in the mapping file`;
}

function listsIn(headers: RecordHeaders, given: PartialHeaders): readonly Listed[] {
  return Object.entries(headers).flatMap(([name, header]) => {
    if (name.startsWith('__debezium.')) return [];
    const last = Array.isArray(header) ? header.at(-1) : header;
    const columns = last === undefined ? undefined : namesIn(last.toString().trim());
    return columns === undefined ? [] : [{ name, kind: kindOf(name, given), columns }];
  });
}

function kindOf(name: string, { changed, unchanged }: PartialHeaders): Listed['kind'] {
  if (name === unchanged) return 'unchanged';
  if (name === changed) return 'changed';
  if (changed !== undefined || unchanged !== undefined || !/changed/i.test(name)) return 'unknown';
  return /unchanged/i.test(name) ? 'unchanged' : 'changed';
}

/** The names in a list as Connect writes it: `["a","b"]`, or with its schema; undefined if the header holds something else. */
function namesIn(text: string): readonly string[] | undefined {
  if (!text.startsWith('[') && !text.startsWith('{')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value === 'object' && value !== null && 'payload' in value) value = value.payload;
  return Array.isArray(value) && value.every((name) => typeof name === 'string') ? value : undefined;
}
