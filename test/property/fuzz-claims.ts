/** What must be true of every document, found out by ways that share nothing with Sluice. */
import { isLosslessNumber, parse, stringify } from 'lossless-json';
import { conversionOf } from '../../src/convert/types.ts';
import type { IndexWrite } from '../../src/model/document.ts';
import type { Upsert } from '../../src/model/change-event.ts';
import type { SourceRecord } from '../../src/model/record.ts';

type Fields = Readonly<Record<string, unknown>>;

const withheld = '__debezium_unavailable_value';
const base64 = Buffer.from(withheld).toString('base64');
const codes = [...Buffer.from(withheld)];
/** What stands for a value that was not sent: of texts, bytes, hstore, and arrays of each (facts of Debezium, §5.1). */
const placeholders: ReadonlySet<string> = new Set(
  [withheld, base64, { [withheld]: withheld }, `{"${withheld}":"${withheld}"}`, [withheld], [base64], codes].map(
    (form) => JSON.stringify(form),
  ),
);

/**
 * A sentence if the document must not be; `refused` if the server refuses it, as its parser does what is no JSON: only a record
 * that is no JSON itself can make such a document.
 */
export function checkDocument(
  line: string | undefined,
  record: SourceRecord | undefined,
  index: string,
): string | undefined {
  let document: Fields;
  try {
    document = JSON.parse(line ?? '') as Fields;
  } catch {
    return record !== undefined && isJson(record) ? 'a record that is JSON made a document that is none' : 'refused';
  }
  const { nested = {}, ...others } = document as { nested?: Fields } & Fields;
  const columns = index === 'rich' ? { ...others, ...(isObject(nested) ? nested : {}) } : document;
  const found = Object.entries(columns).find(
    ([name, value]) => name !== 'inside' && placeholders.has(JSON.stringify(value)),
  );
  return found && `a placeholder is in the field "${found[0]}"`;
}

/** Frames are JSON by what reads them: their documents always are. */
function isJson({ key, value }: SourceRecord): boolean {
  return [key, value].every((bytes) => {
    if (bytes === null || bytes[0] === 0) return true;
    try {
      JSON.parse(bytes.toString());
      return true;
    } catch {
      return false;
    }
  });
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isLosslessNumber(value);

/** The row as another parser finds it; undefined where that one finds none, or a name twice. */
function rowOf({ value }: SourceRecord): Fields | undefined {
  try {
    const message = parse(value?.toString() ?? '');
    if (!isObject(message)) return undefined;
    const isWrapper = 'schema' in message && 'payload' in message && Object.keys(message).length === 2;
    const payload = isWrapper ? message['payload'] : message;
    if (!isObject(payload)) return undefined;
    const data = 'specversion' in payload ? payload['data'] : payload;
    if (!isObject(data)) return undefined;
    const inner = data !== payload && isObject(data['payload']) ? data['payload'] : data;
    const isEnvelope = 'after' in inner || 'op' in inner || 'source' in inner;
    const row = isEnvelope ? inner['after'] : inner;
    return isObject(row) ? row : undefined;
  } catch {
    return undefined;
  }
}

/** How many numbers of columns that need no conversion are what they are in the record; a sentence if one is not. */
export function checkNumbers({ record, after }: Upsert, { source, steps }: IndexWrite): number | string {
  const row = rowOf(record);
  if (row === undefined || steps !== undefined) return 0;
  let document: unknown;
  try {
    document = parse(source.toString());
  } catch {
    return 0;
  }
  if (!isObject(document)) return 'the document is no object';
  let compared = 0;
  for (const name of after.columns) {
    const column = after.schema?.columns.find((candidate) => candidate.name === name);
    const isConverted = column !== undefined && conversionOf(column).convert !== undefined;
    const expected = row[name];
    if (isConverted || expected === undefined || name === '__proto__' || name === after.marker) continue;
    const found = Object.hasOwn(document, name) ? document[name] : renamed(document, name);
    if (stringify(expected) !== stringify(found))
      return `the field "${name}" is ${stringify(found)?.slice(0, 200)}, the record says ${stringify(expected)?.slice(0, 200)}`;
    compared += isLosslessNumber(expected) ? 1 : 0;
  }
  return compared;
}

/** A column that an index cannot hold under its name is there percent-encoded; the empty name is `%`. */
function renamed(document: Fields, column: string): unknown {
  return Object.entries(document).find(([field]) => decoded(field) === column)?.[1];
}

function decoded(field: string): string | undefined {
  try {
    return field === '%' ? '' : decodeURIComponent(field);
  } catch {
    return undefined;
  }
}
