/**
 * What a dead letter may keep of a record whose document masks columns.
 *
 * A record is kept, with the masked values replaced, only if it is understood throughout: it is JSON, it was read as a change, and
 * its row images have the masked columns in the place where they are expected. Of any other record nothing is kept but its
 * place and the reason: the original can be read again at its offset. Names alone are not trusted: what stands under a masked
 * name is also looked for everywhere else, in headers as in other columns.
 */
import { isUtf8 } from 'node:buffer';
import { exactTree, isExactNumber } from '../json/exact.ts';
import type { Failure, FailureCode } from '../model/outcome.ts';
import type { RecordHeaders, SourceRecord } from '../model/record.ts';
import { placeText } from '../model/record.ts';
import type { Kept, Redact } from '../model/redact.ts';

const hidden = '***';

/** The header of a letter that says which parts of its record were not kept. */
export const withheldHeader = '__sluice.withheld';

/** Failures of records that were not read as what they are: their messages may quote names that are values. */
const notRead: ReadonlySet<FailureCode> = new Set([
  'RECORD_NOT_JSON',
  'RECORD_FORM_UNKNOWN',
  'SCHEMA_UNKNOWN',
  'SCHEMA_UNUSABLE',
  'SCHEMA_IN_HEADER',
  'RECORD_NOT_HANDLED',
]);

/** `columns` are those that the document masks; one inside a column is written with dots. */
export function createRedact(columns: readonly string[]): Redact {
  const names = namesOf(columns);
  return ({ record, failure, document }) => {
    const isRead = !notRead.has(failure.code);
    const kept = isRead ? understood(record, columns, names) : undefined;
    const { topic, partition, offset, timestampMs } = record;
    const { parts, secrets } = kept ?? { parts: nothing(record), secrets: undefined };
    return {
      record: { topic, partition, offset, timestampMs, ...parts },
      failure: isRead ? failure : silent(failure, record),
      ...(document && { document: place(document, secrets) }),
    };
  };
}

type Place = NonNullable<Kept['document']>;

/** An id is made of the key. It is kept where the key is, for then it is known that it tells nothing that is hidden. */
function place({ id, routing, ...rest }: Place, secrets: Secrets | undefined): Place {
  const shown = (text: string): string => (secrets === undefined || tells(text, secrets) ? hidden : text);
  return { ...rest, id: shown(id), ...(routing !== undefined && { routing: shown(routing) }) };
}

type Parts = Pick<SourceRecord, 'key' | 'value' | 'headers'>;

/** All names under which a masked column may stand: by the last part of its path too, and as MongoDB calls its key. */
function namesOf(columns: readonly string[]): ReadonlySet<string> {
  const names = new Set(columns.flatMap((column) => [column, column.slice(column.lastIndexOf('.') + 1)]));
  if (names.has('id')) names.add('_id');
  return names;
}

/** The record without its masked values, and those; undefined if it cannot be told where they are. */
function understood(
  record: SourceRecord,
  columns: readonly string[],
  names: ReadonlySet<string>,
): { readonly parts: Parts; readonly secrets: Secrets } | undefined {
  try {
    const value = record.value === null ? null : treeIn(record.value);
    const key = record.key === null ? null : treeIn(record.key);
    const images = imagesOf(value);
    if (value === undefined || !images.every((image) => hasAll(image, columns))) return undefined;
    if (key === undefined || !isKeyOf(payloadOf(key), images)) return undefined;
    const secrets: Secrets = new Set();
    const [redactedKey, redactedValue] = [redact(key, names, secrets), redact(value, names, secrets)];
    const headers = redactedHeaders(record.headers ?? {}, names, secrets);
    const bytesOf = (tree: unknown): Buffer | null =>
      tree === null ? null : Buffer.from(JSON.stringify(without(secrets, tree)));
    return { parts: { key: bytesOf(redactedKey), value: bytesOf(redactedValue), headers }, secrets };
  } catch {
    // Not JSON after all, or nested deeper than the stack.
    return undefined;
  }
}

function nothing({ key, value, headers = {} }: SourceRecord): Parts {
  const parts = [...(key === null ? [] : ['key']), ...(value === null ? [] : ['value']), 'headers'];
  const names = Object.keys(headers);
  return {
    key: null,
    value: null,
    headers: { ...Object.fromEntries(names.map((name) => [name, hidden])), [withheldHeader]: parts.join(',') },
  };
}

/** A reason that quotes nothing of the record. */
function silent(failure: Failure, record: SourceRecord): Failure {
  const message = `${placeText(record)}: the record cannot be read; what was seen of it is not kept, because its document masks columns.`;
  return { ...failure, message };
}

/** The JSON value that the bytes hold; undefined if they hold none. */
function treeIn(bytes: Buffer): unknown {
  return isUtf8(bytes) ? exactTree(bytes.toString()) : undefined;
}

type Tree = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isExactNumber(value);
}

/** The object in a string of JSON, which is how MongoDB's images and the payloads of outbox events arrive. */
function objectOf(value: unknown): unknown {
  return typeof value === 'string' && opens(value) ? exactTree(value) : value;
}

/** Without the wrapper of schema and payload. */
function payloadOf(tree: unknown): unknown {
  if (!isObject(tree) || !Object.hasOwn(tree, 'payload')) return tree;
  const names = Object.keys(tree);
  return names.every((name) => name === 'payload' || name === 'schema') ? tree['payload'] : tree;
}

/** The row images that a value holds. What is no object is an image too: one that has no column. */
function imagesOf(value: unknown): readonly unknown[] {
  const payload = objectOf(payloadOf(value));
  if (payload === null) return [];
  if (!isObject(payload)) return [payload];
  if (Object.hasOwn(payload, 'specversion')) {
    const data = payloadOf(payload['data']);
    return isObject(data) ? imagesOf(data) : [data];
  }
  const isEnvelope = Object.hasOwn(payload, 'op') && isObject(payload['source']);
  const images = [payload['before'], payload['after']].map(objectOf);
  if (!isEnvelope && !images.some(isObject)) return [payload];
  const isTold = images.some((image) => image !== null && image !== undefined);
  // MongoDB's change of a part has its fields in a place of its own, of which not all need be there.
  if (!isTold && payload['op'] === 'u') return [payload];
  return images.filter((image) => image !== null && image !== undefined);
}

/** Whether the image has every masked column: under its name, or as a place inside another. */
function hasAll(image: unknown, columns: readonly string[]): boolean {
  if (!isObject(image)) return false;
  return columns.every((column) => {
    if (Object.hasOwn(image, column) || (column === 'id' && Object.hasOwn(image, '_id'))) return true;
    const parts = column.split('.');
    return parts.some((_, at) => at > 0 && Object.hasOwn(image, parts.slice(0, at).join('.')));
  });
}

/**
 * Whether the key has the names of the row's columns. Under any other name, or under none, it may hold what the row has in a masked
 * column. A router that merges tables adds a column of its own.
 */
function isKeyOf(key: unknown, images: readonly unknown[]): boolean {
  if (key === null) return true;
  if (!isObject(key)) return false;
  return Object.keys(key).every((name) => name.startsWith('__dbz__') || images.some((image) => hasAll(image, [name])));
}

/**
 * Where the connectors of MySQL and MariaDB put the statement of a change (`include.query`), in an envelope, a flattened row and a CloudEvent.
 * It holds values of other rows, too, and in any form.
 */
const statements = /^(?:__|__source_|iodebezium)query$/;

const isStatement = (name: string, of: string): boolean =>
  (of === 'source' && name === 'query') || statements.test(name);

/** Whether a string may hold JSON. */
const opens = (text: string): boolean => /^[\s\uFEFF]*[[{"]/.test(text);

function isNamed(name: string, names: ReadonlySet<string>): boolean {
  const bare = name.replace(/^__/, '');
  return names.has(name) || names.has(bare) || bare.split('.').some((part) => names.has(part));
}

/** The value, which is called `of`, with whatever has one of the names hidden, at any depth, in the JSON that strings hold too. */
function redact(value: unknown, names: ReadonlySet<string>, secrets: Secrets, of = ''): unknown {
  if (typeof value === 'string') return opens(value) ? redactInside(value, names, secrets) : value;
  if (typeof value !== 'object' || value === null || isExactNumber(value)) return value;
  if (Array.isArray(value)) {
    const [name, ...others] = value as readonly unknown[];
    // A map whose keys are no strings is written as a list of pairs.
    const isNamedPair = others.length === 1 && typeof name === 'string' && isNamed(name, names);
    if (!isNamedPair) return value.map((element) => redact(element, names, secrets));
    remember(others[0], secrets);
    return [name, hidden];
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      if (inner !== null && isStatement(name, of)) return [name, hidden];
      if (!isNamed(name, names) || inner === null) return [name, redact(inner, names, secrets, name)];
      remember(inner, secrets);
      return [name, hidden];
    }),
  );
}

function redactInside(text: string, names: ReadonlySet<string>, secrets: Secrets): string {
  try {
    return JSON.stringify(redact(exactTree(text.replace(/^[\s\uFEFF]+/, '')), names, secrets));
  } catch {
    // It begins like JSON and is none: nobody knows what is in it. The id may hold it too.
    remember(text, secrets);
    return hidden;
  }
}

/** Headers of connectors and of Sluice that hold nothing of a row. */
const harmlessHeaders =
  /^__(?:debezium\.context\..*|op|deleted|table|db|schema|lsn|ts_[mun]s|source_(?:ts_[mun]s|lsn|db|schema|table|version|connector|name|snapshot))$/;

function isHarmless(name: string): boolean {
  return harmlessHeaders.test(name) || name === withheldHeader;
}

/** A header's name is the writer's own, so that it does not tell what the header holds; those that hold keys are known. */
function redactedHeaders(headers: RecordHeaders, names: ReadonlySet<string>, secrets: Secrets): RecordHeaders {
  const redacted = Object.entries(headers).map(([name, header]): [string, string] => {
    const values = (Array.isArray(header) ? header : [header]).map(String);
    const text = values.at(-1) ?? '';
    if (isNamed(name, names)) {
      for (const value of values) remember(value, secrets);
      return [name, hidden];
    }
    if (name === '__debezium.oldkey' || name === '__debezium.newkey') return [name, redactedKey(text, names, secrets)];
    return [name, isHarmless(name) && values.length === 1 ? text : hidden];
  });
  return Object.fromEntries(redacted.map(([name, text]) => [name, tells(text, secrets) ? hidden : text]));
}

function redactedKey(text: string, names: ReadonlySet<string>, secrets: Secrets): string {
  try {
    const tree = exactTree(text);
    return isObject(payloadOf(tree)) ? JSON.stringify(redact(tree, names, secrets)) : hidden;
  } catch {
    return hidden;
  }
}

/** The values that were hidden: wherever else they stand, they are hidden as well. */
type Secrets = Set<string>;

/** Shorter texts are in many others by chance. */
const shortestSecret = 4;

function remember(value: unknown, secrets: Secrets): void {
  const text = isExactNumber(value) ? JSON.stringify(value) : value;
  if (typeof text === 'string') {
    if (text.length >= shortestSecret && text !== hidden) secrets.add(text);
  } else if (typeof text === 'object' && text !== null) {
    for (const inner of Object.values(text)) remember(inner, secrets);
  }
}

/** Whether a text holds a hidden value, as it is or in base64. */
function tells(text: string, secrets: Secrets): boolean {
  if (secrets.size === 0 || text.length < shortestSecret) return false;
  const decoded = /^[\w+/-]{6,}={0,2}$/.test(text) ? Buffer.from(text, 'base64').toString() : '';
  // An id of several columns has a backslash before each `:` and `\` of its texts.
  const bare = text.replaceAll(/\\([\\:])/g, '$1');
  for (const secret of secrets) {
    if (text.includes(secret) || bare.includes(secret) || decoded.includes(secret)) return true;
  }
  return false;
}

function without(secrets: Secrets, value: unknown): unknown {
  if (secrets.size === 0) return value;
  if (typeof value === 'string') return tells(value, secrets) ? hidden : value;
  if (isExactNumber(value)) return tells(JSON.stringify(value), secrets) ? hidden : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((element) => without(secrets, element));
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [tells(name, secrets) ? hidden : name, without(secrets, inner)]),
  );
}
