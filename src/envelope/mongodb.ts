/**
 * MongoDB's envelopes: images are strings of strict extended JSON, the key is a string of relaxed extended JSON, and an update
 * may say only what it changed (`updateDescription`).
 */
import type { Patch, Row } from '../model/change-event.ts';
import type { Failure } from '../model/outcome.ts';
import type { Envelope, EnvelopeSays, ReadEnvelope } from './debezium.ts';
import { plainJson } from './extended-json.ts';
import { createRowReader, maxDocumentShapes } from './json-row.ts';
import { oneLine, scanObject } from '../json/scan.ts';
import { jsonValue } from '../json/value.ts';
import { metadataId, renamedId } from './metadata-id.ts';
import { createIdDoubts } from './mongodb-id-types.ts';
import { EnvelopeOrigin } from './origin.ts';

export interface MongoReader {
  readonly read: ReadEnvelope;
  readonly keyOf: (key: Row) => NamedKey;
}

export interface NamedKey {
  /** A key as its document's `_id` is written in plain JSON; as it is, if it holds no extended JSON. */
  readonly key: Row;
  /** Why it may name another document as well (`mongodb-id-types.ts`). */
  readonly keyFailure?: Failure;
}

export function createMongoReader(): MongoReader {
  const rows = createRowReader(maxDocumentShapes);
  const keys = createRowReader();

  const findDoubt = createIdDoubts();
  const keyOf = (key: Row): NamedKey => {
    const column = idColumn(key);
    const plain = column === -1 ? undefined : plainText(key.text(column));
    if (plain === undefined) return { key };
    const text = key.rewritten([column], [() => plain]);
    const named = (typeof text === 'string' ? keys.read(text, 0, undefined)?.row : undefined) ?? key;
    const doubt = findDoubt(stringOf(key.text(column)) ?? '', plain);
    if (doubt === undefined) return { key: named };
    return { key: named, keyFailure: { code: 'KEY_TYPES_MIXED', message: `its \`_id\` is ${doubt}.` } };
  };

  /** The document in an image; null if there is none; undefined if there is one that cannot be read. */
  const image = (text: string): Row | null | undefined => {
    if (text === 'null' || text === '') return null;
    const document = plainText(text);
    return document === undefined ? undefined : rows.read(renamedId(document), 0, undefined)?.row;
  };

  const partial = (envelope: Envelope, key: Row | null): { after: Row; patch: Patch } | undefined => {
    const description = partOf(envelope, envelope.scanned.shape.columns.indexOf('updateDescription'));
    const update = updateOf(description, key);
    const after = update && rows.read(update.after, 0, undefined)?.row;
    return after && { after, patch: update.patch };
  };

  const read: ReadEnvelope = (record, given, envelope): EnvelopeSays => {
    const named = given && keyOf(given);
    const said = readNamed(record, named?.key ?? null, envelope);
    const { keyFailure } = named ?? {};
    const isChange = typeof said === 'object' && 'key' in said;
    return keyFailure !== undefined && isChange ? { ...said, keyFailure } : said;
  };

  const readNamed: ReadEnvelope = (record, key, envelope) => {
    const { text, scanned, parts, operation } = envelope;
    const origin = new EnvelopeOrigin(record.topic, text, scanned, parts);
    const before = image(partOf(envelope, parts.before));
    if (before === undefined) return '`before` is no document in extended JSON';
    if (operation === 'm') return { op: 'ignored', record, reason: 'logical-message' };
    if (operation === 't') return { op: 'truncate', record, origin, key };
    if (operation === 'd') return { op: 'delete', record, origin, key, before, tombstone: false };
    const after = image(partOf(envelope, parts.after));
    if (after === undefined) return '`after` is no document in extended JSON';
    if (after !== null) return { op: operations[operation], record, origin, key, before, after };
    if (operation !== 'u') return `operation "${operation}" has no document in \`after\``;
    if (says(envelope, 'updateDescription')) {
      const said = partial(envelope, key);
      return said ? { op: 'update', record, origin, key, before, ...said } : '`updateDescription` cannot be read';
    }
    return says(envelope, 'patch')
      ? 'its change is a `patch`, as Debezium wrote before 2.0, and that is not read'
      : { op: 'ignored', record, reason: 'no-image' };
  };

  return { read, keyOf };
}

/** Routers that tell physical collections apart add a column to the key. */
const idColumn = ({ columns }: Row): number => (columns.length === 1 ? 0 : columns.indexOf('id'));

const operations = { c: 'create', i: 'create', u: 'update', r: 'read' } as const;

/** The text of a part; empty where there is none. */
function partOf({ text, scanned }: Envelope, part: number): string {
  return part === -1 ? '' : scanned.valueIn(text, part);
}

function says(envelope: Envelope, column: string): boolean {
  const text = partOf(envelope, envelope.scanned.shape.columns.indexOf(column));
  return text !== '' && text !== 'null';
}

/** The plain JSON, on one line, that a string of extended JSON means; undefined if `text` is no such string. */
function plainText(text: string): string | undefined {
  const said = stringOf(text);
  const line = said === undefined ? undefined : oneLine(said);
  return line === undefined ? undefined : plainJson(line);
}

function stringOf(text: string): string | undefined {
  if (!text.startsWith('"')) return undefined;
  // Most keys, and names of fields, have nothing to unescape.
  if (!text.includes('\\')) return text.slice(1, -1);
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return jsonValue(text);
  } catch {
    return undefined;
  }
}

/** What an `updateDescription` changes: the text of a row of the fields that are set as a whole, and all else as a patch. */
function updateOf(description: string, key: Row | null): { after: string; patch: Patch } | undefined {
  const scanned = scanObject(description, 0, undefined);
  if (scanned === undefined) return undefined;
  const textOf = (name: string): string => {
    const field = scanned.shape.columns.indexOf(name);
    return field === -1 ? 'null' : scanned.valueIn(description, field);
  };
  const updated = textOf('updatedFields') === 'null' ? '{}' : plainText(textOf('updatedFields'));
  const removed = removedOf(parsed(textOf('removedFields')));
  const truncated = truncatedOf(parsed(textOf('truncatedArrays')));
  const fields = updated === undefined ? undefined : scanObject(updated, 0, undefined);
  if (updated === undefined || fields === undefined || removed === undefined || truncated === undefined)
    return undefined;
  const whole: string[] = [];
  const set: { path: readonly string[]; text: string }[] = [];
  for (const [field, name] of fields.shape.columns.entries()) {
    const text = fields.valueIn(updated, field);
    if (name.includes('.')) set.push({ path: name.split('.'), text });
    else if (name !== metadataId) whole.push(`${JSON.stringify(name)}:${text}`);
  }
  const isId = ([name, ...rest]: readonly string[]): boolean => name === 'id' && rest.length === 0;
  // Without a field `id` of its own, a document has its `_id` there.
  const restoresId = key !== null && idColumn(key) !== -1 && removed.some(isId);
  if (restoresId) whole.push(`"id":${key.text(idColumn(key))}`);
  const others = restoresId ? removed.filter((path) => !isId(path)) : removed;
  return { after: `{${whole.join(',')}}`, patch: { set, removed: others, truncated } };
}

function removedOf(value: unknown): (readonly string[])[] | undefined {
  if (value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const paths = value.map((path: unknown) => (typeof path === 'string' ? path.split('.') : undefined));
  return paths.every((path) => path !== undefined) ? paths : undefined;
}

function truncatedOf(value: unknown): { path: readonly string[]; size: number }[] | undefined {
  if (value === null) return [];
  if (!Array.isArray(value)) return undefined;
  const arrays = value.map((array: unknown) => {
    if (typeof array !== 'object' || array === null || !('field' in array) || !('size' in array)) return undefined;
    const { field, size } = array;
    const isSize = typeof size === 'number' && Number.isInteger(size) && size >= 0;
    return typeof field === 'string' && isSize ? { path: field.split('.'), size } : undefined;
  });
  return arrays.every((array) => array !== undefined) ? arrays : undefined;
}
